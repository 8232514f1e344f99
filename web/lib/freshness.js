/**
 * Age of information, gaps and freezes: what fresh messages decide. Fresh is what was sent later than all before it; a
 * late, old or doubled message lowers no age and ends no gap.
 *
 * The definitions are those of `crates/model/src/metrics/{age,gap,freeze}.rs`. All times are on the sender's clock.
 */

import { Histogram } from './histogram.js';

/** @typedef {import('./meter.js').Summary} Summary */

/** A gap this much over the period is seen as a freeze. */
const FREEZE_ALLOWANCE_US = 150_000;

export class Freshness {
  #threshold_us;
  /** @type {number | null} when the newest state known was sent */
  #newest_us = null;
  /** @type {number | null} up to where the age is summed */
  #to_us;
  /** @type {number | null} */
  #last_fresh_us;
  #twice_area = 0;
  #watched_us = 0;
  #peak_us = 0;
  #heights = new Histogram();
  #longest_us = 0;
  #freezes = { count: 0, total_us: 0 };
  #isPaused = false;

  /**
   * @param {number | null} from_us when watching begins; else at the first message that counts
   * @param {number} period_us
   */
  constructor(from_us, period_us) {
    this.#to_us = from_us;
    this.#last_fresh_us = from_us;
    this.#threshold_us = Math.max(3 * period_us, period_us + FREEZE_ALLOWANCE_US);
  }

  /**
   * @param {number} sent_us
   * @param {number} at_us
   * @param {boolean} counts whether it is of the window, and not of the warm-up
   */
  arrival(sent_us, at_us, counts) {
    if (this.#newest_us !== null && sent_us <= this.#newest_us) return;
    this.#rise(at_us);
    this.#gap(at_us);
    this.#newest_us = sent_us;
    if (counts && !this.#isPaused) {
      this.#to_us ??= at_us;
      this.#last_fresh_us ??= at_us;
    }
  }

  /** Nobody watches from here on: neither age nor gaps go on. @param {number} at_us */
  pause(at_us) {
    this.#rise(at_us);
    this.#gap(at_us);
    this.#isPaused = true;
    // Where nothing had counted yet, the first that counts opens the watch as before.
    if (this.#to_us !== null) this.#to_us = Infinity;
    if (this.#last_fresh_us !== null) this.#last_fresh_us = Infinity;
  }

  /** @param {number} at_us */
  resume(at_us) {
    this.#isPaused = false;
    if (this.#to_us !== null) this.#to_us = at_us;
    if (this.#last_fresh_us !== null) this.#last_fresh_us = at_us;
  }

  /** @param {number} until_us */
  summary(until_us) {
    const whole = this.#copy();
    whole.#rise(until_us);
    whole.#gap(until_us);
    return {
      age: whole.#age(),
      longest_gap_ms: whole.#longest_us / 1000,
      freezes: {
        count: whole.#freezes.count,
        total_ms: whole.#freezes.total_us / 1000,
        threshold_ms: whole.#threshold_us / 1000,
      },
    };
  }

  /** @returns {Summary['age']} */
  #age() {
    if (this.#watched_us === 0) return null;
    /** @param {number} p */
    const at = (p) => Math.min(this.#heights.percentile(p), this.#peak_us);
    return {
      mean_us: this.#twice_area / (2 * this.#watched_us),
      p50_us: at(50),
      p99_us: at(99),
      peak_us: this.#peak_us,
      watched_us: this.#watched_us,
    };
  }

  /**
   * Lets the age rise up to `to_us`. A tooth spends one µs at each height; what a wrong θ puts below zero is zero.
   * @param {number} to_us
   */
  #rise(to_us) {
    if (this.#to_us === null || to_us <= this.#to_us) return;
    if (this.#newest_us !== null) {
      const time_us = to_us - this.#to_us;
      const low_us = Math.max(0, this.#to_us - this.#newest_us);
      const high_us = Math.max(0, to_us - this.#newest_us);
      this.#twice_area += (high_us - low_us) * (high_us + low_us);
      this.#watched_us += time_us;
      this.#peak_us = Math.max(this.#peak_us, high_us);
      this.#heights.record(0, time_us - (high_us - low_us));
      this.#heights.recordSpan(low_us, high_us);
    }
    this.#to_us = to_us;
  }

  /** @param {number} at_us */
  #gap(at_us) {
    if (this.#last_fresh_us === null || at_us <= this.#last_fresh_us) return;
    const gap_us = at_us - this.#last_fresh_us;
    this.#last_fresh_us = at_us;
    this.#longest_us = Math.max(this.#longest_us, gap_us);
    if (gap_us >= this.#threshold_us) {
      this.#freezes.count += 1;
      this.#freezes.total_us += gap_us;
    }
  }

  /** A summary must not change what it sums up. */
  #copy() {
    const copy = new Freshness(null, 0);
    copy.#threshold_us = this.#threshold_us;
    copy.#newest_us = this.#newest_us;
    copy.#to_us = this.#to_us;
    copy.#last_fresh_us = this.#last_fresh_us;
    copy.#twice_area = this.#twice_area;
    copy.#watched_us = this.#watched_us;
    copy.#peak_us = this.#peak_us;
    copy.#heights = this.#heights.copy();
    copy.#longest_us = this.#longest_us;
    copy.#freezes = { ...this.#freezes };
    return copy;
  }
}
