/**
 * One run: the clocks are compared on the direct path, all lanes are opened at once, directly or through the link, and
 * when each has spoken (or was given its time) the window opens for all at the same message. The topic is one log, so an
 * offset is the same message on every lane. Another window can be opened without touching a connection.
 */

import { ClockSync, wall_us } from '../../lib/clock-sync.js';
import { WebSocketLane } from '../../lib/transport/websocket.js';
import { Contender, MOST_S } from './contender.js';
import { Course } from './course.js';

/** How long the clock may take, ms: without it there are no latencies, and the page says so. */
const CLOCK_PATIENCE_MS = 3000;
/** How long a lane may take to speak before the others go on without it, ms. */
const OPENING_PATIENCE_MS = 8000;
/** Messages of this long are the warm-up and count nowhere, s. */
export const WARM_UP_S = 0.5;
/** What was published this lately is not yet called missing, ms: METRICS, the drain time. */
export const DRAIN_MS = 1000;

/** How often lanes are looked at that may hang, ms. */
const WATCH_MS = 1000;
/** What was counted so lately is not counted anew, ms. */
const STANDING_MS = 50;
/** Marks that are kept: no plot shows more. */
const MOST_MARKS = 64;
/** What a tab that is seen again is given to work off what waited, ms. */
const SETTLE_MS = 500;

