/** Round trips over control: `time` frames ten times a second. They compare the clocks as well. */

import { atScreenRate, atTableRate, setText } from '../../lib/cadence.js';
import { Chart } from '../../lib/chart.js';
import { ClockOffset } from '../../lib/clock.js';
import { wall_us } from '../../lib/clock-sync.js';
import { need } from '../../lib/dom.js';
import { count, duration } from '../../lib/format.js';
import { Histogram } from '../../lib/histogram.js';
import { barSpec, inBars } from '../../lib/log-bars.js';

/** Between two questions, ms: control stays quiet enough not to hold state back. */
const PAUSE_MS = 100;
/** Round trips before the clocks count as compared. */
const ENOUGH = 8;

export class RoundTrips {
  #histogram = new Histogram();
  #clock = new ClockOffset();
  #id = 0;
  #drawn = 0;

  /**
   * @param {import('../../lib/transport/datachannel.js').DataChannelLane} lane
   * @param {(theta: import('../../lib/meter.js').Theta) => void} compared
   */
  constructor(lane, compared) {
    this.compared = compared;
    this.chart = new Chart(need('[data-chart="round-trips"]'), barSpec('Round trips by duration', 'datachannel'));
    setInterval(() => lane.send({ type: 'time', id: ++this.#id, t0: wall_us() }), PAUSE_MS);
    atScreenRate(() => this.#drawPlot());
    atTableRate(() => this.#drawTable());
  }

  /** Another connection may take another path: its round trips are counted anew. */
  state() {
    this.#histogram = new Histogram();
    this.#drawn = -1;
  }

  /** @param {import('../../lib/message.js').ServerFrame} frame @param {import('../../lib/lanes.js').Arrival} arrival */
  frame(frame, { received_ms }) {
    if (frame.type !== 'time') return;
    const t3 = wall_us(received_ms);
    if (!this.#clock.sample(frame.t0, frame.t1, frame.t2, t3)) return;
    this.#histogram.record(t3 - frame.t0 - (frame.t2 - frame.t1));
    if (this.#histogram.count >= ENOUGH && this.#clock.theta) this.compared(this.#clock.theta);
  }

  #drawPlot() {
    if (this.#drawn === this.#histogram.count) return;
    this.#drawn = this.#histogram.count;
    this.chart.draw(inBars(this.#histogram), this.#histogram.count ? `p50 ${this.#percentile(50)}` : '');
  }

  #drawTable() {
    for (const p of [50, 95, 99]) setText(need(`[data-reading="p${p}"]`), this.#percentile(p));
    setText(need('[data-reading="count"]'), count(this.#histogram.count));
    this.chart.drawTable();
  }

  /** @param {number} p */
  #percentile(p) {
    return this.#histogram.count ? duration(this.#histogram.percentile(p) / 1000) : '–';
  }
}
