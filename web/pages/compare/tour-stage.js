/** The guided tour on the page: what to look at, how much of it is left, and what was seen; by keyboard. */

import { atTableRate, calm, setText, speaker } from '../../lib/cadence.js';
import { make, need } from '../../lib/dom.js';
import { seconds } from '../../lib/format.js';
import { parameter, setParameter } from '../../lib/url.js';
import { SCRIPT } from './script.js';
import { Tour } from './tour.js';

/** Elements that take the space bar for themselves. */
const TAKES_SPACE = 'input, select, textarea, button, summary, a';

/** @type {Record<import('./tour.js').Ending, string>} */
const ENDINGS = {
  over: 'That was all. The link is what it was before.',
  stopped: 'The tour was stopped. The link is what it was before.',
  failed: 'The link could not be set, or no lane opened: the tour ends here.',
};

/** @typedef {import('./tour.js').Stage} Stage */

export class TourStage {
  #box = need('.tour');
  #name = need('.tour .name');
  #left = need('.tour .left');
  #progress = /** @type {HTMLProgressElement} */ (need('.tour-progress'));
  #say = speaker(need('.tour-look output'));
  #seen = need('.tour-seen');
  #after = need('.tour-after');
  #hold = /** @type {HTMLButtonElement} */ (need('.tour-hold'));
  #start = /** @type {HTMLButtonElement} */ (need('.tour-start'));
  #drawn = -1;
  #isOpen = false;
  #ending = '';

  /** @param {Stage} stage */
  constructor(stage) {
    this.tour = new Tour(SCRIPT, stage);
    this.#start.addEventListener('click', () => this.play());
    this.#hold.addEventListener('click', () => (this.tour.isPlaying ? this.tour.toggle() : this.play()));
    need('.tour-stop').addEventListener('click', () => this.#stopOrClose());
    document.addEventListener('keydown', (event) => this.#key(event));
    document.addEventListener('visibilitychange', () => document.hidden && this.tour.hold());
    atTableRate(() => this.#isOpen && this.#draw());
  }

  get isPlaying() {
    return this.tour.isPlaying;
  }

  /** Whether the tour can be played at the moment. @param {boolean} can @param {string} why not */
  allow(can, why) {
    this.#start.disabled = !can;
    this.#start.title = can ? 'Sets the link for all visitors for one minute, and puts it back' : why;
  }

  /** An address that names the tour shows it, and starts nothing: the link is everybody's. */
  offer() {
    if (parameter('tour') === null || this.#start.disabled) return;
    this.#open();
    this.#draw();
  }

  async play() {
    if (this.tour.isPlaying || this.#start.disabled) return;
    this.#ending = '';
    setParameter('tour', '1');
    const played = this.tour.play();
    this.#open();
    this.#draw();
    const ending = await played;
    this.#ending ||= ENDINGS[ending];
    setParameter('tour', null);
    this.#draw();
  }

  /** @param {string} why @param {{ restores: boolean }} how */
  interrupt(why, how) {
    if (!this.tour.isPlaying) return;
    this.tour.stop(how);
    this.#ending = why;
  }

  #open() {
    this.#isOpen = true;
    this.#box.hidden = false;
    this.#box.focus({ preventScroll: true });
    this.#box.scrollIntoView({ block: 'start' });
  }

  #stopOrClose() {
    if (this.tour.isPlaying) return this.tour.stop();
    this.#isOpen = false;
    this.#box.hidden = this.#after.hidden = true;
    this.#drawn = -1;
    setParameter('tour', null);
    this.#start.focus();
  }

  /** @param {KeyboardEvent} event */
  #key(event) {
    if (!this.#isOpen) return;
    if (event.key === 'Escape') return this.#stopOrClose();
    if (event.key !== ' ' || (event.target instanceof Element && event.target.closest(TAKES_SPACE))) return;
    event.preventDefault();
    if (this.tour.isPlaying) this.tour.toggle();
    else this.play();
    this.#draw();
  }

  #draw() {
    const { state, step, seen, left_ms, progress } = this.tour;
    const number = step ? `${SCRIPT.indexOf(step) + 1} of ${SCRIPT.length}: ` : '';
    setText(this.#name, step ? `${number}${step.name}` : 'The tour');
    setText(this.#left, state === 'held' ? 'held' : step ? seconds(left_ms) : '');
    this.#progress.value = Math.min(1, progress);
    setText(this.#hold, state === 'idle' ? 'Start the tour' : state === 'held' ? 'Go on' : 'Hold');
    setText(need('.tour-stop'), state === 'idle' ? 'Close' : 'Stop the tour');
    this.#say(this.#words());
    if (seen.length === this.#drawn) return;
    this.#drawn = seen.length;
    this.#after.hidden = seen.length === 0;
    this.#seen.replaceChildren(...seen.map(({ name, sentence }) => make('li', {}, make('b', {}, `${name}. `), sentence)));
  }

  #words() {
    const { state, step } = this.tour;
    if (state === 'opening') return 'The link is set to 40 ms and no loss; the lanes open.';
    if (state !== 'idle') return (calm() ? step?.still : step?.look) ?? '';
    return this.#ending || 'One minute: nothing lost, 2 %, 5 %, an outage. It sets the link for all visitors of this server, and puts it back. Space starts it.';
  }
}
