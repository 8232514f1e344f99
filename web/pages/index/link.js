/** The emulated link to the same server: whether there is one here, what it is set to, else why not and what to type. */

import { getLink } from '../../lib/api.js';
import { speaker } from '../../lib/cadence.js';
import { make, need } from '../../lib/dom.js';
import { farOrigin, linkWords, pathOf } from '../../lib/link-words.js';

/** @typedef {import('../../lib/api.js').Link} Link */

/** How often the link is asked again, ms: it can be lost, and its profile be changed by another page. */
const AGAIN_MS = 5000;

/** @param {import('../../lib/api.js').Info} info */
export function mountLink({ listeners }) {
  const say = speaker(need('.link-says .say'));
  const path = pathOf(listeners, location.port);
  if (!path) return say('This server has no link: its lanes run on the direct path alone.');
  const through = /** @type {HTMLAnchorElement} */ (need('.through'));
  if (path === 'link') {
    say('This page and its lanes came through the link. What it is set to is told on the direct path.');
    through.textContent = 'Open this page on the direct path';
    through.href = listeners.find((listener) => listener.path === 'direct')?.url ?? '/';
    through.hidden = false;
    return;
  }
  const ask = () =>
    getLink().then(
      (link) => {
        say(linkWords(link, location.hostname));
        through.hidden = link.state !== 'up';
        through.href = `${farOrigin(location.hostname, link.port)}/`;
        drawWaysOut(link.ways_out);
      },
      (error) => say(`The link does not answer for itself: ${error.message}.`),
    );
  ask();
  setInterval(() => document.hidden || ask(), AGAIN_MS);
}

/** @param {Link['ways_out']} ways */
function drawWaysOut(ways) {
  const drawn = ways.map(({ what, commands }) =>
    make('li', {}, what, ...commands.map((command) => make('code', { class: 'command' }, command))),
  );
  const key = JSON.stringify(ways);
  const place = need('.ways-out');
  if (place.dataset.key === key) return; // nobody's selection is lost for nothing
  place.dataset.key = key;
  place.replaceChildren(...(ways.length ? [make('p', {}, 'Each of these is enough:'), make('ul', {}, ...drawn)] : []));
}
