/** The browser's half of the checks of event streams. What a page may not do, such as to lie about its origin, is the terminal's. */

import { duration } from '../../lib/format.js';
import { judge } from './cadence.js';
import { finding, why } from './finding.js';
import { heldAgainst } from './resume.js';
import { watch } from './stream.js';

/** @typedef {import('./finding.js').Check} Check */
/** @typedef {import('./finding.js').Finding} Finding */
/** @typedef {import('./stream.js').Seen} Seen */

/** Ten events of 100 bytes a second, and how long they are watched, ms. */
const FEED = '/events?topic=tick.10.100';
const HZ = 10;
const WATCH_MS = 4000;
/** What nobody publishes to, and how long it may be silent, ms. */
const QUIET = '/events?topic=verify.quiet';
const HEARTBEAT_MS = 30_000;

/** @type {readonly Check[]} */
export const CHECKS = [
  { id: 'sse.answer', what: 'the answer is 200 with text/event-stream', means: 'EventSource takes nothing else; on 204 and 5xx it gives up for ever.' },
  { id: 'sse.streaming', what: 'events arrive as they are sent', means: 'Behind a proxy that gathers, nothing arrives, then everything at once, and nothing logs an error.' },
  { id: 'sse.no-transform', what: 'nobody may change the stream on the way', means: 'Whoever compresses a stream gathers it, and whoever caches it shows old events.' },
  { id: 'sse.compression', what: 'the stream is not compressed, asked for or not', means: 'A compressor is a buffer: events come in lumps, or each becomes a block of its own.' },
  { id: 'sse.retry', what: 'readers are told when to come back', means: 'Without it each browser waits as long as it likes, and all come at once after a restart.' },
  { id: 'sse.ids', what: 'every event has an id', means: 'The id is what a browser sends back to go on: without it, what came meanwhile is lost.' },
  { id: 'sse.resume', what: 'Last-Event-ID brings back what was missed, once and in order', means: 'Every stream breaks. With a right resume nobody notices.' },
  { id: 'sse.http2', what: 'a browser may open more than six streams', means: 'Over HTTP/1.1 the seventh stream of all tabs together waits, and every image with it.' },
  { id: 'sse.heartbeat', what: 'a silent stream says that it lives', means: 'A proxy cannot tell a quiet stream from a dead one and cuts it.' },
];

/**
 * Runs every check of {@link CHECKS} and tells each once.
 *
 * @param {(id: string, finding: Finding) => void} tell
 * @param {(id: string) => void} begin says which one is under way
 */
export async function run(tell, begin) {
  for (const id of ['sse.answer', 'sse.streaming', 'sse.heartbeat']) begin(id);
  const beating = heartbeat(); // it waits for most of its time, so it does so beside the others
  /** @type {Seen} */
  let seen;
  try {
    seen = await watch(FEED, WATCH_MS);
  } catch (error) {
    tell('sse.answer', finding('FAIL', why(error), 'The answer is held back on the way, or nobody gives one: see sse.streaming.'));
    for (const { id } of CHECKS.slice(1)) tell(id, finding('SKIP', 'there is no event stream'));
    return;
  }
  const answered = answer(seen);
  tell('sse.answer', answered);
  if (answered.verdict !== 'PASS') {
    for (const { id } of CHECKS.slice(1)) tell(id, finding('SKIP', 'there is no event stream'));
    return;
  }
  tell('sse.streaming', streaming(seen));
  tell('sse.no-transform', noTransform(seen.response.headers.get('cache-control')));
  tell('sse.compression', compression(seen.response.headers));
  tell('sse.retry', retry(seen));
  tell('sse.ids', ids(seen));
  begin('sse.resume');
  tell('sse.resume', await resume(seen));
  tell('sse.http2', http2(seen.url));
  tell('sse.heartbeat', await beating);
}

/** @param {Seen} seen */
function answer({ response }) {
  const kind = response.headers.get('content-type') ?? '';
  if (response.type === 'opaqueredirect') {
    return finding('FAIL', 'it leads elsewhere', 'Give the stream at the URL that pages ask for.');
  }
  if (response.status !== 200) return finding('FAIL', String(response.status), 'EventSource takes 200 and nothing else.');
  if (!/^text\/event-stream\b/i.test(kind)) {
    return finding('FAIL', `200 with content-type “${kind}”`, 'EventSource refuses anything but text/event-stream.');
  }
  return finding('PASS', `200, ${kind}`, '', [...response.headers].map(([name, value]) => `${name}: ${value}`));
}

/** @param {Seen} seen */
function streaming({ events, broken }) {
  if (broken) return finding('FAIL', `BROKEN after ${events.length} events: ${broken}`, 'It is no event stream in UTF-8, or was cut on the way.');
  const stamped = events.flatMap(({ data, at_ms }) => {
    const sent_us = stamp(data);
    return sent_us === undefined ? [] : [{ at_ms, sent_us }];
  });
  return judge(stamped, (HZ * WATCH_MS) / 1000);
}

