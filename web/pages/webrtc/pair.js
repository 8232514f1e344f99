/** Candidates of both sides, the pair that was selected, and what getStats says of it. */

import { atTableRate, setText } from '../../lib/cadence.js';
import { make, need } from '../../lib/dom.js';
import { bytes, count, duration } from '../../lib/format.js';

/** What the types are. @type {Record<string, string>} */
const TYPES = {
  host: 'an address of the machine’s own. A name that ends in .local stands for one: browsers hide theirs',
  srflx: 'server-reflexive: how a STUN server sees this peer from outside its NAT',
  prflx: 'peer-reflexive: learnt from a check that came from an address nobody had announced',
  relay: 'an address at a TURN server, which passes everything on: works nearly everywhere, costs the most',
};

/** @typedef {{ id: string, type: string, [key: string]: any }} Stat */

export class Pair {
  /** @param {import('../../lib/transport/datachannel.js').DataChannelLane} lane */
  constructor(lane) {
    this.lane = lane;
    this.body = need('.candidates tbody');
    this.drawn = '';
    this.isAsking = false;
    atTableRate(() => this.#ask());
  }

  /** The lane's state changed: what is drawn may be of a connection that is gone. */
  state() {
    if (this.lane.peer) return;
    for (const cell of document.querySelectorAll('[data-pair]')) setText(cell, '–');
  }

  async #ask() {
    const connection = this.lane.peer?.connection;
    if (!connection || this.isAsking) return;
    this.isAsking = true;
    try {
      const stats = /** @type {Stat[]} */ ([.../** @type {any} */ (await connection.getStats()).values()]);
      if (connection === this.lane.peer?.connection) this.#draw(stats);
    } finally {
      this.isAsking = false;
    }
  }

  /** @param {Stat[]} stats */
  #draw(stats) {
    const ofType = (/** @type {string} */ type) => stats.filter((stat) => stat.type === type);
    const [transport] = ofType('transport');
    // Firefox marks the pair itself.
    const pair =
      stats.find(({ id }) => id === transport?.selectedCandidatePairId) ??
      ofType('candidate-pair').find(({ selected }) => selected);
    const ends = [pair?.localCandidateId, pair?.remoteCandidateId];
    this.#drawCandidates([...ofType('local-candidate'), ...ofType('remote-candidate')], ends);
    const [local, remote] = ends.map((end) => stats.find(({ id }) => id === end));
    const channel = (/** @type {string} */ name) => ofType('data-channel').find(({ label }) => label === name);
    const messages = ['state', 'control'].map((name) => count(channel(name)?.messagesReceived ?? NaN));
    put('path', local && remote ? `${local.candidateType} – ${remote.candidateType}, ${local.protocol}` : '–');
    put('rtt', duration((pair?.currentRoundTripTime ?? NaN) * 1000));
    const cipher = transport?.dtlsCipher?.replace(/^TLS_/, '').replaceAll('_', ' ');
    put('dtls', [dtlsWords(transport?.tlsVersion), cipher].filter(Boolean).join(', ') || '–');
    put('sent', bytes(pair?.bytesSent ?? NaN));
    put('received', bytes(pair?.bytesReceived || transport?.bytesReceived || NaN));
    put('messages', messages.join(' / '));
  }

  /** @param {Stat[]} candidates @param {string[]} selected */
  #drawCandidates(candidates, selected) {
    const key = JSON.stringify([candidates.map(({ id }) => id), selected]);
    if (key === this.drawn || candidates.length === 0) return;
    this.drawn = key;
    this.body.replaceChildren(...candidates.map((candidate) => rowOf(candidate, selected.includes(candidate.id))));
  }
}

/** @param {string} name @param {string} text */
function put(name, text) {
  setText(need(`[data-pair="${name}"]`), text);
}

/** @param {Stat} candidate @param {boolean} isSelected */
function rowOf({ type, candidateType, address, port, protocol, url }, isSelected) {
  const host = address?.includes(':') ? `[${address}]` : address;
  // TCP from the browser, whose port 9 stands for any that the system gives it (RFC 6544).
  const dials = 'it would dial out by TCP, from whatever port it is given, to a peer that listens on TCP';
  const isDialling = protocol === 'tcp' && port === 9;
  return make(
    'tr',
    isSelected ? { class: 'selected' } : {},
    make('th', { scope: 'row' }, type === 'local-candidate' ? 'this browser' : 'the server'),
    make('td', {}, candidateType),
    make('td', {}, make('code', {}, host ? `${host}:${port}` : `hidden, port ${port}`)),
    make('td', {}, protocol),
    make('td', {}, isDialling ? dials : `${TYPES[candidateType] ?? ''}${url ? ` (${url})` : ''}`),
  );
}

/** @param {string | undefined} version as four hex digits, RFC 6347 */
function dtlsWords(version) {
  return version && ({ FEFD: 'DTLS 1.2', FEFC: 'DTLS 1.3' }[version.toUpperCase()] ?? version);
}
