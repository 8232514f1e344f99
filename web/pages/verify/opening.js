/** A connection to the server's own peer, opened as every page here opens one, and what was seen on the way. */

import { parseFrame } from '../../lib/message.js';
import { Peer } from '../../lib/peer.js';
import { randomId } from '../../lib/random-id.js';
import { Setup } from '../../lib/setup.js';
import { SERVER, Signalling } from '../../lib/signalling.js';
import { why } from './finding.js';

/** @typedef {import('../../lib/message.js').ServerFrame} ServerFrame */
/** @typedef {import('../../lib/transport/datachannel.js').Failure} Failure */

/** How long the hub may take for its welcome, ms; from there on the peer watches the time. */
const WELCOME_MS = 5000;
/** Candidates of the server that are kept. */
const MOST_CANDIDATES = 32;

export class Opening {
  setup = new Setup();
  /** The server's answer, as SDP; empty: none came. */
  answer = '';
  /** What the server announced, one `candidate:…` each. @type {string[]} */
  candidates = [];
  /** Why it did not open, or is open no more. @type {Failure | undefined} */
  failure;
  /** The same in words. */
  words = '';
  /** @type {Peer | undefined} */
  peer;

  /** @type {Signalling | undefined} */
  #signalling;
  /** Those who wait for a frame. @type {Set<(frame: ServerFrame | undefined, at_ms: number) => void>} */
  #waiting = new Set();
  /** It is open, or will not be. @type {(_: unknown) => void} */
  #settle = () => {};
  /** @type {ReturnType<typeof setTimeout> | undefined} */
  #late;

  /**
   * Opens it, or says why not in {@link Opening.failure}.
   *
   * @param {{ relays?: RTCIceServer[] }} [how] `relays`: through one of these or not at all; else as the hub says
   * @returns {Promise<boolean>} whether it is open
   */
  async open({ relays } = {}) {
    this.setup.mark('asked', performance.now());
    await new Promise((resolve) => {
      this.#settle = resolve;
      this.#late = setTimeout(() => this.#end('signalling', `no welcome in ${WELCOME_MS / 1000} s`), WELCOME_MS);
      this.#signalling = new Signalling(`verify-${randomId()}`, {
        welcome: (welcome) => this.#connect(welcome, relays),
        signal: (from, signal) => from === SERVER && this.#signalled(signal),
        refused: ({ code, message }) => this.#end(`refused ${code}`, message),
        lost: (words) => this.#end('signalling', `/signal: ${words}`),
      });
      this.#signalling.open();
    });
    this.#signalling?.close();
    return this.failure === undefined;
  }

  /**
   * Sends a command on `control` and waits for its answer, or with no command for what the server says by itself.
   *
   * @param {Record<string, unknown> | undefined} command
   * @param {(frame: ServerFrame) => boolean} isAnswer
   * @param {number} time_ms
   * @returns {Promise<{ frame?: ServerFrame, took_ms: number }>} no frame: none came, or the connection ended
   * @throws {TypeError} the browser takes the message for too large
   */
  async ask(command, isAnswer, time_ms) {
    const start_ms = performance.now();
    const isSent = !this.failure && (command === undefined || this.peer?.send('control', JSON.stringify(command)));
    if (!isSent) return { took_ms: 0 };
    return new Promise((resolve) => {
      const heard = (/** @type {ServerFrame | undefined} */ frame, /** @type {number} */ at_ms) => {
        if (frame && !isAnswer(frame)) return;
        clearTimeout(timer);
        this.#waiting.delete(heard);
        resolve({ frame, took_ms: at_ms - start_ms });
      };
      const timer = setTimeout(() => heard(undefined, performance.now()), time_ms);
      this.#waiting.add(heard);
    });
  }

  close() {
    clearTimeout(this.#late);
    this.#signalling?.close();
    this.peer?.close();
  }

  /** @param {import('../../lib/signalling.js').Welcome} welcome @param {RTCIceServer[]} [relays] */
  #connect({ ice_servers, peers }, relays) {
    clearTimeout(this.#late);
    this.setup.mark('welcome', performance.now());
    const server = peers.find(({ id }) => id === SERVER);
    const how = {
      ice_servers: relays ?? ice_servers,
      isRelayOnly: relays !== undefined,
      isPolite: server?.polite ?? true,
      setup: this.setup,
      say: (/** @type {import('../../lib/signalling.js').Signal} */ signal) => this.#signalling?.send(SERVER, signal),
    };
    try {
      this.peer = new Peer(how, {
        open: () => this.#settle(undefined),
        message: (channel, text, received_ms) => channel === 'control' && this.#heard(text, received_ms),
        ended: (end, words) => this.#end(end, words),
      });
    } catch (error) {
      this.#end('description', why(error)); // the browser takes a server of the welcome for none
    }
  }

  /** @param {import('../../lib/signalling.js').Signal} signal */
  #signalled(signal) {
    if (signal.type === 'answer') {
      this.answer = signal.sdp;
      this.#announced(...(signal.sdp.match(/^a=candidate:.*$/gm) ?? []));
    }
    if (signal.type === 'candidate' && signal.candidate?.candidate) this.#announced(signal.candidate.candidate);
    this.peer?.take(signal);
  }

  /** @param {string[]} lines */
  #announced(...lines) {
    const bare = lines.map((line) => line.replace(/^a=/, '').trim());
    this.candidates = [...new Set([...this.candidates, ...bare])].slice(0, MOST_CANDIDATES);
  }

  /** @param {string} text @param {number} received_ms */
  #heard(text, received_ms) {
    let frame;
    try {
      frame = parseFrame(text);
    } catch {
      return; // a newer server says more than this page knows
    }
    if (frame.type === 'hello') this.setup.mark('hello', received_ms);
    for (const heard of [...this.#waiting]) heard(frame, received_ms);
  }

  /** @param {Failure} failure @param {string} words */
  #end(failure, words) {
    if (this.failure) return;
    this.failure = failure;
    this.words = words;
    this.close();
    for (const heard of [...this.#waiting]) heard(undefined, performance.now());
    this.#settle(undefined);
  }
}
