/**
 * Pull the plug: leave, come back with the last id, and count what that brought.
 *
 * The count is exact. Published meanwhile: every offset between the last one seen and the first live one. Replayed: what
 * was sent before the server's clock in the new hello. Twice: an offset that was seen before.
 */

import { setText, speaker } from '../../lib/cadence.js';
import { need } from '../../lib/dom.js';
import { count, counted, duration, seconds } from '../../lib/format.js';
import { parseCursor } from '../../lib/message.js';
import { bind } from '../../lib/url.js';

/** @typedef {import('../../lib/message.js').ServerFrame} ServerFrame */
/** @typedef {import('../../lib/message.js').Message} Message */

/** One topic's account of one absence. */
class Account {
  came = 0;
  twice = 0;
  /** The first message after the replay. */
  live = NaN;
  first = NaN;
  last = NaN;

  /** @param {number} seen the last offset before the plug was pulled */
  constructor(seen) {
    this.seen = seen;
    this.newest = seen;
  }

  /** @param {number} offset @param {boolean} replayed */
  add(offset, replayed) {
    if (offset <= this.newest) this.twice += 1;
    else this.newest = offset;
    if (!replayed) {
      if (Number.isNaN(this.live)) this.live = offset;
      return;
    }
    this.came += 1;
    if (Number.isNaN(this.first)) this.first = offset;
    this.last = offset;
  }

  get isClosed() {
    return !Number.isNaN(this.live);
  }

  get meanwhile() {
    return this.live - this.seen - 1;
  }
}

export class Plug {
  /** The last offset seen of each topic. @type {Map<string, number>} */
  #seen = new Map();
  /** Open while an absence is being counted. @type {Map<string, Account>} */
  #accounts = new Map();
  /** The server's clock when the stream was opened again, µs. */
  #hello_us = Infinity;
  #back_ms = 0;
  #told = '';
  #isAway = false;

  /**
   * @param {import('../../lib/transport/sse.js').SseLane} stream
   * @param {readonly string[]} topics
   */
  constructor(stream, topics) {
    this.stream = stream;
    this.topics = topics;
    const section = need('#plug');
    this.say = speaker(need('.say', section));
    this.button = /** @type {HTMLButtonElement} */ (need('button', section));
    this.away = /** @type {HTMLInputElement} */ (need('[name="away"]', section));
    bind(this.away);
    need('form', section).addEventListener('submit', (event) => {
      event.preventDefault();
      this.#pull(Number(this.away.value) * 1000);
    });
    setInterval(() => setText(need('.last-id'), stream.lastEventId || '–'), 250);
  }

  /** @param {ServerFrame} frame */
  frame(frame) {
    if (frame.type === 'hello') this.#hello_us = frame.now_us;
    if (frame.type === 'gap' || frame.type === 'resync')
      this.#told += ` The server says: ${frame.type} on ${frame.topic}, ${frame.reason}.`;
    if (frame.type !== 'message') return;
    const { offset } = parseCursor(frame.cursor);
    const account = this.#accounts.get(frame.topic);
    if (account && !account.isClosed) {
      account.add(offset, this.isReplayed(frame));
      this.#draw(frame.topic, account);
      this.#conclude();
    }
    this.#seen.set(frame.topic, offset);
  }

  /** Whether a message was published before this stream was opened. @param {Message} message */
  isReplayed(message) {
    return message.sent_us < this.#hello_us;
  }

  /** @param {number} away_ms */
  #pull(away_ms) {
    if (this.#isAway || !(away_ms > 0)) return;
    this.#isAway = true;
    this.button.ariaDisabled = 'true'; // not disabled: that would take the focus from who pressed it
    this.#told = '';
    this.stream.close('plug pulled');
    this.#accounts = new Map(this.topics.map((topic) => [topic, new Account(this.#seen.get(topic) ?? 0)]));
    for (const [topic, account] of this.#accounts) this.#draw(topic, account);
    const pulled_ms = performance.now();
    const tick = setInterval(() => {
      const left_ms = pulled_ms + away_ms - performance.now();
      setText(this.button, left_ms > 0 ? `Back in ${seconds(left_ms)}` : 'Pull the plug');
      this.say(`unplugged: messages go on without this page`);
      if (left_ms > 0) return;
      clearInterval(tick);
      this.#return();
    }, 100);
  }

  #return() {
    this.#isAway = false;
    this.button.ariaDisabled = null;
    this.#hello_us = Infinity;
    this.#back_ms = performance.now();
    this.say('back: the last id is sent, replaying …');
    this.stream.open();
  }

  #conclude() {
    const accounts = [...this.#accounts.values()];
    if (!accounts.every((account) => account.isClosed)) return;
    const sum = (/** @type {(account: Account) => number} */ of) =>
      accounts.reduce((total, account) => total + of(account), 0);
    const [came, missing, twice] = [sum((a) => a.came), sum((a) => a.meanwhile - a.came), sum((a) => a.twice)];
    const verdict =
      missing === 0 && twice === 0 ? 'none missing, none twice' : `${count(missing)} missing, ${count(twice)} twice`;
    this.say(
      `${counted(came, 'message')} came back within ${duration(performance.now() - this.#back_ms)}, before the first live one: ${verdict}.${this.#told}`,
    );
  }

  /** @param {string} topic @param {Account} account */
  #draw(topic, account) {
    const cells = document.querySelectorAll(`.replay tr[data-topic="${topic}"] td`);
    const { seen, came, first, last, twice, meanwhile } = account;
    const offsets = came > 0 ? `${first}–${last}` : 'none';
    const known = account.isClosed;
    const texts = [
      String(seen),
      known ? count(meanwhile) : '…',
      count(came),
      known ? count(meanwhile - came) : '…',
      count(twice),
      offsets,
    ];
    texts.forEach((text, i) => setText(cells[i], text));
  }
}
