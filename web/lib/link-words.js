/** The emulated link to the same server, in words. Pure: it asks nobody. */

/** @typedef {import('./api.js').Info} Info */
/** @typedef {import('./api.js').Link} Link */
/** @typedef {import('./api.js').Shape} Shape */

/**
 * On which side of the link a page is.
 *
 * @param {Info['listeners']} listeners
 * @param {string} port of the page, as `location` has it
 * @returns {'direct' | 'link' | undefined} undefined: the server knows no link
 */
export function pathOf(listeners, port) {
  if (!listeners.some(({ path }) => path)) return undefined;
  // A proxy may have put the page at a port that is none of ours: it leads to the direct listener.
  return listeners.find(({ url }) => new URL(url).port === port)?.path ?? 'direct';
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
      return [
        `Up, through ${mechanism}: the same server at ${farOrigin(hostname, port)}.`,
        ...(profile ? [profileWords(profile, profiles)] : []),
      ].join(' ');
    case 'lost':
      return `Lost: ${why}`;
    case 'off':
      return `Off: ${why}`;
    case 'unavailable':
      return `None on this machine: ${why}`;
  }
}

/**
 * Where the same server is found through the link: on the same machine, so under the page's own name.
 *
 * @param {string} hostname
 * @param {number} [port]
 */
export function farOrigin(hostname, port) {
  return `http://${hostname}:${port}`;
}

/** @param {NonNullable<Link['profile']>} profile @param {Link['profiles']} profiles */
export function profileWords({ name, down, up }, profiles) {
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
