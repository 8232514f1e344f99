/** One lane in miniature: its pill, its plot and its row of figures. */

import { setText } from '../../lib/cadence.js';
import { Chart } from '../../lib/chart.js';
import { need } from '../../lib/dom.js';
import { bytes, count, duration } from '../../lib/format.js';
import { lanePill } from '../../lib/header.js';
import { LANES } from '../../lib/lanes.js';
import { parseCursor } from '../../lib/message.js';
import { Meter } from '../../lib/meter.js';
import { wall_us } from '../../lib/clock-sync.js';

/** What the plot shows, s. */
const WINDOW_S = 15;

/** @typedef {import('../../lib/message.js').ServerFrame} ServerFrame */
/** @typedef {import('../../lib/lanes.js').Arrival} Arrival */

export class Miniature {
  /** @type {import('../../lib/lanes.js').LaneState} */
  now = { name: 'idle', why: '', cause: '', at_ms: 0 };
  /** Also told of every frame. @type {(frame: ServerFrame, arrival: Arrival) => void} */
  onFrame = () => {};
  /** Arrivals, s since the page was opened, and the time since the one before, ms. */
  #at_s = /** @type {number[]} */ ([]);
  #gap_ms = /** @type {number[]} */ ([]);
  /** Started by the first message after the clocks are compared. @type {Meter | undefined} */
  #meter;
  /** null: the clocks could not be compared. @type {import('../../lib/meter.js').Theta | null | undefined} */
  #theta;
  /** The log that the meter counts in. */
  #epoch = '';
  #asked_ms = NaN;
  #first_ms = NaN;
  #last_ms = NaN;

  /** @param {'sse' | 'websocket' | 'datachannel'} lane @param {number} period_us the feed's */
  constructor(lane, period_us) {
    this.lane = lane;
    this.period_us = period_us;
    this.pill = lanePill(lane);
    this.cells = document.querySelectorAll(`.figures tr[data-lane="${lane}"] td`);
    const now_s = () => performance.now() / 1000;
    this.chart = new Chart(need(`.lane-plot[data-lane="${lane}"]`), {
      title: LANES[lane].label,
      x: {
        label: 'arrived',
        range: () => [now_s() - WINDOW_S, now_s()],
        splits: () => [-15, -10, -5, 0].map((s) => now_s() + s),
        format: (at_s) => (at_s - now_s() > -0.05 ? 'now' : `${(at_s - now_s()).toFixed(1)}\u00a0s`),
      },
      y: { format: duration, least: 200 },
      series: [{ label: 'since the one before', lane }],
    });
  }

  /**
   * Starts the meter, once.
   *
   * @param {import('../../lib/meter.js').Theta | null} theta null: without latencies
   */
  measure(theta) {
    if (this.#theta === undefined) this.#theta = theta;
  }

  /** @param {import('../../lib/lanes.js').LaneState} state */
  state(state) {
    this.pill.state(state);
    this.now = state;
    if (state.name === 'connecting' && Number.isNaN(this.#asked_ms)) this.#asked_ms = state.at_ms;
  }

  /** @param {ServerFrame} frame @param {Arrival} arrival */
  frame(frame, arrival) {
    this.pill.heard();
    this.onFrame(frame, arrival);
    if (frame.type === 'gap') this.#meter?.skipped(frame.count);
    if (frame.type === 'message') this.#message(frame, arrival);
  }

  /** @param {import('../../lib/message.js').Message} message @param {Arrival} arrival */
  #message({ cursor, sent_us }, { received_ms, bytes }) {
    const { epoch, offset } = parseCursor(cursor);
    if (epoch !== this.#epoch) this.#meter = undefined; // another log: its offsets start anew
    this.#epoch = epoch;
    if (this.#theta !== undefined) {
      this.#meter ??= new Meter({ first: offset, period_us: this.period_us, clock: this.#theta ?? undefined });
      this.#meter.arrival({ offset, sent_us, received_us: wall_us(received_ms), bytes });
    }
    if (Number.isNaN(this.#first_ms)) this.#first_ms = received_ms;
    else this.#note(received_ms / 1000, received_ms - this.#last_ms);
    this.#last_ms = received_ms;
  }

  /** The figures so far, if there are any. */
  summary() {
    return this.#meter?.summary({ until_us: wall_us() });
  }

  drawPlot() {
    this.chart.draw(
      [this.#at_s, this.#gap_ms],
      this.#gap_ms.length ? `longest ${duration(Math.max(...this.#gap_ms))}` : '',
    );
  }

  drawTable() {
    const figures = this.summary();
    const [latency, age] = this.#theta ? [figures?.latency, figures?.age] : [];
    const texts = [
      duration(this.#first_ms - this.#asked_ms),
      count(figures?.delivery.delivered ?? NaN),
      count(figures?.delivery.lost ?? NaN),
      duration((latency?.p50_us ?? NaN) / 1000),
      duration((latency?.p99_us ?? NaN) / 1000),
      duration((age?.mean_us ?? NaN) / 1000),
      duration(figures?.longest_gap_ms ?? NaN),
      bytes(figures?.payload_bytes ?? NaN),
    ];
    texts.forEach((text, i) => setText(this.cells[i], text));
    this.chart.drawTable();
  }

  /** @param {number} at_s @param {number} gap_ms */
  #note(at_s, gap_ms) {
    this.#at_s.push(at_s);
    this.#gap_ms.push(gap_ms);
    while (at_s - this.#at_s[0] > WINDOW_S + 1) {
      this.#at_s.shift();
      this.#gap_ms.shift();
    }
  }
}
