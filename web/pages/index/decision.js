/** The decision table. The rows and their reasons come from the server: the page decides nothing. */

import { make, need } from '../../lib/dom.js';
import { parameter, setParameter } from '../../lib/url.js';

/** @typedef {import('../../lib/api.js').DecisionRow} DecisionRow */

/** A mark that is told apart without colour, and its word. */
const FITS = { best: '●', works: '○', no: '–' };
/** The table's columns. @type {import('../../lib/api.js').TransportId[]} */
const COLUMNS = ['sse', 'websocket', 'datachannel'];

/** @param {readonly DecisionRow[]} rows */
export function drawDecision(rows) {
  const table = need('.decision');
  const groups = Map.groupBy(rows.entries(), ([, row]) => row.axis);
  need('.rows', table).remove();
  for (const [axis, members] of groups) {
    const title = make('tr', { class: 'axis' }, make('th', { scope: 'rowgroup', colspan: '4' }, axis));
    table.append(make('tbody', {}, title, ...members.map(([index, row]) => drawRow(row, index))));
  }
  const chosen = Number(parameter('need') ?? 0);
  if (rows[chosen]) lightUp(table.querySelectorAll('tr.need')[chosen], rows[chosen]);
}

/** @param {DecisionRow} row @param {number} index */
function drawRow(row, index) {
  const button = make(
    'button',
    { type: 'button' },
    row.need,
    make('span', { class: 'unseen' }, `, because: ${row.because}`),
  );
  const cells = COLUMNS.map((lane) => {
    const fit = row.fits[lane];
    return make(
      'td',
      { class: `fit ${fit} ${lane}` },
      make('span', { class: 'mark', 'aria-hidden': 'true' }, FITS[fit]),
      ` ${fit}`,
    );
  });
  const line = make('tr', { class: 'need' }, make('th', { scope: 'row' }, button), ...cells);
  line.addEventListener('pointerenter', () => lightUp(line, row));
  button.addEventListener('focus', () => lightUp(line, row));
  line.addEventListener('click', () => {
    lightUp(line, row);
    setParameter('need', String(index));
  });
  return line;
}

/** @param {Element} line @param {DecisionRow} row */
function lightUp(line, row) {
  for (const lit of document.querySelectorAll('tr.need.lit')) lit.classList.remove('lit');
  line.classList.add('lit');
  need('.because .reason').textContent = row.because;
}
