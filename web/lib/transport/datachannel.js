/**
 * Data channels in the browser: a peer connection to the server's own peer, commands and answers on `control`, the feed
 * on `state` or on `control`.
 *
 * Signalling is needed to open, and only then: each attempt joins a room of its own, and leaves it when the channels are
 * open. The browser does nothing about a lost connection: a new one, with its wait, and subscribing again are ours. On
 * `state` there is no resume: what was missed there is old. On `control` the cursor resumes as on every lane.
 *
 * Never put a busy topic on `control` beside one on `state`: both share one congestion window, and under loss the reliable
 * one holds the other back. The lane `datachannel-reliable` is therefore a second one of these, with its own connection.
 */

import { backoff_ms } from '../backoff.js';
import { readFrame } from '../message.js';
import { namesRelay, Peer } from '../peer.js';
import { Setup } from '../setup.js';
import { randomId } from '../random-id.js';
import { SERVER, Signalling } from '../signalling.js';

/** @typedef {import('../lanes.js').LaneHandlers} LaneHandlers */
/** @typedef {import('../lanes.js').LaneState} LaneState */
/** @typedef {import('../message.js').Policy} Policy */
/** @typedef {import('../peer.js').ChannelName} ChannelName */

/** Why the last attempt or connection ended, for programs. @typedef {import('../peer.js').PeerEnd | 'signalling' | 'unsupported' | 'no-relay' | `refused ${string}`} Failure */

/** How long the hub may take for its welcome, ms. */
const WELCOME_MS = 5000;

export class DataChannelLane {
  /** @type {LaneState} */
  state = { name: 'idle', why: 'not opened', cause: '', at_ms: 0 };
  /** How the connection of the moment came to be. */
  setup = new Setup();
  /** The connection of the moment. @type {Peer | undefined} */
  peer;
  /** What ended the last one; none once one is open. @type {Failure | undefined} */
  failure;
  /** By a TURN server or not at all; holds from the next opening. */
  isRelayOnly = false;

  /** What to subscribe to, on which channel, and after which message. @type {Map<string, { channel: ChannelName, policy?: Policy, cursor?: string }>} */
  #topics = new Map();
  /** @type {Signalling | undefined} */
  #signalling;
  /** @type {ReturnType<typeof setTimeout> | undefined} */
  #timer;
  #attempt = 0;
  /** What the last `drain` asked for, ms. */
  #asked_ms = 0;
  /** What ended the last connection, short enough for a pill. */
  #cause = '';

  /** @param {LaneHandlers} on @param {string} [base] the origin whose hub is asked, else the page's own */
  constructor(on, base) {
    this.on = on;
    this.base = base;
  }

  /** Opens a connection and subscribes to everything asked for so far. */
  open() {
    this.#drop();
    this.#tell('connecting', this.#attempt === 0 ? 'asked the hub' : `attempt ${this.#attempt + 1}`);
    if (!('RTCPeerConnection' in globalThis)) return this.#ended('unsupported', 'this browser has no WebRTC');
    this.setup = new Setup();
    this.setup.mark('asked', performance.now());
    this.#timer = setTimeout(() => this.#ended('signalling', 'the hub did not answer in 5 s'), WELCOME_MS);
    const on = /** @type {import('../signalling.js').SignallingHandlers} */ ({
      welcome: (welcome) => this.#connect(welcome),
      signal: (from, signal) => from === SERVER && this.peer?.take(signal),
      refused: ({ code, message }) => this.#ended(`refused ${code}`, message),
      lost: (why) => this.#ended('signalling', `signalling ${why}`),
    });
    this.#signalling = new Signalling(`lane-${randomId()}`, on, this.base);
    this.#signalling.open();
  }

  /** @param {string} why */
  close(why = 'closed by this page') {
    this.#drop();
    this.#attempt = 0;
    this.#cause = '';
    this.#tell('closed', why);
  }

