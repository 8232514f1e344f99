/** What a link is like, between words and figures and back. */

import assert from 'node:assert/strict';
import { test } from 'node:test';

import * as shape from '../lib/shape.js';

test('times are read and written as humantime has them', () => {
  for (const [text, ms] of [['0s', 0], ['20ms', 20], ['250us', 0.25], ['1s 500ms', 1500], ['10s', 10_000], ['1m', 60_000]])
    assert.equal(shape.timeOf(String(text)), ms, String(text));
  for (const text of ['', '20', 'ms', '20 parsecs', '20ms x', '-5ms']) assert.ok(Number.isNaN(shape.timeOf(text)), text);
  for (const ms of [0, 0.25, 20, 1500, 10_000]) assert.equal(shape.timeOf(shape.timeText(ms)), ms);
  assert.equal(shape.timeText(1500), '1500ms');
});

test('shares and rates are read, and nonsense is none', () => {
  assert.equal(shape.shareOf('0.5%'), 0.5);
  assert.equal(shape.shareOf('100%'), 100);
  for (const text of ['101%', '2', '%', '-1%']) assert.ok(Number.isNaN(shape.shareOf(text)), text);
  for (const text of ['768kbit/s', '1.6Mbit/s', '1Gbit/s', '8000bit/s'])
    assert.equal(shape.rateOf(shape.rateText(shape.rateOf(text))), shape.rateOf(text));
  assert.equal(shape.rateText(12e6), '12Mbit/s');
  assert.ok(Number.isNaN(shape.rateOf('12Mbps')));
});

test('a figure is set in both directions and the rest of each stays', () => {
  const profile = { down: shape.whole({ rate: '20Mbit/s', queue: '500ms' }), up: shape.whole({ rate: '3Mbit/s' }) };
  const slower = shape.withFigure(profile, 'delay_ms', 120);
  assert.deepEqual([slower.down.delay, slower.up.delay], ['120ms', '120ms']);
  assert.deepEqual([slower.down.rate, slower.up.rate, slower.down.queue], ['20Mbit/s', '3Mbit/s', '500ms']);
  assert.equal('rate' in shape.withFigure(profile, 'rate_bps', Infinity).down, false);
});

test('loss has one rule: outages take single losses away, and the other way round', () => {
  const lossy = shape.symmetric({ loss: '2%' });
  const out = shape.withFigure(lossy, 'outages_percent', 5, 800);
  assert.deepEqual(out.up.loss, { outages: '5%', mean: '800ms' });
  assert.deepEqual(shape.withFigure(out, 'mean_ms', 200).down.loss, { outages: '5%', mean: '200ms' });
  assert.equal(shape.withFigure(out, 'loss_percent', 1).down.loss, '1%');
  assert.equal(shape.withFigure(out, 'outages_percent', 0).down.loss, '0%');
  assert.equal(shape.withFigure(lossy, 'mean_ms', 200).down.loss, '2%', 'no outages: nothing to be long');
});

test('two shapes are the same however they are written', () => {
  assert.ok(shape.sameShape(shape.whole({ delay: '1s 500ms' }), shape.whole({ delay: '1500ms' })));
  assert.ok(!shape.sameShape(shape.whole({ loss: '2%' }), shape.whole({ loss: { bursts: '2%', length: 5 } })));
  assert.ok(!shape.sameShape(shape.whole({}), shape.whole({ queue: '500ms' })));
});

test('a link in words says each direction where they differ', () => {
  const said = (/** @type {import('../lib/shape.js').Profile} */ profile) => shape.inShort(profile).replaceAll('\u00a0', ' ');
  assert.equal(said(shape.symmetric({ delay: '20ms', loss: '2%' })), '20 ms, 2 % lost');
  assert.equal(
    said({ down: shape.whole({ delay: '5ms', jitter: '30ms', rate: '10Mbit/s' }), up: shape.whole({ loss: { outages: '2%', mean: '80ms' } }) }),
    'down 5 ms + 0–30 ms, 0 % lost, 10Mbit/s; up 0 ms, out 2 % of the time, 80 ms on average',
  );
  assert.ok(shape.isLossless(shape.symmetric({ delay: '20ms' })));
  assert.ok(!shape.isLossless(shape.symmetric({ rate: '1Mbit/s' })));
});
