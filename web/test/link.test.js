/** The link's client: the newest wish wins, and what others did is told as theirs. */

import assert from 'node:assert/strict';
import { afterEach, beforeEach, mock, test } from 'node:test';

import { Link } from '../lib/link.js';

/** @type {{ revision: number, state: string, profile: any }} */
let server;
/** @type {any[]} */
let puts;
/** @type {{ said: string[], failed: string[] }} */
let heard;
/** @type {Link} */
let link;

beforeEach(() => {
  server = { revision: 1, state: 'up', profile: 'lan' };
  puts = [];
  heard = { said: [], failed: [] };
  mock.timers.enable({ apis: ['setTimeout', 'setInterval'] });
  mock.method(globalThis, 'fetch', async (/** @type {string} */ _, /** @type {any} */ { method, body }) => {
    if (method === 'PUT') {
      const asked = JSON.parse(body);
      puts.push(asked);
      if (asked.revision !== server.revision) return Response.json({ detail: 'stale' }, { status: 409 });
      if (asked.profile === 'nonsense') return Response.json({ detail: 'there is no profile "nonsense"' }, { status: 400 });
      server = { ...server, revision: server.revision + 1, profile: asked.profile };
    }
    return Response.json(server);
  });
  link = new Link({
    told: (now, before, by) => heard.said.push(`${by} ${before?.profile} ${now.profile}`),
    failed: (words) => heard.failed.push(words),
  });
});
afterEach(() => mock.reset());

/** Lets a wish be sent and answered. @param {Promise<unknown>} wish */
async function settled(wish) {
  mock.timers.tick(200);
  return wish;
}

test('the first answer is told as asked, a change as somebody else’s', async () => {
  await link.read();
  server = { ...server, revision: 2, profile: 'train' };
  await link.read();
  assert.deepEqual(heard.said, ['asked undefined lan', 'elsewhere lan train']);
});

test('of wishes in quick succession the newest is set, once, with the revision that was seen', async () => {
  await link.read();
  const wishes = ['wifi', '3g', 'train'].map((name) => link.set(name));
  assert.deepEqual(await settled(Promise.all(wishes)), [true, true, true]);
  assert.deepEqual(puts, [{ profile: 'train', revision: 1 }]);
  assert.equal(heard.said.at(-1), 'here lan train');
  await settled(link.set('lan'));
  assert.equal(puts[1].revision, 2);
});

test('a wish that comes while another is on its way is set after it', async () => {
  await link.read();
  const first = link.set('wifi');
  mock.timers.tick(200);
  const second = link.set('train'); // the first is being sent
  for (let turn = 0; turn < 50; turn += 1) await Promise.resolve();
  await new Promise((turned) => setImmediate(turned));
  assert.equal(await settled(second), true);
  assert.equal(await first, true);
  assert.deepEqual(puts.map(({ profile }) => profile), ['wifi', 'train']);
});

test('a refusal is told in the server’s words, and the link is read again', async () => {
  await link.read();
  assert.equal(await settled(link.set('nonsense')), false);
  assert.deepEqual(heard.failed, ['there is no profile "nonsense"']);
});

test('a change at the same moment is not overwritten', async () => {
  await link.read();
  server = { ...server, revision: 7, profile: 'train' };
  assert.equal(await settled(link.set('lan')), false);
  assert.match(heard.failed[0], /somebody else changed the link at the same moment/);
  assert.equal(link.now?.revision, 7, 'whoever wished knows by then what the link is');
});

test('the far end of the link is asked once: it never tells', async () => {
  mock.method(globalThis, 'fetch', async () => Response.json({ detail: 'not through itself' }, { status: 421 }));
  await link.read();
  await link.read();
  assert.deepEqual(heard.failed, ['not through itself']);
});
