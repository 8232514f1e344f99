/**
 * The page's checks of TURN servers: against the shipped coturn all pass, over every transport; against one that is wrong
 * in one thing, that check fails and no other does.
 */

import assert from 'node:assert/strict';
import { createSocket } from 'node:dgram';
import { once } from 'node:events';
import { writeFileSync } from 'node:fs';
import { describe, test } from 'node:test';

import { check } from './checks.js';
import { coturn, skip, skipTls } from './coturn.js';
import { lab } from './harness.js';

/** @typedef {import('./coturn.js').Coturn} Coturn */
/** @typedef {Parameters<Coturn['flags']>[0]} Over */

const ALL = { credentials: 'PASS', transports: 'PASS', reach: 'PASS', allocate: 'PASS', relay: 'PASS' };

describe('the page of checks and coturn', { skip }, () => {
  test('as it is shipped, over UDP and TCP', async (t) => {
    const relay = await coturn();
    await relay.start();
    const { verdicts, measured } = await checkRelay(t, relay);
    assert.deepEqual(verdicts, ALL);
    assert.match(measured.allocate, /^udp: 127\.0\.0\.1 [0-9]+ in .*; tcp: 127\.0\.0\.1 [0-9]+ in /);
    assert.match(measured.relay, /^udp: both ways, .*; tcp: both ways, /);
  });

  test('with TLS too', { skip: skipTls }, async (t) => {
    const relay = await coturn({ isSecure: true });
    await relay.start();
    const { verdicts, measured } = await checkRelay(t, relay, { over: ['udp', 'tls'] });
    assert.deepEqual(verdicts, ALL);
    assert.match(measured.relay, /^udp: both ways, .*; tls: both ways, /);
  });

  test('told of by UDP alone', async (t) => {
    const relay = await coturn();
    await relay.start();
    const { verdicts, measured } = await checkRelay(t, relay, { over: ['udp'] });
    assert.deepEqual(verdicts, { ...ALL, transports: 'WARN' });
    assert.match(measured.transports, /^udp only$/);
  });

  test('with credentials that a cache has kept for too long', async (t) => {
    const relay = await coturn();
    await relay.start();
    const { verdicts, measured } = await checkRelay(t, relay, {
      prepare: (page) =>
        page.route('**/api/ice-servers', async (route) => {
          const answer = await route.fetch();
          const body = await answer.json();
          Object.assign(body.iceServers[0], relay.credential(-60));
          await route.fulfill({ response: answer, json: body });
        }),
    });
    assert.deepEqual(verdicts, { ...ALL, credentials: 'FAIL', allocate: 'FAIL', relay: 'SKIP' });
    assert.match(measured.credentials, /^the credential expired 6[0-9] s ago$/);
  });

  test('with another secret than the server’s', async (t) => {
    const relay = await coturn();
    await relay.start();
    writeFileSync(relay.secretFile, 'another-secret-than-the-one-that-coturn-has-read\n');
    const { verdicts, measured } = await checkRelay(t, relay);
    assert.deepEqual(verdicts, { ...ALL, allocate: 'FAIL', relay: 'SKIP' });
    assert.match(measured.allocate, /^udp: .*signed with another secret than its own \(401.*; tcp: .*401/);
  });

  test('that is not running', async (t) => {
    const { verdicts, measured } = await checkRelay(t, await coturn());
    assert.deepEqual(verdicts, { ...ALL, reach: 'FAIL', allocate: 'SKIP', relay: 'SKIP' });
    assert.match(measured.reach, /^udp: .*; tcp: /);
  });

  test('that UDP does not get to', async (t) => {
    const relay = await coturn();
    await relay.start();
    const deaf = createSocket('udp4').bind(0, '127.0.0.1');
    t.after(() => deaf.close());
    await once(deaf, 'listening');
    const flags = ['--turn-url', `turn:127.0.0.1:${deaf.address().port}?transport=udp,${relay.urls.tcp}`, '--turn-secret-file', relay.secretFile];
    const { verdicts, measured } = await checkRelay(t, { ...relay, flags: () => flags });
    assert.deepEqual(verdicts, { ...ALL, reach: 'FAIL' });
    assert.match(measured.reach, /^udp: .*; 1 other fine$/);
  });

  test('that asks for no password, and so does not exist for a browser', async (t) => {
    const relay = await coturn({ asksPassword: false });
    await relay.start();
    const { verdicts, measured } = await checkRelay(t, relay);
    assert.deepEqual(verdicts, { ...ALL, reach: 'FAIL', allocate: 'SKIP', relay: 'SKIP' });
    assert.match(measured.reach, /^udp: .*; tcp: /);
  });

  test('that passes nothing on', async (t) => {
    const relay = await coturn({ passesTo: [] });
    await relay.start();
    const { verdicts, measured } = await checkRelay(t, relay);
    assert.deepEqual(verdicts, { ...ALL, relay: 'FAIL' });
    assert.match(measured.relay, /^udp: no packet came through \(ICE .*; tcp: no packet/);
  });

  // The relay's own address is another one than the server's.
  const skipSecond = process.platform === 'linux' ? false : '127.0.0.2 is an address on Linux alone';
  for (const [passesTo, words] of /** @type {const} */ ([
    ['127.0.0.2', /^udp: both ways between two visitors, and not to this server: .*; tcp: both/],
    ['127.0.0.1', /^udp: both ways to this server, and not between two visitors: .*; tcp: both/],
  ]))
    test(`that passes on to ${passesTo} alone`, { skip: skipSecond }, async (t) => {
      const relay = await coturn({ host: '127.0.0.2', passesTo: [passesTo] });
      await relay.start();
      const { verdicts, measured } = await checkRelay(t, relay);
      assert.deepEqual(verdicts, { ...ALL, relay: 'WARN' });
      assert.match(measured.relay, words);
    });
});

/**
 * What the page says of the relay that a server tells it of.
 *
 * @param {import('node:test').TestContext} t
 * @param {Coturn} relay removed with the test
 * @param {{ over?: Over, prepare?: (page: import('./harness.js').Page) => Promise<unknown> }} [how] `over`: the transports
 *   that the server tells of; `prepare`: what changes before the page opens
 */
async function checkRelay(t, relay, { over = ['udp', 'tcp'], prepare } = {}) {
  t.after(relay.remove);
  const bench = await lab({ flags: relay.flags(over), spki: relay.spki });
  t.after(bench.close);
  const page = await bench.context.newPage();
  await prepare?.(page);
  return check(page, bench.url, 'turn');
}
