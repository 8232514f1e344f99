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
  await textOf(page, '#state .path', /^This page is on the direct path/);
  assert.deepEqual(bench.complaints.splice(0), []);
  await page.close();
});

test('a connection that is well is left alone: longer than the server waits for a sign of life', async () => {
  const page = await bench.open('/webrtc.html');
  // 40 s of them. A browser may change the pair it uses, and the server has to go along with it.
  await textOf(page, '[data-stream="delivered"]', /^2[,.\s]?[4-9][0-9]{2}/, 60_000);
  assert.doesNotMatch((await page.locator('#timeline tbody').textContent()) ?? '', /attempt 2|disconnected/);
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
  await textOf(first, '#room .say', /^Alone in the room/);
  const second = await bench.open((await first.locator('.room-link').getAttribute('href')) ?? '');
  for (const page of [first, second]) await textOf(page, '.visitors tbody', /open.*[µm]s.*[1-9][0-9]* of/);

  await say(first, 'from the first');
  await textOf(second, '.chat-lines', /from the first/);
  await say(second, 'from the second');
  await textOf(first, '.chat-lines', /from the second/);
  assert.deepEqual(bench.complaints.splice(0), []);

  await first.waitForFunction(() => document.querySelectorAll('.visitors tbody tr:not(.nobody)').length === 1);
  await first.close();
  await textOf(second, '#room .say', /^Alone in the room/);
  await second.close();
});

test('two pages go on when the hub is gone, and say so', async () => {
  const own = await lab();
  const first = await own.open('/webrtc.html?room=outlives');
  await textOf(first, '#room .say', /^Alone in the room/);
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

test('where no packet comes through, the page names UDP, what to try, and tries again by itself', async () => {
  const page = await bench.context.newPage();
  await page.addInitScript(() => {
    // The server's candidates get the port of nobody: signalling works and every check is unanswered.
    const set = RTCPeerConnection.prototype.setRemoteDescription;
    RTCPeerConnection.prototype.setRemoteDescription = function ({ type, sdp = '' }) {
      return /** @type {any} */ (set).call(this, { type, sdp: sdp.replace(/^(a=candidate:(?:\S+ ){5})\d+/gm, '$19') });
    };
  });
  await page.goto(`${bench.url}/webrtc.html`);
  await textOf(page, '.failure .what', /UDP between you and the server is blocked/);
  await textOf(page, '.failure .try-this', /Try another network.*--announce-ip/);
  await textOf(page, '#timeline tbody', /attempt 2/);
  bench.complaints.splice(0);
  await page.close();
});

test('a server whose peer has no place free says so, and the page says which limit', async () => {
  const full = await lab({ flags: ['--max-peers', '1'] });
  const first = await full.open('/webrtc.html');
  await textOf(first, '#setup .say', /^Open after/);
  const second = await full.open('/webrtc.html');
  await textOf(second, '.failure .what', /no place free/);
  await first.goto('about:blank');
  // The first says that it goes, so the place is free at once and the second comes in by itself.
  await textOf(second, '#setup .say', /^Open after/);
  await full.close();
});

test('when both sides offer at once, perfect negotiation settles it and the channel stays open', async () => {
  const page = await bench.open('/');
  const settled = await page.evaluate(async () => {
    // @ts-ignore: as the pages import it, from the server
    const { Negotiation } = await import('/lib/negotiation.js');
    const [a, b] = [new RTCPeerConnection(), new RTCPeerConnection()];
    const channels = [a, b].map((peer) => peer.createDataChannel('control', { negotiated: true, id: 0 }));
    const opened = channels.map((channel) => new Promise((open) => channel.addEventListener('open', open)));
    const later = (/** @type {() => void} */ action) => {
      setTimeout(action, 30); // a hub takes its time: offers that cross each other on the way are the point
    };
    /** @type {any} */
    const polite = new Negotiation(a, true, (/** @type {any} */ signal) => later(() => impolite.take(signal)), {
      waits: true,
    });
    /** @type {any} */
    const impolite = new Negotiation(b, false, (/** @type {any} */ signal) => later(() => polite.take(signal)));
    await Promise.all(opened);
    const glares = () => polite.glares + impolite.glares;
    const settled = new Promise((/** @type {(done?: undefined) => void} */ done) => {
      const look = () => glares() > 0 && [a, b].every(({ signalingState }) => signalingState === 'stable') && done();
      for (const peer of [a, b]) peer.addEventListener('signalingstatechange', look);
    });
    a.restartIce();
    b.restartIce();
    await settled;
    const heard = new Promise((arrived) => (channels[1].onmessage = ({ data }) => arrived(data)));
    channels[0].send('still here');
    const words = await heard;
    a.close();
    b.close();
    return { glares: glares(), words };
  });
  assert.ok(settled.glares >= 1, 'the offers crossed');
  assert.equal(settled.words, 'still here');
  await page.close();
});

/** @param {import('playwright-core').Page} page @param {string} text */
async function say(page, text) {
  await page.locator('#room [name="text"]').fill(text);
  await page.keyboard.press('Enter');
}
