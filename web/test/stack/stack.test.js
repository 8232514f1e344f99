/**
 * The running stack from outside, as a visitor's browser sees it: scripts/stack-test.sh brings it up and says where it is.
 *
 * `STACK_URL`: the server. `STACK_PROXY`, `STACK_WRONG`: the two nginx. `STACK_CONTAINER`: the server's container, to be
 * killed. What is not given is skipped.
 */

import assert from 'node:assert/strict';
import { execFileSync } from 'node:child_process';
import { request } from 'node:http';
import { after, before, test } from 'node:test';

import { chromium } from 'playwright-core';

import { textOf } from '../browser/harness.js';

const { STACK_URL: URL_ = 'http://127.0.0.1:8080', STACK_PROXY, STACK_WRONG, STACK_CONTAINER } = process.env;
const PAGES = ['/', '/sse.html', '/websocket.html', '/webrtc.html', '/compare.html'];
const LANES = ['sse', 'websocket', 'datachannel', 'datachannel-reliable'];
/** A container that starts again, and lanes that wait before they do, ms. */
const RECOVERY_MS = 60_000;

/** @type {import('playwright-core').Browser} */
let browser;
/** @type {import('playwright-core').BrowserContext} */
let context;

before(async () => {
  browser = await chromium.launch({
    executablePath: process.env.CHROMIUM ?? '/usr/bin/chromium',
    args: ['--no-sandbox', '--disable-quic', '--disable-background-networking', '--disable-component-update', '--disable-sync'],
  });
  context = await browser.newContext();
});
after(() => browser.close());

/** @param {string} address */
async function open(address) {
  const page = await context.newPage();
  await page.goto(address);
  return page;
}

test('it is ready, and no part of it is degraded', async () => {
  const ready = await (await fetch(`${URL_}/health/ready`)).json();
  assert.deepEqual([ready.status, ready.degraded], ['ready', []]);
});

test('every page loads without a complaint', async () => {
  for (const path of PAGES) {
    const page = await context.newPage();
    const complaints = /** @type {string[]} */ ([]);
    page.on('console', (message) => message.type() === 'error' && complaints.push(message.text()));
    page.on('pageerror', (error) => complaints.push(String(error)));
    const answer = await page.goto(URL_ + path);
    assert.equal(answer?.status(), 200, path);
    await page.waitForSelector('.pill[data-state="open"]');
    assert.deepEqual(complaints, [], path);
    await page.close();
  }
});

test('the same over HTTPS and HTTP/2, to whoever accepts the certificate', async (t) => {
  const own = await browser.newContext({ ignoreHTTPSErrors: true });
  t.after(() => own.close());
  const page = await own.newPage();
  await page.goto(`https://${new URL(URL_).hostname}:8443/`);
  for (const lane of LANES.slice(0, 3)) await page.waitForSelector(`.pill[data-lane="${lane}"][data-state="open"]`);
  assert.equal(await page.evaluate(() => performance.getEntriesByType('navigation').map((entry) => /** @type {any} */ (entry).nextHopProtocol).join()), 'h2');
});

test('all lanes receive, directly and through the link in the container', async () => {
  const link = await (await fetch(`${URL_}/api/link`)).json();
  assert.equal(link.state, 'up', link.why);
  for (const path of ['direct', 'link']) {
    const page = await open(`${URL_}/compare.html?path=${path}`);
    for (const lane of LANES) await textOf(page, `[data-figure="delivered"] [data-lane="${lane}"]`, /^[1-9][0-9]{2}/, RECOVERY_MS);
    // Packets went through it, and some were lost.
    if (path === 'link') await page.waitForFunction(carriedAndLost, URL_, { timeout: RECOVERY_MS });
    await page.close();
  }
});

for (const transport of ['udp', 'tcp'])
  test(`a data channel through the relay alone, over ${transport}, and getStats says so`, async (t) => {
    // As in a network that lets nothing else through.
    const own = await browser.newContext();
    t.after(() => own.close());
    await own.addInitScript(onlyOver, transport);
    const page = await own.newPage();
    await page.goto(`${URL_}/webrtc.html?relay=1`);
    await textOf(page, '#setup .say', /^Open after/);
    await textOf(page, '[data-pair="path"]', /^relay – /);
    await textOf(page, '[data-pair="relay"]', new RegExp(`^yes: this browser’s end, over ${transport} to turn:`));
    await textOf(page, '[data-stream="delivered"]', /^[1-9][0-9]{2}/);
  });

