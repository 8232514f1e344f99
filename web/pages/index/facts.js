/** What the transports are, and what this server is: both as the server tells it. */

import { make, need } from '../../lib/dom.js';
import { bytes, count } from '../../lib/format.js';
import { LANES } from '../../lib/lanes.js';

/** @typedef {import('../../lib/api.js').Info} Info */

/** The facts shown, in the order of a decision. */
const SHOWN = /** @type {const} */ ([
  'initiates',
  'guarantee',
  'route',
  'carries',
  'resumes',
  'costs',
  'choose',
  'avoid',
]);
/** Where a field's name is not yet how one says it. @type {Record<string, string>} */
const WORDS = {
  initiates: 'who initiates',
  guarantee: 'guarantees',
  route: 'bytes flow',
  choose: 'choose it for',
  avoid: 'avoid it when',
};

/** @param {Info['transports']} transports */
export function drawFacts(transports) {
  const cards = transports.map((facts) => {
    const title = make('h3', { class: `lane ${facts.id}` }, facts.label);
    const terms = SHOWN.flatMap((name) => [make('dt', {}, WORDS[name] ?? name), make('dd', {}, facts[name])]);
    return make(
      'article',
      { class: `card ${facts.id}` },
      make('span', { class: `dash ${facts.id}`, 'aria-hidden': 'true' }),
      title,
      make('p', { class: 'fine' }, facts.standard),
      make('dl', {}, ...terms),
    );
  });
  need('.facts').replaceChildren(...cards);
}

/** Who may publish, as the server says it. @type {Record<Info['publish'], string>} */
const PUBLISHING = {
  open: 'open to every page of this origin: the server is bound to this machine alone',
  token: 'needs the administrator’s token: other machines can reach this server',
  closed: 'closed: other machines can reach this server, and it was started without --admin-token-file',
};

/** @param {Info} info */
export function drawServer(info) {
  const heartbeats = info.lanes.map(
    (lane) => `${LANES[/** @type {keyof typeof LANES} */ (lane.id)].short} by ${lane.path}, heartbeat every ${lane.heartbeat_ms / 1000}\u00a0s`,
  );
  /** @type {[string, string[]][]} */
  const lines = [
    ['lanes', heartbeats],
    ['WebRTC', [`over UDP at ${info.announced.join(', ')}`]],
    ['HTTP/2', [httpWords(info)]],
    ['publishing', [PUBLISHING[info.publish]]],
    ['listens on', info.listeners.map((listener) => `${listener.url} (${listener.scheme}, ${listener.address})`)],
    ['version', [`${info.name} ${info.version}`]],
  ];
  need('.server.facts-of').replaceChildren(
    ...lines.flatMap(([term, texts]) => [make('dt', {}, term), ...texts.map((text) => make('dd', {}, text))]),
  );
  need('.limits').replaceChildren(...Object.entries(info.limits).map(([name, value]) => drawLimit(name, value)));
}

/** Browsers speak HTTP/2 only over TLS. @param {Info} info */
function httpWords({ listeners }) {
  const secure = listeners.find(({ scheme }) => scheme === 'https');
  return secure
    ? `for browsers on ${secure.url}: all streams share one connection`
    : 'for programs, without TLS; browsers want TLS for it, and this server listens without: they get HTTP/1.1 and its six connections';
}

/** @param {string} name the unit is its last part @param {number} value */
function drawLimit(name, value) {
  const inBytes = name.endsWith('_bytes');
  const words = name.replace(/_bytes$/, inBytes ? ', at most' : '').replaceAll('_', ' ');
  return make('div', {}, make('dt', {}, words), make('dd', {}, inBytes ? bytes(value) : count(value)));
}
