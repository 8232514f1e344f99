/** Round trips: echoes at a steady rate, and a histogram that builds before one's eyes. */

import { atScreenRate, atTableRate, setText, speaker } from '../../lib/cadence.js';
import { Chart } from '../../lib/chart.js';
import { need } from '../../lib/dom.js';
import { bytes, count, counted, duration } from '../../lib/format.js';
import { Histogram } from '../../lib/histogram.js';
import { barSpec, inBars } from '../../lib/log-bars.js';
import { bind } from '../../lib/url.js';

/** Echoes on the way beyond which no more are sent: the path is not keeping up. */
const MOST_PENDING = 100;

export class RoundTrips {
  #histogram = new Histogram();
  /** When each echo on the way was sent, ms. @type {Map<number, number>} */
  #sent_ms = new Map();
  #id = 0;
  /** How many the plot shows. */
  #drawn = -1;
  /** Echoes not sent, because too many were on the way. */
  #held = 0;
  #data = '';
  /** @type {ReturnType<typeof setTimeout> | undefined} */
  #timer;
  #why = 'connecting …';

  /** @param {import('../../lib/transport/websocket.js').WebSocketLane} lane */
  constructor(lane) {
    this.lane = lane;
    const section = need('#round-trips');
    this.rate = /** @type {HTMLInputElement} */ (need('[name="rate"]', section));
    this.size = /** @type {HTMLInputElement} */ (need('[name="size"]', section));
    this.say = speaker(need('.say', section));
    this.chart = new Chart(need('[data-chart="round-trips"]'), barSpec('Round trips by duration', 'websocket'));
    bind(this.rate, () => this.#setRate());
    bind(this.size, () => this.#setSize());
    need('.again', section).addEventListener('click', () => this.#startAnew());
    setText(need('[data-reading="step"]'), duration(clockStep_ms()));
    atScreenRate(() => this.#drawPlot());
    atTableRate(() => this.#drawTable());
  }

  /** @param {import('../../lib/lanes.js').LaneState} state */
  state(state) {
    this.#why = state.name === 'open' ? '' : `${state.name}: ${state.why}`;
    if (state.name !== 'open') this.#sent_ms.clear();
  }

  /** @param {import('../../lib/message.js').ServerFrame} frame @param {import('../../lib/lanes.js').Arrival} arrival */
  frame(frame, { received_ms }) {
    if (frame.type !== 'ack' || typeof frame.id !== 'number') return;
    const sent_ms = this.#sent_ms.get(frame.id);
    if (sent_ms === undefined) return;
    this.#sent_ms.delete(frame.id);
    this.#histogram.record((received_ms - sent_ms) * 1000);
  }

  #echo() {
    if (this.#sent_ms.size >= MOST_PENDING) {
      this.#held += 1;
      return;
    }
    const id = this.#id++;
    const sent_ms = performance.now();
    if (this.lane.send({ type: 'echo', id, data: this.#data })) this.#sent_ms.set(id, sent_ms);
  }

  #setRate() {
    const rate = Number(this.rate.value);
    setText(need('[data-of="rate"]'), String(rate));
    clearInterval(this.#timer);
    this.#timer = setInterval(() => this.#echo(), 1000 / rate);
  }

  #setSize() {
    const size = 2 ** Number(this.size.value);
    setText(need('[data-of="size"]'), bytes(size));
    this.#data = 'x'.repeat(size);
    this.#startAnew();
  }

  /** What is on the way belongs to the old histogram. */
  #startAnew() {
    this.#histogram = new Histogram();
    this.#sent_ms.clear();
    this.#held = 0;
  }

  #drawPlot() {
    if (this.#drawn === this.#histogram.count) return;
    this.#drawn = this.#histogram.count;
    this.chart.draw(inBars(this.#histogram), this.#histogram.count ? `p50 ${this.#percentile(50)}` : '');
  }

  #drawTable() {
    for (const p of [50, 95, 99]) setText(need(`[data-reading="p${p}"]`), this.#percentile(p));
    setText(need('[data-reading="count"]'), count(this.#histogram.count));
    setText(need('[data-reading="pending"]'), count(this.#sent_ms.size));
    this.chart.drawTable();
    this.say(this.#words());
  }

  /** @param {number} p */
  #percentile(p) {
    return this.#histogram.count ? duration(this.#histogram.percentile(p) / 1000) : '–';
  }

  #words() {
    if (this.#why) return this.#why;
    if (this.#histogram.count === 0) return 'open: waiting for the first echo';
    const held = this.#held
      ? ` ${counted(this.#held, 'echo', 'echoes')} held back: ${MOST_PENDING} were on the way already.`
      : '';
    return `Half of ${counted(this.#histogram.count, 'round trip')} took at most ${this.#percentile(50)}, one in a hundred more than ${this.#percentile(99)}.${held}`;
  }
}

/** The smallest step that this browser's clock takes, ms: browsers round it, so that pages cannot measure each other. */
function clockStep_ms() {
  let least_ms = Infinity;
  for (let steps = 0; steps < 20; steps++) {
    const from_ms = performance.now();
    let to_ms = from_ms;
    while (to_ms === from_ms) to_ms = performance.now();
    least_ms = Math.min(least_ms, to_ms - from_ms);
  }
  return least_ms;
}
