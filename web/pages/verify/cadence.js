/**
 * Whether events came as they were sent. Each carries the moment at which it was sent, so how late it came beyond the least
 * late one needs no common clock. The same rule and words as `wirelab verify` (crates/cli/src/verify/sse/cadence.rs).
 */

import { duration } from '../../lib/format.js';
import { finding } from './finding.js';

/** Events closer than this came in one piece, ms. */
const ONE_PIECE_MS = 5;
/** Later than this beyond the usual is held back, ms. */
const LATE_MS = 250;
/** Fewer tell nothing. */
const FEWEST = 4;
const HINT =
  'Something on the way gathers events. nginx: proxy_buffering off and gzip off. Or send X-Accel-Buffering: no; or flush after each event.';

/** @typedef {{ at_ms: number, sent_us: number }} Stamped */

/**
 * @param {readonly Stamped[]} events in the order in which they came
 * @param {number} wanted about as many were sent
 * @returns {import('./finding.js').Finding}
 */
export function judge(events, wanted) {
  if (events.length < FEWEST) {
    return finding('FAIL', `HELD-UNTIL-CLOSE: ${events.length} of about ${wanted} events came`, HINT);
  }
  const lateness = events.map(({ at_ms, sent_us }) => at_ms - events[0].at_ms - (sent_us - events[0].sent_us) / 1000);
  const least = Math.min(...lateness);
  const late = lateness.map((one) => one - least).sort((a, b) => a - b);
  const [middle, worst] = [late[Math.floor(late.length / 2)], late[late.length - 1]];
  const size = events.length / lumps(events);
  const measure = `${events.length} events, half at most ${duration(middle)} late, the latest ${duration(worst)}`;
  const gaps = events.slice(1, 21).map(({ at_ms }, i) => Math.round(at_ms - events[i].at_ms));
  const evidence = [measure, `gaps, ms: ${gaps.join(' ')}`];
  if (worst >= LATE_MS && size >= 1.5) {
    const measured = `BATCHED: lumps of ${size.toFixed(1)} events on average, up to ${duration(worst)} late`;
    return finding('FAIL', measured, HINT, evidence);
  }
  if (middle >= LATE_MS) {
    return finding('WARN', `LATE: ${measure}`, 'The path is slow or overloaded, and its delay changes.', evidence);
  }
  return finding('PASS', `STREAMING: ${measure}`, '', evidence);
}

/** How many pieces they came in. @param {readonly Stamped[]} events */
function lumps(events) {
  return events.filter(({ at_ms }, i) => i === 0 || at_ms - events[i - 1].at_ms >= ONE_PIECE_MS).length;
}
