/** What came after coming back, held against what was missed. The same rule and words as `wirelab verify`. */

import { finding } from './finding.js';

const HINT = 'Keep the last events, and send those after Last-Event-ID before any new one. Let the proxy pass the header.';

/**
 * @param {string} from the id that was named
 * @param {readonly string[]} missed the ids after it
 * @param {readonly string[]} came the ids that came after coming back
 */
export function heldAgainst(from, missed, came) {
  // A greeting may repeat the id from which it goes on.
  const start = came.findIndex((id) => id !== from);
  const after = start < 0 ? [] : came.slice(start).filter((id) => id !== '');
  const lost = missed.filter((id) => !after.includes(id)).length;
  const doubled = new Set(after.filter((id, i) => after.indexOf(id) !== i || id === from)).size;
  const evidence = [`named: ${from}`, `then wanted: ${missed.join(' ')}`, `then came: ${came.join(' ')}`];
  if (lost > 0) return finding('FAIL', `${lost} of ${missed.length} missed events did not come back`, HINT, evidence);
  if (doubled > 0) {
    return finding('FAIL', `${doubled} events came twice`, 'Send what is after Last-Event-ID, and each event once.', evidence);
  }
  if (missed.some((id, i) => after[i] !== id)) {
    return finding('FAIL', `${missed.length} missed events came back in another order`, HINT, evidence);
  }
  return finding('PASS', `${missed.length} missed events came back, none lost, none twice`, '', evidence);
}
