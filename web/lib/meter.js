/**
 * What one receiver gets of one topic: latency, age of information, gaps, freezes, loss, order, jitter, bytes.
 *
 * The definitions, units and sources are those of `crates/model/src/metrics/`, one file a figure; the vectors of
 * `testdata/meter/` hold both to the same figures. Stamp each arrival at the first line that sees the bytes. The meter
 * never asks for the time. Inside, every time is on the sender's clock. Memory does not grow with the run: two
 * histograms and 64 KiB to tell duplicates. Areas are exact up to 2^53 µs² and to a double's precision above.
 */

import { Freshness } from './freshness.js';
import { Histogram } from './histogram.js';

export { Histogram };

/**
 * @typedef {{ theta_us: number, error_us: number }} Theta
 * The receiver's clock minus the sender's, and how wrong that may be.
 *
 * @typedef {object} Arrival
 * @property {number} offset the message's offset in its topic
 * @property {number} sent_us when it was published, on the sender's clock
 * @property {number} received_us when its bytes were first seen, on the receiver's clock
 * @property {number} bytes of payload
 *
 * @typedef {{ from: number, to: number }} Span offsets, both included
 *
 * @typedef {object} Opening
 * @property {number} first the first offset that counts; what is below is the warm-up
 * @property {number | null} [from_us] when the window opens, on the receiver's clock; else at the first message
 * @property {number} period_us the schedule's period δ
 * @property {Theta} [clock] one clock when left out
 *
 * @typedef {object} Closing
 * @property {number} [last] the last offset published; what has arrived was published in any case
 * @property {number} until_us until when age and gaps are watched, on the receiver's clock
 * @property {number | null} [link_delay_us] the link's one-way delay, where it is known
 *
 * @typedef {object} Summary
 * @property {{ published: number, delivered: number, lost: number, skipped: number, on_time: number,
 *   duplicates: number, too_old: number, delivered_share: number | null, lost_share: number | null,
 *   skipped_share: number | null, on_time_share: number | null }} delivery
 * @property {{ least_us: number, p50_us: number, p95_us: number, p99_us: number, p99_9_us: number, max_us: number,
 *   negative: number } | null} latency
 * @property {Theta} clock
 * @property {{ mean_us: number, p50_us: number, p99_us: number, peak_us: number, watched_us: number } | null} age
 * @property {number} longest_gap_ms
 * @property {{ count: number, total_ms: number, threshold_ms: number }} freezes
 * @property {{ count: number, share: number | null, greatest_depth: number }} reordering
 * @property {number} jitter_us
 * @property {number} payload_bytes
 */

/** A message this much slower than the path is late. */
const ON_TIME_ALLOWANCE_US = 50_000;
/** RFC 3550: the gain of the jitter filter. */
const JITTER_GAIN = 16;
/** Offsets below the greatest that are told from duplicates. */
const SEEN_WINDOW = 65_536;
/** Spans of offsets that count for nothing, at most. */
const UNWATCHED_SPANS = 256;

export class Meter {
  #first;
  #clock;
  #seen = new Seen();
  #freshness;
  #latencies = new Histogram();
  #least_us = Infinity;
  #max_us = 0;
  #counts = { delivered: 0, skipped: 0, duplicates: 0, too_old: 0, negative: 0 };
  #reordered = { count: 0, greatest_depth: 0 };
  #jitter_us = 0;
  /** @type {number | null} */
  #last_transit_us = null;
  #payload_bytes = 0;
  /** Offsets that count for nothing, since nobody watched when they were published; the last one may be open. @type {Span[]} */
  #unwatched = [];

  /** @param {Opening} opening */
  constructor({ first, from_us = null, period_us, clock = { theta_us: 0, error_us: 0 } }) {
    this.#first = first;
    this.#clock = clock;
    this.#freshness = new Freshness(from_us === null ? null : this.#onSenders(from_us), period_us);
  }

  /**
   * Takes one arrival; to be called in the order in which they came.
   * @param {Arrival} arrival
   * @returns {number | undefined} its one-way latency, µs, where it is a delivery that counts
   */
  arrival({ offset, sent_us, received_us, bytes }) {
    const at_us = this.#onSenders(received_us);
    const counts = this.counts(offset);
    let latency_us;
    if (counts) {
      this.#payload_bytes += bytes;
      const behind = this.#seen.insert(offset);
      if (behind === 'duplicate') this.#counts.duplicates += 1;
      else if (behind === 'too old') this.#counts.too_old += 1;
      else latency_us = this.#delivered(behind, at_us - sent_us);
    }
    this.#freshness.arrival(sent_us, at_us, counts);
    return latency_us;
  }

  /** Whether a message is of the window. @param {number} offset */
  counts(offset) {
    return offset >= this.#first && !this.#unwatched.some(({ from, to }) => offset >= from && offset <= to);
  }

