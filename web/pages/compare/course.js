/**
 * The link during one window of a run: what it was when the window opened, what it was changed to since, and what it
 * carried, which is the difference of its counters. Told what `/api/link` answered; asks nobody.
 */

import { figuresOf, isLossless, inShort, sameProfile, timeOf } from '../../lib/shape.js';

/** @typedef {import('../../lib/link.js').LinkState} LinkState */
/** @typedef {import('../../lib/link.js').Counters} Counters */
/** @typedef {import('../../lib/shape.js').Profile} Profile */
/** @typedef {{ at_ms: number, name: string | null, profile: Profile, words: string }} Change `at_ms`: on this page's clock */
/** @typedef {{ packets: number, bytes: number, lost: number, dropped: number, lateness_p99_us: number }} Carried one direction in the window */

/** Changes of a window that are kept; a slider that is dragged makes many. */
const MOST_CHANGES = 256;
/** Counters this fresh are those of the moment, ms. */
const FRESH_MS = 100;

export class Course {
  /** The newest answer. @type {LinkState | undefined} */
  now;
  /** What the link was when the window opened. @type {(Profile & { name: string | null }) | undefined} */
  began;
  /** @type {Change[]} */
  changes = [];
  /** Counters when the window opened, or when they began anew. @type {LinkState['counters']} */
  #base;
  /** What was counted before they began anew. @type {{ down: Carried, up: Carried }} */
  #before = { down: nothing(), up: nothing() };
  #told_ms = -Infinity;
  #opened_ms = -Infinity;
  #state = /** @type {'open' | 'closing' | 'closed'} */ ('open');

  /** @param {LinkState} now @param {number} at_ms on this page's clock */
  told(now, at_ms) {
    if (this.#state === 'closed') return;
    if (this.#state === 'closing') this.#state = 'closed';
    const before = this.now;
    this.now = now;
    this.#told_ms = at_ms;
    if (now.profile && before?.profile && !sameProfile(now.profile, before.profile)) {
      this.changes.push({ at_ms, name: now.profile.name, profile: now.profile, words: settingWords(now.profile) });
      if (this.changes.length > MOST_CHANGES) this.changes.shift();
    }
    this.began ??= now.profile;
    if (!now.counters) return;
    this.#base ??= now.counters;
    // Another link has come up in the place of the one that was lost: its counters begin at zero.
    if (now.counters.down.packets < (before?.counters?.down.packets ?? 0)) {
      if (before) this.#before = this.#carried(before);
      this.#base = { down: zeroed(now.counters.down), up: zeroed(now.counters.up) };
    }
  }

  /** A window opens. Counters that were told a while ago are not its own: those told next are. @param {number} at_ms */
  open(at_ms) {
    this.#opened_ms = at_ms;
    this.began = this.now?.profile;
    this.changes = [];
    this.#base = at_ms - this.#told_ms < FRESH_MS ? this.now?.counters : undefined;
    this.#before = { down: nothing(), up: nothing() };
  }

  /** The run is over: what is told next is the last that counts. */
  close() {
    if (this.#state === 'open') this.#state = 'closing';
  }

  /** What the link carried in the window; undefined where it does not count. */
  get carried() {
    return this.now?.counters && this.#base ? this.#carried(this.now) : undefined;
  }

  /** The link's one-way delay to this page, µs; null where it is not known, or not the same all the time. */
  get delay_us() {
    const delays = [this.began, ...this.changes.map(({ profile }) => profile)].map((profile) =>
      profile ? timeOf(profile.down.delay) * 1000 : NaN,
    );
    return delays.every((delay_us) => delay_us === delays[0]) ? delays[0] : null;
  }

  /** What the link is known to have done to packets in the window. @returns {'single' | 'outages' | 'all' | 'changed' | 'none'} */
  get losses() {
    if (!this.began || this.changes.length) return 'changed';
    if (isLossless(this.began)) return 'none';
    const [down, up] = [figuresOf(this.began.down), figuresOf(this.began.up)];
    if (down.loss_percent === 100 || up.loss_percent === 100) return 'all';
    const isSingle = [this.began.down, this.began.up].every(({ loss, rate }) => typeof loss === 'string' && rate === undefined);
    return isSingle ? 'single' : 'outages';
  }

  /** How long the link passed nothing in the window, ms. @param {number} until_ms */
  outage_ms(until_ms) {
    const spells = [{ at_ms: this.#opened_ms, profile: this.began }, ...this.changes];
    return spells.reduce((sum, { at_ms, profile }, i) => {
      const isOut = profile && [profile.down, profile.up].some((shape) => figuresOf(shape).loss_percent === 100);
      return sum + (isOut ? (spells[i + 1]?.at_ms ?? until_ms) - at_ms : 0);
    }, 0);
  }

  /** The delay of the moment, µs; 0 where there is no link. */
  get delay_now_us() {
    return this.now?.profile ? timeOf(this.now.profile.down.delay) * 1000 : 0;
  }

  /** @param {LinkState} now @returns {{ down: Carried, up: Carried }} */
  #carried({ counters }) {
    const of = (/** @type {'down' | 'up'} */ direction) => {
      const [now, base, before] = [counters?.[direction], this.#base?.[direction], this.#before[direction]];
      if (!now || !base) return before;
      return {
        packets: before.packets + now.packets - base.packets,
        bytes: before.bytes + now.ip_bytes - base.ip_bytes,
        lost: before.lost + now.lost - base.lost,
        dropped: before.dropped + now.queue_dropped + now.overflowed - base.queue_dropped - base.overflowed,
        lateness_p99_us: now.lateness_p99_us,
      };
    };
    return { down: of('down'), up: of('up') };
  }
}

/** A setting in words, by its name where it has one. @param {Profile & { name: string | null }} profile */
export function settingWords(profile) {
  return profile.name ?? inShort(profile);
}

/** @returns {Carried} */
function nothing() {
  return { packets: 0, bytes: 0, lost: 0, dropped: 0, lateness_p99_us: 0 };
}

/** @param {Counters} counters @returns {Counters} */
function zeroed(counters) {
  return /** @type {Counters} */ (Object.fromEntries(Object.keys(counters).map((name) => [name, 0])));
}
