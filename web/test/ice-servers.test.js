/** TURN credentials: when they are asked for anew, and what a browser's errors mean. */

import assert from 'node:assert/strict';
import { mock, test } from 'node:test';

import { iceFailure } from '../lib/ice-error.js';
import { IceServers } from '../lib/ice-servers.js';

/** Lets what has been answered be heard. */
const heard = () => new Promise((resolve) => setImmediate(resolve));

/** @param {() => Promise<any>} answer */
function watched(answer) {
  const said = /** @type {string[]} */ ([]);
  let asked = 0;
  const servers = new IceServers(
    {
      fresh: ([{ username }], ttl_s) => said.push(`${username} for ${ttl_s} s`),
      failed: (words) => said.push(words),
    },
    () => {
      asked += 1;
      return answer();
    },
  );
  return { servers, said, asked: () => asked };
}

test('credentials are asked for anew after three quarters of their lifetime, again and again', async () => {
  mock.timers.enable({ apis: ['setTimeout'] });
  let n = 0;
  const { servers, said, asked } = watched(async () => ({ iceServers: [{ urls: 'turn:h', username: `u${++n}` }], ttl: 3600 }));
  await servers.watch();
  assert.deepEqual(said, [], 'the first are no newer than the welcome’s');
  mock.timers.tick(2_699_999);
  await heard();
  assert.equal(asked(), 1);
  mock.timers.tick(1);
  await heard();
  assert.deepEqual(said, ['u2 for 3600 s']);
  mock.timers.tick(2_700_000);
  await heard();
  assert.deepEqual(said, ['u2 for 3600 s', 'u3 for 3600 s']);
  mock.timers.reset();
});

test('a failure is told and asked again soon, while what one has still holds', async () => {
  mock.timers.enable({ apis: ['setTimeout'] });
  let isDown = false;
  const { servers, said } = watched(async () => {
    if (isDown) throw new Error('too many');
    return { iceServers: [{ urls: 'turn:h', username: 'u' }], ttl: 60 };
  });
  await servers.watch();
  isDown = true;
  mock.timers.tick(45_000);
  await heard();
  assert.deepEqual(said, ['too many']);
  isDown = false;
  mock.timers.tick(5000);
  await heard();
  assert.deepEqual(said, ['too many', 'u for 60 s'], 'ten seconds before the old ones end');
  mock.timers.reset();
});

test('without a TURN server nobody asks again', async () => {
  mock.timers.enable({ apis: ['setTimeout'] });
  const { servers, said, asked } = watched(async () => ({ iceServers: [] }));
  await servers.watch();
  mock.timers.tick(1e9);
  await heard();
  assert.deepEqual([asked(), said], [1, []]);
  mock.timers.reset();
});

test('an error names the server, the code and what it means', () => {
  const of = (/** @type {number} */ errorCode, errorText = '') => iceFailure({ url: 'turn:h:1?transport=udp', errorCode, errorText });
  assert.deepEqual(of(401, 'Unauthorized'), {
    url: 'turn:h:1?transport=udp',
    code: 401,
    words: 'it does not accept the credential, which is expired or signed with another secret than its own (401, “Unauthorized”)',
  });
  assert.match(of(701, 'TURN allocate request timed out.').words, /^no answer: .* \(701, “TURN allocate request timed out”\)$/);
  assert.match(of(486).words, /as many relayed addresses as it may \(486\)$/);
  assert.equal(of(599, 'Odd').words, 'error 599, “Odd”');
  assert.equal(iceFailure({ url: '', errorCode: 701, errorText: '' }).url, 'a server');
});
