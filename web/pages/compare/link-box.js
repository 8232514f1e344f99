/** Where there is no link: why, and what to type. Each way out is by itself enough. */

import { mountCopy } from '../../lib/code.js';
import { make } from '../../lib/dom.js';

/** @typedef {import('../../lib/link.js').LinkState} LinkState */

/** A server that does as it was told knows no way out; this is it. @type {import('../../lib/link.js').WayOut} */
const SWITCH_ON = { what: 'Start it without that flag:', commands: ['wirelab serve'] };

/** @type {Record<LinkState['state'], string>} */
const HEADS = {
  up: '',
  lost: 'The link is gone',
  unavailable: 'No link can be made on this machine',
  off: 'The link is switched off',
};

/**
 * Draws the box, once for each revision of the link's state.
 *
 * @param {HTMLElement} box
 * @param {LinkState | undefined} now
 */
export function drawBox(box, now) {
  box.hidden = !now || now.state === 'up';
  const drawn = `${now?.state} ${now?.why}`;
  if (!now || box.hidden || box.dataset.drawn === drawn) return;
  box.dataset.drawn = drawn;
  box.replaceChildren(
    make('h3', {}, `${HEADS[now.state]}.`),
    make('p', {}, `${now.why ?? ''} All else works on the direct path.`.trim()),
    ...(now.state === 'off' && now.ways_out.length === 0 ? [SWITCH_ON] : now.ways_out).map(({ what, commands }, i) => wayOut(`${i ? 'Or: ' : ''}${what}`, commands)),
  );
}

/** @param {string} what @param {readonly string[]} commands */
function wayOut(what, commands) {
  const text = commands.join('\n');
  const copy = make('button', { type: 'button', class: 'quiet', 'aria-label': `Copy: ${what}` }, 'Copy');
  mountCopy(copy, () => text);
  const code = make('pre', { tabindex: '0', role: 'region', 'aria-label': what }, make('code', {}, text));
  return make('div', { class: 'way-out' }, make('p', {}, what), ...(text ? [code, copy] : []));
}
