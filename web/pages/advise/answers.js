/**
 * The answers of the page, and the same as they stand in its address and in a command line: only what differs from what
 * is usual, or from what is built. Pure.
 */

/** @typedef {import('../../lib/api.js').Asked} Asked */
/** @typedef {import('../../lib/api.js').Question} Question */
/** @typedef {import('../../lib/api.js').Answer} Answer */
/** @typedef {Record<string, Answer>} Answers all of them, by key */
/** @typedef {{ preset: string | null, answers: Answers }} State */

/** The parameter that names what is built. */
export const PRESET = 'preset';

/** What is answered before anybody says anything: as usual, or as what is built has it. @param {Asked} asked @param {string | null} preset */
export function baseOf({ usual, presets }, preset) {
  return { ...usual, ...presets.find(({ id }) => id === preset)?.needs };
}

/**
 * What an address says. What it says wrongly stays as it is: the server refuses it and the page shows that.
 *
 * @param {URLSearchParams} query
 * @param {Asked} asked
 * @returns {State}
 */
export function stateOf(query, asked) {
  const named = query.get(PRESET);
  const preset = asked.presets.some(({ id }) => id === named) ? named : null;
  const answers = baseOf(asked, preset);
  for (const question of asked.questions) {
    const text = query.get(question.key);
    if (text !== null) answers[question.key] = read(question, text);
  }
  return { preset, answers };
}

/**
 * What stands in an address for it.
 *
 * @param {State} state
 * @param {Asked} asked
 * @returns {Record<string, string | null>} every key; null: not there
 */
export function queryOf({ preset, answers }, asked) {
  const base = baseOf(asked, preset);
  const query = asked.questions.map(({ key }) => [key, isSame(answers[key], base[key]) ? null : written(answers[key])]);
  return { [PRESET]: preset, ...Object.fromEntries(query) };
}

/** The command that gives the same advice at a terminal. @param {State} state @param {Asked} asked */
export function commandLine(state, asked) {
  const { [PRESET]: preset, ...query } = queryOf(state, asked);
  const flags = asked.questions.flatMap((question) => {
    const text = query[question.key];
    return text === null || text === undefined ? [] : [flag(question, text)];
  });
  // Without any flag the command would ask.
  const all = [...(preset ? [`--preset ${preset}`] : []), ...flags];
  if (all.length === 0) all.push(`--talks ${written(state.answers.talks)}`);
  return ['wirelab advise', ...all].join(' ');
}

/** @param {Question} question @param {string} text */
function flag({ key, unit, answers }, text) {
  const name = key.replace(/_ms$/, '').replaceAll('_', '-');
  if (unit === 'ms') return `--${name} ${text}ms`;
  if (!unit && answers.length === 0) return text === 'true' ? `--${name}` : `--${name}=${text}`;
  return `--${name} ${text}`;
}

/** An answer as text, with which {@link read} makes the same answer. @param {Answer} answer */
export function written(answer) {
  if (Array.isArray(answer)) return answer.join(',') || 'none';
  return answer === null ? '' : String(answer);
}

/** @param {Question} question @param {string} text @returns {Answer} */
export function read({ many, unit, answers }, text) {
  if (many) return text === 'none' || text === '' ? [] : text.split(',');
  if (answers.length > 0) return text;
  if (!unit) return text === 'true' ? true : text === 'false' ? false : text;
  if (text.trim() === '') return unit === 'hz' ? null : text;
  return Number.isNaN(Number(text)) ? text : Number(text);
}

/** Whether two answers are the same, whatever the order of a list. @param {Answer} a @param {Answer} b */
export function isSame(a, b) {
  if (Array.isArray(a) && Array.isArray(b)) return a.length === b.length && a.every((word) => b.includes(word));
  return a === b;
}
