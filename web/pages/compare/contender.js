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

export class Contender {
  /** @type {import('../../lib/lanes.js').LaneState} */
  now = { name: 'idle', why: '', cause: '', at_ms: 0 };
  /** The greatest offset seen, and its log. @type {{ epoch: string, offset: number } | undefined} */
  newest;
  /** Frames that told of messages skipped. */
  gaps = 0;
  #first = Infinity;
  /** @type {Meter | undefined} */
  #meter;
  #asked_ms = NaN;
  #first_ms = NaN;

  /**
   * @param {LaneId} lane
   * @param {{ topic: string, period_us: number, clock: Theta | undefined }} feed
   * @param {import('../../lib/timeline.js').Timeline} timeline
   * @param {{ state: (contender: Contender) => void, message: (contender: Contender) => void }} on
   */
  constructor(lane, feed, timeline, on) {
    this.lane = lane;
    this.feed = feed;
    this.on = on;
    this.trace = new AgeTrace({ seconds: WINDOW_S, period_us: feed.period_us });
    this.transport = connect(lane, feed.topic, timeline.around(lane, this));
  }

  open() {
    this.#asked_ms = performance.now();
    this.transport.open();
  }

  /** @param {string} why */
  close(why) {
    this.transport.close(why);
  }

  /** Opens the window of the measurement. @param {number} first the first offset that counts */
  measure(first) {
    this.#first = first;
    this.#meter = new Meter({ first, period_us: this.feed.period_us, clock: this.feed.clock });
  }

  /** @param {import('../../lib/lanes.js').LaneState} state */
  state(state) {
    this.now = state;
    this.on.state(this);
  }

  /** @param {import('../../lib/message.js').ServerFrame} frame @param {import('../../lib/lanes.js').Arrival} arrival */
  frame(frame, { received_ms, bytes }) {
    if (frame.type === 'gap' && parseCursor(frame.to).offset >= this.#first) {
      this.gaps += 1;
      this.#meter?.skipped(frame.count);
    }
    if (frame.type !== 'message') return;
    const { epoch, offset } = parseCursor(frame.cursor);
    const received_us = wall_us(received_ms);
    this.#meter?.arrival({ offset, sent_us: frame.sent_us, received_us, bytes });
    this.trace.arrival(frame.sent_us, received_us - (this.feed.clock?.theta_us ?? 0));
    if (Number.isNaN(this.#first_ms)) this.#first_ms = received_ms;
    if (this.newest?.epoch !== epoch || offset > this.newest.offset) this.newest = { epoch, offset };
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

  /** @param {{ last: number, until_us: number }} closing */
  summary(closing) {
    return this.#meter?.summary(closing);
  }
}

/** @param {LaneId} lane @param {string} topic @param {LaneHandlers} on */
function connect(lane, topic, on) {
  if (lane === 'sse') return new SseLane({ topics: [topic] }, on);
  if (lane === 'websocket') {
    const socket = new WebSocketLane(on);
    socket.subscribe(topic);
    return socket;
  }
  const peer = new DataChannelLane(on);
  peer.subscribe(topic, { channel: lane === 'datachannel' ? 'state' : 'control' });
  return peer;
}
