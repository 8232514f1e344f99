/** The decision at a glance: rows that the answers ask for light up, the others and what is ruled out turn grey. */

import { make, need } from '../../lib/dom.js';

/** @typedef {import('../../lib/api.js').Advice} Advice */
/** @typedef {import('../../lib/api.js').TransportId} TransportId */

/** A mark that is told apart without colour, and its word. */
const FITS = { best: '●', works: '○', no: '–' };
/** @type {TransportId[]} */
const COLUMNS = ['sse', 'websocket', 'datachannel'];

/** @param {Advice} advice */
export function drawMatrix({ rows, ranked, outcome }) {
  const out = new Set(ranked.filter(({ ruled_out }) => ruled_out.length > 0).map(({ transport }) => transport));
  const chosen = outcome.kind === 'clear' ? [outcome.transport] : outcome.kind === 'close' ? outcome.transports : [];
  for (const lane of COLUMNS) {
    const word = out.has(lane) ? 'ruled out' : chosen.includes(lane) ? (chosen.length > 1 ? 'one of these' : 'take this') : 'can be';
    need(`.matrix [data-column="${lane}"] .standing`).textContent = word;
  }
  const lines = rows.map(({ need, fits, is_asked_for }) => {
    const cells = COLUMNS.map((lane) =>
      make(
        'td',
        { class: `fit ${fits[lane]} ${lane}`, ...(out.has(lane) ? { 'data-out': '' } : {}) },
        make('span', { class: 'mark', 'aria-hidden': 'true' }, FITS[fits[lane]]),
        ` ${fits[lane]}`,
      ),
    );
    const asked = is_asked_for ? ', asked for' : ', not asked for';
    const name = make('th', { scope: 'row' }, need, make('span', { class: 'unseen' }, asked));
    return make('tr', { class: is_asked_for ? 'need lit' : 'need', 'data-asked': String(is_asked_for) }, name, ...cells);
  });
  need('.matrix tbody').replaceChildren(...lines);
}
