/** What the pages ask the server for over plain HTTP. */

/**
 * @typedef {object} Info what `GET /api/info` says of this server
 * @property {string} name
 * @property {string} version
 * @property {{ scheme: string, address: string, url: string, path: string }[]} listeners
 * @property {{ id: string, path: string, heartbeat_ms: number }[]} lanes
 * @property {TransportFacts[]} transports
 * @property {DecisionRow[]} decision
 * @property {Record<string, number>} limits the unit is the last part of the name
 * @property {'open' | 'token'} publish who may publish
 */

/**
 * @typedef {Record<'label' | 'short' | 'standard' | 'initiates' | 'guarantee' | 'route' | 'carries' | 'resumes' | 'costs' | 'choose' | 'avoid', string>
 *   & { id: TransportId }} TransportFacts
 */

/** @typedef {'sse' | 'websocket' | 'datachannel'} TransportId */
/** @typedef {{ axis: string, need: string, fits: Record<TransportId, 'best' | 'works' | 'no'>, because: string }} DecisionRow */

/** @returns {Promise<Info>} */
export async function getInfo() {
  return getJson('/api/info');
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
