/**
 * The sliders of the link: what each can be set to. The stops lie as people think of them, close together where little
 * is felt, and the last loss is all. Pure.
 */

import { duration, percent, shorn } from '../../lib/format.js';
import { figuresOf, rateText, sameShape } from '../../lib/shape.js';

/** @typedef {import('../../lib/shape.js').Figures} Figures */
/** @typedef {import('../../lib/shape.js').Profile} Profile */
/** @typedef {keyof Figures} FigureName */

const PERCENT = (/** @type {number} */ value) => (value ? shorn(percent(value)) : 'none');
const TIME = (/** @type {number} */ value) => (value ? shorn(duration(value)) : 'none');

/** @type {Record<FigureName, { stops: readonly number[], words: (value: number) => string }>} */
export const SLIDERS = {
  delay_ms: { stops: [0, 1, 2, 5, 10, 15, 20, 25, 30, 40, 50, 60, 80, 100, 120, 150, 200, 250, 300, 400, 500, 1000], words: TIME },
  loss_percent: { stops: [0, 0.1, 0.2, 0.5, 1, 2, 3, 4, 5, 7, 10, 15, 20, 30, 50, 100], words: PERCENT },
  jitter_ms: { stops: [0, 1, 2, 5, 10, 15, 20, 30, 50, 75, 100, 150, 200, 300], words: TIME },
  outages_percent: { stops: [0, 0.5, 1, 2, 5, 10, 15, 20, 30, 50], words: PERCENT },
  mean_ms: { stops: [20, 40, 80, 120, 200, 400, 800, 1500, 3000, 5000], words: (ms) => (Number.isNaN(ms) ? '–' : TIME(ms)) },
  rate_bps: {
    stops: [64e3, 128e3, 256e3, 512e3, 768e3, 1e6, 1.6e6, 2e6, 3e6, 5e6, 10e6, 12e6, 20e6, 50e6, 100e6, 1e9, Infinity],
    words: (bps) => (Number.isFinite(bps) ? rateText(bps) : 'no limit'),
  },
};

/** The stop that is nearest to a value, by its index. @param {FigureName} name @param {number} value */
export function stopAt(name, value) {
  const { stops } = SLIDERS[name];
  if (stops.includes(value)) return stops.indexOf(value);
  const at = stops.findIndex((stop) => stop > value);
  if (at === 0 || Number.isNaN(value)) return 0;
  if (at < 0) return stops.length - 1;
  return value - stops[at - 1] <= stops[at] - value ? at - 1 : at;
}

/** A figure of a link in words: each direction where they differ. @param {FigureName} name @param {Profile} profile */
export function figureWords(name, { down, up }) {
  const [a, b] = [down, up].map((shape) => SLIDERS[name].words(figuresOf(shape)[name]));
  return a === b || sameShape(down, up) ? a : `${a} ↓ ${b} ↑`;
}
