/** What the page itself does to the measurement: how late its own thread is while it is seen. */

/** Often enough to see a stall that a lane would show, ms. */
const BEAT_MS = 50;

export class Watch {
  #latest_ms = 0;
  #last_ms = performance.now();
  #wasHidden = document.hidden;

  constructor() {
    setInterval(() => this.#beat(), BEAT_MS);
    document.addEventListener('visibilitychange', () => this.#beat());
  }

  reset() {
    this.#latest_ms = 0;
  }

  /** How late the thread was at worst, while the page was seen, ms. */
  get latest_ms() {
    return this.#latest_ms;
  }

  #beat() {
    const now_ms = performance.now();
    const passed_ms = now_ms - this.#last_ms;
    if (!this.#wasHidden) this.#latest_ms = Math.max(this.#latest_ms, passed_ms - BEAT_MS);
    this.#last_ms = now_ms;
    this.#wasHidden = document.hidden;
  }
}
