/** How the one-way latencies of each lane are spread: the share of its messages in each tenth of a decade. */

import { Chart } from '../../lib/chart.js';
import { need } from '../../lib/dom.js';
import { percent } from '../../lib/format.js';
import { LANES } from '../../lib/lanes.js';
import { LOG_AXIS, inBars } from '../../lib/log-bars.js';

const ORDER = /** @type {import('../../lib/lanes.js').LaneId[]} */ (Object.keys(LANES));

export class Distribution {
  #drawn = -1;

  constructor() {
    this.chart = new Chart(need('[data-chart="latency"]'), {
      title: 'One-way latency',
      x: LOG_AXIS,
      y: { format: percent, least: 20 },
      series: ORDER.map((lane) => ({ label: LANES[lane].short, lane })),
      reads: true,
    });
  }

  /** @param {import('./run.js').Run} run */
  draw(run) {
    const histograms = ORDER.map((id) => run.contenders.find(({ lane }) => lane === id)?.latencies);
    const counted = histograms.reduce((sum, histogram) => sum + (histogram?.count ?? 0), 0);
    if (counted === this.#drawn) return;
    this.#drawn = counted;
    const [bars = []] = histograms.flatMap((histogram) => (histogram ? [inBars(histogram)[0]] : []));
    const shares = histograms.map((histogram) =>
      histogram?.count ? inBars(histogram)[1].map((count) => (100 * count) / histogram.count) : bars.map(() => null),
    );
    this.chart.draw([bars, ...shares], 'share of messages');
  }
}
