/** How large a message may be: what is announced, whether that holds, and what happens above it. */

import { finding } from './finding.js';

/** @typedef {'answered' | 'refused as too large' | 'no answer' | 'not sent'} Taken */
/** @typedef {{ announced: number, tried: [number, Taken][], above?: Taken, isAlive: boolean }} Sizes sizes in bytes */

/** Below this every stack works; above, some cut or refuse. */
const SAFE_BYTES = 16 * 1024;
/** The largest that is tried where more, or any size, is announced. */
const MOST_BYTES = 256 * 1024;
/** What holds where nothing is announced (RFC 8841, section 6.1). */
const UNSAID_BYTES = 64 * 1024;
/** How long an answer may take, ms. */
const PATIENCE_MS = 5000;

/**
 * Sends up to what is announced, and one byte more.
 *
 * @param {import('./opening.js').Opening} opening
 * @returns {Promise<Sizes>}
 */
export async function trySizes(opening) {
  const announced = announcedBytes(opening.answer);
  const most = announced === 0 ? MOST_BYTES : Math.min(announced, MOST_BYTES);
  /** @type {Sizes} */
  const seen = { announced, tried: [], isAlive: false };
  for (const bytes of new Set([1024, SAFE_BYTES, 64 * 1024, most].filter((bytes) => bytes <= most))) {
    const taken = await send(opening, bytes);
    seen.tried.push([bytes, taken]);
    if (taken === 'no answer' || taken === 'not sent') return seen;
  }
  if (most === announced) seen.above = await send(opening, most + 1);
  seen.isAlive = (await send(opening, 1024)) === 'answered';
  return seen;
}

/** @param {string} sdp */
export function announcedBytes(sdp) {
  const said = /^a=max-message-size:\s*(\d+)/m.exec(sdp);
  return said ? Number(said[1]) : UNSAID_BYTES;
}

/** A command of so many bytes, whose answer is small. @param {import('./opening.js').Opening} opening @param {number} bytes @returns {Promise<Taken>} */
async function send(opening, bytes) {
  const command = (/** @type {number} */ pad) => ({ type: 'time', id: bytes, t0: 0, pad: 'x'.repeat(pad) });
  const bare = JSON.stringify(command(0)).length;
  try {
    const isAnswer = (/** @type {import('../../lib/message.js').ServerFrame} */ { type }) => type === 'time' || type === 'error';
    const { frame } = await opening.ask(command(bytes - bare), isAnswer, PATIENCE_MS);
    if (frame?.type === 'error') return frame.code === 'too_large' ? 'refused as too large' : 'no answer';
    return frame ? 'answered' : 'no answer';
  } catch (error) {
    // Too large is a TypeError, too much at once an OperationError (W3C WebRTC, section 6.2).
    if (error instanceof TypeError || error instanceof DOMException) return 'not sent';
    throw error;
  }
}

/** @param {Sizes} seen */
export function judgeSizes({ announced, tried, above, isAlive }) {
  const all = /** @type {[number, string][]} */ (above ? [...tried, [announced + 1, above]] : tried);
  const evidence = [`a=max-message-size: ${announced}`, ...all.map(([bytes, taken]) => `${bytes} bytes: ${taken}`)];
  const answered = Math.max(0, ...tried.flatMap(([bytes, taken]) => (taken === 'answered' ? bytes : [])));
  const [bytes, last] = tried[tried.length - 1];
  if (last === 'not sent') {
    const hint = 'The answer changed on the way, or names two limits: look at a=max-message-size.';
    return finding('FAIL', `this browser does not send ${bytes} bytes, and ${announced} are announced`, hint, evidence);
  }
  if (last === 'no answer') {
    const hint = 'Announce what is taken (a=max-message-size), or answer what is too large; until then send at most 16 KiB at a time.';
    return finding('FAIL', `${announced} bytes are announced, and ${bytes} get no answer; ${answered} do`, hint, evidence);
  }
  if (!isAlive) {
    const hint = 'What is too large has to be refused and not to end the connection: close it with a reason, or answer.';
    return finding('FAIL', 'after the largest message nothing is answered any more', hint, evidence);
  }
  const beyond = above === 'not sent' ? ', above it this browser refuses to send' : above ? ', above it all the same' : '';
  const measured = `${answered} bytes answered, ${announced} announced${beyond}`;
  if (answered < SAFE_BYTES) return finding('WARN', measured, 'Most programs send up to 16 KiB at a time: take that much.', evidence);
  return finding('PASS', measured, '', evidence);
}