  /**
   * Sends a command on `control`, if it is open.
   *
   * @param {Record<string, unknown>} command `type` first
   * @returns {boolean} whether it was handed to the browser
   */
  send(command) {
    return this.peer?.send('control', JSON.stringify(command)) ?? false;
  }

  /**
   * Subscribes now and after every reconnect.
   *
   * @param {string} topic
   * @param {{ channel?: ChannelName, policy?: Policy, cursor?: string }} [options] on `state` the policy is always
   *   `latest` and there is no cursor
   */
  subscribe(topic, { channel = 'state', policy = 'gap', cursor } = {}) {
    this.#topics.set(topic, channel === 'state' ? { channel } : { channel, policy, cursor });
    this.#subscribe(topic);
  }

  /** @param {string} topic */
  unsubscribe(topic) {
    this.#topics.delete(topic);
    this.send({ type: 'unsubscribe', topic });
  }

  /** @param {string} topic */
  #subscribe(topic) {
    this.send({ type: 'subscribe', topic, ...this.#topics.get(topic) });
  }

  /** @param {import('../signalling.js').Welcome} welcome */
  #connect({ ice_servers, peers }) {
    clearTimeout(this.#timer); // from here the peer watches the time
    this.setup.mark('welcome', performance.now());
    if (this.isRelayOnly && !namesRelay(ice_servers))
      return this.#ended('no-relay', 'only through TURN, and the server named none');
    const server = peers.find(({ id }) => id === SERVER);
    const say = (/** @type {import('../signalling.js').Signal} */ signal) => this.#signalling?.send(SERVER, signal);
    this.peer = new Peer(
      { ice_servers, isRelayOnly: this.isRelayOnly, isPolite: server?.polite ?? true, setup: this.setup, say },
      {
        open: () => this.#opened(),
        message: (channel, text, received_ms) => this.#arrived(channel, text, received_ms),
        ended: (end, words) => this.#ended(end, words),
      },
    );
  }

  #opened() {
    this.#signalling?.close();
    this.#signalling = undefined;
    this.#attempt = 0;
    this.#asked_ms = 0;
    this.#cause = '';
    this.failure = undefined;
    this.#tell('open', '');
    for (const topic of this.#topics.keys()) this.#subscribe(topic);
  }

  /** @param {ChannelName} channel @param {string} text @param {number} received_ms */
  #arrived(channel, text, received_ms) {
    const frame = readFrame(text, this.on);
    if (!frame) return;
    if (frame.type === 'hello') this.setup.mark('hello', received_ms);
    if (frame.type === 'drain') this.#asked_ms = frame.reconnect_after_ms;
    const subscription = 'topic' in frame ? this.#topics.get(frame.topic) : undefined;
    if (subscription?.channel === 'control' && 'cursor' in frame) subscription.cursor = frame.cursor;
    this.on.frame(frame, { received_ms, bytes: text.length, channel });
  }

  /** @param {Failure} failure @param {string} words */
  #ended(failure, words) {
    const wait_ms = backoff_ms(this.#attempt++, this.#asked_ms, Math.random());
    this.#drop();
    this.failure = failure;
    this.#cause = this.#asked_ms ? 'drain' : failure;
    this.#asked_ms = 0;
    if (failure === 'unsupported') return this.#tell('closed', words);
    this.#timer = setTimeout(() => this.open(), wait_ms);
    this.#tell('waiting', `${failure}: ${words}`, wait_ms);
  }

  #drop() {
    clearTimeout(this.#timer);
    this.#signalling?.close();
    this.#signalling = undefined;
    this.peer?.close();
    this.peer = undefined;
  }

  /** @param {LaneState['name']} name @param {string} why @param {number} [wait_ms] */
  #tell(name, why, wait_ms) {
    this.state = { name, why, cause: this.#cause, at_ms: performance.now(), wait_ms };
    this.on.state(this.state);
  }
}
