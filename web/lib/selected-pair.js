/** The pair of candidates that a connection uses, as getStats tells it: the only proof of the way that packets go. */

/** @typedef {{ id: string, type: string, [key: string]: any }} Stat */

/**
 * @param {RTCPeerConnection} connection
 * @returns {Promise<{ stats: Stat[], transport?: Stat, pair?: Stat, local?: Stat, remote?: Stat }>} `pair` and its ends
 *   only once one is selected
 */
export async function selectedPair(connection) {
  const stats = /** @type {Stat[]} */ ([.../** @type {any} */ (await connection.getStats()).values()]);
  const transport = stats.find(({ type }) => type === 'transport');
  const byId = (/** @type {string | undefined} */ id) => stats.find((stat) => stat.id === id);
  // Firefox marks the pair itself.
  const pair =
    byId(transport?.selectedCandidatePairId) ?? stats.find(({ type, selected }) => type === 'candidate-pair' && selected);
  return { stats, transport, pair, local: byId(pair?.localCandidateId), remote: byId(pair?.remoteCandidateId) };
}

/** `relay – host, udp`; empty where none is selected. @param {{ local?: Stat, remote?: Stat }} ends */
export function pathWords({ local, remote }) {
  return local && remote ? `${local.candidateType} – ${remote.candidateType}, ${local.protocol}` : '';
}

/** Whether and how this end is relayed; empty where no pair is selected. @param {{ local?: Stat, remote?: Stat }} ends */
export function relayWords({ local, remote }) {
  if (!local || !remote) return '';
  if (local.candidateType === 'relay')
    return `yes: this browser’s end${local.relayProtocol ? `, over ${local.relayProtocol}` : ''}${local.url ? ` to ${local.url}` : ''}`;
  return remote.candidateType === 'relay' ? 'yes: the other end' : 'no: direct';
}
