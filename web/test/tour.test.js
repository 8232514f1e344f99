/** The guided tour: its script, and that the link is put back however it ends. */

import assert from 'node:assert/strict';
import { afterEach, beforeEach, mock, test } from 'node:test';

import { figuresOf, symmetric } from '../lib/shape.js';
import { SCRIPT, SHAPE, length_ms } from '../pages/compare/script.js';
import { Tour } from '../pages/compare/tour.js';

/** @type {string[]} */
let done;
/** @type {Tour} */
let tour;
let now_ms = 0;
let takes = true;

beforeEach(() => {
  done = [];
  now_ms = 0;
  takes = true;
  mock.timers.enable({ apis: ['setTimeout'] });
  tour = new Tour(
    SCRIPT,
    {
      ready: async () => true,
      set: async (loss) => (done.push(`${Math.round(now_ms / 1000)} s: ${loss}`), takes),
      window: (step) => done.push(`window: ${step.name}`),
      sentence: () => `seen at ${Math.round(now_ms / 1000)} s`,
      restore: async () => done.push('restored'),
    },
    () => now_ms,
  );
});
afterEach(() => mock.timers.reset());

/** @param {number} seconds */
async function pass(seconds) {
  for (let beat = 0; beat < seconds * 10; beat += 1) {
    now_ms += 100;
    mock.timers.tick(100);
    await new Promise((turned) => setImmediate(turned));
  }
}

test('the script is a minute: 0 %, 2 %, 5 %, an outage and back', () => {
  assert.ok(Math.abs(length_ms(SCRIPT) - 60_000) <= 5000);
  const losses = SCRIPT.flatMap(({ changes }) => changes.map(({ loss }) => figuresOf(symmetric({ ...SHAPE, loss }).down).loss_percent));
  assert.deepEqual(losses, [0, 2, 5, 100, 0]);
  for (const { changes, lasts_ms, look, still } of SCRIPT) {
    assert.equal(changes[0].at_ms, 0);
    assert.ok(changes.every(({ at_ms }) => at_ms < lasts_ms));
    assert.ok(look.length > 20);
    assert.doesNotMatch(still, /\bdot/);
  }
});

test('each step sets the link, opens its window and tells what was seen; then the link is put back', async () => {
  const ending = tour.play();
  await pass(length_ms(SCRIPT) / 1000 + 2);
  assert.equal(await ending, 'over');
  assert.deepEqual(done.map((what) => what.replace(/^window.*/, 'window')), [
    '0 s: 0%', '0 s: 0%', 'window', '12 s: 2%', 'window', '26 s: 5%', 'window', '40 s: 100%', 'window', '44 s: 0%', 'restored',
  ]);
  assert.deepEqual(tour.seen.map(({ sentence }) => sentence), ['seen at 12 s', 'seen at 26 s', 'seen at 40 s', 'seen at 58 s']);
});

test('what is held does not go on, and the clock begins again where it stood', async () => {
  const ending = tour.play();
  await pass(5);
  tour.toggle();
  const left_ms = tour.left_ms;
  await pass(30);
  assert.equal(tour.left_ms, left_ms);
  assert.equal(tour.seen.length, 0);
  tour.toggle();
  await pass(8);
  assert.equal(tour.seen.length, 1);
  tour.stop();
  await pass(1);
  assert.equal(await ending, 'stopped');
});

test('stopping puts the link back, unless somebody else has set it', async () => {
  for (const restores of [true, false]) {
    done = [];
    const ending = tour.play();
    await pass(20);
    tour.stop({ restores });
    await pass(1);
    assert.equal(await ending, 'stopped');
    assert.equal(done.includes('restored'), restores);
    assert.equal(tour.isPlaying, false);
  }
});

test('a link that cannot be set ends the tour, and it is put back', async () => {
  takes = false;
  assert.equal(await tour.play(), 'failed');
  assert.deepEqual(done, ['0 s: 0%', 'restored']);
});
