/** Close codes decoded: what each means here, what to do about it, and a button for those that a page can earn. */

import { make, need } from '../../lib/dom.js';
import { duration } from '../../lib/format.js';
import { socketUrl } from '../../lib/transport/websocket.js';

/** One byte more than the server takes in one message (64 KiB). */
const TOO_LARGE_BYTES = 64 * 1024 + 1;
/** How long to wait for a close, ms. */
const PATIENCE_MS = 5000;

/**
 * @typedef {object} Code
 * @property {number} code
 * @property {string} means
 * @property {string} todo
 * @property {{ label: string, path?: string, act?: (socket: WebSocket) => void }} [provoke] `act` runs once the socket is open
 * @property {string} [why] why no page can earn it
 */

/** @type {Code[]} */
const CODES = [
  {
    code: 1000,
    means: 'Normal: one side was done.',
    todo: 'Nothing.',
    provoke: { label: 'close(1000)', act: (socket) => socket.close(1000, 'done') },
  },
  {
    code: 1001,
    means: 'The server goes away: it drains.',
    todo: 'Come back after what its drain frame says.',
    why: 'stop the server',
  },
  {
    code: 1002,
    means: 'Broken framing (RFC 6455).',
    todo: 'Mend the client.',
    why: 'browsers keep the protocol',
  },
  {
    code: 1003,
    means: 'Binary, where this server takes text.',
    todo: 'Send text.',
    provoke: { label: 'Send 4 bytes', act: (socket) => socket.send(new Uint8Array(4)) },
  },
  {
    code: 1006,
    means: 'No close frame came: the connection broke or was refused. Never on the wire.',
    todo: 'Back off, come back with the cursor. A page is not told more.',
    provoke: { label: 'Ask for a bad topic', path: '/ws?topic=NOT..A..TOPIC' },
  },
  { code: 1007, means: 'Text that is not UTF-8.', todo: 'Mend the sender.', why: 'browsers send valid text only' },
  {
    code: 1008,
    means: 'Against the rules of this server.',
    todo: 'Read the reason; do not just retry.',
    why: 'browsers do nothing of the kind',
  },
  {
    code: 1009,
    means: 'A message over 64 KiB.',
    todo: 'Send less at once.',
    provoke: { label: 'Send 65,537 bytes', act: (socket) => socket.send('x'.repeat(TOO_LARGE_BYTES)) },
  },
  { code: 1013, means: 'Try again later: a limit is reached.', todo: 'Back off longer.', why: 'fill the server' },
  {
    code: 4000,
    means: 'Silent peer: two pings went unanswered.',
    todo: 'Come back with the cursor.',
    why: 'browsers answer by themselves',
  },
  {
    code: 4001,
    means: 'Slow reader under the policy disconnect.',
    todo: 'Read faster, or choose another policy.',
    why: 'stop reading, above',
  },
  {
    code: 4002,
    means: 'Misuse of this protocol’s commands.',
    todo: 'Mend the client.',
    why: 'this page keeps to them',
  },
];

/** @param {import('../../lib/timeline.js').Timeline} timeline */
export function mountCodes(timeline) {
  need('.codes tbody').append(...CODES.map((code) => drawCode(code, timeline)));
}

/** @param {Code} entry @param {import('../../lib/timeline.js').Timeline} timeline */
function drawCode({ code, means, todo, provoke: how, why = '' }, timeline) {
  const answer = make('output', {}, how ? '–' : '');
  const action = how
    ? make('button', { type: 'button', class: 'quiet' }, how.label)
    : make('span', { class: 'fine' }, why);
  if (how) {
    action.addEventListener('click', async () => {
      answer.textContent = 'waiting for the close …';
      answer.textContent = await provoke(how);
      timeline.add('websocket', 'close', `provoked by “${how.label}”: ${answer.textContent}`);
    });
  }
  const cells = [means, todo, action, answer].map((content) => make('td', {}, content));
  return make(
    'tr',
    { 'data-code': String(code) },
    make('th', { scope: 'row', class: 'number' }, String(code)),
    ...cells,
  );
}

/**
 * Opens a socket, does the one thing, and waits for its end.
 *
 * @param {NonNullable<Code['provoke']>} how
 * @returns {Promise<string>} the code, the reason and how long it took
 */
function provoke({ path = '/ws', act }) {
  const socket = new WebSocket(socketUrl(path));
  let acted_ms = performance.now();
  return new Promise((resolve) => {
    const timer = setTimeout(() => {
      socket.close();
      resolve(`no close within ${duration(PATIENCE_MS)}`);
    }, PATIENCE_MS);
    socket.onopen = () => {
      acted_ms = performance.now();
      act?.(socket);
    };
    socket.onclose = ({ code, reason, wasClean }) => {
      clearTimeout(timer);
      const how = `${wasClean ? 'clean' : 'not clean'}, after ${duration(performance.now() - acted_ms)}`;
      resolve(`${code}${reason ? ` “${reason}”` : ''}, ${how}`);
    };
  });
}
