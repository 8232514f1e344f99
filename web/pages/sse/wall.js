/** Seven streams over one HTTP: how many of them open, and what waits behind them. */

import { setText, speaker } from '../../lib/cadence.js';
import { make, need } from '../../lib/dom.js';
import { duration, seconds } from '../../lib/format.js';

const STREAMS = 7;
/** The wall comes down by itself after this, ms. */
const STANDS_MS = 10_000;
/** When the plain request is sent, ms: once the connections are taken. Sooner, the browser would let it pass the streams. */
const ASK_MS = 500;
/** How long it stands before the page sums up what opened, ms. */
const SETTLE_MS = 1500;

/** @typedef {{ item: HTMLElement, opened_ms?: number, failed?: boolean }} Contender */

/** The place of a wall on the page: its lines, and what is said of it. */
export class Site {
  /** @param {HTMLElement} section @param {import('../../lib/timeline.js').Timeline} timeline */
  constructor(section, timeline) {
    this.say = speaker(need('.say', section));
    this.timeline = timeline;
    this.items = [...Array.from({ length: STREAMS }, (_, i) => line(`stream ${i + 1}`)), line('a plain request')];
    need('.wall', section).append(...this.items);
    this.at = need('.at', section);
  }
}

/** @param {string} name */
function line(name) {
  return make(
    'li',
    { 'data-state': 'idle' },
    make('span', { class: 'what' }, name),
    make('span', { class: 'number is' }, 'not opened'),
  );
}

export class Wall {
  isUp = true;
  #built_ms = performance.now();
  #asked_ms = NaN;
  /** @type {EventSource[]} */
  #sources = [];
  /** @type {Contender[]} */
  #contenders;
  /** @type {Contender} */
  #request;
  /** @type {(value?: unknown) => void} */
  #resolve = () => {};
  gone = new Promise((resolve) => (this.#resolve = resolve));

  /** @param {Site} site @param {string} origin where it is built */
  constructor(site, origin) {
    this.say = site.say;
    this.timeline = site.timeline;
    this.origin = origin;
    this.#contenders = site.items.slice(0, STREAMS).map((item) => ({ item }));
    this.#request = { item: site.items[STREAMS] };
    for (const contender of this.#contenders) this.#openStream(contender);
    setTimeout(() => this.#ask(), ASK_MS);
    this.timeline.add('sse', 'wall', `seven streams asked for at ${origin}`);
    this.say('seven streams asked for …');
    this.tick = setInterval(() => this.#draw(), 100);
    this.timer = setTimeout(() => this.down(), STANDS_MS);
  }

  down() {
    if (!this.isUp) return;
    this.isUp = false;
    clearTimeout(this.timer);
    for (const source of this.#sources) source.close();
    const opened = this.#opened();
    this.timeline.add('sse', 'wall', `taken down at ${this.origin}: ${opened} of ${STREAMS} streams had opened`, {
      waited_ms: performance.now() - this.#built_ms,
      opened,
    });
    for (const { item, opened_ms } of this.#contenders) {
      item.dataset.state = opened_ms === undefined ? 'never' : 'closed';
      setText(
        need('.is', item),
        opened_ms === undefined ? `never opened in ${this.#since()}` : `opened after ${duration(opened_ms)}, closed`,
      );
    }
    const never = opened < STREAMS ? `${STREAMS - opened} never did` : 'none waited';
    this.say(`The wall is down. ${opened} of ${STREAMS} streams had opened, ${never}.`);
    this.#resolve();
  }

  /** @param {Contender} contender */
  #openStream(contender) {
    const source = new EventSource(`${this.origin}/events?topic=metric`);
    source.onopen = () => (contender.opened_ms ??= performance.now() - this.#built_ms);
    source.onerror = () => (contender.failed = source.readyState === EventSource.CLOSED);
    this.#sources.push(source);
  }

  /** One plain request: it stands in line with the streams. */
  async #ask() {
    const started_ms = performance.now();
    this.#asked_ms = started_ms;
    const address = `${this.origin}/api/info`;
    try {
      const response = await fetch(address, { cache: 'no-store' });
      await response.arrayBuffer();
      this.#request.opened_ms = performance.now() - started_ms;
      const [entry] = /** @type {PerformanceResourceTiming[]} */ (performance.getEntriesByName(address)).slice(-1);
      setText(
        need('.is', this.#request.item),
        `answered after ${span(this.#request.opened_ms)} over ${entry?.nextHopProtocol || 'a protocol the browser does not tell'}`,
      );
      this.#request.item.dataset.state = 'open';
    } catch (error) {
      setText(need('.is', this.#request.item), `failed: ${/** @type {Error} */ (error).message}`);
    }
    this.#request.opened_ms ??= performance.now() - started_ms;
    this.timeline.add('http', 'request', need('.is', this.#request.item).textContent ?? '');
  }

  #draw() {
    const asked_ms = performance.now() - this.#asked_ms;
    if (Number.isNaN(asked_ms)) show(this.#request.item, 'idle', 'about to be sent');
    else if (this.#request.opened_ms === undefined)
      show(this.#request.item, 'waiting', `waiting for ${seconds(asked_ms)}`);
    else if (!this.isUp) clearInterval(this.tick);
    if (!this.isUp) return;
    for (const { item, opened_ms, failed } of this.#contenders) {
      if (failed) show(item, 'never', 'refused by the browser or the server');
      else if (opened_ms === undefined) show(item, 'waiting', `waiting for ${this.#since()}`);
      else show(item, 'open', `open after ${duration(opened_ms)}`);
    }
    if (performance.now() - this.#built_ms > SETTLE_MS) this.say(this.#verdict());
  }

  #verdict() {
    const opened = this.#opened();
    const waiting = STREAMS - opened;
    if (waiting === 0) return 'All seven streams are open: this connection has no wall of six.';
    const own =
      this.origin === location.origin ? `with this page’s own stream ${opened + 1}` : `${opened} by this page, so all`;
    return `${opened} of ${STREAMS} opened, ${waiting} wait: ${own} connections are taken. Other tabs of this origin count too.`;
  }

  #opened() {
    return this.#contenders.filter(({ opened_ms }) => opened_ms !== undefined).length;
  }

  #since() {
    return seconds(performance.now() - this.#built_ms);
  }
}

/** @param {number} ms */
function span(ms) {
  return ms < 1000 ? duration(ms) : seconds(ms);
}

/** @param {HTMLElement} item @param {string} state @param {string} text */
function show(item, state, text) {
  item.dataset.state = state;
  setText(need('.is', item), text);
}
