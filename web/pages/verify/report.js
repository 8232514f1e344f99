/** The report to copy: the lines that `wirelab verify` would print, and from where. */

/** @typedef {import('./finding.js').Finding} Finding */
/** @typedef {import('./finding.js').Check} Check */

/**
 * @param {{ url: string, browser: string, at: string, results: readonly { check: Check, finding?: Finding }[] }} run
 * @returns {string}
 */
export function reportText({ url, browser, at, results }) {
  const lines = results.map(({ check, finding }) => {
    if (!finding) return `----  ${check.id.padEnd(20)} ${check.what}: not run`;
    const hint = finding.hint ? `. ${finding.hint}` : '';
    const page = finding.verdict === 'WARN' || finding.verdict === 'FAIL' ? ` (docs/verify/${check.id}.md)` : '';
    const evidence = finding.evidence.map((line) => `        ${line}\n`).join('');
    return `${finding.verdict}  ${check.id.padEnd(20)} ${check.what}: ${finding.measured}${hint}${page}\n${evidence}`.trimEnd();
  });
  return [`${url}, from a browser`, browser, at, ...lines, counts(results), ''].join('\n');
}

/** How many ended how, in words. @param {readonly { finding?: Finding }[]} results */
export function counts(results) {
  const of = (/** @type {string} */ verdict) => results.filter(({ finding }) => finding?.verdict === verdict).length;
  return `${of('PASS')} passed, ${of('WARN')} warned, ${of('FAIL')} failed, ${of('SKIP')} skipped`;
}
