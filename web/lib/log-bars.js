/** A histogram as bars on a logarithmic axis: ten to a decade, from 10 µs to 10 s; what lies outside is in the outermost. */

import { count, duration } from './format.js';

const BARS = 60;
const BARS_PER_DECADE = 10;
const LEAST_US = 10;

/**
 * The histogram's fine buckets, gathered into bars: the plot's two columns.
 *
 * @param {import('./histogram.js').Histogram} histogram
 */
export function inBars(histogram) {
  const bars = new Array(BARS).fill(0);
  for (const { from_us, to_us, count } of histogram.buckets()) {
    const bar = Math.floor(Math.log10((from_us + to_us) / 2 / LEAST_US) * BARS_PER_DECADE);
    bars[Math.min(BARS - 1, Math.max(0, bar))] += count;
  }
  return [[...bars.keys()], bars];
}

/** The axis on which they lie. @type {import('./chart.js').ChartSpec['x']} */
export const LOG_AXIS = {
  label: 'from',
  range: () => [0, BARS],
  splits: () => [0, 10, 20, 30, 40, 50, 60],
  format: (bar) => duration((LEAST_US * 10 ** (bar / BARS_PER_DECADE)) / 1000),
};

/**
 * What a chart has to know to draw them.
 *
 * @param {string} title
 * @param {import('./lanes.js').LaneId} lane
 * @returns {import('./chart.js').ChartSpec}
 */
export function barSpec(title, lane) {
  return {
    title,
    bars: true,
    x: LOG_AXIS,
    y: { format: (y) => (Number.isInteger(y) ? count(y) : ''), least: 5 },
    series: [{ label: 'round trips', lane }],
  };
}
