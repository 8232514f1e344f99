/** What the link carried in the window, a row a direction. */

import { setText } from '../../lib/cadence.js';
import { bytes, count } from '../../lib/format.js';

/** @typedef {import('./course.js').Carried} Carried */

/** @type {Record<string, (of: Carried) => string>} */
const CELLS = {
  packets: ({ packets }) => count(packets),
  bytes: ({ bytes: sum }) => bytes(sum),
  lost: ({ lost, packets }) => (lost ? `${count(lost)} (${((100 * lost) / packets).toFixed(2)}\u00a0%)` : '0'),
  dropped: ({ dropped }) => count(dropped),
};

/** @param {import('./run.js').Run} run */
export function drawWire({ order, course }) {
  const carried = order.path === 'link' ? course.carried : undefined;
  for (const cell of /** @type {NodeListOf<HTMLElement>} */ (document.querySelectorAll('.wire td'))) {
    const direction = /** @type {'down' | 'up'} */ (cell.parentElement?.dataset.direction);
    setText(cell, carried ? CELLS[cell.dataset.carried ?? ''](carried[direction]) : '–');
  }
}
