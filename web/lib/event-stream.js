/**
 * An event stream as it is on the wire: `EventSource` shows events and hides comments, `retry` and the moment at which bytes
 * came, and those are what a check looks at.
 */

/**
 * @typedef {object} StreamEvent
 * @property {string} name `message` where none was given
 * @property {string} data
 * @property {string} id the last one that was given so far
 * @property {number} [retry_ms]
 */

/** What is kept of a line or an event that does not end, characters. */
const MOST_KEPT = 1 << 20;

export class EventStreamParser {
  /** Comments so far. */
  comments = 0;

  #rest = '';
  #begun = false;
  /** The last chunk ended with CR: an LF after it is the same line's end. */
  #after_cr = false;
  /** @type {string[]} */
  #data = [];
  #name = '';
  #id = '';
  /** @type {number | undefined} */
  #retry_ms;

  /**
   * Takes more text and gives the events that are whole by it.
   *
   * @param {string} text
   * @returns {StreamEvent[]}
   * @throws {RangeError} a line or an event does not end
   */
  take(text) {
    if (this.#after_cr && text.startsWith('\n')) text = text.slice(1);
    if (text) this.#after_cr = text.endsWith('\r');
    const lines = (this.#rest + text).split(/\r\n|\n|\r/);
    this.#rest = lines.pop() ?? '';
    const events = [];
    for (const line of lines) {
      const event = this.#line(line);
      if (event) events.push(event);
    }
    const kept = this.#rest.length + this.#data.reduce((sum, line) => sum + line.length, 0);
    if (kept > MOST_KEPT) throw new RangeError('a line or an event does not end');
    return events;
  }

  /** @param {string} line @returns {StreamEvent | undefined} */
  #line(line) {
    if (!this.#begun) {
      this.#begun = true;
      line = line.replace(/^\uFEFF/, '');
    }
    if (line === '') return this.#dispatch();
    const colon = line.indexOf(':');
    if (colon === 0) {
      this.comments += 1;
      return undefined;
    }
    const field = colon < 0 ? line : line.slice(0, colon);
    const value = colon < 0 ? '' : line.slice(colon + 1).replace(/^ /, '');
    if (field === 'data') this.#data.push(value);
    else if (field === 'event') this.#name = value;
    else if (field === 'id' && !value.includes('\0')) this.#id = value;
    else if (field === 'retry' && /^\d+$/.test(value)) this.#retry_ms = Number(value);
    return undefined;
  }

  /** @returns {StreamEvent | undefined} */
  #dispatch() {
    const [data, name, retry_ms] = [this.#data, this.#name, this.#retry_ms];
    this.#data = [];
    this.#name = '';
    if (data.length === 0) return undefined;
    this.#retry_ms = undefined;
    return { name: name || 'message', data: data.join('\n'), id: this.#id, retry_ms };
  }
}
