/** One check over several ways in: it is as bad as the worst of them. As crates/cli/src/verify/turn/together.rs has it. */

import { finding } from './finding.js';

/** @typedef {import('./finding.js').Finding} Finding */

/** @param {readonly (readonly [way: string, Finding])[]} found at least one */
export function together(found) {
  if (found.length === 1) return found[0][1];
  const worst = /** @type {const} */ (['FAIL', 'WARN', 'PASS', 'SKIP']).find((verdict) => found.some(([, one]) => one.verdict === verdict)) ?? 'SKIP';
  const those = found.filter(([, { verdict }]) => verdict === worst);
  const others = found.length - those.length;
  const measured = those.map(([way, one]) => `${way}: ${one.measured}`).join('; ') + (others > 0 ? `; ${others} other fine` : '');
  const hint = those.find(([, { hint }]) => hint)?.[1].hint;
  const evidence = found.flatMap(([way, one]) => [`${way}: ${one.verdict} ${one.measured}`, ...one.evidence.map((line) => `${way}: ${line}`)]);
  return finding(worst, measured, hint, evidence);
}
