/**
 * A peer connection with the two channels that wirelab's peers agree on beforehand, whoever is at the other end:
 * id 0 `control`, ordered and reliable; id 1 `state`, unordered, nothing sent twice.
 *
 * Negotiated on both ends: a channel announced in-band depends on the other side's taking over its reliability, and not
 * every stack does, while `ordered` and `maxRetransmits` read the same either way.
 */

import { Negotiation } from './negotiation.js';

/** @typedef {import('./signalling.js').Signal} Signal */
/** @typedef {'control' | 'state'} ChannelName */

/**
 * Why a connection is no more, for programs; each has its words in the page.
 *
 * @typedef {'no-answer' | 'loopback' | 'checks' | 'dtls' | 'sctp' | 'disconnected' | 'failed' | 'closed' | 'description'} PeerEnd
 */

/**
 * @typedef {object} PeerHandlers
 * @property {() => void} open both channels are
 * @property {(channel: ChannelName, text: string, received_ms: number) => void} message
 * @property {(end: PeerEnd, words: string) => void} ended once, and not by {@link Peer.close}
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

export class Peer {
  isOpen = false;
  #hasEnded = false;
  /** @type {Record<ChannelName, RTCDataChannel>} */
  #channels;
  /** @type {ReturnType<typeof setTimeout> | undefined} */
  #timer;
  #hooked = false;

  /**
   * @param {{ ice_servers: RTCIceServer[], isPolite: boolean, waits?: boolean, setup: import('./setup.js').Setup,
   *   say: (signal: Signal) => void }} how `waits`: the first offer is the other peer's
   * @param {PeerHandlers} on
   */
  constructor({ ice_servers, isPolite, waits, setup, say }, on) {
    this.on = on;
    this.setup = setup;
    this.connection = new RTCPeerConnection({ iceServers: ice_servers });
    const tell = (/** @type {Signal} */ signal) => {
      if (signal.type === 'offer') this.#mark('offered');
      say(signal);
    };
    this.negotiation = new Negotiation(this.connection, isPolite, tell, { waits });
    this.#channels = /** @type {any} */ (
      Object.fromEntries(CHANNELS.map(([name, init]) => [name, this.#channel(name, init)]))
    );
    this.connection.onsignalingstatechange = () => this.#described();
    this.connection.onicegatheringstatechange = () => {
      if (this.connection.iceGatheringState === 'complete') this.#mark('gathered');
    };
    this.connection.oniceconnectionstatechange = () => {
      if (['connected', 'completed'].includes(this.connection.iceConnectionState)) this.#mark('checked');
    };
    this.connection.onconnectionstatechange = () => this.#connectionChanged();
    this.#timer = setTimeout(() => this.#notOpen(), OPENING_MS);
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

  close() {
    this.#hasEnded = true;
    clearTimeout(this.#timer);
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
    if (connectionState === 'failed') return this.#end(this.isOpen ? 'failed' : this.#stage(), 'ICE or DTLS failed');
    if (!this.isOpen) return;
    clearTimeout(this.#timer);
    if (connectionState === 'disconnected')
      this.#timer = setTimeout(() => this.#end('disconnected', 'no packet came for 3 s'), DISCONNECTED_MS);
  }

  #notOpen() {
    this.#end(this.#stage(), `not open after ${OPENING_MS / 1000} s`);
  }

  /** The stage that an opening has not come beyond. @returns {PeerEnd} */
  #stage() {
    if (!this.setup.has('answered')) return 'no-answer';
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

/** Whether a description announces addresses, and none that is not its own machine's. @param {string} [sdp] */
function isLoopbackAlone(sdp = '') {
  const addresses = [...sdp.matchAll(/^a=candidate:(?:\S+ ){4}(\S+)/gm)].map(([, address]) => address);
  return addresses.length > 0 && addresses.every((address) => address.startsWith('127.') || address === '::1');
}
