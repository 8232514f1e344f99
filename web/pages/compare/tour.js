/**
 * Plays a tour: sets the link as the script says, says before each step what to look at and after it what was seen, and
 * puts the link back however it ends. It knows no element and no link; its stage does.
 */

import { length_ms } from './script.js';

/** @typedef {import('./script.js').Step} Step */

/**
 * @typedef {object} Stage
 * @property {() => Promise<boolean>} ready resolves when the lanes run through the link; false: they do not
 * @property {(loss: string) => Promise<boolean>} set whether the link was set
 * @property {(step: Step) => void} window the step's own window of figures opens
 * @property {() => string} sentence what was seen in it
 * @property {() => Promise<unknown>} restore the link is put back
 */

/** How the tour ended. @typedef {'over' | 'stopped' | 'failed'} Ending */

/** How often the clock is looked at, ms. */
const BEAT_MS = 100;

export class Tour {
  /** @type {'idle' | 'opening' | 'running' | 'held'} */
  state = 'idle';
  /** @type {Step | undefined} */
  step;
  /** What was seen, step by step. @type {{ name: string, sentence: string }[]} */
  seen = [];
  #script;
  #stage;
  #now;
  /** The time of the steps before, and of this one without what was held, ms. */
  #before_ms = 0;
  #elapsed_ms = 0;
  #isStopped = false;
  #restores = true;

  /**
   * @param {readonly Step[]} script
   * @param {Stage} stage
   * @param {() => number} [now] a clock, ms
   */
  constructor(script, stage, now = () => performance.now()) {
    this.#script = script;
    this.#stage = stage;
    this.#now = now;
  }

  get isPlaying() {
    return this.state !== 'idle';
  }

  /** From 0 to 1. */
  get progress() {
    return (this.#before_ms + this.#elapsed_ms) / length_ms(this.#script);
  }

  /** Of this step, ms. */
  get left_ms() {
    return this.step ? Math.max(0, this.step.lasts_ms - this.#elapsed_ms) : 0;
  }

  /** @returns {Promise<Ending>} */
  async play() {
    Object.assign(this, { state: 'opening', seen: [], step: undefined });
    this.#isStopped = false;
    this.#restores = true;
    this.#before_ms = this.#elapsed_ms = 0;
    const ending = await this.#steps();
    if (this.#restores) await this.#stage.restore();
    this.state = 'idle';
    return ending;
  }

  /** Holds the clock of the step, or lets it go on. */
  toggle() {
    if (this.state === 'running') this.state = 'held';
    else if (this.state === 'held') this.state = 'running';
  }

  hold() {
    if (this.state === 'running') this.state = 'held';
  }

  /** @param {{ restores?: boolean }} [how] `restores`: whether the link is put back; not where somebody else has set it */
  stop({ restores = true } = {}) {
    this.#isStopped = true;
    this.#restores &&= restores;
  }

  /** @returns {Promise<Ending>} */
  async #steps() {
    const [first] = this.#script;
    if (!(await this.#stage.set(first.changes[0].loss))) return 'failed';
    if (!(await this.#stage.ready())) return this.#isStopped ? 'stopped' : 'failed';
    for (const step of this.#script) {
      if (this.#isStopped) return 'stopped';
      this.step = step;
      this.#elapsed_ms = 0;
      if (this.state === 'opening') this.state = 'running';
      for (const [i, { at_ms, loss }] of step.changes.entries()) {
        if (!(await this.#until(at_ms))) return 'stopped';
        if (!(await this.#stage.set(loss))) return this.#isStopped ? 'stopped' : 'failed';
        if (i === 0) this.#stage.window(step);
      }
      if (!(await this.#until(step.lasts_ms))) return 'stopped';
      this.seen = [...this.seen, { name: step.name, sentence: this.#stage.sentence() }];
      this.#before_ms += step.lasts_ms;
      this.#elapsed_ms = 0;
    }
    this.step = undefined;
    return 'over';
  }

  /** Waits until the step has lasted so long. @param {number} at_ms @returns {Promise<boolean>} false: it was stopped */
  async #until(at_ms) {
    let last_ms = this.#now();
    while (this.#elapsed_ms < at_ms && !this.#isStopped) {
      await new Promise((beat) => setTimeout(beat, BEAT_MS));
      const now_ms = this.#now();
      if (this.state === 'running') this.#elapsed_ms += now_ms - last_ms;
      last_ms = now_ms;
    }
    return !this.#isStopped;
  }
}
