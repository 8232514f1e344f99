/** What is told of TURN servers, from what browsers say and do not say. */

import assert from 'node:assert/strict';
import { mock, test } from 'node:test';

import { IceProbe } from '../lib/ice-probe.js';

/** @param {string[]} urls */
function watched(...urls) {
  const connection = /** @type {any} */ (new EventTarget());
  connection.close = () => (connection.isClosed = true);
  const told = /** @type {string[]} */ ([]);
  const tell = (/** @type {import('../lib/ice-probe.js').IceNews} */ { url, code, words }) => told.push(`${url} ${code} ${words}`);
  new IceProbe([{ urls: 'stun:h' }, { urls, username: 'u', credential: 'c' }], tell, connection);
  const say = (/** @type {string} */ type, /** @type {object} */ what) => connection.dispatchEvent(Object.assign(new Event(type), what));
  return {
    isClosed: () => connection.isClosed === true,
    said: () => told.splice(0),
    gives: (/** @type {object} */ candidate) => say('icecandidate', { candidate: { type: 'relay', ...candidate } }),
    fails: (/** @type {string} */ url, errorCode = 701, errorText = '') => say('icecandidateerror', { url, errorCode, errorText }),
    complete() {
      connection.iceGatheringState = 'complete';
      say('icegatheringstatechange', {});
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
  assert.match(said()[0], /^turns:h:443\?transport=tcp 701 no answer: it is down.* \(701, “Failed to establish connection”\)$/);
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

test('a server of which nothing is heard is told of, in time or at the end, and what was given is given back', () => {
  mock.timers.enable({ apis: ['setTimeout'] });
  const late = watched('turn:h', 'turn:h?transport=tcp');
  late.gives({ url: 'turn:h:3478?transport=udp' });
  late.said();
  mock.timers.tick(3999);
  assert.deepEqual([late.said(), late.isClosed()], [[], false]);
  mock.timers.tick(1);
  assert.match(late.said().join(), /^turn:h:3478\?transport=tcp 0 no answer for 4 s/);
  assert.ok(late.isClosed());
  const early = watched('turn:h');
  early.complete();
  assert.match(early.said().join(), /^turn:h:3478\?transport=udp 0 nothing came of it/);
  assert.ok(early.isClosed());
  mock.timers.tick(4000);
  early.fails('turn:h:3478?transport=udp');
  assert.deepEqual([late.said(), early.said()], [[], []], 'and no more');
  mock.timers.reset();
});
