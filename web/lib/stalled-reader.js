/**
 * A reader that stops reading: a worker with a socket of its own that is kept busy for a while.
 *
 * A page cannot tell its kernel to stop reading. It can refuse to run: while this worker's thread is busy, the browser
 * hands it no message, its buffers fill, and TCP tells the server to wait. The page itself stays alive.
 */

import { parseCursor, parseFrame } from './message.js';

/** @typedef {{ url: string, warm_ms: number, stall_ms: number, after_ms: number }} Order */

/**
 * What the worker tells the page.
 *
 * @typedef {object} Report
 * @property {'reading' | 'stalled' | 'resumed' | 'told' | 'ended'} kind
 * @property {number} delivered messages so far
 * @property {number} skipped messages that `gap` frames named
 * @property {number} gaps frames that told of them
 * @property {number} unaccounted messages neither delivered nor named
 * @property {import('./message.js').ServerFrame} [frame] with `told`
 * @property {string} [ended] with `ended`
 */

const tally = { delivered: 0, skipped: 0, gaps: 0, first: NaN, last: NaN };

self.onmessage = (/** @type {MessageEvent<Order>} */ { data: order }) => {
  const socket = new WebSocket(order.url);
  let isOver = false;
  const end = (/** @type {string} */ ended) => {
    if (isOver) return;
    isOver = true;
    socket.close(1000);
    tell('ended', { ended });
  };
  socket.onopen = () => {
    setTimeout(() => {
      tell('stalled');
      stall(order.stall_ms);
      tell('resumed');
      setTimeout(() => end('still open, closed by this page'), order.after_ms);
    }, order.warm_ms);
  };
  socket.onmessage = ({ data }) => read(data);
  socket.onclose = ({ code, reason }) => end(`${code} ${reason}`.trim());
  setInterval(() => isOver || tell('reading'), 250);
};

/** Keeps this thread busy: there is no gentler way not to read. @param {number} ms */
function stall(ms) {
  const until_ms = performance.now() + ms;
  while (performance.now() < until_ms);
}

/** @param {string} text */
function read(text) {
  const frame = parseFrame(text);
  if (frame.type === 'message') {
    tally.delivered += 1;
    account(parseCursor(frame.cursor).offset);
  } else if (frame.type === 'gap') {
    tally.skipped += frame.count;
    tally.gaps += 1;
    account(parseCursor(frame.to).offset);
    tell('told', { frame });
  }
}

/** @param {number} offset */
function account(offset) {
  if (Number.isNaN(tally.first)) tally.first = offset;
  tally.last = offset;
}

/** @param {Report['kind']} kind @param {Partial<Report>} [more] */
function tell(kind, more) {
  const { delivered, skipped, gaps, first, last } = tally;
  const unaccounted = Number.isNaN(first) ? 0 : last - first + 1 - delivered - skipped;
  self.postMessage({ kind, delivered, skipped, gaps, unaccounted, ...more });
}
