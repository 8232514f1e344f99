/**
 * The running stack from outside, as a visitor's browser sees it: scripts/stack-test.sh brings it up and says where it is.
 *
 * `STACK_URL`: the server. `STACK_PROXY`, `STACK_WRONG`: the two nginx. `STACK_CONTAINER`: the server's container, to be
 * killed. What is not given is skipped.
 */

import assert from 'node:assert/strict';
import { execFileSync } from 'node:child_process';
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

test('all lanes receive, directly and through the link in the container', async () => {
  const link = await (await fetch(`${URL_}/api/link`)).json();
  assert.equal(link.state, 'up', link.why);
  for (const path of ['direct', 'link']) {
    const page = await open(`${URL_}/compare.html?path=${path}`);
    for (const lane of LANES) await textOf(page, `[data-figure="delivered"] [data-lane="${lane}"]`, /^[1-9][0-9]{2}/, RECOVERY_MS);
    await page.close();
  }
  const { counters } = await (await fetch(`${URL_}/api/link`)).json();
  assert.ok(counters.down.delivered > 1000 && counters.down.lost > 0, 'packets went through it, and some were lost');
});

test('a data channel through the relay alone, and getStats says so', async () => {
  for (const transport of ['udp', 'tcp']) {
    const page = await open(`${URL_}/webrtc.html?relay=1`);
    await textOf(page, '#setup .say', /^Open after/);
    await textOf(page, '[data-pair="path"]', /^relay – /);
    await textOf(page, '[data-pair="relay"]', /^yes/);
    await textOf(page, '[data-stream="delivered"]', /^[1-9][0-9]{2}/);
    console.log(`# ${transport}: ${await page.locator('[data-pair="relay"]').textContent()}`);
    await page.close();
  }
});

test('events come one by one behind the right nginx, and are held back behind the wrong one', { skip: !STACK_PROXY }, async () => {
  const right = await open(`${STACK_PROXY}/websocket.html`);
  await right.waitForSelector('.pill[data-lane="websocket"][data-state="open"]');
  await right.close();

  const over = new AbortController();
  const wrong = events(String(STACK_WRONG), over.signal).next();
  let seen = 0;
  for await (const _ of events(String(STACK_PROXY), over.signal)) if ((seen += 1) === 10) break;
  assert.equal(await Promise.race([wrong, 'nothing yet']), 'nothing yet', 'ten came by the other way meanwhile');
  over.abort();
  const upgrade = await fetch(`${STACK_WRONG}/ws`, { headers: { connection: 'Upgrade', upgrade: 'websocket' } }).catch(() => ({ status: 400 }));
  assert.ok(upgrade.status >= 400, `${upgrade.status}`);
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
