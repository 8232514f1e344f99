import assert from 'node:assert/strict';
import { test } from 'node:test';

import { ClockOffset } from '../lib/clock.js';
import { vectors } from './vectors.js';

for (const [name, vector] of vectors('clock')) {
  test(`clock: ${name}`, () => {
    const clock = new ClockOffset();
    let refused = 0;
    for (const [t0, t1, t2, t3] of vector.samples) refused += clock.sample(t0, t1, t2, t3) ? 0 : 1;
    const { offset_us, delay_us, error_us, theta } = clock;
    const fastest = theta && { offset_us, delay_us, error_us, theta_us: theta.theta_us };
    assert.deepEqual({ refused, fastest }, { refused: vector.refused, fastest: vector.fastest }, vector.why);
  });
}

test('before the first round trip nothing is known, and what is no number teaches nothing', () => {
  const clock = new ClockOffset();
  assert.equal(clock.sample(0, Number.NaN, 10, 20), false);
  assert.deepEqual([clock.offset_us, clock.error_us, clock.delay_us, clock.theta], [null, null, null, null]);
});
