/**
 * TURN for real: coturn with the shipped configuration, Chromium, and this server. That a connection opens proves nothing
 * here: every test asks getStats, or the other end, which way the packets went.
 */

import assert from 'node:assert/strict';
import { readFileSync } from 'node:fs';
import { after, before, describe, test } from 'node:test';

import { coturn, passOn, skip, skipTls } from './coturn.js';
import { lab, textOf } from './harness.js';

/** @typedef {import('playwright-core').Page} Page */

/** Longer than an ICE restart may take, and its detection. */
const RECOVERY_MS = 40_000;

describe('through coturn', { skip }, () => {
  /** @type {import('./coturn.js').Coturn} */
  let relay;
  /** @type {Awaited<ReturnType<typeof lab>>} */
  let bench;
  before(async () => {
    relay = await coturn();
    await relay.start();
    bench = await lab({ flags: relay.flags(['udp', 'tcp']) });
  });
  after(async () => {
    await bench?.close();
    await relay?.remove();
  });

  for (const over of /** @type {const} */ (['udp', 'tcp'])) {
    test(`a minted credential relays over ${over}, and both ends say so`, async (t) => {
      const own = await lab({ flags: relay.flags([over]), log: 'wirelab_transport=debug' });
      t.after(own.close);
      const page = await own.open('/webrtc.html?relay=1');
      await textOf(page, '#setup .say', /^Open after/);
      await textOf(page, '[data-pair="path"]', /^relay – host, udp$/);
      await textOf(page, '[data-pair="relay"]', new RegExp(`^yes: this browser’s end, over ${over} to turn:127`));
      await textOf(page, '[data-stream="delivered"]', /^[1-9][0-9]{2}/);
      assert.match(await told(page, 'pair'), /^selected: relay – host, udp; through TURN: yes/m);
      await textOf(page, '.turn-servers', new RegExp(`=${over} gave an address: it works$`));
      assert.match(await told(page, 'turn'), new RegExp(`^turn:127.*=${over} gave an address: it works$`, 'm'));
      assert.deepEqual(own.complaints.splice(0), []);
      const row = await textOf(page, '.candidates .selected', /this browser.*relay/);
      const address = /127\.0\.0\.1:[0-9]+/.exec(row)?.[0] ?? '';
      await page.locator('[name="relay"]').uncheck(); // this connection is closed, and the page stays to say so
      // The server sends to the relay, and to nobody else.
      await own.logged(new RegExp(`closed.*remote=Some\\(${address}\\)`));
    });
  }

  test('an expired and a forged credential get 401, and no address', async () => {
    const page = await bench.open('/');
    const urls = [relay.urls.udp, relay.urls.tcp];
    const good = await page.evaluate(gather, { urls, ...relay.credential(60) });
    assert.ok(good.addresses > 0 && good.codes.length === 0, JSON.stringify(good));
    for (const account of [relay.credential(-60), relay.credential(60, 'another secret'), { ...relay.credential(60), credential: 'x' }]) {
      const { addresses, codes } = await page.evaluate(gather, { urls, ...account });
      assert.equal(addresses, 0);
      assert.deepEqual([...new Set(codes)], [401]);
    }
    await page.close();
  });

  test('the relay passes nothing on to private networks, to metadata or to strangers', async () => {
    const answer = await fetch(`${bench.url}/api/ice-servers`);
    const [account] = (await answer.json()).iceServers;
    assert.doesNotMatch(await passOn(relay, account, '127.0.0.1'), /error/i);
    for (const peer of ['10.0.0.1', '172.16.0.1', '172.29.80.4', '192.168.1.1', '100.64.0.1', '169.254.169.254', '168.63.129.16', '9.9.9.9'])
      assert.match(await passOn(relay, account, peer), /error 403 \(Forbidden IP\)/, peer);
  });

  test('two pages relay to each other', async () => {
    const [first, second] = await meet(bench, 'relayed', '&relay=1');
    for (const page of [first, second]) await textOf(page, '.visitors tbody', /openrelay – relay, udp.*[1-9][0-9]* of/);
    await first.locator('#room [name="text"]').fill('by relay');
    await first.keyboard.press('Enter');
    await textOf(second, '.chat-lines', /by relay/);
    assert.deepEqual(bench.complaints.splice(0), []);
    for (const page of [first, second]) await page.close();
  });

  test('the switch meets the others anew by the ways that it allows, and back', async () => {
    const [first, second] = await meet(bench, 'switched');
    await textOf(first, '.visitors tbody', /open(host|prflx) – .*[1-9][0-9]* of/);
    await first.locator('[name="relay"]').check();
    await textOf(first, '.visitors tbody', /openrelay – /);
    await textOf(first, '[data-pair="path"]', /^relay – host/);
    await first.locator('[name="relay"]').uncheck();
    await textOf(first, '.visitors tbody', /open(host|prflx) – /);
    await textOf(first, '[data-pair="path"]', /^(host|prflx) – host/);
    assert.deepEqual(bench.complaints.splice(0), []);
    for (const page of [first, second]) await page.close();
  });

  test('new credentials move what is relayed, before the old ones end', async (t) => {
    const own = await lab({ flags: relay.flags(['udp']) }); // one way, so that nothing moves by itself
    t.after(own.close);
    // A lifetime that no server would give, so that three quarters of it are soon over.
    await own.context.route('**/api/ice-servers', (route) =>
      route.fulfill({ json: { iceServers: [{ urls: relay.urls.udp, ...relay.credential(600) }], ttl: 12 } }),
    );
    await own.context.addInitScript(keepConnections);
    const [first] = await meet(own, 'renewed', '&relay=1');
    await textOf(first, '#setup .say', /^Open after/);
    const before = await first.evaluate(selectedPorts);
    assert.equal(before.length, 2, 'to the server and to the other browser');
    const after = await first.evaluate(portsOnceMoved, before);
    assert.equal(after.length, 2);
    assert.deepEqual(before.filter((/** @type {number} */ port) => after.includes(port)), [], 'both are somewhere else');
    assert.match(await told(first, 'ice-restart'), /^browser [0-9a-f]{8}: new TURN credentials: offers new paths$/m);
    assert.match(await told(first, 'closed'), /^new TURN credentials: a new connection/m);
    assert.doesNotMatch(await told(first, 'closed'), /^browser/m);
    assert.equal(await told(first, 'restored'), '', 'no path was lost for it');
    await textOf(first, '.visitors tbody', /openrelay – relay/);
    assert.deepEqual(own.complaints, []);
  });

  test('when the path is lost, browsers restart ICE and stay connected; the server is met anew and control resumes', async () => {
    const [first, second] = await meet(bench, 'restarted', '&relay=1');
    for (const page of [first, second]) await textOf(page, '.visitors tbody', /openrelay – relay/);
    await first.evaluate(recordControl);
    await first.waitForFunction(() => /** @type {any} */ (globalThis).recorded.offsets.length > 20);
    const ports = await relayPorts(first);

    // It may notice before or after the other browser is met again.
    const lost = textOf(first, '#setup .say', /^(?!Open after)/, RECOVERY_MS);
    await relay.stop();
    await textOf(first, '.visitors tbody', /looking for another path/);
    await relay.start();
    await textOf(first, '.visitors tbody', /openrelay – relay/, RECOVERY_MS);
    assert.match(await told(first, 'ice-restart'), /^browser [0-9a-f]{8}: (no packet came for 3 s|ICE or DTLS failed): offers new paths$/m);
    assert.match(await told(first, 'restored'), /^browser [0-9a-f]{8}: found another path in .*the connection is the same/m);
    const echoes = await echoed(second);
    await second.waitForFunction((before) => Number(/(\d+) of/.exec(document.querySelector('.visitors tbody')?.textContent ?? '')?.[1]) > before, echoes);
    assert.doesNotMatch(await told(first, 'closed'), /^browser/m);

    await lost;
    await textOf(first, '#setup .say', /^Open after/, RECOVERY_MS);
    assert.match(await told(first, 'waiting'), /^(disconnected: no packet came for 3 s|failed: )/m);
    await textOf(first, '[data-pair="path"]', /^relay – host/);
    assert.notDeepEqual(await relayPorts(first), ports, 'what the relay had given is gone');
    const { offsets, opened } = await resumed(first);
    assert.equal(opened, 2, 'a second connection');
    assert.deepEqual(offsets, offsets.map((/** @type {number} */ _, /** @type {number} */ i) => offsets[0] + i), 'everything once and in order');
    bench.complaints.splice(0);
    for (const page of [first, second]) await page.close();
  });
});

