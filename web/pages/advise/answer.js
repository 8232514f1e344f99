/** The advice on the page: what to take, why, what would change it, the values to set, what it costs. */

import { make, need } from '../../lib/dom.js';
import { costsOfInterest, signed } from './record.js';

/** @typedef {import('../../lib/api.js').Advice} Advice */
/** @typedef {import('../../lib/api.js').Answer} Answer */
/** @typedef {import('../../lib/api.js').Reason} Reason */
/** @typedef {import('../../lib/api.js').Standing} Standing */

/** Who measured a figure. */
const MEASURED = { here: 'measured by us', elsewhere: 'published by others', evidence: 'your report' };

/**
 * @param {Advice} advice
 * @param {(key: string, to: Answer) => void} tryFlip
 */
export function drawAnswer(advice, tryFlip) {
  need('.standings-of').replaceChildren(...advice.ranked.map(card));
  drawFlips(advice, tryFlip);
  list('.together', advice.together.map(({ says, because }) => [make('b', {}, says), ` ${because}`]));
  drawSettings(advice);
  list('.notes', advice.notes.map((note) => [note]));
  drawCosts(advice);
  const cited = advice.cited.map(({ report, says, instead_of }) => [make('b', {}, report), `: ${says}`, instead_of ? `; instead of ${instead_of}` : '']);
  list('.cited', cited, 'No report was handed in: all figures are the built-in ones.');
}

/** @param {Standing} standing */
function card({ transport, label, points, ruled_out, preferences, lateness }) {
  const isOut = ruled_out.length > 0;
  const word = isOut ? 'ruled out' : `${points} ${points === 1 ? 'point' : 'points'}`;
  const late = `99 of 100 messages within ${lateness.p99_ms.toFixed(0)} ms`;
  const reasons = isOut
    ? ruled_out.map((reason) => line('✗', reason))
    : preferences.map((reason) => line(signed(reason.points), reason));
  return make(
    'div',
    { class: 'card', 'data-transport': transport, ...(isOut ? { 'data-out': '' } : {}) },
    make('span', { class: `dash ${transport}`, 'aria-hidden': 'true' }),
    make('h3', { class: `lane ${transport}` }, label),
    make('p', { class: 'number' }, make('b', {}, word)),
    make('ul', { class: 'reasons' }, ...reasons),
    make('p', { class: 'fine', title: lateness.source }, `${late}${lateness.is_kept ? '' : ', too late here'}. ${lateness.source}.`),
  );
}

/** @param {string} mark @param {Reason} reason */
function line(mark, { because, requirements, source }) {
  const why = [...requirements.map(({ text }) => text), ...(source ? [source] : [])];
  return make('li', {}, make('b', { class: 'number' }, mark), ' ', because, ' ', make('span', { class: 'fine' }, why.join('; ')));
}

/** @param {Advice} advice @param {(key: string, to: Answer) => void} tryFlip */
function drawFlips({ flips }, tryFlip) {
  const items = flips.map(({ key, to, change, instead_of, then_words }) => {
    const button = make('button', { type: 'button', class: 'quiet', 'aria-label': `Try it: ${change}` }, 'Try it');
    button.addEventListener('click', () => tryFlip(key, to));
    return [make('b', {}, change), `, instead of ${instead_of}: `, make('b', {}, then_words), ' ', button];
  });
  list('.flips', items, 'No change of a single answer leads to anything else.');
}

/** @param {Advice} advice */
function drawSettings({ settings }) {
  const rows = settings.flatMap(({ transport, name, value, flag, because }) => [
    make('dt', {}, make('span', { class: `lane ${transport}` }, transport), ` ${name}`),
    make('dd', {}, make('code', {}, value), ...(flag ? [', ', make('code', {}, `wirelab ${flag}`)] : []), make('p', { class: 'fine' }, because)),
  ]);
  need('.values').replaceChildren(...rows);
}

/** The values as text to copy: one a line, its reason above it. @param {Advice} advice */
export function settingsText({ settings }) {
  return settings.map(({ transport, name, value, because }) => `# ${transport}: ${because}\n${name}: ${value}\n`).join('\n');
}

/** @param {Advice} advice */
function drawCosts(advice) {
  const { needs, server_rate_hz } = advice;
  need('.density').textContent = `${needs.connections} connections to one server, ${server_rate_hz} messages a second to each`;
  const rows = costsOfInterest(advice).map(({ server, transport, memory_mib, cores, measured, source }) =>
    make(
      'tr',
      {},
      make('th', { scope: 'row' }, server),
      make('td', { class: `lane ${transport}`, 'data-label': 'carrying' }, transport),
      make('td', { class: 'number', 'data-label': 'idle' }, memory_mib === null ? '–' : `${memory_mib.toFixed(0)} MiB`),
      make('td', { class: 'number', 'data-label': 'sending' }, cores === null ? '–' : `${cores.toFixed(2)} cores`),
      make('td', { 'data-label': 'measured' }, `${MEASURED[measured]}: ${source}`),
    ),
  );
  need('.costs tbody').replaceChildren(...rows);
}

/** @param {string} selector @param {(Node | string)[][]} items @param {string} [none] what is said where there is nothing */
function list(selector, items, none = 'Nothing.') {
  const lines = items.length > 0 ? items : [[none]];
  need(selector).replaceChildren(...lines.map((children) => make('li', {}, ...children)));
}