  /**
   * Nobody watches from here on: what is published counts for nothing, and age and gaps are not watched.
   *
   * @param {{ from: number, at_us: number }} pause `from`: the first offset that does not count; `at_us` on the
   *   receiver's clock
   */
  pause({ from, at_us }) {
    this.#freshness.pause(this.#onSenders(at_us));
    if (this.#unwatched.at(-1)?.to === Infinity) return;
    // Whoever looks away so often did not watch in between either: the last span grows.
    const previous = this.#unwatched.length === UNWATCHED_SPANS ? this.#unwatched.pop() : undefined;
    this.#unwatched.push({ from: previous?.from ?? Math.max(from, this.#first), to: Infinity });
  }

  /** The window goes on. @param {{ first: number, at_us: number }} resumption `first`: the first offset that counts again */
  resume({ first, at_us }) {
    const last = this.#unwatched.at(-1);
    if (last?.to !== Infinity) return;
    last.to = Math.max(last.from, first) - 1;
    this.#freshness.resume(this.#onSenders(at_us));
  }

  /** How many messages up to `greatest` were published while nobody watched. @param {number} greatest */
  unwatched(greatest) {
    return this.#unwatched.reduce((sum, { from, to }) => sum + Math.max(0, Math.min(to, greatest) - from + 1), 0);
  }

  /**
   * Takes the notice that our own policy dropped `count` messages of the window.
   * @param {number} count
   */
  skipped(count) {
    this.#counts.skipped += count;
  }

  /** The one-way latencies so far, to draw: a copy. */
  get latencies() {
    return this.#latencies.copy();
  }

  /**
   * The figures as they stand if the window closes so. The meter may go on.
   * @param {Closing} closing
   * @returns {Summary}
   */
  summary({ last = -1, until_us, link_delay_us = null }) {
    const { delivered, duplicates, too_old } = this.#counts;
    const greatest = Math.max(last, this.#seen.greatest);
    const published = Math.max(0, greatest - this.#first + 1 - this.unwatched(greatest));
    const missing = Math.max(0, published - delivered);
    const skipped = Math.min(this.#counts.skipped, missing);
    const lost = missing - skipped;
    const on_time = delivered && this.#latencies.atMost((link_delay_us ?? this.#least_us) + ON_TIME_ALLOWANCE_US);
    const { age, longest_gap_ms, freezes } = this.#freshness.summary(this.#onSenders(until_us));
    return {
      delivery: {
        published,
        delivered,
        lost,
        skipped,
        on_time,
        duplicates,
        too_old,
        delivered_share: share(delivered, published),
        lost_share: share(lost, published),
        skipped_share: share(skipped, published),
        on_time_share: share(on_time, published),
      },
      latency: this.#latency(),
      clock: this.#clock,
      age,
      longest_gap_ms,
      freezes,
      reordering: {
        count: this.#reordered.count,
        share: share(this.#reordered.count, delivered),
        greatest_depth: this.#reordered.greatest_depth,
      },
      jitter_us: this.#jitter_us,
      payload_bytes: this.#payload_bytes,
    };
  }

  /**
   * @param {number} behind how far the offset is below the greatest seen
   * @param {number} transit_us
   * @returns {number} the latency, µs
   */
  #delivered(behind, transit_us) {
    this.#counts.delivered += 1;
    this.#reordered.count += behind > 0 ? 1 : 0;
    this.#reordered.greatest_depth = Math.max(this.#reordered.greatest_depth, behind);

    this.#counts.negative += transit_us < 0 ? 1 : 0;
    const latency_us = Math.max(0, transit_us);
    this.#latencies.record(latency_us);
    this.#least_us = Math.min(this.#least_us, latency_us);
    this.#max_us = Math.max(this.#max_us, latency_us);

    if (this.#last_transit_us !== null) {
      this.#jitter_us += (Math.abs(transit_us - this.#last_transit_us) - this.#jitter_us) / JITTER_GAIN;
    }
    this.#last_transit_us = transit_us;
    return latency_us;
  }

  /** @returns {Summary['latency']} */
  #latency() {
    if (this.#counts.delivered === 0) return null;
    /** @param {number} p */
    const at = (p) => Math.min(this.#latencies.percentile(p), this.#max_us);
    return {
      least_us: this.#least_us,
      p50_us: at(50),
      p95_us: at(95),
      p99_us: at(99),
      p99_9_us: at(99.9),
      max_us: this.#max_us,
      negative: this.#counts.negative,
    };
  }

  /**
   * A time of the receiver's, on the sender's clock, in whole microseconds.
   * @param {number} received_us
   */
  #onSenders(received_us) {
    return Math.floor(received_us) - this.#clock.theta_us;
  }
}

/**
 * Which offsets have been seen: a flag for each of the last 65,536 up to the greatest. One below cannot be told from a
 * duplicate.
 */
class Seen {
  /** -1 before the first. */
  greatest = -1;
  #bits = new Uint8Array(SEEN_WINDOW);

  /**
   * @param {number} offset
   * @returns {number | 'duplicate' | 'too old'} how far it is below the greatest seen
   */
  insert(offset) {
    const jump = offset - this.greatest;
    if (jump >= SEEN_WINDOW) this.#bits.fill(0);
    else for (let new_ = offset; new_ > this.greatest; new_ -= 1) this.#bits[new_ % SEEN_WINDOW] = 0;
    this.greatest = Math.max(this.greatest, offset);
    const behind = this.greatest - offset;
    if (behind >= SEEN_WINDOW) return 'too old';
    if (this.#bits[offset % SEEN_WINDOW]) return 'duplicate';
    this.#bits[offset % SEEN_WINDOW] = 1;
    return behind;
  }
}

/**
 * `part` of `whole` as a share of 1; null when there is nothing to share.
 * @param {number} part
 * @param {number} whole
 */
function share(part, whole) {
  return whole > 0 ? part / whole : null;
}
