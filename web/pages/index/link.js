/** The emulated link to the same server: whether there is one here, what it is set to, else why not and what to type. */

import { getLink } from '../../lib/api.js';
import { speaker } from '../../lib/cadence.js';
import { make, need } from '../../lib/dom.js';

/** @typedef {import('../../lib/api.js').Info} Info */
/** @typedef {import('../../lib/api.js').Link} Link */
/** @typedef {import('../../lib/api.js').Shape} Shape */

/** How often the link is asked again, ms: it can be lost, and its profile be changed by another page. */
const AGAIN_MS = 5000;

/** @param {Info} info */
export function mountLink(info) {
  const say = speaker(need('.link-says .say'));
  if (!info.path) return say('This server has no link: its lanes run on the direct path alone.');
  if (info.path === 'link')
    return say(`This page came through the link itself. What it is set to is told on the direct path: ${info.listeners[0]?.url ?? 'the other port'}.`);
  const ask = () =>
    getLink().then(
      (link) => {
        say(linkWords(link, location.hostname));
        drawWaysOut(link.ways_out);
      },
      (error) => say(`The link does not answer for itself: ${error.message}.`),
    );
  ask();
  setInterval(() => document.hidden || ask(), AGAIN_MS);
}

/**
 * A link in a sentence.
 *
 * @param {Link} link
 * @param {string} hostname of the page: the far listener is the same machine's
 */
export function linkWords({ state, why = '', mechanism, port, profile, profiles }, hostname) {
  switch (state) {
    case 'up':
      return `Up, through ${mechanism}: the same server at http://${hostname}:${port}. ${profile ? profileWords(profile, profiles) : ''}`.trim();
    case 'lost':
      return `Lost: ${why}`;
    case 'off':
      return `Off: ${why}`;
    case 'unavailable':
      return `None on this machine: ${why}`;
  }
}

/** @param {NonNullable<Link['profile']>} profile @param {Link['profiles']} profiles */
function profileWords({ name, down, up }, profiles) {
  const title = profiles.find((known) => known.name === name)?.title;
  const set = name ? `Its profile is ${name}${title ? ` (${title})` : ''}` : 'It is set by figures';
  const [to, fro] = [shapeWords(down), shapeWords(up)];
  return `${set}: ${to === fro ? `${to}, each way` : `${to} down; ${fro} up`}.`;
}

/** @param {Shape} shape */
function shapeWords({ delay, jitter, loss, rate }) {
  const jittered = parseFloat(jitter) > 0 ? ` and up to ${jitter} more` : '';
  return [`${delay} of delay${jittered}`, lossWords(loss), rate && `at most ${rate}`].filter(Boolean).join(', ');
}

/** @param {Shape['loss']} loss */
function lossWords(loss) {
  if (typeof loss === 'string') return parseFloat(loss) > 0 ? `${loss} of packets lost` : 'nothing lost';
  if ('outages' in loss) return `out ${loss.outages} of the time, ${loss.mean} on average`;
  return `${loss.bursts} of packets lost, ${loss.length} in a row on average`;
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
