/**
 * A dot a lane, where the newest position is, and its ghost, where it would be with no delay but the link's: staleness as
 * distance. The position runs to and fro with the sender's clock, so a message's `sent_us` says where it was when sent.
 */

import { SPAN_US } from '../../lib/age-trace.js';
import { calm, setText } from '../../lib/cadence.js';
import { need } from '../../lib/dom.js';
import { duration } from '../../lib/format.js';

/** From one end of the track to the other, µs: 100 ms of age are a thirtieth of the track. */
const PASS_US = 3e6;
/** What the age beside a track covers, spans of the trace: one second. */
const RECENT = 20;

/** @typedef {import('./contender.js').Contender} Contender */

export class Tracks {
  /** @type {Map<string, { row: HTMLElement, dot: HTMLElement, ghost: HTMLElement, lag: HTMLElement, said: HTMLElement }>} */
  #rows = new Map();
  #width = 0;

  /** @param {HTMLElement} list */
  constructor(list) {
    for (const row of /** @type {NodeListOf<HTMLElement>} */ (list.querySelectorAll('li'))) {
      const [dot, ghost, lag, said] = ['.dot', '.ghost', '.lag', '.said'].map((selector) => need(selector, row));
      this.#rows.set(row.dataset.lane ?? '', { row, dot, ghost, lag, said });
    }
    const track = need('.track', list);
    new ResizeObserver(() => (this.#width = track.clientWidth)).observe(track);
  }

  /** With the screen. @param {readonly Contender[]} contenders @param {number} now_us on the sender's clock @param {number} delay_us the link's */
  draw(contenders, now_us, delay_us) {
    if (calm()) return;
    const should = place(now_us - delay_us) * this.#width;
    for (const { lane, trace } of contenders) {
      const row = this.#rows.get(lane);
      if (!row || trace.newest_us === null) continue;
      const is = place(trace.newest_us) * this.#width;
      row.ghost.style.transform = `translateX(${should.toFixed(1)}px)`;
      row.dot.style.transform = `translateX(${is.toFixed(1)}px)`;
      row.lag.style.transform = `translateX(${Math.min(is, should).toFixed(1)}px) scaleX(${Math.abs(is - should).toFixed(1)})`;
    }
  }

  /** At the tables' rate. @param {readonly Contender[]} contenders @param {number} now_us @param {boolean} isRunning */
  drawWords(contenders, now_us, isRunning) {
    for (const [lane, { row, said }] of this.#rows) {
      const contender = contenders.find((contender) => contender.lane === lane);
      row.dataset.state = contender?.now.name ?? 'idle';
      row.dataset.frozen = String(isRunning && contender !== undefined && contender.trace.frozen_us(now_us) !== null);
      setText(said, contender ? words(contender, now_us, isRunning) : 'not in this run');
    }
  }
}

/** @param {Contender} contender @param {number} now_us @param {boolean} isRunning */
function words({ now, trace }, now_us, isRunning) {
  if (!isRunning) return 'ended';
  if (now.name !== 'open') return now.name === 'waiting' ? `waiting, ${now.cause}` : now.name;
  const frozen_us = trace.frozen_us(now_us);
  if (frozen_us !== null) return `frozen ${duration(frozen_us / 1000)}`;
  trace.rise(now_us);
  const last = Math.floor(now_us / SPAN_US);
  const ages = Array.from({ length: RECENT }, (_, i) => trace.at(last - i) ?? 0);
  return trace.newest_us === null ? 'no position yet' : `≤ ${duration(Math.max(...ages))} old`;
}

/** Where the position is, 0 to 1. @param {number} at_us */
function place(at_us) {
  const phase = (at_us / PASS_US) % 2;
  return phase < 1 ? phase : 2 - phase;
}
