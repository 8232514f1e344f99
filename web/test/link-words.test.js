import assert from 'node:assert/strict';
import { test } from 'node:test';

import { linkWords, pathOf } from '../lib/link-words.js';

const SHAPE = { delay: '20ms', jitter: '0s', loss: '2%', queue: '100ms', duplicate: '0%', reorder: '0%' };
/** @type {import('../lib/api.js').Link} */
const UP = {
  state: 'up',
  ways_out: [],
  mechanism: 'two network namespaces',
  port: 8081,
  profile: { name: 'lossy-2', down: SHAPE, up: SHAPE },
  profiles: [{ name: 'lossy-2', title: '2 % loss each way' }],
};

test('a link that is up says where it is and what it is set to', () => {
  assert.equal(
    linkWords(UP, 'localhost'),
    'Up, through two network namespaces: the same server at http://localhost:8081. ' +
      'Its profile is lossy-2 (2 % loss each way): 20ms of delay, 2% of packets lost, each way.',
  );
});

test('a link set by figures has no name, and each direction its own words where they differ', () => {
  const down = { ...SHAPE, loss: { outages: '5%', mean: '400ms' }, rate: '12Mbit/s' };
  const up = { ...SHAPE, jitter: '5ms', loss: { bursts: '2%', length: 5 } };
  assert.match(
    linkWords({ ...UP, profile: { name: null, down, up } }, 'localhost'),
    /It is set by figures: 20ms of delay, out 5% of the time, 400ms on average, at most 12Mbit\/s down; 20ms of delay and up to 5ms more, 2% of packets lost, 5 in a row on average up\.$/,
  );
});

test('a page is on the side of the listener it came from; behind a proxy on the direct one', () => {
  const direct = { scheme: 'http', address: '127.0.0.1:8080', url: 'http://localhost:8080' };
  const far = { scheme: 'http', address: '127.0.0.1:8081', url: 'http://localhost:8081' };
  assert.equal(pathOf([direct, far], '8080'), undefined);
  /** @type {import('../lib/api.js').Info['listeners']} */
  const listeners = [
    { ...direct, path: 'direct' },
    { ...far, path: 'link' },
  ];
  assert.deepEqual(
    ['8080', '8081', ''].map((port) => pathOf(listeners, port)),
    ['direct', 'link', 'direct'],
  );
});

test('a link that is not up says why', () => {
  const why = 'the helper process died.';
  for (const [state, words] of /** @type {[import('../lib/api.js').Link['state'], RegExp][]} */ ([
    ['lost', /^Lost: /],
    ['off', /^Off: /],
    ['unavailable', /^None on this machine: /],
  ])) {
    assert.match(linkWords({ state, why, ways_out: [], profiles: [] }, 'localhost'), words);
    assert.match(linkWords({ state, why, ways_out: [], profiles: [] }, 'localhost'), /the helper process died\.$/);
  }
});
