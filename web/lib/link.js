/**
 * The emulated link of this server, as `/api/link` tells it: read once a second while the page is seen, set with the
 * newest wish winning. It is one link for everybody on this server, so what others do to it is told as theirs.
 *
 * The link's own state never travels through the link: the page's own origin is asked.
 */

import { farOrigin } from './link-words.js';

/** @typedef {import('./shape.js').Profile} Profile */
/** @typedef {import('./shape.js').Shape} Shape */
/** @typedef {{ what: string, commands: string[] }} WayOut */
/** @typedef {{ name: string, title: string, source: string, down: Shape, up: Shape }} Named */

/**
 * @typedef {object} Counters of one direction, since the link came up
 * @property {number} packets
 * @property {number} ip_bytes
 * @property {number} lost
 * @property {number} queue_dropped
 * @property {number} overflowed
 * @property {number} duplicated
 * @property {number} reordered
 * @property {number} delivered
 * @property {number} refused
 * @property {number} kernel_dropped
 * @property {number} lateness_p50_us
 * @property {number} lateness_p99_us
 */

/**
 * @typedef {object} LinkState
 * @property {number} revision
 * @property {'up' | 'lost' | 'unavailable' | 'off'} state
 * @property {string} [why]
 * @property {WayOut[]} ways_out
 * @property {string} [mechanism]
 * @property {string} [congestion]
 * @property {number} [seed]
 * @property {number} [port]
 * @property {Profile & { name: string | null }} [profile]
 * @property {Named[]} profiles
 * @property {{ down: Counters, up: Counters }} [counters]
 * @property {boolean} may_change
 */

/** What to set: a profile by its name, or by its shapes. @typedef {string | Profile} Wish */
/** Who changed it: `asked` is the first answer of all. @typedef {'asked' | 'here' | 'elsewhere'} By */

const POLL_MS = 1000;
/** A slider that is dragged asks at most so often, ms. */
const DEBOUNCE_MS = 120;
/** The answer of the link's far end, where nobody could mend a loss of all. */
const MISDIRECTED = 421;
/** An answer that takes longer is none, ms. */
const PATIENCE_MS = 5000;

export class Link {
  /** The newest answer. @type {LinkState | undefined} */
  now;
  /** Whether a wish is on its way. */
  isSetting = false;
  /** @type {Wish | undefined} */
  #wish;
  /** @type {{ done: (isSet: boolean) => void }[]} */
  #waiting = [];
  /** @type {ReturnType<typeof setTimeout> | undefined} */
  #timer;
  /** @type {Promise<void> | undefined} */
  #reading;
  /** This page came through the link: it is never told here. */
  #isMisdirected = false;

  /**
   * @param {{ told: (now: LinkState, before: LinkState | undefined, by: By) => void, failed: (words: string, at: 'read' | 'set') => void }} on
   *   `told` on every answer; `failed`: the server did not answer, or refused what was asked
   */
  constructor(on) {
    this.on = on;
  }

  /** Asks now, and from now on once a second. A page that is hidden asks nothing. */
  start() {
    setInterval(() => document.hidden || this.read(), POLL_MS);
    document.addEventListener('visibilitychange', () => document.hidden || this.read());
    return this.read();
  }

  get isUp() {
    return this.now?.state === 'up';
  }

  /** Whether lanes of this page can go through it: it has no TLS, and a page that came by HTTPS may open nothing without. */
  get isUsable() {
    return this.isUp && location.protocol === 'http:';
  }

  /** Where the lanes go through the link: this page's own host on the link's port. */
  get origin() {
    return this.now?.port ? farOrigin(location.hostname, this.now.port) : undefined;
  }

  /** Asks for the state, unless a wish or a question is on its way, which will tell it. */
  async read() {
    if (this.isSetting || this.#timer !== undefined || this.#isMisdirected) return;
    this.#reading ??= this.#ask().finally(() => (this.#reading = undefined));
    await this.#reading;
  }

  /**
   * Sets the link; of wishes that come quickly after one another the newest is set.
   *
   * @param {Wish} wish
   * @returns {Promise<boolean>} whether this wish, or one that came after it, was set
   */
  set(wish) {
    this.#wish = wish;
    this.#timer ??= setTimeout(() => this.#put(), DEBOUNCE_MS);
    return new Promise((done) => this.#waiting.push({ done }));
  }

  /** Sets the link while the page goes: nobody waits for the answer. @param {Wish} wish */
  leaveAt(wish) {
    fetch('/api/link', {
      method: 'PUT',
      headers: { 'Content-Type': 'application/json' },
      body: JSON.stringify({ profile: wish }),
      keepalive: true,
    }).catch(() => undefined); // the page is gone by then
  }

  async #ask() {
    const began = this.now;
    try {
      const now = await request('GET');
      // A wish that was set meanwhile knows better.
      if (this.now === began && !this.isSetting) this.#take(now, began ? 'elsewhere' : 'asked');
    } catch (error) {
      this.#isMisdirected = /** @type {Refusal} */ (error).status === MISDIRECTED;
      this.on.failed(/** @type {Error} */ (error).message, 'read');
    }
  }

  async #put() {
    if (this.isSetting) return; // it looks for a newer wish when it is done
    this.isSetting = true;
    const waiting = this.#waiting.splice(0);
    let isSet = false;
    try {
      const wish = this.#wish;
      this.#wish = undefined;
      const now = await request('PUT', { profile: wish, revision: this.now?.revision });
      this.#take(now, 'here');
      isSet = true;
    } catch (error) {
      this.on.failed(/** @type {Error} */ (error).message, 'set');
    }
    this.isSetting = false;
    this.#timer = undefined;
    // The newest wish speaks for those before it.
    if (this.#wish !== undefined) {
      this.#waiting.push(...waiting);
      this.#timer = setTimeout(() => this.#put(), DEBOUNCE_MS);
      return;
    }
    if (!isSet) await this.read(); // what the link is now, which is not what was wished for
    for (const { done } of waiting) done(isSet);
  }

  /** @param {LinkState} now @param {By} by */
  #take(now, by) {
    const before = this.now;
    this.now = now;
    this.on.told(now, before, by);
  }
}

/**
 * @param {'GET' | 'PUT'} method
 * @param {Record<string, unknown>} [body]
 * @returns {Promise<LinkState>}
 */
async function request(method, body) {
  const response = await fetch('/api/link', {
    method,
    headers: { Accept: 'application/json', ...(body && { 'Content-Type': 'application/json' }) },
    body: body && JSON.stringify(body),
    signal: AbortSignal.timeout(PATIENCE_MS),
  }).catch((error) => {
    throw new Error(error.name === 'TimeoutError' ? 'the server did not answer in 5 s' : 'the server cannot be reached');
  });
  const answer = await response.json().catch(() => ({}));
  if (response.ok) return answer;
  throw new Refusal(response.status, refusal(response.status, answer));
}

/** The server answered, and not with what was asked for. */
class Refusal extends Error {
  /** @param {number} status @param {string} words */
  constructor(status, words) {
    super(words);
    this.status = status;
  }
}

/** Why the link was not set, or not told. @param {number} status @param {{ detail?: string, title?: string }} problem */
function refusal(status, { detail, title }) {
  if (status === 409) return 'somebody else changed the link at the same moment: what you see is theirs, set it again';
  return detail ?? title ?? `the server answered ${status}`;
}
