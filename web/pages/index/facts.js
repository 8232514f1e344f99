/** What the transports are, and what this server is: both as the server tells it. */

import { make, need } from '../../lib/dom.js';
import { bytes, count } from '../../lib/format.js';

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

/** @param {Info} info */
export function drawServer(info) {
  const limits = Object.entries(info.limits).map(([name, value]) => {
    const inBytes = name.endsWith('_bytes');
    return `${name.replace(/_bytes$/, '').replaceAll('_', ' ')}: ${inBytes ? bytes(value) : count(value)}`;
  });
  const heartbeats = info.lanes.map(
    (lane) => `${lane.id} on ${lane.path}, heartbeat every ${lane.heartbeat_ms / 1000} s`,
  );
  /** @type {[string, string[]][]} */
  const lines = [
    ['version', [`${info.name} ${info.version}`]],
    ['listens on', info.listeners.map((listener) => `${listener.url} (${listener.scheme}, ${listener.address})`)],
    ['lanes', heartbeats],
    [
      'publishing',
      [
        info.publish === 'open'
          ? 'open to every page of this origin: the server is bound to this machine alone'
          : 'needs the administrator’s token',
      ],
    ],
    ['limits', limits],
  ];
  need('.server').replaceChildren(
    ...lines.flatMap(([term, texts]) => [make('dt', {}, term), ...texts.map((text) => make('dd', {}, text))]),
  );
}
