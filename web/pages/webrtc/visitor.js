/** Another browser in the room: its connection, its row, its round trips. */

import { setText } from '../../lib/cadence.js';
import { make } from '../../lib/dom.js';
import { count, duration } from '../../lib/format.js';
import { Histogram } from '../../lib/histogram.js';
import { Peer } from '../../lib/peer.js';
import { pathWords, selectedPair } from '../../lib/selected-pair.js';
import { Setup } from '../../lib/setup.js';

/** Between two echoes, ms. */
const PAUSE_MS = 200;
/** Longest line that is taken from another browser, characters. */
const LONGEST = 500;

export class Visitor {
  setup = new Setup();
  #histogram = new Histogram();
  /** Echoes on the way: id to time, ms. @type {Map<number, number>} */
  #sent_ms = new Map();
  #asked = 0;
  #path = '';
  /** In words; empty: the path is there. */
  #trouble = '';
  /** @type {ReturnType<typeof setInterval> | undefined} */
  #timer;

  /**
   * @param {{ id: string, isPolite: boolean, isRelayOnly: boolean, mayRestart: () => boolean, ice_servers: RTCIceServer[], signalling: import('../../lib/signalling.js').Signalling }} how
   * @param {{ opened: () => void, said: (text: string) => void, ended: (words: string) => void,
   *   restarting: (why: string) => void, restored: (words: string) => void, path: (path: string) => void }} on
   */
  constructor({ id, isPolite, isRelayOnly, mayRestart, ice_servers, signalling }, on) {
    this.id = id;
    this.name = id.slice(0, 8);
    this.on = on;
    this.row = make('tr', {}, make('th', { scope: 'row' }, make('code', {}, this.name)), ...Array.from({ length: 5 }, () => make('td')));
    this.setup.mark('asked', performance.now());
    this.setup.mark('welcome', performance.now());
    this.peer = new Peer(
      // Who was here first offers; both know which of them that is.
      { ice_servers, isRelayOnly, isPolite, waits: isPolite, mayRestart, setup: this.setup, say: (signal) => signalling.send(id, signal) },
      {
        open: () => this.#opened(),
        message: (channel, text, received_ms) => this.#arrived(channel, text, received_ms),
        ended: (end, words) => on.ended(`${end}: ${words}`),
        restarting: (why) => {
          this.#trouble = 'looking for another path';
          on.restarting(why);
        },
        restored: (took_ms) => {
          this.#trouble = '';
          on.restored(`found another path in ${duration(took_ms)}; the connection is the same`);
        },
      },
    );
  }

  /** @param {string} text @returns {boolean} whether it was handed to the browser */
  say(text) {
    return this.peer.send('control', JSON.stringify({ type: 'chat', text }));
  }

  close() {
    clearInterval(this.#timer);
    this.peer.close();
  }

  /** @param {boolean} isPresent whether the hub still has it in the room */
  draw(isPresent) {
    const { count: back } = this.#histogram;
    const state = this.peer.isOpen ? this.#trouble || (isPresent ? 'open' : 'open, without the hub') : 'connecting';
    const p50 = back ? duration(this.#histogram.percentile(50) / 1000) : '–';
    const due = this.#asked - this.#sent_ms.size;
    const texts = [state, this.#path || '–', duration(this.setup.until_ms('opened')), p50, `${count(back)} of ${count(Math.max(back, due))}`];
    texts.forEach((text, i) => setText(this.row.cells[i + 1], text));
    this.#look();
  }

  async #look() {
    if (!this.peer.isOpen) return;
    const path = pathWords(await selectedPair(this.peer.connection));
    if (!path || path === this.#path) return;
    this.#path = path;
    this.on.path(path);
  }

  #opened() {
    this.#timer = setInterval(() => this.#ask(), PAUSE_MS);
    this.on.opened();
  }

  /** Over state: an echo that is lost stays lost, and is counted when ten newer ones were asked. */
  #ask() {
    const id = ++this.#asked;
    this.#sent_ms.set(id, performance.now());
    this.#sent_ms.delete(id - 10);
    this.peer.send('state', JSON.stringify({ type: 'echo', id }));
  }

  /**
   * The other browser may send anything at all.
   *
   * @param {import('../../lib/peer.js').ChannelName} channel
   * @param {string} text
   * @param {number} received_ms
   */
  #arrived(channel, text, received_ms) {
    const frame = read(text);
    if (frame?.type === 'chat') this.on.said(String(frame.text).slice(0, LONGEST));
    if (frame?.type === 'echo') this.peer.send(channel, JSON.stringify({ type: 'ack', id: frame.id, ack: true }));
    const sent_ms = frame?.type === 'ack' ? this.#sent_ms.get(frame.id) : undefined;
    if (sent_ms === undefined) return;
    this.#sent_ms.delete(frame.id);
    this.#histogram.record((received_ms - sent_ms) * 1000);
  }
}

/** @param {string} text @returns {any} undefined where it is no JSON */
function read(text) {
  try {
    return JSON.parse(text);
  } catch {
    return undefined;
  }
}
