/** What the pages ask the server for over plain HTTP. */

/**
 * @typedef {object} Info what `GET /api/info` says of this server
 * @property {string} name
 * @property {string} version
 * @property {{ scheme: string, address: string, url: string, path?: 'direct' | 'link' }[]} listeners
 * @property {{ id: string, path: string, heartbeat_ms: number }[]} lanes
 * @property {TransportFacts[]} transports
 * @property {DecisionRow[]} decision
 * @property {Record<string, number>} limits the unit is the last part of the name
 * @property {'open' | 'token' | 'closed'} publish who may publish: everybody, the bearer of the token, nobody
 * @property {string[]} announced addresses that WebRTC peers are told
 * @property {{ label: string, id: number, ordered: boolean, maxRetransmits: number | null }[]} [channels] of the server's own peer
 */

/**
 * @typedef {Record<'label' | 'short' | 'standard' | 'initiates' | 'guarantee' | 'route' | 'carries' | 'resumes' | 'costs' | 'choose' | 'avoid', string>
 *   & { id: TransportId }} TransportFacts
 */

/** @typedef {'sse' | 'websocket' | 'datachannel'} TransportId */
/** @typedef {{ axis: string, need: string, fits: Record<TransportId, 'best' | 'works' | 'no'>, because: string }} DecisionRow */

/**
 * What is shown of the emulated link to the same server; link.js has all of it, and sets it.
 *
 * @typedef {import('./link.js').LinkState} LinkState
 * @typedef {Pick<import('./shape.js').Shape, 'delay' | 'jitter' | 'loss' | 'rate'>} Shape one direction
 * @typedef {Pick<LinkState, 'state' | 'why' | 'ways_out' | 'mechanism' | 'port'>
 *   & { profile?: { name: string | null, down: Shape, up: Shape }, profiles: { name: string, title: string }[] }} Link
 */

/** @returns {Promise<Link>} only from the direct path, and from a server that knows of links: see {@link Info} */
export async function getLink() {
  return getJson('/api/link');
}

/**
 * Publishes over HTTP, which carries a token where a WebSocket cannot.
 *
 * @param {string} topic
 * @param {unknown} data any JSON
 * @param {string} token the administrator's
 * @returns {Promise<{ cursor: string }>} where the message stands now
 */
export async function publish(topic, data, token) {
  const response = await fetch(`/api/topics/${topic}`, {
    method: 'POST',
    headers: { 'Content-Type': 'application/json', Authorization: `Bearer ${token}` },
    body: JSON.stringify(data),
  });
  if (!response.ok) throw new Error(await problem(response));
  return response.json();
}

/** @returns {Promise<Info>} */
export async function getInfo() {
  return getJson('/api/info');
}

/** @typedef {{ iceServers: RTCIceServer[], ttl?: number, expires_at?: number }} IceConfiguration `ttl` in s; both only with TURN */

/** @returns {Promise<IceConfiguration>} */
export async function getIceServers() {
  return getJson('/api/ice-servers');
}

/**
 * What the page of advice asks and shows; the server decides. `docs/schema/advise.v1.json` describes the advice.
 *
 * @typedef {string | number | boolean | string[] | null} Answer
 * @typedef {{ key: string, axis: string, title: string, answers: [string, string][], many: boolean, unit?: 'ms' | 'hz' | 'bytes' | 'count', least: number, most: number }} Question
 * @typedef {{ questions: Question[], presets: { id: string, title: string, needs: Record<string, Answer> }[], usual: Record<string, Answer> }} Asked
 * @typedef {{ key: string, text: string }} Said
 * @typedef {{ requirements: Said[], because: string, source?: string }} Reason
 * @typedef {{ kind: 'clear', transport: TransportId } | { kind: 'close', transports: TransportId[] } | { kind: 'none', nearest: TransportId }} Outcome
 * @typedef {object} Standing
 * @property {TransportId} transport
 * @property {string} label
 * @property {number} points
 * @property {Reason[]} ruled_out
 * @property {(Reason & { points: number })[]} preferences
 * @property {{ p99_ms: number, source: string, is_kept: boolean }} lateness
 * @typedef {{ key: string, change: string, instead_of: string, to: Answer, then: Outcome, then_words: string }} Flip
 * @typedef {{ transport: TransportId, name: string, value: string, flag?: string, because: string }} Setting
 * @typedef {{ server: string, transport: TransportId, connection_kib: number | null, memory_mib: number | null, cores: number | null, measured: 'here' | 'elsewhere' | 'evidence', source: string }} Cost
 * @typedef {object} Advice
 * @property {Record<string, Answer>} needs
 * @property {(Said & { is_usual: boolean })[]} answers
 * @property {Outcome} outcome
 * @property {string} outcome_words
 * @property {Standing[]} ranked
 * @property {Flip[]} flips
 * @property {{ says: string, because: string }[]} together
 * @property {Setting[]} settings
 * @property {string[]} notes
 * @property {number} server_rate_hz
 * @property {Cost[]} costs
 * @property {{ report: string, says: string, instead_of?: string }[]} cited
 * @property {{ need: string, fits: DecisionRow['fits'], is_asked_for: boolean }[]} rows
 */

/** @returns {Promise<Asked>} */
export async function getAsked() {
  return getJson('/api/advise');
}

/** Answers, or a report, that the server cannot take; `keys` are the answers that it is about. */
export class Refused extends Error {
  /** @param {string} message @param {readonly string[]} keys */
  constructor(message, keys) {
    super(message);
    this.keys = keys;
  }
}

/**
 * @param {{ needs: Record<string, Answer>, evidence: { name: string, report: unknown }[] }} body
 * @param {AbortSignal} signal
 * @returns {Promise<Advice>}
 * @throws {Refused} with every reason in its message
 */
export async function postAdvise(body, signal) {
  const response = await fetch('/api/advise', {
    method: 'POST',
    headers: { 'Content-Type': 'application/json' },
    body: JSON.stringify(body),
    signal,
  });
  if (response.ok) return response.json();
  const { errors = [], detail, title } = await response.json().catch(() => ({}));
  const keys = errors.flatMap((/** @type {{ keys: string[] }} */ { keys }) => keys);
  throw new Refused(detail ?? title ?? `the server answered ${response.status}`, keys);
}

/**
 * @param {string} path
 * @returns {Promise<any>}
 */
async function getJson(path) {
  const response = await fetch(path, { headers: { Accept: 'application/json' } });
  if (!response.ok) throw new Error(await problem(response));
  return response.json();
}

/** The sentence in an RFC 9457 problem, else the status. @param {Response} response */
async function problem(response) {
  const body = await response.json().catch(() => ({}));
  return body.detail ?? body.title ?? `the server answered ${response.status}`;
}
