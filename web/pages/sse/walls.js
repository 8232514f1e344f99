/**
 * The wall of six over HTTP/1.1, and none over HTTP/2, side by side.
 *
 * One of the two is this page's own origin, the other another port of this server. A browser reads from there only if it
 * trusts the certificate, which nobody can accept from within a page, and if its rule against mixed content lets it.
 */

import { setText } from '../../lib/cadence.js';
import { make, need } from '../../lib/dom.js';
import { Site, Wall } from './wall.js';

const isSecure = location.protocol === 'https:';

/** @param {import('../../lib/timeline.js').Timeline} timeline */
export function mountWalls(timeline) {
  const section = need('#wall');
  const button = /** @type {HTMLButtonElement} */ (need('button.build', section));
  const sites = {
    http1: new Site(need('[data-wall="http1"]', section), timeline),
    http2: new Site(need('[data-wall="http2"]', section), timeline),
  };
  const [own, other] = isSecure ? [sites.http2, sites.http1] : [sites.http1, sites.http2];
  const way = need('.way', section);
  setText(own.at, location.origin);
  /** Where the other wall is built, if anywhere. @type {string | undefined} */
  let elsewhere;
  /** @type {Wall[]} */
  let walls = [];

  button.addEventListener('click', () => {
    if (walls.length > 0) {
      for (const wall of walls) wall.down();
      return;
    }
    build(own, location.origin);
    if (elsewhere !== undefined) tryElsewhere(elsewhere);
  });

  /** @param {Site} site @param {string} origin */
  function build(site, origin) {
    const wall = new Wall(site, origin);
    walls.push(wall);
    setText(button, 'Take it down now');
    wall.gone.then(() => {
      walls = walls.filter((other) => other !== wall);
      if (walls.length === 0) setText(button, 'Open seven streams');
    });
  }

  /** @param {string} origin */
  async function tryElsewhere(origin) {
    if (await answers(origin)) {
      way.replaceChildren();
      if (walls.length > 0) build(other, origin);
      return;
    }
    other.say('not opened: this browser does not read from there');
    way.replaceChildren(...(isSecure ? mixedContent(origin) : askToAccept(origin)));
    // Whoever has accepted the certificate in another tab comes back to this one.
    addEventListener('focus', () => retry(origin), { once: true });
  }

  /** @param {string} origin */
  async function retry(origin) {
    if (!(await answers(origin))) {
      addEventListener('focus', () => retry(origin), { once: true });
      return;
    }
    way.replaceChildren('This browser reads from there now: open the streams again.');
    other.say('ready');
  }

  return {
    /** What this server listens on is known. @param {import('../../lib/api.js').Info} info */
    know(info) {
      const scheme = isSecure ? 'http' : 'https';
      const found = info.listeners.find((listener) => listener.scheme === scheme && listener.path === 'direct');
      if (!found) {
        way.replaceChildren(
          isSecure
            ? 'This server has no address without TLS, so there is nothing to hold this against.'
            : 'This server listens without TLS (it was started with --https off, or the port was taken), and browsers speak HTTP/2 only over TLS.',
        );
        return;
      }
      // A page may read from another port of the name by which it came, not from another name.
      const url = new URL(found.url);
      url.hostname = location.hostname;
      elsewhere = url.origin;
      setText(other.at, elsewhere);
    },
  };
}

/** @param {string} origin */
function answers(origin) {
  return fetch(`${origin}/health/live`, { cache: 'no-store' }).then(
    (response) => response.ok,
    () => false,
  );
}

/** @param {string} origin */
function askToAccept(origin) {
  const link = make('a', { href: `${origin}/sse.html#wall`, target: '_blank', rel: 'noopener' }, origin);
  return [
    'The certificate of this server is its own, for development, and this browser does not know it yet. Open ',
    link,
    ' in another tab, accept the certificate there, and come back; or stay there: the page works over HTTP/2 as well, and shows both sides.',
  ];
}

/** @param {string} origin */
function mixedContent(origin) {
  const link = make('a', { href: `${origin}/sse.html#wall` }, origin);
  return [
    'A page that came over TLS may read what did not only where the browser allows it: Chromium and Firefox do for this machine (localhost, 127.0.0.1), others may not, and none does for another machine. Open ',
    link,
    ' to see this side.',
  ];
}