test('the right nginx upgrades and passes on event by event; the wrong one refuses, holds back and cuts', { skip: !STACK_PROXY }, async () => {
  const [right, wrong] = [String(STACK_PROXY), String(STACK_WRONG)];
  const page = await open(`${right}/websocket.html`);
  await page.waitForSelector('.pill[data-lane="websocket"][data-state="open"]');
  await page.close();
  assert.deepEqual([await upgraded(right), await upgraded(wrong)], [101, 426]);

  const over = new AbortController();
  const held = events(wrong, over.signal).next();
  let seen = 0;
  for await (const _ of events(right, over.signal)) if ((seen += 1) === 10) break;
  assert.equal(await Promise.race([held, 'nothing yet']), 'nothing yet', 'ten came by the other way meanwhile');

  const quiet = end(right, over.signal);
  await end(wrong, over.signal);
  assert.equal(await Promise.race([quiet, 'goes on']), 'goes on', 'the other one cuts what is quiet for 5 s');
  over.abort();
});

test('a server that is killed comes back, and every lane with it', { skip: !STACK_CONTAINER }, async () => {
  const page = await open(`${URL_}/`);
  for (const lane of LANES.slice(0, 3)) await page.waitForSelector(`.pill[data-lane="${lane}"][data-state="open"]`);
  const id = execFileSync('docker', ['inspect', '--format', '{{.State.Pid}}', String(STACK_CONTAINER)], { encoding: 'utf8' });
  process.kill(Number(id), 'SIGKILL'); // as the kernel would; `docker kill` counts as stopped on purpose
  await page.waitForFunction(() => document.querySelectorAll('.pill[data-state="open"]').length < 3);
  for (const lane of LANES.slice(0, 3))
    await page.waitForSelector(`.pill[data-lane="${lane}"][data-state="open"]`, { timeout: RECOVERY_MS });
  await page.close();
});

/** The events of a stream of four a second, as they arrive. @param {string} base @param {AbortSignal} signal */
async function* events(base, signal) {
  try {
    const stream = await fetch(`${base}/events?topic=tick.4.32`, { signal });
    const decoder = new TextDecoder();
    for await (const bytes of /** @type {any} */ (stream.body)) if (/^data: .*"message"/m.test(decoder.decode(bytes))) yield;
  } catch (error) {
    if (!signal.aborted) throw error;
  }
}

/** When a stream of a topic that nobody publishes on ends, however. @param {string} base @param {AbortSignal} signal */
async function end(base, signal) {
  try {
    const { body } = await fetch(`${base}/events?topic=quiet`, { signal });
    await body?.pipeTo(new WritableStream());
  } catch {} // cut in the middle is an end too
}

/** What is answered to whoever asks for a WebSocket. @param {string} base @returns {Promise<number | undefined>} the status */
function upgraded(base) {
  const headers = { connection: 'Upgrade', upgrade: 'websocket', 'sec-websocket-version': '13', 'sec-websocket-key': btoa('sixteen bytes...') };
  return new Promise((resolve, reject) => {
    const answered = (/** @type {import('node:http').IncomingMessage} */ answer) => {
      answer.destroy();
      resolve(answer.statusCode);
    };
    request(`${base}/ws`, { headers }).on('response', answered).on('upgrade', answered).on('error', reject).end();
  });
}

/** In the page: TURN servers are reached over this alone. @param {string} transport */
function onlyOver(transport) {
  const Native = RTCPeerConnection;
  globalThis.RTCPeerConnection = class extends Native {
    /** @param {RTCConfiguration} [configuration] */
    constructor({ iceServers = [], ...rest } = {}) {
      const isTcp = (/** @type {string} */ url) => url.endsWith('?transport=tcp');
      const allowed = iceServers.map((server) => ({ ...server, urls: [server.urls].flat().filter((url) => isTcp(url) === (transport === 'tcp')) }));
      super({ ...rest, iceServers: allowed.filter(({ urls }) => urls.length > 0) });
    }
  };
}

/** In the page: whether the link has lost some of what went through. @param {string} base */
async function carriedAndLost(base) {
  const { counters } = await (await fetch(`${base}/api/link`)).json();
  return counters.down.delivered > 1000 && counters.down.lost > 0;
}
