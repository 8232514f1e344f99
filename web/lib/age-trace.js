/**
 * The age of information over time, to draw: the worst age within each span of 50 ms, and the freezes.
 *
 * The age rises with the clock and falls when something fresh arrives, so its worst within a span is just before an
 * arrival or at the span's end; a sample a frame would miss it. Told the time, on the sender's clock; never asks. The
 * spans lie on one grid for all traces, so that lanes are read at one instant.
 */

/** The span within which the worst age is kept, µs. */
export const SPAN_US = 50_000;

/** @typedef {{ from_us: number, to_us: number }} Freeze */
/** @typedef {{ gap_us: number, held: number }} Stall the longest time without anything fresh, and what then came at once */

export class AgeTrace {
  /** When the newest known was sent, µs. @type {number | null} */
  newest_us = null;
  /** @type {Stall} */
  worst = { gap_us: 0, held: 0 };
  #spans;
  #period_us;
  #threshold_us;
  /** Up to where the age is kept. */
  #to_us = 0;
  #fresh_us = 0;
  /** The gap that has just ended: what comes within a period of its end waited with it. */
  #ended = { gap_us: 0, at_us: 0, held: 0 };
  /** @type {Freeze[]} */
  #freezes = [];
  #keeps_us;
  /** Since when stalls are looked for, µs. */
  #looks_us = 0;

  /** @param {{ seconds: number, period_us: number }} options `seconds`: how much is kept */
  constructor({ seconds, period_us }) {
    this.#keeps_us = seconds * 1e6;
    this.#spans = new Float64Array(Math.ceil((seconds * 1e6) / SPAN_US) + 2).fill(NaN);
    this.#period_us = period_us;
    this.#threshold_us = Math.max(3 * period_us, period_us + 150_000); // METRICS: freeze
  }

  /** @param {number} sent_us @param {number} at_us */
  arrival(sent_us, at_us) {
    if (this.newest_us !== null && sent_us <= this.newest_us) return;
    this.rise(at_us);
    if (this.newest_us === null) this.#to_us = at_us;
    else this.#fresh(at_us);
    this.newest_us = sent_us;
    this.#fresh_us = at_us;
  }

  /** Lets the age rise up to `to_us`. @param {number} to_us */
  rise(to_us) {
    if (this.newest_us === null || to_us <= this.#to_us) return;
    const size = this.#spans.length;
    const last = Math.floor(to_us / SPAN_US);
    // After a long sleep only the newest spans are ever drawn.
    const first = Math.max(Math.floor(this.#to_us / SPAN_US), last - size + 1);
    for (let span = first; span <= last; span += 1) {
      const end_us = Math.min(to_us, (span + 1) * SPAN_US);
      const before = span * SPAN_US < this.#to_us ? this.#spans[span % size] : NaN;
      const age_us = Math.max(0, end_us - this.newest_us);
      this.#spans[span % size] = Number.isNaN(before) ? age_us : Math.max(before, age_us);
    }
    this.#to_us = to_us;
  }

  /** The worst age within a span of the grid, ms; null where it is not known. @param {number} span */
  at(span) {
    const last = Math.floor(this.#to_us / SPAN_US);
    if (this.newest_us === null || span > last || span <= last - this.#spans.length) return null;
    const age_us = this.#spans[span % this.#spans.length];
    return Number.isNaN(age_us) ? null : age_us / 1000;
  }

  /** How long nothing fresh has come, where that is a freeze; else null. @param {number} now_us */
  frozen_us(now_us) {
    const quiet_us = now_us - this.#fresh_us;
    return this.newest_us !== null && quiet_us >= this.#threshold_us ? quiet_us : null;
  }

  /** The freezes that reach into the time after `from_us`, the one that lasts included. @param {number} from_us @param {number} now_us */
  freezes(from_us, now_us) {
    while (this.#freezes.length && this.#freezes[0].to_us < now_us - this.#keeps_us) this.#freezes.shift();
    const lasting = this.frozen_us(now_us) === null ? [] : [{ from_us: this.#fresh_us, to_us: now_us }];
    return [...this.#freezes.filter(({ to_us }) => to_us > from_us), ...lasting];
  }

  /** A window opens: the worst stall is looked for anew. @param {number} at_us */
  begin(at_us) {
    this.worst = { gap_us: 0, held: 0 };
    this.look(at_us);
  }

  /** Stalls are looked for from here on; with Infinity nobody looks. @param {number} at_us */
  look(at_us) {
    this.#ended = { gap_us: 0, at_us: 0, held: 0 };
    this.#looks_us = at_us;
  }

  /** @param {number} at_us */
  #fresh(at_us) {
    const gap_us = at_us - this.#fresh_us;
    if (at_us - this.#ended.at_us < this.#period_us && gap_us < this.#period_us / 2) this.#ended.held += 1;
    else this.#ended = { gap_us: at_us - Math.max(this.#fresh_us, this.#looks_us), at_us, held: 1 };
    if (this.#ended.gap_us >= this.worst.gap_us) this.worst = { gap_us: this.#ended.gap_us, held: this.#ended.held };
    if (gap_us >= this.#threshold_us) this.#freezes.push({ from_us: this.#fresh_us, to_us: at_us });
  }
}
