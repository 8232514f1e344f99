/**
 * A peer connection with the two channels that wirelab's peers agree on beforehand, whoever is at the other end:
 * id 0 `control`, ordered and reliable; id 1 `state`, unordered, nothing sent twice.
 *
 * Negotiated on both ends: a channel announced in-band depends on the other side's taking over its reliability, and not
 * every stack does, while `ordered` and `maxRetransmits` read the same either way.
 */

import { isRelay } from './ice-probe.js';
import { Negotiation } from './negotiation.js';
import { selectedPair } from './selected-pair.js';

/** @typedef {import('./signalling.js').Signal} Signal */
/** @typedef {'control' | 'state'} ChannelName */

/**
 * Why a connection is no more, for programs; each has its words in the page.
 *
 * @typedef {'no-answer' | 'loopback' | 'checks' | 'relay' | 'dtls' | 'sctp' | 'disconnected' | 'failed' | 'closed' | 'description'} PeerEnd
 */

/**
 * @typedef {object} PeerHandlers
 * @property {() => void} open both channels are
 * @property {(channel: ChannelName, text: string, received_ms: number) => void} message
 * @property {(end: PeerEnd, words: string) => void} ended once, and not by {@link Peer.close}
 * @property {(why: string) => void} [restarting] the path is lost, and ICE looks for another one
 * @property {(took_ms: number) => void} [restored] it has found one, and the connection is the same
 */

/** @type {readonly [ChannelName, RTCDataChannelInit][]} */
const CHANNELS = [
  ['control', { negotiated: true, id: 0 }],
  ['state', { negotiated: true, id: 1, ordered: false, maxRetransmits: 0 }],
];

/** A whole connection that is not open by then is given up, ms: under loss one in eight never opens, a new one does. */
const OPENING_MS = 5000;
/** ICE recovers from short outages by itself; longer ones it seldom does, ms. */
const DISCONNECTED_MS = 3000;
/** An ICE restart that has not helped by then will not, ms. */
const RESTART_MS = 15_000;

export class Peer {
  isOpen = false;
  #hasEnded = false;
  /** @type {Record<ChannelName, RTCDataChannel>} */
  #channels;
  /** @type {ReturnType<typeof setTimeout> | undefined} */
  #timer;
  #hooked = false;
  #hasRelay = false;
  #isRelayOnly;
  #mayRestart;
  /** When the restart that goes on began, ms; none goes on: NaN. */
  #restarting_ms = NaN;
  /** @type {ReturnType<typeof setTimeout> | undefined} */
  #restartTimer;

