/**
 * The raw time line: everything that happened, in order, with export. Runs of messages are drawn as one row
 * and exported one by one.
 */

import { atTableRate } from './cadence.js';
import { make, need } from './dom.js';
import { count, counted } from './format.js';
import { parseCursor } from './message.js';

/** Events kept; older ones go, and the export says how many went. */
const KEPT = 5000;
/** Rows drawn. */
const ROWS = 60;
/** What comes by the hundred, and is told as one row. */
const RUNS = new Set(['message', 'ack', 'time']);
/** Scrolled down by more than this, somebody reads, px. */
const AT_TOP_PX = 4;

/**
 * @typedef {object} Entry
 * @property {number} at_ms since the page was opened
 * @property {string} lane
 * @property {string} event `open`, `message`, `gap`, …
 * @property {string} text for people
 * @property {Record<string, unknown>} [detail] for programs: the frame, the close code
 */

export class Timeline {
  /** @type {Entry[]} */
  #entries = [];
  #dropped = 0;
  #changed = true;

  /** @param {HTMLElement} section holds `tbody`, `.export` and `.kept` */
  constructor(section) {
    this.body = need('tbody', section);
    this.kept = need('.kept', section);
    this.log = need('.log', section);
    need('.export', section).addEventListener('click', () => this.#export());
    atTableRate(() => this.#draw());
  }

  /**
   * @param {string} lane
   * @param {string} event
   * @param {string} text
   * @param {Record<string, unknown>} [detail]
   */
  add(lane, event, text, detail) {
    this.#entries.push({ at_ms: performance.now(), lane, event, text, detail });
    if (this.#entries.length > KEPT) {
      // What comes by the hundred goes first: an end or a gap is what one scrolls back for.
      const oldest = this.#entries.findIndex(({ event }) => RUNS.has(event));
      this.#entries.splice(Math.max(0, oldest), 1);
      this.#dropped += 1;
    }
    this.#changed = true;
  }

  /**
   * Handlers for a lane that write everything down before they pass it on.
   *
   * @param {import('./lanes.js').LaneId} lane
   * @param {Omit<import('./lanes.js').LaneHandlers, 'unread'>} on
   * @returns {import('./lanes.js').LaneHandlers}
   */
  around(lane, on) {
    return {
      frame: (frame, arrival) => {
        this.add(lane, frame.type, frameWords(frame), /** @type {any} */ (frame));
        on.frame(frame, arrival);
      },
      state: (state) => {
        this.add(lane, state.name, state.why, { ...state });
        on.state(state);
      },
      unread: (why) => this.add(lane, 'unread', why),
    };
  }

  #draw() {
    if (!this.#changed) return;
    const isRead = this.#isRead();
    if (!isRead) {
      this.#changed = false;
      this.body.replaceChildren(...newestRows(this.#entries, ROWS).map(drawRow));
    }
    const waits = isRead ? '; the list waits while you read' : '';
    const gone = this.#dropped ? `, ${count(this.#dropped)} older ones are gone` : '';
    this.kept.textContent = `${counted(this.#entries.length, 'event')} kept${gone}${waits}`;
  }

  /** Whether somebody is in the middle of the list: rows must not be taken from under their eyes, or marks. */
  #isRead() {
    const selection = document.getSelection();
    const isMarked = selection?.type === 'Range' && selection.containsNode(this.log, true);
    return isMarked || this.log.scrollTop > AT_TOP_PX || this.log.matches(':focus-visible');
  }

  #export() {
    const log = {
      schema: 'wirelab.timeline.v1',
      page: location.href,
      opened: new Date(performance.timeOrigin).toISOString(),
      dropped: this.#dropped,
      entries: this.#entries,
    };
    const url = URL.createObjectURL(new Blob([JSON.stringify(log, null, 1)], { type: 'application/json' }));
    make('a', { href: url, download: 'wirelab-timeline.json' }).click();
    setTimeout(() => URL.revokeObjectURL(url), 1000);
  }
}

/** @typedef {{ at_ms: number, lane: string, event: string, text: string }} Row */

/**
 * The newest rows, newest first, runs of messages and of acks joined.
 *
 * @param {readonly Entry[]} entries
 * @param {number} most rows
 * @returns {Row[]}
 */
export function newestRows(entries, most) {
  /** @type {(Row & { times: number })[]} */
  const rows = [];
  // Lanes alternate, and messages with acks: a run ends only where something of another kind happens on the same lane.
  /** @type {Map<string, Map<string, Row & { times: number }>>} */
  const runsOfLane = new Map();
  for (let i = entries.length - 1; i >= 0; i--) {
    const { at_ms, lane, event, text } = entries[i];
    const run = runsOfLane.get(lane)?.get(event);
    if (run) {
      run.times += 1;
      continue;
    }
    if (rows.length === most) break;
    const row = { at_ms, lane, event, text, times: 1 };
    rows.push(row);
    if (!RUNS.has(event)) runsOfLane.delete(lane);
    else runsOfLane.set(lane, (runsOfLane.get(lane) ?? new Map()).set(event, row));
  }
  return rows.map(({ times, ...row }) =>
    times > 1 ? { ...row, text: `${count(times)} in a row, the last: ${row.text}` } : row,
  );
}

/** @param {Row} row */
function drawRow({ at_ms, lane, event, text }) {
  return make(
    'tr',
    { 'data-event': event },
    make('td', { class: 'number' }, (at_ms / 1000).toFixed(3)),
    make('td', { class: `lane ${lane}` }, lane),
    make('td', {}, event),
    make('td', { class: 'text' }, text),
  );
}

/** @param {import('./message.js').ServerFrame} frame */
function frameWords(frame) {
  switch (frame.type) {
    case 'hello':
      return `server ${frame.server}, heartbeat every ${frame.heartbeat_ms / 1000} s`;
    case 'message':
      return `${frame.topic} ${parseCursor(frame.cursor).offset}`;
    case 'subscribed':
      return `${frame.topic}, next comes after ${parseCursor(frame.cursor).offset}, policy ${frame.policy}${frame.channel ? `, on ${frame.channel}` : ''}`;
    case 'unsubscribed':
      return frame.topic;
    case 'ack':
      return frame.cursor ? `published as ${frame.cursor}` : `id ${frame.id}`;
    case 'gap':
      return `${frame.topic}: ${counted(frame.count, 'message')} skipped (${frame.reason}), ${frame.from} to ${frame.to}`;
    case 'resync':
      return `${frame.topic}: ${frame.reason}, goes on after ${frame.cursor}`;
    case 'time':
      return `id ${frame.id}`;
    case 'drain':
      return `the server is about to go: come back in ${frame.reconnect_after_ms} ms`;
    case 'error':
      return `${frame.code}: ${frame.message}`;
  }
}
