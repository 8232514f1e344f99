/**
 * The page's checks of data channels, with something wrong between the browser and the real server: one thing each time,
 * and what fails is what says so.
 */

import assert from 'node:assert/strict';
import { createSocket } from 'node:dgram';
import { once } from 'node:events';
import { after, before, test } from 'node:test';

import { check } from './checks.js';
import { lab } from './harness.js';

/** @typedef {import('./harness.js').Page} Page */
/** @typedef {Record<string, any>} Words what the hub says */

/** @type {Awaited<ReturnType<typeof lab>>} */
let bench;
before(async () => {
  bench = await lab();
});
after(() => bench.close());

/** How long the hub may take before a visitor notices, and a little more, ms. */
const NOTICED_MS = 2100;

const ALL = { signalling: 'PASS', candidates: 'PASS', open: 'PASS', pair: 'PASS', parameters: 'PASS', 'message-size': 'PASS' };
const UNOPENED = { open: 'FAIL', pair: 'SKIP', parameters: 'SKIP', 'message-size': 'SKIP' };

test('a hub whose peer has no place free', async () => {
  const { verdicts, measured } = await checkWith((page) =>
    throughHub(page, (words) => (words.type === 'welcome' ? [{ type: 'refused', code: 'limit', message: 'no place free' }] : [])),
  );
  assert.deepEqual(verdicts, { ...ALL, ...UNOPENED, signalling: 'FAIL', candidates: 'SKIP', open: 'SKIP' });
  assert.match(measured.signalling, /^no place free$/);
});

test('a hub that never answers', async () => {
  const { verdicts, measured } = await checkWith((page) => throughHub(page, (words) => (words.type === 'answer' ? [] : [words])));
  assert.deepEqual(verdicts, { ...ALL, ...UNOPENED, signalling: 'FAIL', candidates: 'SKIP', open: 'SKIP' });
  assert.match(measured.signalling, /^not open after 5 s$/);
});

test('an answer without addresses', async () => {
  const { verdicts, measured } = await checkWith((page) => throughHub(page, withCandidates(() => '')));
  assert.deepEqual(verdicts, { ...ALL, ...UNOPENED, candidates: 'FAIL' });
  assert.match(measured.candidates, /^none over UDP$/);
});

test('addresses at which nobody answers', async (t) => {
  const deaf = createSocket('udp4').bind(0);
  t.after(() => deaf.close());
  await once(deaf, 'listening');
  const { port } = deaf.address();
  const { verdicts, measured } = await checkWith((page) =>
    throughHub(
      page,
      withCandidates((line) => line.replace(/(?<=udp \d+ \S+ )\d+/i, String(port))),
    ),
  );
  assert.deepEqual(verdicts, { ...ALL, ...UNOPENED });
  assert.match(measured.open, /^(checks|loopback): .*, 2 times$/);
});

test('a first connection that comes to nothing', async () => {
  let answers = 0;
  const { verdicts, measured } = await checkWith((page) =>
    throughHub(page, (words) => (words.type === 'answer' && answers++ === 0 ? [] : [words])),
  );
  assert.deepEqual(verdicts, { ...ALL, open: 'WARN' });
  assert.match(measured.open, /^only at the second attempt; /);
});

test('a hub that takes its time', async () => {
  const { verdicts, measured } = await checkWith((page) => throughHub(page, (words) => [words], NOTICED_MS));
  assert.match(verdicts.open, /^WARN$|^FAIL$/); // the machine's own time comes on top
  assert.deepEqual(verdicts, { ...ALL, open: verdicts.open });
  assert.match(measured.open, /signalling [2-9]/);
});

test('a channel that carries nothing', async () => {
  const { verdicts, measured } = await checkWith((page) =>
    page.addInitScript(() => {
      const send = RTCDataChannel.prototype.send;
      RTCDataChannel.prototype.send = function (/** @type {any} */ text) {
        if (!String(text).startsWith('{"type":"echo"')) send.call(this, text);
      };
    }),
  );
  assert.deepEqual(openInTime(verdicts), { ...ALL, pair: 'FAIL' });
  assert.match(measured.pair, /, no echo came back$/);
});

test('a server whose unreliable channel is ordered', async () => {
  const { verdicts, measured } = await checkWith((page) =>
    page.route('**/api/info', async (route) => {
      const answer = await route.fetch();
      const info = await answer.json();
      info.channels[1].ordered = true;
      await route.fulfill({ response: answer, json: info });
    }),
  );
  assert.deepEqual(openInTime(verdicts), { ...ALL, parameters: 'FAIL' });
  assert.match(measured.parameters, /^state is id 1, unordered, maxRetransmits 0 here and id 1, ordered, maxRetransmits 0 there$/);
});

test('an answer that announces more than is taken', async () => {
  const { verdicts, measured } = await checkWith((page) =>
    throughHub(page, (words) => [
      words.sdp ? { ...words, sdp: words.sdp.replace(/^a=max-message-size:.*$/m, 'a=max-message-size:1000000') } : words,
    ]),
  );
  assert.deepEqual(openInTime(verdicts), { ...ALL, 'message-size': 'FAIL' });
  assert.match(measured['message-size'], /^1000000 bytes are announced, and /);
});

/**
 * What the page says, with what `prepare` puts in between.
 *
 * @param {(page: Page) => Promise<unknown>} prepare
 */
async function checkWith(prepare) {
  const page = await bench.context.newPage();
  await prepare(page);
  const said = await check(page, bench.url, 'webrtc');
  await page.close();
  return said;
}

/** How long an opening takes is the machine's: a slow one warns. @param {Record<string, string>} verdicts */
function openInTime(verdicts) {
  return verdicts.open === 'WARN' ? { ...verdicts, open: 'PASS' } : verdicts;
}

/**
 * Passes on what the hub says as `change` has it, and its welcome at the earliest after `wait_ms`.
 *
 * @param {Page} page
 * @param {(words: Words) => Words[]} change
 * @param {number} [wait_ms]
 */
function throughHub(page, change, wait_ms = 0) {
  return page.routeWebSocket(/\/signal$/, (socket) => {
    const hub = socket.connectToServer();
    hub.onMessage((text) => {
      const said = JSON.parse(String(text));
      const send = () => change(said).forEach((words) => socket.send(JSON.stringify(words)));
      if (said.type === 'welcome') setTimeout(send, wait_ms); // a slow hub is what is tested
      else send();
    });
  });
}

/** Changes each candidate, wherever it stands; an empty one is none. @param {(line: string) => string} change @returns {(words: Words) => Words[]} */
function withCandidates(change) {
  return (words) => {
    if (words.sdp) return [{ ...words, sdp: words.sdp.replace(/^a=candidate:.*\r\n/gm, (/** @type {string} */ line) => change(line)) }];
    if (!words.candidate?.candidate) return [words];
    const candidate = change(words.candidate.candidate);
    return candidate ? [{ ...words, candidate: { ...words.candidate, candidate } }] : [];
  };
}
