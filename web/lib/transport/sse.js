/**
 * Server-Sent Events in the browser: one HTTP answer that does not end, read by EventSource.
 *
 * Who reconnects. When the network drops, EventSource comes back by itself after `retry:` and sends the last id it saw
 * as the header Last-Event-ID. When the server answers with an error, EventSource gives up for good; then, and when the
 * page itself closed the stream, a new EventSource carries the same id as ?last_event_id=, since a page cannot set headers.
 */

import { backoff_ms } from '../backoff.js';
import { readFrame } from '../message.js';

/** @typedef {import('../lanes.js').LaneHandlers} LaneHandlers */
/** @typedef {import('../lanes.js').LaneState} LaneState */

export class SseLane {
  /** The last event id, as the server wrote it: what a resume names. */
  lastEventId = '';
  /** @type {LaneState} */
  state = { name: 'idle', why: 'not opened', cause: '', at_ms: 0 };

  /** @type {EventSource | undefined} */
  #source;
  /** @type {ReturnType<typeof setTimeout> | undefined} */
  #timer;
  #attempt = 0;
  /** What the last `drain` asked for, ms. */
  #asked_ms = 0;
  /** What ended the last connection. */
  #cause = '';

  /**
   * @param {{ topics: readonly string[], policy?: import('../message.js').Policy, base?: string }} options `base`: the
   *   origin to open, else the page's own
   * @param {LaneHandlers} on
   */
  constructor(options, on) {
    this.topics = options.topics;
    this.policy = options.policy;
    this.base = options.base ?? self.location.origin;
    this.on = on;
  }

  /** Opens the stream, from {@link lastEventId} where there is one. */
  open() {
    this.#drop();
    const query = new URLSearchParams(this.topics.map((topic) => ['topic', topic]));
    if (this.policy) query.set('policy', this.policy);
    if (this.lastEventId) query.set('last_event_id', this.lastEventId);
    const source = new EventSource(`${this.base}/events?${query}`);
    this.#source = source;
    this.#tell('connecting', this.#attempt === 0 ? 'asked for the stream' : `attempt ${this.#attempt + 1}`);

    source.onopen = () => this.#opened();
    source.onerror = () => this.#failed(source);
    for (const name of [...this.topics, 'hello', 'control'])
      source.addEventListener(name, (event) => this.#arrived(event));
  }

  /** @param {string} why */
  close(why = 'closed by this page') {
    this.#drop();
    this.#attempt = 0;
    this.#cause = '';
    this.#tell('closed', why);
  }

  #opened() {
    this.#attempt = 0;
    this.#asked_ms = 0;
    this.#cause = '';
    this.#tell('open', '');
  }

  /** @param {EventSource} source */
  #failed(source) {
    if (source.readyState === EventSource.CONNECTING) {
      this.#cause = this.#asked_ms ? 'drain' : 'dropped';
      this.#asked_ms = 0;
      this.#tell('connecting', `${this.#cause}: the browser comes back by itself`);
      return;
    }
    const wait_ms = backoff_ms(this.#attempt++, this.#asked_ms, Math.random());
    this.#drop();
    this.#timer = setTimeout(() => this.open(), wait_ms);
    this.#cause = 'refused';
    this.#tell('waiting', 'refused: the browser gave up, this page tries again', wait_ms);
  }

  /** @param {MessageEvent<string>} event */
  #arrived(event) {
    const arrival = { received_ms: performance.now(), bytes: event.data.length };
    if (event.lastEventId) this.lastEventId = event.lastEventId;
    const frame = readFrame(event.data, this.on);
    if (!frame) return;
    if (frame.type === 'drain') this.#asked_ms = frame.reconnect_after_ms;
    this.on.frame(frame, arrival);
  }

  #drop() {
    clearTimeout(this.#timer);
    this.#source?.close();
    this.#source = undefined;
  }

  /** @param {LaneState['name']} name @param {string} why @param {number} [wait_ms] */
  #tell(name, why, wait_ms) {
    this.state = { name, why, cause: this.#cause, at_ms: performance.now(), wait_ms };
    this.on.state(this.state);
  }
}