  /**
   * @param {{ ice_servers: RTCIceServer[], isRelayOnly?: boolean, isPolite: boolean, waits?: boolean,
   *   mayRestart?: () => boolean, setup: import('./setup.js').Setup, say: (signal: Signal) => void }} how `waits`: the first offer is the other peer's;
   *   `isRelayOnly`: by TURN or not at all; `mayRestart`: whether a lost path is looked for anew, by an ICE restart,
   *   which takes signalling and a peer that can answer it; else the connection ends
   * @param {PeerHandlers} on
   */
  constructor({ ice_servers, isRelayOnly = false, isPolite, waits, mayRestart = () => false, setup, say }, on) {
    this.on = on;
    this.setup = setup;
    this.#isRelayOnly = isRelayOnly;
    this.#mayRestart = mayRestart;
    this.connection = new RTCPeerConnection({ iceServers: ice_servers, iceTransportPolicy: isRelayOnly ? 'relay' : 'all' });
    const tell = (/** @type {Signal} */ signal) => {
      if (signal.type === 'offer') this.#mark('offered');
      if (signal.type === 'candidate' && / typ relay /.test(signal.candidate?.candidate ?? '')) this.#hasRelay = true;
      say(signal);
    };
    this.negotiation = new Negotiation(this.connection, isPolite, tell, { waits });
    this.#channels = /** @type {any} */ (
      Object.fromEntries(CHANNELS.map(([name, init]) => [name, this.#channel(name, init)]))
    );
    this.connection.onsignalingstatechange = () => this.#described();
    this.connection.onicegatheringstatechange = () => {
      if (this.connection.iceGatheringState !== 'complete') return;
      this.#mark('gathered');
      if (this.#isRelayOnly && !this.#hasRelay && !this.isOpen) this.#end('relay', 'no TURN server gave an address');
    };
    this.connection.oniceconnectionstatechange = () => {
      if (['connected', 'completed'].includes(this.connection.iceConnectionState)) this.#mark('checked');
    };
    this.connection.onconnectionstatechange = () => this.#connectionChanged();
    this.#timer = setTimeout(() => this.#notOpen(), OPENING_MS);
  }

  /** What the channels are at this end. */
  get parameters() {
    return Object.values(this.#channels).map(({ label, id, ordered, maxRetransmits }) => ({ label, id, ordered, maxRetransmits }));
  }

  /** @param {Signal} signal from the other peer */
  take(signal) {
    this.negotiation.take(signal).catch((error) => {
      // A candidate that does not parse or comes for a description taken back is one way less; the others stand.
      if (signal.type !== 'candidate') this.#end('description', `${signal.type} not taken: ${error.message}`);
    });
  }

  /**
   * @param {ChannelName} channel
   * @param {string} text
   * @returns {boolean} whether it was handed to the browser
   */
  send(channel, text) {
    if (this.#channels[channel].readyState !== 'open') return false;
    this.#channels[channel].send(text);
    return true;
  }

  /**
   * Credentials for whatever is gathered from now on. What was gathered with the old ones ends with them, since a relay
   * asks for them again: where the path leads through it, an ICE restart moves on in time.
   *
   * @param {RTCIceServer[]} ice_servers
   * @returns {Promise<boolean>} whether it moves on
   */
  async renew(ice_servers) {
    this.connection.setConfiguration({ ...this.connection.getConfiguration(), iceServers: ice_servers });
    const { local } = await selectedPair(this.connection);
    const moves = local?.candidateType === 'relay' && !this.#hasEnded && this.#mayRestart();
    if (moves) this.connection.restartIce();
    return moves;
  }

  close() {
    this.#hasEnded = true;
    clearTimeout(this.#timer);
    clearTimeout(this.#restartTimer);
    this.connection.close();
  }

  /** @param {ChannelName} name @param {RTCDataChannelInit} init */
  #channel(name, init) {
    const channel = this.connection.createDataChannel(name, init);
    channel.onmessage = ({ data }) => {
      const received_ms = performance.now();
      // What the browser had queued still comes after the end.
      if (!this.#hasEnded) this.on.message(name, data, received_ms);
    };
    channel.onopen = () => this.#channelOpened();
    channel.onclose = () => this.#end('closed', 'the other side closed it');
    return channel;
  }

  #channelOpened() {
    if (this.isOpen || Object.values(this.#channels).some(({ readyState }) => readyState !== 'open')) return;
    this.isOpen = true;
    clearTimeout(this.#timer);
    this.#mark('opened');
    this.on.open();
  }

  #described() {
    if (this.connection.signalingState === 'stable') this.#mark('answered');
    const { sctp } = this.connection;
    if (!sctp || this.#hooked) return;
    this.#hooked = true;
    sctp.addEventListener('statechange', () => sctp.state === 'connected' && this.#mark('associated'));
    const dtls = sctp.transport;
    dtls?.addEventListener('statechange', () => dtls.state === 'connected' && this.#mark('secured'));
  }

  #connectionChanged() {
    const { connectionState } = this.connection;
    if (connectionState === 'failed') return this.#lost(this.isOpen ? 'failed' : this.#stage(), 'ICE or DTLS failed');
    if (!this.isOpen) return;
    clearTimeout(this.#timer);
    if (connectionState === 'connected') this.#found();
    if (connectionState === 'disconnected')
      this.#timer = setTimeout(() => this.#lost('disconnected', 'no packet came for 3 s'), DISCONNECTED_MS);
  }

  /** The path is lost. An open connection may look for another one, once. @param {PeerEnd} end @param {string} words */
  #lost(end, words) {
    if (!this.isOpen || !this.#mayRestart()) return this.#end(end, words);
    if (!Number.isNaN(this.#restarting_ms)) return; // its own time is running
    this.#restarting_ms = performance.now();
    this.#restartTimer = setTimeout(
      () => this.#end(end, `${words}, and an ICE restart found no other path in ${RESTART_MS / 1000} s`),
      RESTART_MS,
    );
    this.on.restarting?.(words);
    this.connection.restartIce();
  }

  #found() {
    if (Number.isNaN(this.#restarting_ms)) return;
    clearTimeout(this.#restartTimer);
    this.on.restored?.(performance.now() - this.#restarting_ms);
    this.#restarting_ms = NaN;
  }

  #notOpen() {
    this.#end(this.#stage(), `not open after ${OPENING_MS / 1000} s`);
  }

  /** The stage that an opening has not come beyond. @returns {PeerEnd} */
  #stage() {
    if (!this.setup.has('answered')) return 'no-answer';
    if (this.#isRelayOnly && !this.#hasRelay) return 'relay';
    if (!this.setup.has('checked')) return isLoopbackAlone(this.connection.remoteDescription?.sdp) ? 'loopback' : 'checks';
    return this.connection.sctp?.transport?.state === 'connected' ? 'sctp' : 'dtls';
  }

  /** @param {PeerEnd} end @param {string} words */
  #end(end, words) {
    if (this.#hasEnded) return;
    this.close();
    this.on.ended(end, words);
  }

  /** @param {import('./setup.js').Mark} mark */
  #mark(mark) {
    this.setup.mark(mark, performance.now());
  }
}

/** Whether one of them relays: TURN, not STUN. @param {readonly RTCIceServer[]} ice_servers */
export function namesRelay(ice_servers) {
  return ice_servers.some(({ urls }) => [urls].flat().some(isRelay));
}

/** Whether a description announces addresses, and none that is not its own machine's. @param {string} [sdp] */
function isLoopbackAlone(sdp = '') {
  const addresses = [...sdp.matchAll(/^a=candidate:(?:\S+ ){4}(\S+)/gm)].map(([, address]) => address);
  return addresses.length > 0 && addresses.every((address) => address.startsWith('127.') || address === '::1');
}
