/** How long silence survives from this browser: a stream and a socket on which nothing happens, watched side by side. */

import { duration } from '../../lib/format.js';
import { socketUrl } from '../../lib/transport/websocket.js';
import { finding, why } from './finding.js';
import { watch } from './stream.js';

/** @typedef {import('./finding.js').Check} Check */
/** @typedef {import('./finding.js').Finding} Finding */

/** How long an answer may take, ms. */
const PATIENCE_MS = 10_000;

/** @type {readonly Check[]} */
export const CHECKS = [
  { id: 'idle.sse', what: 'a silent event stream survives', means: 'A stream that dies of silence dies when nothing happens, and only then.' },
  { id: 'idle.ws', what: 'a silent WebSocket survives', means: 'Most proxies cut after a minute without a byte; some forget it and tell nobody. A page cannot send pings.' },
];

/**
 * Runs every check of {@link CHECKS} at once and tells each once.
 *
 * @param {(id: string, finding: Finding) => void} tell
 * @param {(id: string) => void} begin says which one is under way
 * @param {number} max_ms how long silence is watched
 */
export async function run(tell, begin, max_ms) {
  for (const { id } of CHECKS) begin(id);
  await Promise.all([
    stream(max_ms).then((found) => tell('idle.sse', found)),
    socket(max_ms).then((found) => tell('idle.ws', found)),
  ]);
}

/** @param {number} max_ms @returns {Promise<Finding>} */
async function stream(max_ms) {
  const start_ms = performance.now();
  try {
    const { ended, broken, comments } = await watch('/events?topic=verify.quiet', max_ms);
    const lived_ms = performance.now() - start_ms;
    if (ended || broken) return cut(lived_ms, broken || 'it was ended');
    if (comments === 0) {
      return finding('WARN', `${duration(max_ms)} of silence without a cut, but without a sign of life either`, 'Send a comment every 15 s.');
    }
    return finding('PASS', `it lived for ${duration(max_ms)}, with ${comments} heartbeats`);
  } catch (error) {
    return finding('SKIP', why(error));
  }
}

/** @param {number} max_ms @returns {Promise<Finding>} */
function socket(max_ms) {
  const start_ms = performance.now();
  const socket = new WebSocket(socketUrl('/ws?topic=verify.quiet'));
  return new Promise((resolve) => {
    let opened = false;
    /** @type {ReturnType<typeof setTimeout> | undefined} */
    let timer;
    const end = (/** @type {Finding} */ found) => {
      clearTimeout(timer);
      socket.onopen = socket.onmessage = socket.onclose = null;
      socket.close();
      resolve(found);
    };
    const ask = () => {
      socket.send('anybody there?');
      const dead = finding('FAIL', `after ${duration(max_ms)} of silence nobody answers, and nobody was told`, 'Ping every 25 s.');
      timer = setTimeout(() => end(dead), PATIENCE_MS);
    };
    socket.onopen = () => {
      opened = true;
      timer = setTimeout(ask, max_ms);
    };
    socket.onmessage = ({ data }) => {
      if (String(data).includes('anybody there?')) end(finding('PASS', `${duration(max_ms)} of silence, and it answers`));
    };
    socket.onclose = ({ code }) => {
      if (opened) end(cut(performance.now() - start_ms, `closed with ${code}`));
      else end(finding('SKIP', `it did not open: ${code}`));
    };
  });
}

/** @param {number} lived_ms @param {string} how @returns {Finding} */
export function cut(lived_ms, how) {
  const every = duration((lived_ms * 5) / 12);
  return finding('FAIL', `cut after ${duration(lived_ms)}: ${how}`, `Say something every ${every} at least, or let the proxy allow more silence.`);
}
