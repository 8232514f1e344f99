/**
 * WebSocket in the browser: one socket, both directions, as many topics as one likes.
 *
 * The browser does nothing about a lost socket: reconnecting, subscribing again and naming the cursor are ours.
 * The same cursor resumes on every lane.
 */

import { backoff_ms } from '../backoff.js';
import { readFrame } from '../message.js';

/** @typedef {import('../lanes.js').LaneHandlers} LaneHandlers */
/** @typedef {import('../lanes.js').LaneState} LaneState */
/** @typedef {import('../message.js').Policy} Policy */

export class WebSocketLane {
  /** @type {LaneState} */
  state = { name: 'idle', why: 'not opened', cause: '', at_ms: 0 };

  /** What to subscribe to, and after which message. @type {Map<string, { policy: Policy, cursor?: string }>} */
  #topics = new Map();
  /** @type {WebSocket | undefined} */
  #socket;
  /** @type {ReturnType<typeof setTimeout> | undefined} */
  #timer;
  #attempt = 0;
  /** What the last `drain` asked for, ms. */
  #asked_ms = 0;
  /** What ended the last connection. */
  #cause = '';

  /** @param {LaneHandlers} on @param {string} [base] the origin to open, else the page's own */
  constructor(on, base) {
    this.on = on;
    this.base = base;
  }

  /** Opens the socket and subscribes to everything asked for so far, each from its cursor. */
  open() {
    this.#drop();
    const socket = new WebSocket(socketUrl('/ws', this.base), 'wirelab.v1');
    this.#socket = socket;
    this.#tell('connecting', this.#attempt === 0 ? 'asked for the upgrade' : `attempt ${this.#attempt + 1}`);

    socket.onopen = () => this.#opened();
    socket.onclose = (event) => this.#closed(event);
    socket.onmessage = (event) => this.#arrived(event);
  }

  /** @param {string} why */
  close(why = 'closed by this page') {
    this.#drop();
    this.#attempt = 0;
    this.#cause = '';
    this.#tell('closed', why);
  }

  /**
   * Sends a command, if the socket is open.
   *
   * @param {Record<string, unknown>} command `type` first
   * @returns {boolean} whether it was handed to the browser
   */
  send(command) {
    if (this.#socket?.readyState !== WebSocket.OPEN) return false;
    this.#socket.send(JSON.stringify(command));
    return true;
  }

  /** Bytes that the browser holds and has not sent yet. */
  get unsent_bytes() {
    return this.#socket?.bufferedAmount ?? 0;
  }

  /**
   * Subscribes now and after every reconnect.
   *
   * @param {string} topic
   * @param {{ policy?: Policy, cursor?: string }} [options] `cursor`: everything after it; none: live only
   */
  subscribe(topic, { policy = 'gap', cursor } = {}) {
    this.#topics.set(topic, { policy, cursor });
    this.send({ type: 'subscribe', topic, policy, cursor });
  }

  /** @param {string} topic */
  unsubscribe(topic) {
    this.#topics.delete(topic);
    this.send({ type: 'unsubscribe', topic });
  }

  #opened() {
    this.#attempt = 0;
    this.#asked_ms = 0;
    this.#cause = '';
    this.#tell('open', '');
    for (const [topic, { policy, cursor }] of this.#topics) this.send({ type: 'subscribe', topic, policy, cursor });
  }

  /** @param {CloseEvent} event */
  #closed(event) {
    const wait_ms = backoff_ms(this.#attempt++, this.#asked_ms, Math.random());
    this.#drop();
    this.#timer = setTimeout(() => this.open(), wait_ms);
    this.#cause = `closed ${event.code}${this.#asked_ms ? ' drain' : ''}`;
    this.#asked_ms = 0;
    this.#tell('waiting', `closed ${event.code} ${event.reason}`.trim(), wait_ms);
  }

  /** @param {MessageEvent<string>} event */
  #arrived(event) {
    const arrival = { received_ms: performance.now(), bytes: event.data.length };
    const frame = readFrame(event.data, this.on);
    if (!frame) return;
    if (frame.type === 'drain') this.#asked_ms = frame.reconnect_after_ms;
    const subscription = 'topic' in frame ? this.#topics.get(frame.topic) : undefined;
    if (subscription && 'cursor' in frame) subscription.cursor = frame.cursor;
    this.on.frame(frame, arrival);
  }

  #drop() {
    clearTimeout(this.#timer);
    if (this.#socket) {
      // A closed handler must not start the next attempt: the page asked for this end.
      this.#socket.onopen = this.#socket.onclose = this.#socket.onmessage = null;
      this.#socket.close(1000);
    }
    this.#socket = undefined;
  }

  /** @param {LaneState['name']} name @param {string} why @param {number} [wait_ms] */
  #tell(name, why, wait_ms) {
    this.state = { name, why, cause: this.#cause, at_ms: performance.now(), wait_ms };
    this.on.state(this.state);
  }
}

/**
 * The WebSocket URL of a path.
 *
 * @param {string} path
 * @param {string} [base] an origin, else the page's own
 */
export function socketUrl(path, base = self.location.href) {
  const url = new URL(path, base);
  url.protocol = url.protocol === 'https:' ? 'wss:' : 'ws:';
  return url.href;
}
