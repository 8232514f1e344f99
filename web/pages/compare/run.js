/**
 * One run: the clocks are compared, all lanes are opened at once, and when each has spoken (or was given its time) the
 * window opens for all at the same message. The topic is one log, so an offset is the same message on every lane.
 */

import { ClockSync, wall_us } from '../../lib/clock-sync.js';
import { WebSocketLane } from '../../lib/transport/websocket.js';
import { Contender } from './contender.js';

/** How long the clock may take, ms: without it there are no latencies, and the page says so. */
const CLOCK_PATIENCE_MS = 3000;
/** How long a lane may take to speak before the others go on without it, ms. */
const OPENING_PATIENCE_MS = 8000;
/** Messages of this long are the warm-up and count nowhere, s. */
export const WARM_UP_S = 0.5;
/** What was published this lately is not yet called missing, ms: METRICS, the drain time. */
export const DRAIN_MS = 1000;

/** @typedef {import('../../lib/lanes.js').LaneId} LaneId */
/** @typedef {'clock' | 'opening' | 'measuring' | 'ended'} Phase */
/** @typedef {{ lane: LaneId, summary: import('../../lib/meter.js').Summary | undefined, worst: import('../../lib/age-trace.js').Stall,
 *   open_ms: number, gaps: number, now: import('../../lib/lanes.js').LaneState }} Standing how a lane stands */

export class Run {
  /** @type {Phase} */
  phase = 'clock';
  /** @type {Contender[]} */
  contenders = [];
  /** The first offset that counts. */
  first = NaN;
  started_ms = performance.now();
  /** When the window opened, ms. */
  opened_ms = NaN;
  ended_ms = NaN;
  #clockLane;
  #clock;
  /** @type {ReturnType<typeof setTimeout> | undefined} */
  #timer;
  /** The greatest offset on any lane, as it was at each look: what is older than the drain time is due. @type {{ at_ms: number, offset: number }[]} */
  #published = [];

  /**
   * @param {{ lanes: LaneId[], hz: number, bytes: number, for_ms?: number }} order `for_ms`: ends by itself
   * @param {import('../../lib/timeline.js').Timeline} timeline
   * @param {{ changed: () => void, state: (contender: Contender) => void, message: (contender: Contender) => void }} on
   */
  constructor(order, timeline, on) {
    this.order = order;
    this.topic = `tick.${order.hz}.${order.bytes}`;
    this.timeline = timeline;
    this.on = on;
    this.#clockLane = new WebSocketLane({
      frame: (frame, arrival) => this.#clock.frame(frame, arrival),
      state: () => {},
      unread: () => {},
    });
    this.#clock = new ClockSync(this.#clockLane, (theta) => this.#open(theta));
    this.#timer = setTimeout(() => this.#open(), CLOCK_PATIENCE_MS);
    this.#clockLane.open();
  }

  /** Now on the server's clock, µs. */
  get now_us() {
    const now_us = Number.isNaN(this.ended_ms) ? wall_us() : wall_us(this.ended_ms);
    return now_us - (this.theta?.theta_us ?? 0);
  }

  /** How long the window has been open, ms; 0 before. */
  get measured_ms() {
    if (Number.isNaN(this.opened_ms)) return 0;
    return (Number.isNaN(this.ended_ms) ? performance.now() : this.ended_ms) - this.opened_ms;
  }

  clockWords() {
    return this.theta || this.phase === 'clock' ? this.#clock.words() : 'could not be compared: no latencies, no ages';
  }

  /** @param {string} why */
  stop(why) {
    if (this.phase === 'ended') return;
    this.#look();
    this.ended_ms = performance.now();
    this.phase = 'ended';
    clearTimeout(this.#timer);
    this.#clockLane.close();
    for (const contender of this.contenders) contender.close(why);
    this.on.changed();
  }

  /** How each lane stands. @returns {Standing[]} */
  standings() {
    if (this.phase !== 'ended') this.#look();
    const until_us = Number.isNaN(this.ended_ms) ? wall_us() : wall_us(this.ended_ms);
    const last = this.#published[0]?.offset ?? -1;
    return this.contenders.map((contender) => ({
      lane: contender.lane,
      summary: contender.summary({ last, until_us }),
      worst: contender.trace.worst,
      open_ms: contender.open_ms,
      gaps: contender.gaps,
      now: contender.now,
    }));
  }

  /** @param {import('../../lib/meter.js').Theta} [theta] */
  #open(theta) {
    if (this.phase !== 'clock') return;
    clearTimeout(this.#timer);
    this.#clockLane.close();
    this.theta = theta;
    this.phase = 'opening';
    const feed = { topic: this.topic, period_us: Math.round(1e6 / this.order.hz), clock: theta };
    this.contenders = this.order.lanes.map(
      (lane) =>
        new Contender(lane, feed, this.timeline, { state: this.on.state, message: (contender) => this.#heard(contender) }),
    );
    for (const contender of this.contenders) contender.open();
    this.#timer = setTimeout(() => this.#measure(), OPENING_PATIENCE_MS);
    this.on.changed();
  }

  /** @param {Contender} contender */
  #heard(contender) {
    this.on.message(contender);
    const epochs = new Set(this.contenders.map(({ newest }) => newest?.epoch));
    if (this.phase === 'opening' && epochs.size === 1) this.#measure();
    else if (this.phase === 'measuring' && contender.newest?.epoch !== this.epoch)
      this.stop('the server’s log is another one: its offsets start anew, and so must the run');
  }

  #measure() {
    if (this.phase !== 'opening') return;
    const spoken = this.contenders.flatMap(({ newest }) => newest ?? []);
    if (spoken.length === 0) {
      this.#timer = setTimeout(() => this.#measure(), OPENING_PATIENCE_MS);
      return;
    }
    clearTimeout(this.#timer);
    this.phase = 'measuring';
    this.opened_ms = performance.now();
    this.epoch = spoken[0].epoch;
    this.first = Math.max(...spoken.map(({ offset }) => offset)) + Math.ceil(this.order.hz * WARM_UP_S) + 1;
    for (const contender of this.contenders) contender.measure(this.first);
    if (this.order.for_ms) this.#timer = setTimeout(() => this.stop('recorded'), this.order.for_ms + WARM_UP_S * 1000);
    this.on.changed();
  }

  #look() {
    const now_ms = performance.now();
    const offset = Math.max(-1, ...this.contenders.map(({ newest }) => newest?.offset ?? -1));
    this.#published.push({ at_ms: now_ms, offset });
    // The first one kept is the newest that is older than the drain time.
    while (this.#published.length > 1 && this.#published[1].at_ms <= now_ms - DRAIN_MS) this.#published.shift();
    if (this.#published[0].at_ms > now_ms - DRAIN_MS) this.#published[0].offset = -1;
  }
}
