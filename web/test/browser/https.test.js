/** HTTPS in a real browser: the wall beside none, WebSockets on the connection that is there, and the way to accept. */

import assert from 'node:assert/strict';
import { mkdtemp, rm } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { after, before, test } from 'node:test';

import { lab, textOf } from './harness.js';

/** @typedef {import('playwright-core').Page} Page */

const FLAGS = ['--https', '127.0.0.1:0', '--data-dir'];
/** @type {string} */
let folder;
/** Where the certificate counts as accepted. @type {Awaited<ReturnType<typeof lab>>} */
let bench;
/** Its HTTPS address. */
let secure = '';

before(async () => {
  folder = await mkdtemp(join(tmpdir(), 'wirelab-https-'));
  bench = await lab({ flags: [...FLAGS, folder], ignoreHTTPSErrors: true });
  secure = await secureUrl(bench);
});
after(async () => {
  await bench.close();
  await rm(folder, { recursive: true });
});

/** @param {{ url: string }} server */
async function secureUrl({ url }) {
  const { listeners } = /** @type {import('../../lib/api.js').Info} */ (await (await fetch(`${url}/api/info`)).json());
  const found = listeners.find(({ scheme }) => scheme === 'https');
  assert.ok(found);
  return found.url;
}

/** A counter, asked for by the page itself: the question costs no connection. @param {Page} page @param {string} sample */
function count(page, sample) {
  return page.evaluate(async (sample) => {
    const text = await (await fetch('/metrics')).text();
    const line = text.split('\n').find((line) => line.startsWith(`wirelab_${sample} `));
    return Number(line?.split(' ').at(-1) ?? 0);
  }, sample);
}

test('the wall of six over HTTP/1.1, and beside it none over HTTP/2', async () => {
  for (const [at, verdict] of /** @type {[string, RegExp][]} */ ([
    [bench.url, /^5 of 7 opened, 2 wait: with this page’s own stream 6/],
    [secure, /^6 of 7 opened, 1 wait: 6 by this page/],
  ])) {
    const page = await bench.context.newPage();
    await page.goto(`${at}/sse.html`);
    await textOf(page, '.pill[data-lane="sse"] .state', /^open$/);
    await textOf(page, '[data-wall="http1"] .at', /^http:/);
    await textOf(page, '[data-wall="http2"] .at', /^https:/);
    await page.locator('#wall .build').click();
    await textOf(page, '[data-wall="http1"] .say', verdict);
    await textOf(page, '[data-wall="http2"] .say', /^All seven streams are open/);
    await textOf(page, '[data-wall="http2"] .wall li:nth-child(8)', /answered after .* over h2/);
    await textOf(page, '[data-wall="http1"] .wall li:nth-child(8)', /waiting for [0-9]/);
    await page.locator('#wall .build').click();
    await textOf(page, '[data-wall="http1"] .wall li:nth-child(8)', /answered after .* over http\/1\.1/);
    await textOf(page, '[data-wall="http2"] .say', /^The wall is down\. 7 of 7 streams had opened, none waited/);
    await textOf(page, '#wall .build', /^Open seven streams$/);
    assert.deepEqual(bench.complaints.splice(0), []);
    await page.close();
  }
});

test('the pages use wss, and Chromium opens its WebSockets on the HTTP/2 connection that is there', async () => {
  const page = await bench.context.newPage();
  await page.goto(`${secure}/websocket.html`);
  await textOf(page, '.pill[data-lane="websocket"] .state', /^open$/);
  const before = await count(page, 'http_connections_accepted_total');
  const opened = await page.evaluate(async () => {
    const socket = () =>
      new Promise((resolve, reject) => {
        const socket = new WebSocket(`wss://${location.host}/ws?topic=metric`, 'wirelab.v1');
        socket.onmessage = ({ data }) => resolve([socket.protocol, JSON.parse(data).type]);
        socket.onerror = reject;
      });
    return Promise.all(Array.from({ length: 10 }, socket));
  });
  assert.deepEqual(opened, Array.from({ length: 10 }, () => ['wirelab.v1', 'hello']));
  assert.ok((await count(page, 'connections{lane="websocket"}')) >= 11);
  assert.equal(await count(page, 'http_connections_accepted_total'), before, 'no connection more');
  assert.deepEqual(bench.complaints.splice(0), []);
  await page.close();
});

test('a data channel opens from a page over TLS: the signalling is a WebSocket of HTTP/2', async () => {
  const page = await bench.context.newPage();
  await page.goto(`${secure}/webrtc.html`);
  await textOf(page, '.pill[data-lane="datachannel"] .state', /^open$/);
  assert.deepEqual(bench.complaints.splice(0), []);
  await page.close();
});

test('who has not accepted the certificate is led there, and the page goes on when it is', async () => {
  const stranger = await lab({ flags: [...FLAGS, folder] });
  try {
    const page = await stranger.open('/sse.html');
    await textOf(page, '.pill[data-lane="sse"] .state', /^open$/);
    await textOf(page, '[data-wall="http2"] .at', /^https:/);
    await page.locator('#wall .build').click();
    await textOf(page, '[data-wall="http2"] .way', /accept the certificate there, and come back/);
    const link = page.locator('[data-wall="http2"] .way a');
    assert.equal(await link.getAttribute('href'), `${await secureUrl(stranger)}/sse.html#wall`);
    await textOf(page, '[data-wall="http1"] .say', /^5 of 7 opened/);
    await page.locator('#wall .build').click();
    await textOf(page, '#wall .build', /^Open seven streams$/);

    const browser = await stranger.context.newCDPSession(page);
    await browser.send('Security.setIgnoreCertificateErrors', { ignore: true });
    await page.evaluate(() => dispatchEvent(new Event('focus')));
    await textOf(page, '[data-wall="http2"] .way', /reads from there now/);
    await page.locator('#wall .build').click();
    await textOf(page, '[data-wall="http2"] .say', /^All seven streams are open/);
    for (const complaint of stranger.complaints.splice(0)) assert.match(complaint, /ERR_CERT_AUTHORITY_INVALID/);
  } finally {
    await stranger.close();
  }
});
