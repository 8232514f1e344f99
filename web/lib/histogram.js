/**
 * Where percentiles come from: a log-linear histogram of microseconds, as HdrHistogram lays it out for three
 * significant digits (and as `crates/model/src/metrics/distribution.rs` uses it).
 *
 * Below 2048 µs each microsecond has its bin; above, each doubling has 1024. A percentile is the upper edge of the
 * bin that holds its rank, at most 0.1 % above the true value. Bound: 0 to one hour, 184 KiB, whatever is recorded;
 * longer values count in the last bin.
 */

/** The longest time that is told apart, µs: one hour. It must stay below 2^32. */
const HIGHEST_US = 3_600_000_000;
/** Bins for each doubling; twice as many for the first, which starts at zero. */
const BINS = 1024;

/**
 * @typedef {{ from_us: number, to_us: number, count: number }} Bucket
 * One bin: values from `from_us` up to, not including, `to_us`.
 */

export class Histogram {
  #counts = new Float64Array(binOf(HIGHEST_US) + 1);
  #count = 0;

  /**
   * Records a value `times` over. Parts of a microsecond are dropped; below zero counts as zero.
   * @param {number} value_us
   * @param {number} [times]
   */
  record(value_us, times = 1) {
    const bin = binOf(value_us);
    this.#counts[bin] = (this.#counts[bin] ?? 0) + times;
    this.#count += times;
  }

  /**
   * Records every whole value from `from_us` up to, not including, `to_us`, once.
   * @param {number} from_us
   * @param {number} to_us
   */
  recordSpan(from_us, to_us) {
    for (let value_us = from_us; value_us < to_us; ) {
      const next_us = value_us < HIGHEST_US ? Math.min(edgesOf(binOf(value_us)).to_us, to_us) : to_us;
      this.record(value_us, next_us - value_us);
      value_us = next_us;
    }
  }

  /**
   * The least value that `p` percent of all recorded do not exceed; 0 when there are none.
   * @param {number} p 0 to 100
   */
  percentile(p) {
    // A rank that is whole but for rounding (99.9 % of 1000) is not the next one.
    const rank = Math.max(1, Math.ceil((p * this.#count) / 100 - this.#count * 1e-12));
    let below = 0;
    for (let bin = 0; bin < this.#counts.length; bin += 1) {
      below += this.#counts[bin] ?? 0;
      if (below >= rank) return edgesOf(bin).to_us - 1;
    }
    return 0;
  }

  /**
   * How many were at most `value_us`, or in its bin.
   * @param {number} value_us
   */
  atMost(value_us) {
    return this.#counts.subarray(0, binOf(value_us) + 1).reduce((sum, count) => sum + count, 0);
  }

  /** How many values were recorded. */
  get count() {
    return this.#count;
  }

  /**
   * The bins that hold something, from low to high.
   * @returns {Bucket[]}
   */
  buckets() {
    /** @type {Bucket[]} */
    const buckets = [];
    this.#counts.forEach((count, bin) => {
      if (count > 0) buckets.push({ ...edgesOf(bin), count });
    });
    return buckets;
  }

  /** The same, to go on from. */
  copy() {
    const copy = new Histogram();
    copy.#counts.set(this.#counts);
    copy.#count = this.#count;
    return copy;
  }
}

/**
 * @param {number} value_us
 * @returns {number}
 */
function binOf(value_us) {
  const value = Math.min(Math.max(value_us, 0), HIGHEST_US);
  const doublings = Math.max(0, 21 - Math.clz32(value)); // above the 2048 that are told apart
  return doublings * BINS + (value >>> doublings);
}

/**
 * @param {number} bin
 * @returns {{ from_us: number, to_us: number }}
 */
function edgesOf(bin) {
  const doublings = Math.max(0, Math.floor(bin / BINS) - 1);
  const from_us = (bin - doublings * BINS) * 2 ** doublings;
  return { from_us, to_us: from_us + 2 ** doublings };
}
