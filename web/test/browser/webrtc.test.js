/** The data channel to the server's peer, and two browsers that talk to each other. */

import assert from 'node:assert/strict';
import { after, before, test } from 'node:test';

import { lab, textOf } from './harness.js';

/** @type {Awaited<ReturnType<typeof lab>>} */
let bench;
before(async () => {
  bench = await lab();
});
after(() => bench.close());

test('a data channel to the server’s peer opens and carries tick.60.100', async () => {
  const page = await bench.open('/webrtc.html');
  await textOf(page, '#setup .say', /^Open after .*longest step was/);
  await textOf(page, '[data-stream="delivered"]', /^[1-9][0-9]{2}/);
  await textOf(page, '[data-stream="p50"]', /[µm]s$/);
  await textOf(page, '[data-reading="count"]', /^[1-9][0-9]/);
  await textOf(page, '#timeline tbody', /subscribedtick\.60\.100.*on state/);
  for (const step of ['signalling', 'answer', 'checks', 'open', 'hello'])
    await textOf(page, `[data-step="${step}"] td:nth-of-type(2)`, /s$/);
  await textOf(page, '.candidates .selected', /host|prflx/);
  await textOf(page, '[data-pair="path"]', /udp/);
  assert.deepEqual(bench.complaints.splice(0), []);
  await page.close();
});

test('connecting again makes a new connection that carries the feed', async () => {
  const page = await bench.open('/webrtc.html');
  await textOf(page, '[data-stream="delivered"]', /^[1-9]/);
  await page.locator('#setup .again').focus();
  await page.keyboard.press('Enter');
  await textOf(page, '#timeline tbody', /closedconnecting again/);
  await textOf(page, '#setup .say', /^Open after/);
  await textOf(page, '[data-reading="count"]', /^[1-9]/);
  assert.deepEqual(bench.complaints.splice(0), []);
  await page.close();
});

test('two pages meet in a room, and talk', async () => {
  const first = await bench.open('/webrtc.html');
  await textOf(first, '#room .say', /^In the room/);
  const second = await bench.open((await first.locator('.room-link').getAttribute('href')) ?? '');
  for (const page of [first, second]) await textOf(page, '.visitors tbody', /open.*[µm]s.*[1-9][0-9]* of/);

  await say(first, 'from the first');
  await textOf(second, '.chat-lines', /from the first/);
  await say(second, 'from the second');
  await textOf(first, '.chat-lines', /from the second/);
  assert.deepEqual(bench.complaints.splice(0), []);

  await first.waitForFunction(() => document.querySelectorAll('.visitors tbody tr:not(.nobody)').length === 1);
  await first.close();
  await textOf(second, '#room .say', /with 0 other browsers/);
  await second.close();
});

test('two pages go on when the hub is gone, and say so', async () => {
  const own = await lab();
  const first = await own.open('/webrtc.html?room=outlives');
  await textOf(first, '#room .say', /^In the room/);
  const second = await own.open('/webrtc.html?room=outlives');
  for (const page of [first, second]) await textOf(page, '.visitors tbody', /open.*[1-9][0-9]* of/);
  await own.stop();
  await textOf(first, '#room .say', /^The hub is lost .*1 connection between browsers/);
  await say(second, 'still here');
  await textOf(first, '.chat-lines', /still here/);
  await textOf(first, '.failure .what', /./);
  await own.close();
});

test('without WebRTC the page says so, and what to try', async () => {
  const page = await bench.context.newPage();
  await page.addInitScript(() => {
    // @ts-ignore: a browser whose policy switched it off
    delete globalThis.RTCPeerConnection;
  });
  await page.goto(`${bench.url}/webrtc.html`);
  await textOf(page, '.failure .what', /no WebRTC/);
  await page.waitForSelector('.failure:not([hidden])');
  await textOf(page, '.pill[data-lane="datachannel"] .state', /no WebRTC/);
  bench.complaints.splice(0);
  await page.close();
});

/** @param {import('playwright-core').Page} page @param {string} text */
async function say(page, text) {
  await page.locator('#room [name="text"]').fill(text);
  await page.keyboard.press('Enter');
}
