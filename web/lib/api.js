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
