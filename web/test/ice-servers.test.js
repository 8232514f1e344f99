/** TURN credentials: when they are asked for anew, and what a browser's errors mean. */

import assert from 'node:assert/strict';
import { mock, test } from 'node:test';

import { IceServers } from '../lib/ice-servers.js';

/** Lets what has been answered be heard. */
const heard = () => new Promise((resolve) => setImmediate(resolve));

/** @param {() => Promise<any>} answer */
function watched(answer) {
  const said = /** @type {string[]} */ ([]);
  let asked = 0;
  const servers = new IceServers(
    {
      fresh: ([server], isRenewal, ttl_s) => said.push(server ? `${isRenewal ? 'then ' : ''}${server.username} for ${ttl_s} s` : 'none'),
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
  assert.deepEqual(said.splice(0), ['u1 for 3600 s']);
  mock.timers.tick(2_699_999);
  await heard();
  assert.equal(asked(), 1);
  mock.timers.tick(1);
  await heard();
  assert.deepEqual(said, ['then u2 for 3600 s']);
  mock.timers.tick(2_700_000);
  await heard();
  assert.deepEqual(said, ['then u2 for 3600 s', 'then u3 for 3600 s']);
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
  said.splice(0);
  isDown = true;
  mock.timers.tick(45_000);
  await heard();
  assert.deepEqual(said, ['too many']);
  isDown = false;
  mock.timers.tick(5000);
  await heard();
  assert.deepEqual(said, ['too many', 'then u for 60 s'], 'ten seconds before the old ones end');
  mock.timers.reset();
});

test('without a TURN server nobody asks again', async () => {
  mock.timers.enable({ apis: ['setTimeout'] });
  const { servers, said, asked } = watched(async () => ({ iceServers: [] }));
  await servers.watch();
  mock.timers.tick(1e9);
  await heard();
  assert.deepEqual([asked(), said], [1, ['none']]);
  mock.timers.reset();
});
