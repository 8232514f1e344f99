/**
 * The words on the wire (DESIGN section 4): the same JSON on every lane, `type` first.
 *
 * This module knows frames and cursors; it opens no connection and keeps no state.
 */

/** What happens to a subscription that falls behind: the same on every lane. @typedef {'gap' | 'disconnect' | 'latest'} Policy */

/** @typedef {{ type: 'hello', server: string, lane: string, heartbeat_ms: number, topics: Record<string, string>, now_us: number }} Hello */
/** @typedef {{ type: 'message', topic: string, cursor: string, sent_us: number, data: any }} Message */
/** @typedef {{ type: 'subscribed', id?: RequestId, topic: string, cursor: string, policy: Policy, channel?: 'state' | 'control' }} Subscribed */
/** @typedef {{ type: 'unsubscribed', id?: RequestId, topic: string }} Unsubscribed */
/** @typedef {{ type: 'ack', id?: RequestId, ack: true, echoed?: any, cursor?: string }} Ack */
/** @typedef {{ type: 'gap', topic: string, from: string, to: string, count: number, reason: 'slow' | 'latest' }} Gap */
/** @typedef {{ type: 'resync', topic: string, reason: 'expired' | 'other-epoch' | 'unknown', cursor: string, missed_from?: string, missed_to?: string }} Resync */
/** @typedef {{ type: 'time', id: RequestId, t0: number, t1: number, t2: number }} Time */
/** @typedef {{ type: 'drain', reconnect_after_ms: number }} Drain */
/** @typedef {{ type: 'error', id?: RequestId, code: string, message: string }} ErrorFrame */

/** @typedef {number | string} RequestId */
/** @typedef {Hello | Message | Subscribed | Unsubscribed | Ack | Gap | Resync | Time | Drain | ErrorFrame} ServerFrame */

/** The fields that every frame of a type must have, by the kind of their values. @type {Record<string, Record<string, string>>} */
const FIELDS = {
  hello: { server: 'string', lane: 'string', heartbeat_ms: 'number', topics: 'object', now_us: 'number' },
  message: { topic: 'string', cursor: 'cursor', sent_us: 'number', data: 'any' },
  subscribed: { topic: 'string', cursor: 'cursor', policy: 'string' },
  unsubscribed: { topic: 'string' },
  ack: {},
  gap: { topic: 'string', from: 'cursor', to: 'cursor', count: 'number', reason: 'string' },
  resync: { topic: 'string', reason: 'string', cursor: 'cursor' },
  time: { t0: 'number', t1: 'number', t2: 'number' },
  drain: { reconnect_after_ms: 'number' },
  error: { code: 'string', message: 'string' },
};

/** The text is no frame that this page knows; the message says why. */
export class FrameError extends Error {}

/**
 * Reads one frame.
 *
 * @param {string} text
 * @returns {ServerFrame}
 * @throws {FrameError} the text is not JSON, has no known `type`, or lacks a field
 */
export function parseFrame(text) {
  const frame = parseJson(text);
  if (typeof frame !== 'object' || frame === null) throw new FrameError('a frame is a JSON object');
  const fields = Object.hasOwn(FIELDS, frame.type) ? FIELDS[frame.type] : undefined;
  if (!fields) throw new FrameError(`no frame has the type ${JSON.stringify(frame.type)}`);
  for (const [name, kind] of Object.entries(fields)) {
    if (!fits(frame[name], kind)) throw new FrameError(`${frame.type}.${name} is not a ${kind}`);
  }
  return frame;
}

/**
 * Reads one frame, and tells the owner where it cannot: a newer server may say more than this page knows.
 *
 * @param {string} text
 * @param {{ unread: (why: string) => void }} on
 * @returns {ServerFrame | undefined}
 */
export function readFrame(text, on) {
  try {
    return parseFrame(text);
  } catch (error) {
    if (!(error instanceof FrameError)) throw error;
    on.unread(error.message);
    return undefined;
  }
}

/** @param {string} text */
function parseJson(text) {
  try {
    return JSON.parse(text);
  } catch (error) {
    throw new FrameError(`not JSON: ${/** @type {Error} */ (error).message}`);
  }
}

/** @param {unknown} value @param {string} kind */
function fits(value, kind) {
  if (kind === 'any') return value !== undefined;
  if (kind === 'cursor') return typeof value === 'string' && CURSOR.test(value);
  return typeof value === kind && value !== null;
}

const CURSOR = /^([0-9a-f]{16})\.(0|[1-9][0-9]{0,19})$/;

/**
 * Splits `<epoch>.<offset>`. Offsets of our logs stay far below 2^53, so a number holds them.
 *
 * @param {string} cursor
 * @returns {{ epoch: string, offset: number }}
 * @throws {FrameError} the text is no cursor
 */
export function parseCursor(cursor) {
  const parts = CURSOR.exec(cursor);
  if (!parts) throw new FrameError(`no cursor: ${JSON.stringify(cursor)}`);
  return { epoch: parts[1], offset: Number(parts[2]) };
}

/**
 * The cursor `count` messages earlier in the same log, or its very start.
 *
 * @param {string} cursor
 * @param {number} count messages
 */
export function rewind(cursor, count) {
  const { epoch, offset } = parseCursor(cursor);
  return `${epoch}.${Math.max(0, offset - count)}`;
}

/**
 * Writes an SSE event id: the bare cursor of a stream with one topic, `topic@cursor,topic@cursor` of one with several.
 *
 * @param {ReadonlyMap<string, string>} cursors topic to cursor
 * @param {readonly string[]} topics the stream's topics
 */
export function formatEventId(cursors, topics) {
  if (topics.length === 1) return cursors.get(topics[0]) ?? '';
  return topics.flatMap((topic) => (cursors.has(topic) ? [`${topic}@${cursors.get(topic)}`] : [])).join(',');
}
