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
 * What `GET /api/link` says of the emulated link to the same server.
 *
 * @typedef {object} Link
 * @property {'up' | 'lost' | 'unavailable' | 'off'} state `lost`: what carried it died
 * @property {string} [why] for every state but up
 * @property {{ what: string, commands: string[] }[]} ways_out what to type; each is enough by itself
 * @property {string} [mechanism]
 * @property {number} [port] of the server's far listener
 * @property {{ name: string | null, down: Shape, up: Shape }} [profile] name null: set by figures
 * @property {{ name: string, title: string }[]} profiles
 */

/**
 * @typedef {{ delay: string, jitter: string, rate?: string,
 *   loss: string | { outages: string, mean: string } | { bursts: string, length: number } }} Shape one direction
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
