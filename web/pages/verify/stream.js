/** An event stream, read piece by piece from `fetch`: its head, its events and the moment at which each came. */

import { EventStreamParser } from '../../lib/event-stream.js';

/** @typedef {import('../../lib/event-stream.js').StreamEvent & { at_ms: number }} Arrived */

/**
 * @typedef {object} Seen
 * @property {Response} response
 * @property {string} url
 * @property {Arrived[]} events
 * @property {number} comments
 * @property {boolean} ended before the time was up
 * @property {string} broken why it broke; empty: it did not
 * @property {number} took_ms
 */

/** Bytes that are read of one stream: whoever sends more in a few seconds floods. */
const MOST_BYTES = 4 << 20;

/**
 * Reads for a while, or until `enough` says so.
 *
 * @param {string} path
 * @param {number} time_ms
 * @param {{ headers?: Record<string, string>, enough?: (seen: { events: Arrived[], comments: number }) => boolean }} [options]
 * @returns {Promise<Seen>}
 * @throws the server gives no answer
 */
export async function watch(path, time_ms, { headers = {}, enough = () => false } = {}) {
  const abort = new AbortController();
  const start_ms = performance.now();
  const timer = setTimeout(() => abort.abort(), time_ms);
  const url = new URL(path, location.href).href;
  try {
    const response = await fetch(url, {
      headers: { accept: 'text/event-stream', ...headers },
      cache: 'no-store',
      redirect: 'manual',
      signal: abort.signal,
    });
    /** @type {Seen} */
    const seen = { response, url, events: [], comments: 0, ended: false, broken: '', took_ms: 0 };
    await read(response, seen, enough, abort);
    seen.took_ms = performance.now() - start_ms;
    return seen;
  } catch (error) {
    if (abort.signal.aborted) throw new Error(`no answer in ${time_ms / 1000} s`);
    throw error;
  } finally {
    clearTimeout(timer);
    abort.abort();
  }
}

/**
 * @param {Response} response
 * @param {Seen} seen
 * @param {(seen: Seen) => boolean} enough
 * @param {AbortController} abort
 */
async function read(response, seen, enough, abort) {
  const reader = response.body?.getReader();
  if (!reader || !response.ok) return;
  const parser = new EventStreamParser();
  const decoder = new TextDecoder('utf-8', { fatal: true });
  let bytes = 0;
  try {
    for (;;) {
      const { done, value } = await reader.read();
      if (done) {
        seen.ended = true;
        return;
      }
      const at_ms = performance.now();
      bytes += value.length;
      if (bytes > MOST_BYTES) throw new RangeError(`a flood: more than ${MOST_BYTES >> 20} MiB came at once`);
      for (const event of parser.take(decoder.decode(value, { stream: true }))) seen.events.push({ ...event, at_ms });
      seen.comments = parser.comments;
      if (enough(seen)) return;
    }
  } catch (error) {
    if (!abort.signal.aborted) seen.broken = error instanceof Error ? error.message : String(error);
  }
}
