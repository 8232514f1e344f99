/** What a check is, and what comes of it: the same ids and words as `wirelab verify`. */

/** @typedef {'PASS' | 'WARN' | 'FAIL' | 'SKIP'} Verdict */

/**
 * @typedef {object} Finding
 * @property {Verdict} verdict
 * @property {string} measured what was seen; of what is skipped the reason
 * @property {string} hint what to do next; empty where there is nothing to do
 * @property {string[]} evidence
 */

/**
 * @typedef {object} Check
 * @property {string} id `<family>.<what>`: docs/verify has a page for each
 * @property {string} what what is so when it passes
 * @property {string} means what it means when it does not
 */

/** Lines of evidence that are kept, and characters of one. */
const MOST_EVIDENCE = 32;
const MOST_CHARACTERS = 300;

/**
 * @param {Verdict} verdict
 * @param {string} measured
 * @param {string} [hint]
 * @param {readonly string[]} [evidence]
 * @returns {Finding}
 */
export function finding(verdict, measured, hint = '', evidence = []) {
  const short = (/** @type {string} */ line) =>
    line.length > MOST_CHARACTERS ? `${line.slice(0, MOST_CHARACTERS)}…` : line;
  return { verdict, measured: short(measured), hint, evidence: evidence.slice(0, MOST_EVIDENCE).map(short) };
}

/** @param {unknown} error */
export function why(error) {
  return error instanceof Error ? error.message : String(error);
}
