/** The table: a row a figure, a column a lane. The definitions are those of METRICS, the numbers those of the meter. */

import { setText } from '../../lib/cadence.js';
import { bytes, count, duration, percent } from '../../lib/format.js';

/** @typedef {import('../../lib/meter.js').Summary} Summary */
/** @typedef {{ open_ms: number, gaps: number, theta: unknown, summary: Summary }} Figures */

/** @param {number | null | undefined} us */
const ofUs = (us) => duration((us ?? NaN) / 1000);
/** @param {number | null | undefined} share */
const ofShare = (share) => percent((share ?? NaN) * 100);

/** What each row shows. Ages and latencies are differences of two clocks: without the offset there are none. @type {Record<string, (of: Figures) => string>} */
const ROWS = {
  delivered: ({ summary: { delivery } }) => `${count(delivery.delivered)} (${ofShare(delivery.delivered_share)})`,
  lost: ({ summary: { delivery } }) => withShare(delivery.lost, delivery.lost_share),
  skipped: ({ summary: { delivery } }) => withShare(delivery.skipped, delivery.skipped_share),
  p50: ({ theta, summary: { latency } }) => ofUs(theta ? latency?.p50_us : NaN),
  p95: ({ theta, summary: { latency } }) => ofUs(theta ? latency?.p95_us : NaN),
  p99: ({ theta, summary: { latency } }) => ofUs(theta ? latency?.p99_us : NaN),
  age: ({ theta, summary: { age } }) => ofUs(theta ? age?.mean_us : NaN),
  age99: ({ theta, summary: { age } }) => ofUs(theta ? age?.p99_us : NaN),
  gap: ({ summary }) => duration(summary.longest_gap_ms),
  freezes: ({ summary: { freezes } }) =>
    freezes.count ? `${count(freezes.count)}, ${duration(freezes.total_ms)}` : '0',
  'on-time': ({ summary: { delivery } }) => ofShare(delivery.on_time_share),
  reordered: ({ summary: { reordering } }) => withShare(reordering.count, reordering.share),
  jitter: ({ summary }) => ofUs(summary.jitter_us),
  payload: ({ summary }) => bytes(summary.payload_bytes),
};

/** @param {import('./run.js').Run} run */
export function drawStandings(run) {
  const standings = run.standings();
  for (const cell of /** @type {NodeListOf<HTMLElement>} */ (document.querySelectorAll('.standings td'))) {
    const figure = cell.parentElement?.dataset.figure ?? '';
    const standing = standings.find(({ lane }) => lane === cell.dataset.lane);
    if (!standing) setText(cell, '–');
    else if (figure === 'open') setText(cell, duration(standing.open_ms));
    else if (standing.summary)
      setText(cell, ROWS[figure]({ ...standing, summary: standing.summary, theta: run.theta }));
    else setText(cell, '–');
  }
}

/** @param {number} value @param {number | null} share */
function withShare(value, share) {
  return value ? `${count(value)} (${ofShare(share)})` : '0';
}