/** @typedef {import('../../lib/lanes.js').LaneId} LaneId */
/** @typedef {{ lanes: LaneId[], hz: number, bytes: number, path: 'direct' | 'link', base?: string, for_ms?: number }} RunOrder
 *   `base`: the link's origin; `for_ms`: ends by itself */
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
  /** Why this window was opened, where it is not the run's first. */
  reopened = '';
  /** What happened to the link, on the server's clock, to be marked on a plot. @type {{ at_us: number, words: string }[]} */
  marks = [];
  /** The link, if the lanes go through it. */
  course = new Course();
  #clockLane;
  #clock;
  /** @type {ReturnType<typeof setTimeout> | undefined} */
  #timer;
  /** @type {ReturnType<typeof setInterval>} */
  #watch;
  /** When this page was hidden, ms; NaN: it is seen. */
  #hidden_ms = NaN;
  /** @type {{ at_ms: number, standings: Standing[] }} */
  #stood = { at_ms: -Infinity, standings: [] };
  /** How long it was hidden within the window before, ms. */
  #wasHidden_ms = 0;
  /** The greatest offset on any lane, as it was at each look: what is older than the drain time is due. @type {{ at_ms: number, offset: number }[]} */
  #published = [];

  /**
   * @param {RunOrder} order
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
    this.#watch = setInterval(() => this.contenders.forEach((contender) => contender.watch(performance.now())), WATCH_MS);
    this.#clockLane.open();
  }

  /** Now on the server's clock, µs. */
  get now_us() {
    const now_us = Number.isNaN(this.ended_ms) ? wall_us() : wall_us(this.ended_ms);
    return now_us - (this.theta?.theta_us ?? 0);
  }

  /** How long the window has been open and watched, ms; 0 before. */
  get measured_ms() {
    return Number.isNaN(this.opened_ms) ? 0 : this.#until_ms - this.opened_ms - this.hidden_ms;
  }

  /** How long this page was hidden within the window, ms. */
  get hidden_ms() {
    return this.#wasHidden_ms + (Number.isNaN(this.#hidden_ms) ? 0 : this.#until_ms - this.#hidden_ms);
  }

  get #until_ms() {
    return Number.isNaN(this.ended_ms) ? performance.now() : this.ended_ms;
  }

  clockWords() {
    return this.theta || this.phase === 'clock' ? this.#clock.words() : 'could not be compared: no latencies, no ages';
  }

  /** @param {string} why */
  stop(why) {
    if (this.phase === 'ended') return;
    this.#look();
    this.ended_ms = performance.now();
    this.#stood.at_ms = -Infinity;
    this.phase = 'ended';
    clearTimeout(this.#timer);
    clearInterval(this.#watch);
    this.course.close();
    this.#clockLane.close();
    for (const contender of this.contenders) contender.close(why);
    this.on.changed();
  }

  /** Something happened at this moment. @param {string} words */
  mark(words) {
    this.marks.push({ at_us: this.now_us, words });
    if (this.marks.length > MOST_MARKS) this.marks.shift();
  }

  /** Another window opens, on the same connections. @param {string} why */
  reopen(why) {
    if (this.phase !== 'measuring') return;
    this.reopened = why;
    this.#openWindow();
  }

  /** This page is hidden: what is published from here on counts for nothing. */
  pause() {
    if (this.phase === 'ended' || !Number.isNaN(this.#hidden_ms)) return;
    this.#hidden_ms = performance.now();
    this.#pauseMeters();
  }

  /** This page is seen again. */
  resume() {
    if (this.phase === 'ended' || Number.isNaN(this.#hidden_ms)) return;
    setTimeout(() => this.#resume(), SETTLE_MS);
  }

  /** How each lane stands; counted anew after a while, since several ask at each redraw. @returns {Standing[]} */
  standings() {
    if (performance.now() - this.#stood.at_ms > STANDING_MS) this.#stood = { at_ms: performance.now(), standings: this.#count() };
    return this.#stood.standings;
  }

  /** @returns {Standing[]} */
  #count() {
    if (this.phase !== 'ended') this.#look();
    const closing = {
      last: this.#published[0]?.offset ?? -1,
      until_us: wall_us(this.#until_ms),
      link_delay_us: this.order.path === 'link' ? this.course.delay_us : null,
    };
    return this.contenders.map((contender) => ({
      lane: contender.lane,
      summary: contender.summary(closing),
      worst: contender.trace.worst,
      open_ms: contender.open_ms,
      gaps: contender.gaps,
      now: contender.now,
    }));
  }

  /** What is measured, on the server's clock: warm-up left out. */
  get window() {
    const theta_us = this.theta?.theta_us ?? 0;
    const from_us = wall_us(this.opened_ms) + WARM_UP_S * 1e6 - theta_us;
    return { from_us, until_us: Math.max(from_us, this.now_us) };
  }

  /** Ticks of the schedule that the publisher missed in the window: offsets count what was published, stamps the time. */
  get missed_ticks() {
    const stamped = this.contenders.flatMap(({ firstCounted, newest }) => (firstCounted && newest ? [{ first: firstCounted, newest }] : []));
    const missed = stamped.map(({ first, newest }) => {
      const ticks = Math.round(((newest.sent_us - first.sent_us) * this.order.hz) / 1e6);
      return Math.max(0, ticks - (newest.offset - first.offset));
    });
    return Math.max(0, ...missed);
  }

  /** Messages that count for nothing, since this page was hidden. */
  get unwatched() {
    return Math.max(0, ...this.contenders.map((contender) => contender.unwatched(this.#greatest)));
  }

  /** @param {import('../../lib/meter.js').Theta} [theta] */
  #open(theta) {
    if (this.phase !== 'clock') return;
    clearTimeout(this.#timer);
    this.#clockLane.close();
    this.theta = theta;
    this.phase = 'opening';
    const { hz, base } = this.order;
    const feed = { topic: this.topic, period_us: Math.round(1e6 / hz), clock: theta, base };
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
    this.phase = 'measuring';
    this.epoch = spoken[0].epoch;
    this.#openWindow();
  }

  #openWindow() {
    clearTimeout(this.#timer);
    this.opened_ms = performance.now();
    this.#stood.at_ms = -Infinity;
    this.#wasHidden_ms = 0;
    this.#published = [];
    this.first = this.#greatest + Math.ceil(this.order.hz * WARM_UP_S) + 1;
    const from_us = wall_us() + WARM_UP_S * 1e6;
    for (const contender of this.contenders) contender.measure({ first: this.first, from_us });
    if (!Number.isNaN(this.#hidden_ms)) {
      this.#hidden_ms = this.opened_ms;
      this.#pauseMeters();
    }
    this.course.open(this.opened_ms);
    const { for_ms = MOST_S * 1000 } = this.order;
    const why = this.order.for_ms ? 'recorded' : `${MOST_S / 60} minutes are over, and no window is longer`;
    this.#timer = setTimeout(() => this.stop(why), for_ms + WARM_UP_S * 1000);
    this.on.changed();
  }

  #pauseMeters() {
    for (const contender of this.contenders) contender.pause({ from: this.#greatest + 1, at_us: wall_us() });
  }

  #resume() {
    if (this.phase === 'ended' || document.hidden || Number.isNaN(this.#hidden_ms)) return;
    this.#wasHidden_ms = this.hidden_ms;
    this.#hidden_ms = NaN;
    for (const contender of this.contenders) contender.resume({ first: this.#greatest + 1, at_us: wall_us() });
  }

  /** The greatest offset on any lane; -1: none yet. */
  get #greatest() {
    return Math.max(-1, ...this.contenders.map(({ newest }) => newest?.offset ?? -1));
  }

  #look() {
    const now_ms = performance.now();
    this.#published.push({ at_ms: now_ms, offset: this.#greatest });
    // The first one kept is the newest that is older than the drain time.
    while (this.#published.length > 1 && this.#published[1].at_ms <= now_ms - DRAIN_MS) this.#published.shift();
    if (this.#published[0].at_ms > now_ms - DRAIN_MS) this.#published[0].offset = -1;
  }
}
