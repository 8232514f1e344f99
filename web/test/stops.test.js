/** What the sliders can be set to, and what they show of a link that stands between two stops. */

import assert from 'node:assert/strict';
import { test } from 'node:test';

import { symmetric, whole } from '../lib/shape.js';
import { SLIDERS, figureWords, stopAt } from '../pages/compare/stops.js';

test('stops rise, so that a slider moves one way', () => {
  for (const [name, { stops }] of Object.entries(SLIDERS)) assert.deepEqual([...stops].sort((a, b) => a - b), stops, name);
  assert.equal(SLIDERS.loss_percent.stops.at(-1), 100, 'all can be lost');
  assert.equal(SLIDERS.rate_bps.stops.at(-1), Infinity, 'there may be no bottleneck');
});

test('what stands between two stops is shown at the nearer, and said as it is', () => {
  const { stops } = SLIDERS.delay_ms;
  assert.equal(stops[stopAt('delay_ms', 0.25)], 0);
  assert.equal(stops[stopAt('delay_ms', 34)], 30);
  assert.equal(stops[stopAt('delay_ms', 35.5)], 40);
  assert.equal(stops[stopAt('delay_ms', 9000)], stops.at(-1));
  assert.equal(stopAt('mean_ms', NaN), 0);
  assert.equal(SLIDERS.rate_bps.stops[stopAt('rate_bps', Infinity)], Infinity);
  assert.equal(figureWords('delay_ms', symmetric({ delay: '250us' })).replaceAll('\u00a0', ' '), '250 µs');
});

test('each direction is said where they differ, once where they do not', () => {
  const profile = { down: whole({ rate: '20Mbit/s', delay: '20ms' }), up: whole({ rate: '3Mbit/s', delay: '20ms' }) };
  assert.equal(figureWords('rate_bps', profile), '20Mbit/s ↓ 3Mbit/s ↑');
  assert.equal(figureWords('delay_ms', profile).replaceAll('\u00a0', ' '), '20 ms');
  assert.equal(figureWords('mean_ms', profile), '–');
});
