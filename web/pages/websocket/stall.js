/** Stop reading, and see the policy act: orders a stalled reader and writes down what it tells. */

import { setText, speaker } from '../../lib/cadence.js';
import { need } from '../../lib/dom.js';
import { count, counted, seconds } from '../../lib/format.js';
import { socketUrl } from '../../lib/transport/websocket.js';
import { bind } from '../../lib/url.js';

/** Fast and fat, so that a few seconds outgrow every buffer between the server's log and the reader. */
const TOPIC = 'tick.240.16384';
/** Reads this long before it stops, ms. */
const WARM_MS = 1000;
/** Reads this long afterwards, ms: time for what waited in the buffers, and for the policy's answer behind it. */
const AFTER_MS = 3000;

/** @typedef {import('../../lib/stalled-reader.js').Report} Report */

/** @param {import('../../lib/timeline.js').Timeline} timeline */
export function mountStall(timeline) {
  const section = need('#stall');
  const policy = /** @type {HTMLSelectElement} */ (need('[name="policy"]', section));
  const stall = /** @type {HTMLInputElement} */ (need('[name="stall"]', section));
  const button = /** @type {HTMLButtonElement} */ (need('button', section));
  const say = speaker(need('.say', section));
  bind(policy);
  bind(stall);

  need('form', section).addEventListener('submit', async (event) => {
    event.preventDefault();
    if (button.ariaDisabled) return;
    button.ariaDisabled = 'true'; // not disabled: that would take the focus from who pressed it
    const stall_ms = Number(stall.value) * 1000;
    const row = need(`.policies tr[data-policy="${policy.value}"]`);
    const url = socketUrl(`/ws?topic=${TOPIC}&policy=${policy.value}`);
    const report = await run({ url, warm_ms: WARM_MS, stall_ms, after_ms: AFTER_MS }, (report, words) => {
      say(words);
      drawRow(row, stall_ms, report);
      if (report.kind !== 'reading') timeline.add('websocket', report.kind, `reader: ${words}`, { ...report });
    });
    say(verdict(policy.value, report));
    button.ariaDisabled = null;
  });
}

/**
 * Runs one reader to its end.
 *
 * @param {import('../../lib/stalled-reader.js').Order} order
 * @param {(report: Report, words: string) => void} tell
 * @returns {Promise<Report>} the last report
 */
function run(order, tell) {
  const worker = new Worker('/lib/stalled-reader.js', { type: 'module' });
  return new Promise((resolve) => {
    let stalled_ms = NaN;
    /** @type {Report} */
    let latest = { kind: 'reading', delivered: 0, skipped: 0, gaps: 0, unaccounted: 0 };
    // The worker cannot speak while it is stalled: the page counts for it.
    const tick = setInterval(() => {
      if (latest.kind === 'stalled')
        tell(
          { ...latest, kind: 'reading' },
          `not reading for ${seconds(performance.now() - stalled_ms)} of ${seconds(order.stall_ms)}`,
        );
    }, 250);
    worker.onmessage = ({ data }) => {
      latest = data;
      if (latest.kind === 'stalled') stalled_ms = performance.now();
      tell(latest, words(latest));
      if (latest.kind !== 'ended') return;
      clearInterval(tick);
      worker.terminate();
      resolve(latest);
    };
    worker.onerror = ({ message }) =>
      worker.onmessage?.(
        /** @type {any} */ ({ data: { ...latest, kind: 'ended', ended: `the reader failed: ${message}` } }),
      );
    worker.postMessage(order);
  });
}

/** @param {Report} report */
function words(report) {
  switch (report.kind) {
    case 'reading':
      return `reading: ${counted(report.delivered, 'message')} so far`;
    case 'stalled':
      return `stops reading after ${counted(report.delivered, 'message')}`;
    case 'resumed':
      return 'reads again';
    case 'told':
      return report.frame?.type === 'gap'
        ? `gap: ${counted(report.frame.count, 'message')} skipped (${report.frame.reason})`
        : '';
    case 'ended':
      return `ended: ${report.ended}`;
  }
}

/** @param {string} policy @param {Report} report */
function verdict(policy, { delivered, skipped, gaps, unaccounted, ended = '' }) {
  const told =
    skipped > 0 ? `${counted(skipped, 'message')} skipped, told in ${counted(gaps, 'frame')}` : 'nothing skipped';
  if (policy === 'disconnect' && ended.startsWith('4001'))
    return `Closed with 4001 after ${counted(delivered, 'message')}: the server does not wait for a reader under this policy.`;
  const enough = skipped > 0 || policy === 'disconnect' ? '' : ' Stop longer: the buffers on the way took it all.';
  const whole = unaccounted === 0 ? 'every message is accounted for' : `${count(unaccounted)} unaccounted for`;
  return `${counted(delivered, 'message')} delivered, ${told}: ${whole}.${enough}`;
}

/** @param {ParentNode} row @param {number} stall_ms @param {Report} report */
function drawRow(row, stall_ms, { delivered, skipped, gaps, unaccounted, ended }) {
  const texts = [
    seconds(stall_ms),
    count(delivered),
    count(skipped),
    count(unaccounted),
    count(gaps),
    ended ?? 'running',
  ];
  const cells = row.querySelectorAll('td');
  texts.forEach((text, i) => setText(cells[i], text));
}