test('turns: relays over TLS to a browser that accepts the certificate; another one is told that it may be that', { skip: skipTls }, async (t) => {
  const relay = await coturn({ isSecure: true });
  await relay.start();
  const [own, stranger] = [await lab({ flags: relay.flags(['tls']), spki: relay.spki }), await lab({ flags: relay.flags(['tls']) })];
  t.after(async () => {
    for (const bench of [own, stranger]) await bench.close();
    await relay.remove();
  });
  const page = await own.open('/webrtc.html?relay=1');
  await textOf(page, '[data-pair="path"]', /^relay – host, udp$/);
  await textOf(page, '[data-pair="relay"]', /^yes: this browser’s end, over tls to turns:127/);
  await textOf(page, '[data-stream="delivered"]', /^[1-9][0-9]{2}/);
  await textOf(page, '.turn-servers', /turns:127\S* gave an address: it works$/);

  const other = await stranger.open('/webrtc.html');
  await textOf(other, '.turn-servers', /turns:127\S* gave no address: no answer.*its certificate.*701/);
  await textOf(other, '[data-pair="relay"]', /^no: direct$/);
});

test('a relay that does not know the secret is named with its reason, and the connection goes on direct', { skip }, async (t) => {
  const [relay, other] = [await coturn(), await coturn()];
  await relay.start();
  const own = await lab({ flags: ['--turn-url', relay.urls.udp, '--turn-secret-file', other.secretFile] });
  t.after(async () => {
    await own.close();
    await relay.remove();
    await other.remove();
  });
  const page = await own.open('/webrtc.html');
  await textOf(page, '.turn-servers', /turn:127\.0\.0\.1:[0-9]+\S* gave no address: it does not accept the credential.*401.*The connection goes on by ways that need no such server/);
  assert.match(await told(page, 'turn-failed'), /^turn:127.*401/m);
  await textOf(page, '#setup .say', /^Open after/);
  await textOf(page, '[data-pair="relay"]', /^no: direct$/);
  await page.close();
});

