/** What is told of TURN servers, from what browsers say and do not say. */

import assert from 'node:assert/strict';
import { mock, test } from 'node:test';

import { IceProbe } from '../lib/ice-probe.js';

/** @param {string[]} urls */
function watched(...urls) {
  const connection = /** @type {any} */ (new EventTarget());
  connection.close = () => (connection.isClosed = true);
  const stats = new Map();
  connection.getStats = async () => stats;
  const told = /** @type {string[]} */ ([]);
  const tell = (/** @type {import('../lib/ice-probe.js').IceNews} */ { url, code, words }) => told.push(`${url} ${code} ${words}`);
  const probe = new IceProbe([{ urls: 'stun:h' }, { urls, username: 'u', credential: 'c' }], tell, connection);
  const say = (/** @type {string} */ type, /** @type {object} */ what) => connection.dispatchEvent(Object.assign(new Event(type), what));
  return {
    isClosed: () => connection.isClosed === true,
    said: () => told.splice(0),
    gives: (/** @type {object} */ candidate) => say('icecandidate', { candidate: { type: 'relay', ...candidate } }),
    fails: (/** @type {string} */ url, errorCode = 701, errorText = '') => say('icecandidateerror', { url, errorCode, errorText }),
    /** Tells it in its statistics alone. @param {{ address: string, port: number }} candidate @param {string} relayProtocol */
    givesUnnamed(candidate, relayProtocol) {
      stats.set(candidate.port, { type: 'local-candidate', candidateType: 'relay', relayProtocol, ...candidate });
      say('icecandidate', { candidate: { type: 'relay', ...candidate } });
    },
    async complete() {
      connection.iceGatheringState = 'complete';
      say('icegatheringstatechange', {});
      await probe.ended;
    },
  };
}

test('an error names the server, its code and what that means', (t) => {
  const { complete, said, fails } = watched('turn:h', 'turns:h:443?transport=tcp');
  t.after(complete);
  fails('turn:h:3478?transport=udp', 401, 'Unauthorized');
  assert.deepEqual(said(), [
    'turn:h:3478?transport=udp 401 it does not accept the credential, which is expired or signed with another secret than its own (401, “Unauthorized”)',
  ]);
  fails('turns:h:443?transport=tcp', 701, 'Failed to establish connection.');
  assert.match(said()[0], /^turns:h:443\?transport=tcp 701 no answer: it is down.*its certificate.* \(701, “Failed to establish connection”\)$/);
  fails('turn:h:3478?transport=udp', 599);
  assert.deepEqual(said(), [], 'once');
  fails('stun:h:3478');
  fails('turn:another:3478?transport=udp');
  assert.deepEqual(said(), [], 'of others nothing is told');
});

test('a server that gave an address works, whatever another interface says of it', (t) => {
  const { complete, said, gives, fails } = watched('turn:h', 'turn:h?transport=tcp');
  t.after(complete);
  gives({ url: 'turn:h:3478?transport=udp', relayProtocol: 'udp' });
  assert.deepEqual(said(), ['turn:h:3478?transport=udp 0 ']);
  gives({ url: 'turn:h:3478?transport=udp', relayProtocol: 'udp' });
  fails('turn:h:3478?transport=udp');
  assert.deepEqual(said(), []);
  fails('turn:h:3478?transport=tcp');
  gives({ relayProtocol: 'tcp' }); // a browser that does not name the server
  assert.match(said().join(), /tcp 701 .*,turn:h:3478\?transport=tcp 0 $/);
});

test('who gave an address is looked up where the browser says it in its statistics alone, before the asking ends', async () => {
  const probe = watched('turn:h', 'turn:h?transport=tcp', 'turns:h');
  probe.givesUnnamed({ address: 'h', port: 50001 }, 'udp');
  probe.givesUnnamed({ address: 'h', port: 50002 }, 'tls');
  await probe.complete();
  const [udp, tls, tcp] = probe.said();
  assert.deepEqual([udp, tls], ['turn:h:3478?transport=udp 0 ', 'turns:h:5349?transport=tcp 0 ']);
  assert.match(tcp, /^turn:h:3478\?transport=tcp 0 nothing came of it/);
  const single = watched('turn:h');
  single.gives({ address: 'h', port: 50003 });
  await single.complete();
  assert.deepEqual(single.said(), ['turn:h:3478?transport=udp 0 '], 'of one server it can only be this');
});

test('a server of which nothing is heard is told of, in time or at the end', async (t) => {
  mock.timers.enable({ apis: ['setTimeout'] });
  t.after(() => mock.timers.reset());
  const late = watched('turn:h', 'turn:h?transport=tcp');
  late.gives({ url: 'turn:h:3478?transport=udp' });
  late.said();
  mock.timers.tick(3999);
  assert.deepEqual(late.said(), []);
  mock.timers.tick(1);
  assert.match(late.said().join(), /^turn:h:3478\?transport=tcp 0 no answer for 4 s/);
  await late.complete();
  const early = watched('turn:h');
  await early.complete();
  assert.match(early.said().join(), /^turn:h:3478\?transport=udp 0 nothing came of it/);
  assert.deepEqual([late.isClosed(), early.isClosed()], [true, true], 'what was given is given back');
  mock.timers.tick(60_000);
  early.fails('turn:h:3478?transport=udp');
  assert.deepEqual([late.said(), early.said()], [[], []], 'and no more');
});

test('an answer after the silence is told too, and silence for good ends the asking', (t) => {
  mock.timers.enable({ apis: ['setTimeout'] });
  t.after(() => mock.timers.reset());
  const probe = watched('turn:slow', 'turn:down', 'turn:gone');
  mock.timers.tick(4000);
  assert.match(probe.said().join(), /turn:slow:3478\S* 0 no answer.*turn:down:3478\S* 0 no answer.*turn:gone:3478\S* 0 no answer/);
  assert.equal(probe.isClosed(), false);
  probe.gives({ url: 'turn:slow:3478?transport=udp' });
  assert.deepEqual(probe.said(), ['turn:slow:3478?transport=udp 0 '], 'it works after all');
  probe.fails('turn:down:3478?transport=udp', 701);
  assert.match(probe.said().join(), /^turn:down:3478\S* 701 no answer: it is down/);
  mock.timers.tick(41_000);
  assert.deepEqual([probe.said(), probe.isClosed()], [[], true]);
});
