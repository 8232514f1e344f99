/** One lane in the comparison: its connection, its meter and its trace. All take the same topic and the same clock. */

import { AgeTrace } from '../../lib/age-trace.js';
import { wall_us } from '../../lib/clock-sync.js';
import { parseCursor } from '../../lib/message.js';
import { Meter } from '../../lib/meter.js';
import { DataChannelLane } from '../../lib/transport/datachannel.js';
import { SseLane } from '../../lib/transport/sse.js';
import { WebSocketLane } from '../../lib/transport/websocket.js';

/** @typedef {import('../../lib/lanes.js').LaneId} LaneId */
/** @typedef {import('../../lib/lanes.js').LaneHandlers} LaneHandlers */
/** @typedef {import('../../lib/meter.js').Theta} Theta */

/** What the plot shows, s. */
export const WINDOW_S = 15;
/** The longest window, s, as on the command line: the curves of all of it are kept. */
export const MOST_S = 600;
/**
 * A connection on which nothing has come for so long is opened anew, ms. The other end may have given it up, and whoever
 * only listens is not told: with every packet lost, not even by TCP.
 */
const SILENT_MS = 15_000;

export class Contender {
  /** @type {import('../../lib/lanes.js').LaneState} */
  now = { name: 'idle', why: '', cause: '', at_ms: 0 };
  /** The message with the greatest offset seen, and its log. @type {{ epoch: string, offset: number, sent_us: number, received_us: number } | undefined} */
  newest;
  /** The first message that counted in the window. @type {{ offset: number, sent_us: number } | undefined} */
  firstCounted;
  /** Frames that told of messages skipped. */
  gaps = 0;
  /** One-way latency of each message of the window, as they came, µs. @type {number[]} */
  latencies_us = [];
  /** @type {Meter | undefined} */
  #meter;
  #asked_ms = NaN;
  #first_ms = NaN;
  #heard_ms = 0;

  /**
   * @param {LaneId} lane
   * @param {{ topic: string, period_us: number, clock: Theta | undefined, base?: string }} feed `base`: the origin to
   *   open, else the page's own
   * @param {import('../../lib/timeline.js').Timeline} timeline
   * @param {{ state: (contender: Contender) => void, message: (contender: Contender) => void }} on
   */
  constructor(lane, feed, timeline, on) {
    this.lane = lane;
    this.feed = feed;
    this.on = on;
    this.timeline = timeline;
    this.trace = new AgeTrace({ seconds: MOST_S + WINDOW_S, period_us: feed.period_us });
    this.transport = connect(lane, feed, timeline.around(lane, this));
  }

  open() {
    this.#asked_ms = performance.now();
    this.transport.open();
  }

  /** @param {string} why */
  close(why) {
    this.transport.close(why);
  }

  /**
   * Opens the window of the measurement, or another one.
   *
   * @param {{ first: number, from_us: number }} window `first`: the first offset that counts; `from_us`: when age and
   *   gaps begin to be watched, on this page's clock
   */
  measure({ first, from_us }) {
    this.#meter = new Meter({ first, from_us, period_us: this.feed.period_us, clock: this.feed.clock });
    this.latencies_us = [];
    this.firstCounted = undefined;
    this.gaps = 0;
    this.trace.begin(this.#onSenders(from_us));
    // What is known when the window opens has its age, even if nothing new comes.
    if (this.newest && this.newest.offset < first) this.#meter.arrival({ ...this.newest, bytes: 0 });
  }

  /** Nobody watches. @param {{ from: number, at_us: number }} pause `from`: the first offset that does not count */
  pause({ from, at_us }) {
    this.#meter?.pause({ from, at_us });
    this.trace.look(Infinity);
  }

  /** @param {{ first: number, at_us: number }} resumption `first`: the first offset that counts again */
  resume({ first, at_us }) {
    this.#meter?.resume({ first, at_us });
    this.trace.look(this.#onSenders(at_us));
  }

  /** Opens the connection anew where it has been silent for too long. @param {number} now_ms */
  watch(now_ms) {
    const quiet_ms = now_ms - Math.max(this.#heard_ms, this.now.at_ms);
    if (quiet_ms < SILENT_MS || !['open', 'connecting'].includes(this.now.name)) return;
    this.timeline.add(this.lane, 'silent', `nothing came for ${SILENT_MS / 1000} s: opened anew`);
    this.transport.open();
  }

  /** @param {import('../../lib/lanes.js').LaneState} state */
  state(state) {
    this.now = state;
    this.on.state(this);
  }

  /** @param {import('../../lib/message.js').ServerFrame} frame @param {import('../../lib/lanes.js').Arrival} arrival */
  frame(frame, { received_ms, bytes }) {
    this.#heard_ms = received_ms;
    if (frame.type === 'gap' && this.#meter?.counts(parseCursor(frame.to).offset)) {
      this.gaps += 1;
      this.#meter.skipped(frame.count);
    }
    if (frame.type !== 'message') return;
    const { epoch, offset } = parseCursor(frame.cursor);
    const received_us = wall_us(received_ms);
    const { sent_us } = frame;
    const latency_us = this.#meter?.arrival({ offset, sent_us, received_us, bytes });
    if (latency_us !== undefined) {
      this.latencies_us.push(latency_us);
      this.firstCounted ??= { offset, sent_us };
    }
    this.trace.arrival(sent_us, this.#onSenders(received_us));
    if (Number.isNaN(this.#first_ms)) this.#first_ms = received_ms;
    if (this.newest?.epoch !== epoch || offset > this.newest.offset) this.newest = { epoch, offset, sent_us, received_us };
    this.on.message(this);
  }

  /** From the first packet to the first message, ms; NaN before it. */
  get open_ms() {
    return this.#first_ms - this.#asked_ms;
  }

  /** Set-up steps apart, where the browser tells them. */
  get setup() {
    return this.transport instanceof DataChannelLane ? this.transport.setup : undefined;
  }

  /** The one-way latencies so far. */
  get latencies() {
    return this.#meter?.latencies;
  }

  /** Messages of the window that count for nothing, since nobody watched. @param {number} greatest the newest offset published */
  unwatched(greatest) {
    return this.#meter?.unwatched(greatest) ?? 0;
  }

  /** @param {import('../../lib/meter.js').Closing} closing */
  summary(closing) {
    return this.#meter?.summary(closing);
  }

  /** @param {number} at_us on this page's clock */
  #onSenders(at_us) {
    return at_us - (this.feed.clock?.theta_us ?? 0);
  }
}

/** @param {LaneId} lane @param {{ topic: string, base?: string }} feed @param {LaneHandlers} on */
function connect(lane, { topic, base }, on) {
  if (lane === 'sse') return new SseLane({ topics: [topic], base }, on);
  if (lane === 'websocket') {
    const socket = new WebSocketLane(on, base);
    socket.subscribe(topic);
    return socket;
  }
  const peer = new DataChannelLane(on, base);
  peer.subscribe(topic, { channel: lane === 'datachannel' ? 'state' : 'control' });
  return peer;
}
