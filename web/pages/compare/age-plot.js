/** The age of information on one plot for all lanes: the last 15 s, the worst of each 50 ms, freezes shaded, changes of the link marked. */

import { SPAN_US } from '../../lib/age-trace.js';
import { Chart } from '../../lib/chart.js';
import { need } from '../../lib/dom.js';
import { duration } from '../../lib/format.js';
import { LANES } from '../../lib/lanes.js';
import { WINDOW_S } from './contender.js';

/** @typedef {import('../../lib/lanes.js').LaneId} LaneId */

const SPANS = (WINDOW_S * 1e6) / SPAN_US;
const ORDER = /** @type {LaneId[]} */ (Object.keys(LANES));

export class AgePlot {
  /** @type {import('./run.js').Run | undefined} */
  #run;
  #now_us = 0;

  constructor() {
    this.chart = new Chart(need('[data-chart="age"]'), {
      title: 'Age of information',
      x: {
        label: 'when',
        range: () => [-WINDOW_S, 0],
        splits: () => [-15, -10, -5, 0],
        format: (x_s) => (x_s > -SPAN_US / 1e6 ? 'now' : `${x_s.toFixed(2)}\u00a0s`),
      },
      y: { format: duration, least: 50 },
      series: ORDER.map((lane) => ({ label: LANES[lane].short, lane })),
      shaded: () => this.#freezes(),
      marks: () => (this.#run?.marks ?? []).map(({ at_us, words }) => [(at_us - this.#now_us) / 1e6, words]),
      reads: true,
    });
  }

  /** @param {import('./run.js').Run | undefined} run */
  draw(run) {
    if (!run) return;
    this.#run = run;
    this.#now_us = run.now_us;
    const last = Math.floor(this.#now_us / SPAN_US) - 1; // the newest that is over: a span that has just begun looks too good
    const spans = Array.from({ length: SPANS }, (_, i) => last - SPANS + 1 + i);
    const columns = ORDER.map((lane) => {
      const trace = run.contenders.find((contender) => contender.lane === lane)?.trace;
      trace?.rise(this.#now_us);
      return spans.map((span) => trace?.at(span) ?? null);
    });
    this.chart.draw([spans.map((span) => ((span - last) * SPAN_US) / 1e6), ...columns], 'the worst of each 50 ms');
  }

  /** @returns {[number, number, string][]} */
  #freezes() {
    const now_us = this.#now_us;
    const x = (/** @type {number} */ at_us) => Math.max(-WINDOW_S, (at_us - now_us) / 1e6);
    return (this.#run?.contenders ?? []).flatMap(({ lane, trace }) =>
      trace
        .freezes(now_us - WINDOW_S * 1e6, now_us)
        .map(({ from_us, to_us }) => /** @type {[number, number, string]} */ ([x(from_us), x(to_us), `--lane-${lane}`])),
    );
  }
}
