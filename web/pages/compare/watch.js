/** What the page itself does to the measurement: whether it was hidden, and how late its own thread is. */

/** Often enough to see a stall that a lane would show, ms. */
const BEAT_MS = 50;

export class Watch {
  #hidden_ms = 0;
  #latest_ms = 0;
  #last_ms = performance.now();
  #wasHidden = document.hidden;

  constructor() {
    setInterval(() => this.#beat(), BEAT_MS);
    document.addEventListener('visibilitychange', () => this.#beat());
  }

  reset() {
    this.#hidden_ms = 0;
    this.#latest_ms = 0;
  }

  /** `latest_ms`: how late the thread was at worst, while the page was seen. */
  get told() {
    return { hidden_ms: this.#hidden_ms, latest_ms: this.#latest_ms };
  }

  #beat() {
    const now_ms = performance.now();
    const passed_ms = now_ms - this.#last_ms;
    if (this.#wasHidden) this.#hidden_ms += passed_ms;
    else this.#latest_ms = Math.max(this.#latest_ms, passed_ms - BEAT_MS);
    this.#last_ms = now_ms;
    this.#wasHidden = document.hidden;
  }
}
