/** How far this machine's clock and the server's are apart, asked eight times over the WebSocket lane. */

import { ClockOffset } from './clock.js';
import { duration } from './format.js';

/** Questions asked; the fastest answer is trusted. */
const QUESTIONS = 8;
/** Between two questions, ms. */
const PAUSE_MS = 50;

/** This page's wall clock, µs. @param {number} [now_ms] a `performance.now()` */
export function wall_us(now_ms = performance.now()) {
  return Math.floor((performance.timeOrigin + now_ms) * 1000);
}

export class ClockSync {
  #clock = new ClockOffset();
  #asked = 0;

  /**
   * @param {import('./transport/websocket.js').WebSocketLane} lane
   * @param {(theta: import('./meter.js').Theta) => void} done
   */
  constructor(lane, done) {
    this.lane = lane;
    this.done = done;
  }

  /** @param {import('./message.js').ServerFrame} frame @param {import('./lanes.js').Arrival} arrival */
  frame(frame, { received_ms }) {
    if (frame.type === 'hello' && this.#asked < QUESTIONS) this.#ask();
    if (frame.type !== 'time') return;
    this.#clock.sample(frame.t0, frame.t1, frame.t2, wall_us(received_ms));
    if (this.#asked < QUESTIONS) setTimeout(() => this.#ask(), PAUSE_MS);
    else if (this.#clock.theta) this.done(this.#clock.theta);
  }

  words() {
    const { offset_us, error_us } = this.#clock;
    if (offset_us === null || error_us === null) return 'not compared yet';
    const side = offset_us < 0 ? 'behind' : 'ahead of';
    return `the server’s is ${duration(Math.abs(offset_us) / 1000)} ${side} this browser’s, give or take ${duration(error_us / 1000)}`;
  }

  #ask() {
    this.#asked += 1;
    this.lane.send({ type: 'time', id: `clock-${this.#asked}`, t0: wall_us() });
  }
}
