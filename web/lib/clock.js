/**
 * How far two clocks are apart, from round trips (RFC 5905), as `crates/model/src/metrics/clock.rs` defines it.
 *
 * For a question sent at t0 and answered at t3 on our clock, received at t1 and answered at t2 on the server's:
 * offset θ = ((t1 − t0) + (t2 − t3)) / 2, the server's clock minus ours; delay δ = (t3 − t0) − (t2 − t1). θ is wrong
 * by at most δ/2. Queues only ever add delay, so the fastest of the last eight round trips is trusted. All in µs.
 */

/** Round trips that are remembered: clocks drift and routes change, so a fast one is not trusted for ever. */
const WINDOW = 8;

/** @typedef {{ offset_us: number, delay_us: number }} RoundTrip */

export class ClockOffset {
  /** @type {RoundTrip[]} newest first */
  #recent = [];

  /**
   * Takes a round trip: asked at t0, received at t1, answered at t2, answer received at t3.
   * @param {number} t0
   * @param {number} t1
   * @param {number} t2
   * @param {number} t3
   * @returns {boolean} false when the stamps cannot be true; nothing is kept of them
   */
  sample(t0, t1, t2, t3) {
    const delay_us = t3 - t0 - (t2 - t1);
    // Said so that what is no number is refused too.
    if (!(t3 >= t0 && t2 >= t1 && delay_us >= 0)) return false;
    this.#recent.unshift({ offset_us: Math.floor((t1 - t0 + (t2 - t3)) / 2), delay_us });
    this.#recent.length = Math.min(this.#recent.length, WINDOW);
    return true;
  }

  /** The server's clock minus ours (RFC 5905 θ); null before the first round trip. */
  get offset_us() {
    return this.#fastest?.offset_us ?? null;
  }

  /** The offset is within this of the truth; null before the first round trip. */
  get error_us() {
    return this.#fastest ? Math.ceil(this.#fastest.delay_us / 2) : null;
  }

  /** The time on the way, both ways together, of the round trip that is trusted; null before the first. */
  get delay_us() {
    return this.#fastest?.delay_us ?? null;
  }

  /**
   * What a `Meter` here takes, whose messages come from the server: the receiver's clock minus the sender's, which is
   * the offset with its sign turned round.
   * @returns {import('./meter.js').Theta | null}
   */
  get theta() {
    const { offset_us, error_us } = this;
    return offset_us === null || error_us === null ? null : { theta_us: 0 - offset_us, error_us };
  }

  /** The newest, where several are as fast. */
  get #fastest() {
    return this.#recent.reduce(
      (best, trip) => (best && best.delay_us <= trip.delay_us ? best : trip),
      /** @type {RoundTrip | null} */ (null),
    );
  }
}
