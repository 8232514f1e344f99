/** On which path this page is, and the way to the other one: on a good path a stream that may lose loses nothing. */

import { getInfo, getLink } from '../../lib/api.js';
import { make, need } from '../../lib/dom.js';
import { farOrigin, pathOf, profileWords } from '../../lib/link-words.js';

export async function tellPath() {
  const place = need('.path');
  try {
    place.replaceChildren(...(await pathWords()));
  } catch (error) {
    place.replaceChildren(`The server did not say on which path this page is: ${/** @type {Error} */ (error).message}.`);
  }
}

/** @returns {Promise<(Node | string)[]>} */
async function pathWords() {
  const { listeners } = await getInfo();
  const path = pathOf(listeners, location.port);
  if (path === 'link') {
    const direct = listeners.find((listener) => listener.path === 'direct');
    const way = direct ? [wayTo(new URL(direct.url).origin, 'Open it on the direct path'), '.'] : [];
    const words = 'This page came through the link, and so does its stream: what is lost, the link lost.';
    return [`${words} Browsers speak to each other beside it. `, ...way];
  }
  const direct = 'This page is on the direct path, where next to nothing is lost.';
  const link = path && (await getLink());
  if (!link) return [direct];
  if (link.state !== 'up') return [`${direct} There is no link to send it through: ${link.why}`];
  const { profile, profiles, port } = link;
  const way = wayTo(farOrigin(location.hostname, port), 'Open it through the link');
  return [`${direct} `, way, `, and see what this stream loses. ${profile ? profileWords(profile, profiles) : ''}`];
}

/** The same page, with its settings, at another origin. @param {string} origin @param {string} words */
function wayTo(origin, words) {
  return make('a', { href: `${origin}${location.pathname}${location.search}` }, words);
}
