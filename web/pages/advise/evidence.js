/** Reports that a visitor hands in. They are read here and sent with the answers; nothing is stored. */

import { need } from '../../lib/dom.js';

/** @typedef {{ name: string, report: unknown }} Report */

/** The time lines of a report are most of its bytes, and no advice reads them. */
const TIME_LINES = ['age_ms', 'latencies_ms', 'freezes_ms'];

/**
 * What a file says, without its time lines.
 *
 * @param {string} text
 * @returns {unknown}
 * @throws {SyntaxError} it is no JSON
 */
export function slim(text) {
  return JSON.parse(text, (key, value) => (TIME_LINES.includes(key) ? undefined : value));
}

/** @param {(reports: Report[]) => void} changed */
export function mountEvidence(changed) {
  const input = /** @type {HTMLInputElement} */ (need('.evidence input[type="file"]'));
  const said = need('.evidence output');
  input.addEventListener('change', async () => {
    /** @type {Report[]} */
    const reports = [];
    const refused = [];
    for (const file of input.files ?? []) {
      try {
        reports.push({ name: file.name, report: slim(await file.text()) });
      } catch (error) {
        refused.push(`${file.name} is no JSON: ${/** @type {Error} */ (error).message}`);
      }
    }
    const taken = reports.length === 1 ? `${reports[0].name} counts` : `${reports.length} reports count`;
    said.textContent = [...refused, reports.length > 0 ? taken : 'no report counts'].join('; ');
    changed(reports);
  });
}
