/** The stream on `state`: loss and order counted, what the server skipped told apart from what the network lost. */

import { AgeTrace, SPAN_US } from '../../lib/age-trace.js';
import { atScreenRate, atTableRate, setText, speaker } from '../../lib/cadence.js';
import { Chart } from '../../lib/chart.js';
import { wall_us } from '../../lib/clock-sync.js';
import { need } from '../../lib/dom.js';
import { count, counted, duration } from '../../lib/format.js';
import { parseCursor } from '../../lib/message.js';
import { Meter } from '../../lib/meter.js';

export const TOPIC = 'tick.60.100';
const PERIOD_US = 16_667;
/** What the plot shows, s. */
const WINDOW_S = 15;
const SPANS = (WINDOW_S * 1e6) / SPAN_US;

export class StateStream {
  /** @type {import('../../lib/meter.js').Theta | undefined} */
  #theta;
  /** @type {Meter | undefined} */
  #meter;
  #trace = new AgeTrace({ seconds: WINDOW_S, period_us: PERIOD_US });
  #epoch = '';
  #first = Infinity;

  constructor() {
    this.say = speaker(need('#state .say'));
    this.chart = new Chart(need('[data-chart="state"]'), {
      title: 'Age of information',
      x: {
        label: 'when',
        range: () => [-WINDOW_S, 0],
        splits: () => [-15, -10, -5, 0],
        format: (x_s) => (x_s > -SPAN_US / 1e6 ? 'now' : `${x_s.toFixed(2)}\u00a0s`),
      },
      y: { format: duration, least: 50 },
      series: [{ label: 'age', lane: 'datachannel' }],
      reads: true,
    });
    atScreenRate(() => this.#drawPlot());
    atTableRate(() => this.#drawTable());
  }

  /** The clocks are compared: the meter starts with the next message. @param {import('../../lib/meter.js').Theta} theta */
  measure(theta) {
    this.#theta ??= theta;
  }

  /** @param {import('../../lib/message.js').ServerFrame} frame @param {import('../../lib/lanes.js').Arrival} arrival */
  frame(frame, { received_ms, bytes }) {
    if (frame.type === 'gap' && parseCursor(frame.to).offset >= this.#first) this.#meter?.skipped(frame.count);
    if (frame.type !== 'message' || !this.#theta) return;
    const { epoch, offset } = parseCursor(frame.cursor);
    if (epoch !== this.#epoch) {
      this.#epoch = epoch;
      this.#first = offset;
      this.#meter = new Meter({ first: offset, period_us: PERIOD_US, clock: this.#theta });
      this.#trace = new AgeTrace({ seconds: WINDOW_S, period_us: PERIOD_US });
    }
    const received_us = wall_us(received_ms);
    this.#meter?.arrival({ offset, sent_us: frame.sent_us, received_us, bytes });
    this.#trace.arrival(frame.sent_us, received_us - this.#theta.theta_us);
  }

  #drawPlot() {
    const now_us = wall_us() - (this.#theta?.theta_us ?? 0);
    this.#trace.rise(now_us);
    const last = Math.floor(now_us / SPAN_US) - 1; // the newest that is over: a span that has just begun looks too good
    const spans = Array.from({ length: SPANS }, (_, i) => last - SPANS + 1 + i);
    const xs = spans.map((span) => ((span - last) * SPAN_US) / 1e6);
    this.chart.draw([xs, spans.map((span) => this.#trace.at(span))], 'worst of each 50 ms');
  }

  #drawTable() {
    const figures = this.#meter?.summary({ until_us: wall_us() });
    if (!figures) return;
    const { delivery, latency, age, reordering, longest_gap_ms } = figures;
    const readings = {
      delivered: count(delivery.delivered),
      lost: count(delivery.lost),
      skipped: count(delivery.skipped),
      reordered: count(reordering.count),
      depth: count(reordering.greatest_depth),
      p50: duration((latency?.p50_us ?? NaN) / 1000),
      p99: duration((latency?.p99_us ?? NaN) / 1000),
      age: duration((age?.p99_us ?? NaN) / 1000),
      gap: duration(longest_gap_ms),
    };
    for (const [name, text] of Object.entries(readings)) setText(need(`[data-stream="${name}"]`), text);
    this.chart.drawTable();
    this.say(words(delivery, reordering.count));
  }
}

/** @param {import('../../lib/meter.js').Summary['delivery']} delivery @param {number} reordered */
function words({ published, delivered, lost, skipped }, reordered) {
  const order = reordered ? `${counted(reordered, 'message')} came out of order` : 'all in order';
  if (lost + skipped === 0) return `All ${count(delivered)} came, ${order}. On this path nothing was lost.`;
  return `Of ${counted(published, 'message')} ${count(lost)} were lost on the way and ${count(skipped)} left out by the server; ${order}.`;
}