/** When it was sent. @param {string} data @returns {number | undefined} */
function stamp(data) {
  try {
    const frame = JSON.parse(data);
    return frame.type === 'message' ? frame.sent_us : undefined;
  } catch {
    return undefined; // not ours
  }
}

/** @param {string | null} said */
export function noTransform(said) {
  const words = (said ?? '').split(',').map((word) => word.trim().toLowerCase());
  const measured = said ? `Cache-Control: ${said}` : 'no Cache-Control';
  if (!words.includes('no-transform')) {
    return finding('WARN', measured, 'Send Cache-Control: no-cache, no-transform, or somebody may compress or gather it.');
  }
  if (!words.includes('no-cache') && !words.includes('no-store')) {
    return finding('WARN', measured, 'Send no-cache beside it: a stream is not to be kept.');
  }
  return finding('PASS', measured);
}

/** @param {Headers} headers */
function compression(headers) {
  const encoding = headers.get('content-encoding') ?? 'identity';
  const evidence = ['a browser always asks with Accept-Encoding'];
  if (encoding === 'identity') return finding('PASS', 'none, though this browser takes it', '', evidence);
  const forbidden = headers.get('cache-control')?.includes('no-transform') ?? false;
  const hint = 'A compressor is a buffer: leave text/event-stream out of it. nginx: gzip off.';
  return forbidden
    ? finding('FAIL', `${encoding}, in spite of no-transform`, hint, evidence)
    : finding('WARN', encoding, hint, evidence);
}

/** @param {Pick<Seen, 'events'>} seen */
export function retry({ events }) {
  const given = events.find(({ retry_ms }) => retry_ms !== undefined)?.retry_ms;
  if (given === undefined) return finding('WARN', 'no retry', 'Send retry: 3000 with the first event.');
  const measured = `retry: ${given}`;
  if (given < 100) return finding('WARN', measured, 'After a restart all readers come at once: let them wait some seconds.');
  if (given > 60_000) return finding('WARN', measured, 'Nobody waits for that long: some seconds are enough.');
  return finding('PASS', measured);
}

/** @param {Pick<Seen, 'events'>} seen */
export function ids({ events }) {
  const given = events.map(({ id }) => id).filter((id) => id !== '');
  if (given.length === 0) return finding('WARN', `none of ${events.length} events has an id`, 'Send id: with every event.');
  if (given.length > 1 && new Set(given).size === 1) {
    return finding('FAIL', `all of ${given.length} events have the same id`, 'An id names one event.');
  }
  if (given.length < events.length) return finding('WARN', `${given.length} of ${events.length} events have an id`, 'Send id: with every event.');
  return finding('PASS', `all of ${events.length} events`, '', given.slice(0, 3).map((id) => `id: ${id}`));
}

/** @param {Seen} seen */
async function resume({ events }) {
  const given = events.map(({ id }) => id).filter((id) => id !== '');
  const [from, ...rest] = given.slice(Math.floor((given.length - 1) / 2));
  const missed = rest.filter((id) => id !== from);
  if (missed.length === 0) return finding('SKIP', `${given.length} events with an id came: too few`);
  try {
    const { response, events: came } = await watch(FEED, WATCH_MS, {
      headers: { 'last-event-id': from },
      enough: ({ events }) => events.length > missed.length * 2 + 8,
    });
    if (response.status !== 200) {
      return finding('FAIL', `with Last-Event-ID the answer is ${response.status}`, 'Answer 200, and say in the stream what is lost.');
    }
    return heldAgainst(from, missed, came.map(({ id }) => id));
  } catch (error) {
    return finding('FAIL', `with Last-Event-ID there is no answer: ${why(error)}`, 'Let the proxy pass the header.');
  }
}

/** @param {string} url */
function http2(url) {
  const entries = /** @type {PerformanceResourceTiming[]} */ (performance.getEntriesByName(url, 'resource'));
  const protocol = entries.at(-1)?.nextHopProtocol ?? '';
  if (protocol === 'h2' || protocol === 'h3') return finding('PASS', `${protocol}: all streams of a browser share one connection`);
  if (protocol === '') return finding('SKIP', 'this browser does not tell over which version it came');
  const tls = location.protocol === 'https:' ? 'Offer h2 in ALPN.' : 'Serve it by https with HTTP/2.';
  return finding('WARN', `${protocol}: a browser opens six streams, and the seventh tab waits`, tls);
}

/** @returns {Promise<Finding>} */
async function heartbeat() {
  const hint = 'Send a comment at least every 15 s: most proxies cut after a minute of silence, some after 15 s.';
  const start_ms = performance.now();
  try {
    const { comments, ended, broken } = await watch(QUIET, HEARTBEAT_MS, { enough: ({ comments }) => comments > 0 });
    const silence = duration(performance.now() - start_ms);
    if (comments > 0) return finding('PASS', `a comment after ${silence} at most`);
    if (ended || broken) return finding('FAIL', `cut after ${silence} of silence${broken && `: ${broken}`}`, hint);
    return finding('WARN', `nothing in ${silence} of silence`, hint);
  } catch (error) {
    return finding('FAIL', why(error), hint);
  }
}
