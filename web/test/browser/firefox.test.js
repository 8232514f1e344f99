/**
 * A second browser's WebRTC and a second stack of everything else: Debian's Firefox, driven over WebDriver BiDi.
 *
 * `FIREFOX` names it; else firefox-esr.
 */

import assert from 'node:assert/strict';
import { networkInterfaces } from 'node:os';
import { after, before, test } from 'node:test';

import puppeteer from 'puppeteer-core';

import { coturn, skip } from './coturn.js';
import { lossyServer, PATIENCE_MS, serve, startServer } from './harness.js';

/** @typedef {import('puppeteer-core').Page} Page */

const FIREFOX = process.env.FIREFOX ?? '/usr/bin/firefox-esr';
/** What the page says where the server has no address that Firefox would try. */
const LOOPBACK_ALONE = /^The server announces 127\.0\.0\.1 alone, .*Firefox never tries loopback\.$/;

/** @type {import('puppeteer-core').Browser} */
let browser;
/** @type {Awaited<ReturnType<typeof startServer>>} */
let server;
before(async () => {
  browser = await puppeteer.launch({ browser: 'firefox', executablePath: FIREFOX, headless: true });
  server = await startServer();
});
after(async () => {
  await browser?.close();
  await server?.stop();
});

test('a data channel opens and carries tick.60.100', async () => {
  const { page, complaints } = await open(`${server.url}/webrtc.html`);
  const outcome = await shows(page, '#setup .say, .failure .what', /^Open after|^The server announces/);
  if (outcome.startsWith('Open')) {
    await shows(page, '[data-stream="delivered"]', /^[1-9][0-9]{2}/);
    await shows(page, '[data-reading="count"]', /^[1-9][0-9]/);
    await shows(page, '.candidates .selected', /host|prflx/);
    await shows(page, '[data-pair="path"]', /udp/);
    await shows(page, '#timeline tbody', /subscribedtick\.60\.100.*on state/);
  } else {
    assert.ok(!hasNetwork(), `there is a network, so it should have opened: ${outcome}`);
    assert.match(outcome, LOOPBACK_ALONE);
  }
  assert.deepEqual(complaints, []);
  await page.close();
});

test('the lanes of the first page receive', async () => {
  const { page, complaints } = await open(server.url);
  const lanes = hasNetwork() ? ['sse', 'websocket', 'datachannel'] : ['sse', 'websocket'];
  for (const lane of lanes) {
    await shows(page, `.pill[data-lane="${lane}"] .state`, /^open$/);
    await shows(page, `.figures tr[data-lane="${lane}"] td:nth-of-type(2)`, /[1-9]/);
  }
  assert.deepEqual(complaints, []);
  await page.close();
});

test('the checks pass here too, but for what the server has not', async () => {
  const { page, complaints } = await open(`${server.url}/verify.html`);
  await shows(page, '#checks .say', /^Done: /);
  const others = (await verdicts(page)).filter((line) => !/^PASS|^WARN (webrtc\.open|sse\.http2)|^SKIP turn/.test(line));
  const unopened = ['FAIL webrtc.open', 'SKIP webrtc.pair', 'SKIP webrtc.parameters', 'SKIP webrtc.message-size'];
  assert.deepEqual(others, ['waits idle.sse', 'waits idle.ws', ...(hasNetwork() ? [] : unopened)].sort());
  assert.deepEqual(complaints, []);
  await page.close();
});

const skipRelay = skip || (hasNetwork() ? false : 'no network here, and Firefox asks no relay on loopback');

test('a relay is told from another by how it was reached', { skip: skipRelay }, async (t) => {
  const relay = await coturn({ host: networkAddress() });
  t.after(relay.remove);
  await relay.start();
  const telling = await startServer(serve({ flags: relay.flags(['udp', 'tcp']) }));
  t.after(telling.stop);
  const { page } = await open(`${telling.url}/verify.html?only=turn`);
  await shows(page, '#checks .say', /^Done: /);
  const lines = await page.$$eval('.check[data-id^="turn."] summary', (all) =>
    all.map((one) => [...one.children].map(({ textContent }) => textContent).join(' ')),
  );
  assert.ok(lines.every((line) => line.startsWith('PASS')), lines.join('\n'));
  await page.close();
});

test('an advice is drawn, and changes with what is chosen', async () => {
  const { page, complaints } = await open(`${server.url}/advise.html`);
  await shows(page, '.outcome output', /^Take Server-Sent Events\.$/);
  await page.select('select[name="preset"]', 'game-state');
  await shows(page, '.outcome output', /^Take WebRTC data channel\.$/);
  await shows(page, '.matrix [data-column="websocket"] .standing', /^ruled out$/);
  assert.equal(new URL(page.url()).searchParams.get('preset'), 'game-state');
  assert.deepEqual(complaints, []);
  await page.close();
});

test('where the server has loopback alone, the page says why it does not open and what to try', async (t) => {
  const alone = await startServer([lossyServer(), '0']);
  t.after(alone.stop);
  const { page } = await open(`${alone.url}/webrtc.html`);
  assert.match(await shows(page, '.failure .what', /./), LOOPBACK_ALONE);
  await shows(page, '.failure .try-this', /Connect the server’s machine to a network.*Chromium.*--announce-ip/);
  await page.close();
});

/** @param {string} url */
async function open(url) {
  const page = await browser.newPage();
  const complaints = /** @type {string[]} */ ([]);
  page.on('console', (message) => {
    if (['error', 'warn'].includes(message.type())) complaints.push(message.text());
  });
  page.on('pageerror', (error) => complaints.push(String(error)));
  await page.goto(url);
  return { page, complaints };
}

/**
 * Waits until the text of one of the elements matches, and returns it.
 *
 * @param {Page} page
 * @param {string} selector
 * @param {RegExp} pattern
 */
async function shows(page, selector, pattern) {
  const handle = await page.waitForFunction(
    (/** @type {string} */ selector, /** @type {string} */ source) =>
      [...document.querySelectorAll(selector)]
        .map(({ textContent }) => (textContent ?? '').replaceAll('\u00a0', ' '))
        .find((text) => new RegExp(source, 'u').test(text)),
    { timeout: PATIENCE_MS },
    selector,
    pattern.source,
  );
  return /** @type {string} */ (await handle.jsonValue());
}

/** Every check with its verdict, as `VERDICT id`, sorted. @param {Page} page */
async function verdicts(page) {
  const lines = await page.$$eval('.check', (all) => all.map((one) => `${one.getAttribute('data-verdict')} ${one.getAttribute('data-id')}`));
  return lines.sort();
}

/** An address of this machine beside loopback's, which the server then announces too. */
function networkAddress() {
  return Object.values(networkInterfaces()).flat().find((address) => address?.family === 'IPv4' && !address.internal)?.address;
}

function hasNetwork() {
  return networkAddress() !== undefined;
}
