/** A setting of the link in the page's address, there and back. */

import assert from 'node:assert/strict';
import { test } from 'node:test';

import { sameProfile, symmetric, whole } from '../lib/shape.js';
import { SettingError, nameOf, queryOf, settingOf } from '../pages/compare/setting.js';

/** @type {import('../lib/link.js').Named[]} */
const PROFILES = [
  { name: 'lossy-2', title: '', source: '', ...symmetric({ delay: '20ms', loss: '2%' }) },
  { name: 'train', title: '', source: '', ...symmetric({ delay: '35ms', loss: { outages: '5%', mean: '400ms' }, rate: '12Mbit/s' }) },
];

/** @param {string} query */
const read = (query) => settingOf(new URLSearchParams(query), PROFILES);

test('an address that says nothing of the link asks for nothing', () => {
  assert.equal(read('hz=30&lanes=sse&path=link'), undefined);
});

test('a name is asked for by its name', () => {
  assert.equal(read('profile=train')?.wish, 'train');
  assert.throws(() => read('profile=moon'), /no profile “moon”/);
});

test('whatever the link is, its address reads as the same link', () => {
  const links = [
    symmetric({ delay: '20ms', loss: '5%' }),
    symmetric({ delay: '0s', jitter: '30ms', rate: '768kbit/s' }),
    symmetric({ delay: '5ms', loss: { outages: '10%', mean: '800ms' } }),
    symmetric({ loss: { bursts: '2%', length: 5 } }),
    symmetric({ delay: '280ms', queue: '500ms' }),
    { down: whole({ rate: '10Mbit/s' }), up: whole({ rate: '5Mbit/s', duplicate: '1%' }) },
  ];
  for (const profile of links) {
    const query = Object.entries(queryOf({ name: null, profile })).flatMap(([key, value]) => (value === null ? [] : [[key, value]]));
    const again = read(String(new URLSearchParams(query)));
    assert.ok(again && sameProfile(again.profile, profile), JSON.stringify(query));
  }
});

test('a symmetric link stands in the address by its figures', () => {
  const { delay, loss, jitter, down } = queryOf({ name: null, profile: symmetric({ delay: '20ms', loss: '5%' }) });
  assert.deepEqual([delay, loss, jitter, down], ['20ms', '5%', null, null]);
  assert.equal(queryOf({ name: 'train', profile: PROFILES[1] }).delay, null);
});

test('nonsense is refused in words, not asked for', () => {
  for (const query of ['delay=soon', 'loss=most', 'rate=fast', 'outages=5%&mean=long', 'down=x', 'down={"delay":"soon"}', 'delay=1ms&queue=long', 'up=3'])
    assert.throws(() => read(query), SettingError, query);
});

test('figures that are a profile’s have its name', () => {
  assert.equal(nameOf(symmetric({ loss: '2%', delay: '20ms' }), PROFILES), 'lossy-2');
  assert.equal(nameOf(symmetric({ loss: '3%', delay: '20ms' }), PROFILES), null);
});
