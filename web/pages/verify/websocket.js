/** The browser's half of the checks of WebSockets. Frames that break the rules, and pings, are not a page's to send. */

import { duration } from '../../lib/format.js';
import { socketUrl } from '../../lib/transport/websocket.js';
import { finding } from './finding.js';

/** @typedef {import('./finding.js').Check} Check */
/** @typedef {import('./finding.js').Finding} Finding */

/** How long a step may take, ms. */
const PATIENCE_MS = 10_000;
/** What nobody publishes to. */
const QUIET = '/ws?topic=verify.quiet';
/** More than any message here should be; the server's limit is far below. */
const TOO_LARGE_BYTES = 4 << 20;

/** @type {readonly Check[]} */
export const CHECKS = [
  { id: 'ws.browser', what: 'the way that a browser takes works', means: 'A proxy drops Upgrade and Connection unless it is told to pass them on; or HTTP/2 offers WebSockets and refuses them.' },
  { id: 'ws.limit', what: 'a message without end is refused with 1009', means: 'One client can fill the memory; without 1009 an honest one comes back and tries again.' },
  { id: 'ws.close', what: 'a close is answered, then the connection ends', means: 'Without an answer a browser reports 1006, which looks like a fault of the network, and waits.' },
];

/**
 * Runs every check of {@link CHECKS} and tells each once.
 *
 * @param {(id: string, finding: Finding) => void} tell
 * @param {(id: string) => void} begin says which one is under way
 */
export async function run(tell, begin) {
  begin('ws.browser');
  const opened = await dialogue(QUIET, (socket) => socket.send('verify'), (text) => text.includes('"echoed":"verify"'));
  if (!opened.answered) {
    const hint = 'nginx: proxy_http_version 1.1 and proxy_set_header Upgrade, Connection. wirelab verify ws tells which of the two ways fails.';
    tell('ws.browser', finding('FAIL', opened.opened ? `it opened, and then ${opened.how}` : `it did not open: ${opened.how}`, hint));
    for (const { id } of CHECKS.slice(1)) tell(id, finding('SKIP', 'it does not open'));
    return;
  }
  tell('ws.browser', finding('PASS', `open and answered after ${duration(opened.took_ms)}`, '', ['a browser does not tell over which version of HTTP']));
  begin('ws.limit');
  tell('ws.limit', limit(await dialogue(QUIET, (socket) => socket.send('x'.repeat(TOO_LARGE_BYTES)))));
  begin('ws.close');
  tell('ws.close', close(await dialogue(QUIET, (socket) => socket.close(1000, 'done'))));
}

/** @param {Ended} ended */
export function limit({ code, how }) {
  const hint = 'Give messages a limit, and close with 1009.';
  if (code === 1009) return finding('PASS', 'closed with 1009');
  if (code) return finding('WARN', `4 MiB at once: ${how}`, hint);
  return finding('FAIL', 'a message of 4 MiB was taken, or nothing was said of it', hint);
}

/** @param {Ended} ended */
export function close({ code, clean, how }) {
  const hint = 'Answer a close frame with one, then end the connection.';
  if (code === 1000 && clean) return finding('PASS', how);
  if (code && clean) return finding('WARN', `1000 was sent: ${how}`, 'Send back the code that came.');
  return finding('FAIL', `1000 was sent: ${how}`, hint);
}

/**
 * @typedef {object} Ended
 * @property {boolean} opened
 * @property {boolean} answered what was waited for came
 * @property {number} code 0: it did not end in time
 * @property {boolean} clean
 * @property {string} how in words
 * @property {number} took_ms
 */

/**
 * Opens a socket, does one thing, and waits for an answer or the end.
 *
 * @param {string} path
 * @param {(socket: WebSocket) => void} act once it is open
 * @param {(text: string) => boolean} [awaited]
 * @returns {Promise<Ended>}
 */
function dialogue(path, act, awaited = () => false) {
  const start_ms = performance.now();
  const socket = new WebSocket(socketUrl(path));
  let opened = false;
  return new Promise((resolve) => {
    const end = (/** @type {boolean} */ answered, code = 0, clean = false, how = `nothing came in ${duration(PATIENCE_MS)}`) => {
      clearTimeout(timer);
      socket.onopen = socket.onmessage = socket.onclose = null;
      socket.close();
      resolve({ opened, answered, code, clean, how, took_ms: performance.now() - start_ms });
    };
    const timer = setTimeout(() => end(false), PATIENCE_MS);
    socket.onopen = () => {
      opened = true;
      act(socket);
    };
    socket.onmessage = ({ data }) => awaited(String(data)) && end(true);
    socket.onclose = ({ code, wasClean, reason }) => {
      const words = `${code}${reason ? ` “${reason}”` : ''}, ${wasClean ? 'clean' : 'not clean'}`;
      end(false, code, wasClean, words);
    };
  });
}