test('a relay that is down is named with its reason; only through it nothing opens, and unticking goes on direct', async (t) => {
  const folder = await coturn(); // for its secret and its port: it is never started
  const own = await lab({ flags: folder.flags(['tcp']) });
  t.after(async () => {
    await own.close();
    await folder.remove();
  });
  const page = await own.open('/webrtc.html');
  await textOf(page, '.turn-servers', /turn:127\.0\.0\.1:[0-9]+\?transport=tcp gave no address: (nothing came of it|no answer: it is down)/);
  await textOf(page, '#setup .say', /^Open after/);
  await textOf(page, '[data-pair="relay"]', /^no: direct$/);

  await page.locator('[name="relay"]').check();
  await textOf(page, '.failure .what', /^Only through TURN is ticked, and no TURN server gave this browser an address/);
  await page.waitForSelector('.failure:not([hidden])');
  await textOf(page, '.turn-servers', /gave no address: .*untick it to go on without/);
  await page.locator('[name="relay"]').uncheck();
  await textOf(page, '#setup .say', /^Open after/);
  await page.close();
});

test('without a relay, only through TURN says that there is none', async (t) => {
  const own = await lab();
  t.after(own.close);
  const page = await own.open('/webrtc.html?relay=1');
  await textOf(page, '.failure .what', /this server named no TURN server/);
  await textOf(page, '.failure .try-this', /--turn-url/);
  await page.locator('[name="relay"]').uncheck();
  await textOf(page, '#setup .say', /^Open after/);
  assert.equal(new URL(page.url()).searchParams.get('relay'), null);
});

/** @param {Awaited<ReturnType<typeof lab>>} bench @param {string} room @param {string} [more] of the address */
async function meet(bench, room, more = '') {
  const first = await bench.open(`/webrtc.html?room=${room}${more}`);
  await textOf(first, '#room .say', /in the room|In the room/);
  const second = await bench.open(`/webrtc.html?room=${room}${more}`);
  for (const page of [first, second]) await textOf(page, '.visitors tbody', /open.*[1-9][0-9]* of/);
  return [first, second];
}

/** What the time line has of an event, one a line; it shows the newest only, and exports all. @param {Page} page @param {string} event */
async function told(page, event) {
  const [download] = await Promise.all([page.waitForEvent('download'), page.locator('#timeline .export').click()]);
  const { entries } = JSON.parse(readFileSync(await download.path(), 'utf8'));
  return entries.filter((/** @type {any} */ entry) => entry.event === event).map((/** @type {any} */ { text }) => text).join('\n');
}

/** In the page: what an account is given at the relay. @param {RTCIceServer} server */
async function gather(server) {
  const connection = new RTCPeerConnection({ iceServers: [server], iceTransportPolicy: 'relay' });
  const codes = /** @type {number[]} */ ([]);
  let addresses = 0;
  connection.onicecandidateerror = ({ errorCode }) => codes.push(errorCode);
  connection.createDataChannel('x');
  const gathered = new Promise((/** @type {(done?: undefined) => void} */ done) => {
    connection.onicecandidate = ({ candidate }) => (candidate ? (addresses += 1) : done());
  });
  await connection.setLocalDescription();
  await gathered;
  connection.close();
  return { addresses, codes };
}

/** In the page, before all else: its connections can be asked. */
function keepConnections() {
  const kept = /** @type {RTCPeerConnection[]} */ ([]);
  /** @type {any} */ (globalThis).kept = kept;
  globalThis.RTCPeerConnection = class extends RTCPeerConnection {
    /** @param {RTCConfiguration} [configuration] */
    constructor(configuration) {
      super(configuration);
      kept.push(this);
    }
  };
}

/** In the page: where each open connection is at the relay. @returns {Promise<number[]>} */
async function selectedPorts() {
  // @ts-ignore: as the pages import it, from the server
  const { selectedPair } = await import('/lib/selected-pair.js');
  const open = /** @type {any} */ (globalThis).kept.filter((/** @type {RTCPeerConnection} */ { connectionState }) => connectionState === 'connected');
  const pairs = await Promise.all(open.map(selectedPair));
  return pairs.filter(({ local }) => local?.candidateType === 'relay').map(({ local }) => local.port);
}

/** In the page: the same, once none of `before` is left. @param {number[]} before @returns {Promise<number[]>} */
async function portsOnceMoved(before) {
  // @ts-ignore: as the pages import it, from the server
  const { selectedPair } = await import('/lib/selected-pair.js');
  for (let look = 0; ; look++) {
    const open = /** @type {any} */ (globalThis).kept.filter((/** @type {RTCPeerConnection} */ { connectionState }) => connectionState === 'connected');
    const ports = (await Promise.all(open.map(selectedPair))).map(({ local }) => local?.port);
    const isMoved = ports.length === before.length && ports.every((port) => port && !before.includes(port));
    if (isMoved || look === 400) return ports;
    await new Promise((resolve) => setTimeout(resolve, 50)); // getStats has no event
  }
}

/** In the page: a lane of its own that reads a topic on control, through the relay. */
async function recordControl() {
  // @ts-ignore: as the pages import it, from the server
  const { DataChannelLane } = await import('/lib/transport/datachannel.js');
  const recorded = { offsets: /** @type {number[]} */ ([]), opened: 0 };
  const lane = new DataChannelLane({
    state: (/** @type {any} */ { name }) => (recorded.opened += Number(name === 'open')),
    frame: (/** @type {any} */ frame) => frame.type === 'message' && recorded.offsets.push(Number(frame.cursor.split('.')[1])),
    unread: () => {},
  });
  lane.isRelayOnly = true;
  lane.subscribe('tick.20.64', { channel: 'control' });
  lane.open();
  /** @type {any} */ (globalThis).recorded = recorded;
}

/** Waits until the recording goes on over its second connection. @param {Page} page */
async function resumed(page) {
  const handle = await page.waitForFunction(
    () => {
      const { recorded } = /** @type {any} */ (globalThis);
      recorded.then ??= recorded.opened > 1 ? recorded.offsets.length : undefined;
      return recorded.then !== undefined && recorded.offsets.length > recorded.then + 200 && recorded;
    },
    undefined,
    { timeout: RECOVERY_MS },
  );
  return /** @type {any} */ (handle.jsonValue());
}

/** Ports at the relay, as the page shows them. @param {Page} page */
async function relayPorts(page) {
  await textOf(page, '.candidates tbody', /relay/);
  const rows = await page.locator('.candidates tbody tr').allTextContents();
  return rows.filter((row) => /relay/.test(row)).map((row) => /127\.0\.0\.1:([0-9]+)/.exec(row)?.[1]);
}

/** How many echoes of the other browser are back. @param {Page} page */
async function echoed(page) {
  return Number(/(\d+) of/.exec((await page.locator('.visitors tbody').textContent()) ?? '')?.[1]);
}
