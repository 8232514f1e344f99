import assert from 'node:assert/strict';
import { test } from 'node:test';

import { Histogram, Meter } from '../lib/meter.js';
import { same, vectors } from './vectors.js';

for (const [name, vector] of vectors('meter')) {
  test(`meter: ${name}`, () => {
    const meter = new Meter(vector.opening);
    for (const [offset, sent_us, received_us, bytes] of vector.arrivals) {
      meter.arrival({ offset, sent_us, received_us, bytes });
    }
    meter.skipped(vector.skipped);
    same(meter.summary(vector.closing), vector.summary, name);
    same(meter.summary(vector.closing), vector.summary, `${name}, asked twice`);
  });
}

test('a meter needs no more than the first offset, the period and the time', () => {
  const meter = new Meter({ first: 1, period_us: 10_000 });
  meter.arrival({ offset: 1, sent_us: 10_000, received_us: 30_000.75, bytes: 5 });
  const { delivery, age, clock } = meter.summary({ until_us: 40_000.5 });
  assert.deepEqual([delivery.published, delivery.delivered], [1, 1]);
  assert.deepEqual([age?.mean_us, age?.watched_us], [25_000, 10_000]);
  assert.deepEqual(clock, { theta_us: 0, error_us: 0 });
  assert.deepEqual(meter.latencies.buckets(), [{ from_us: 20_000, to_us: 20_016, count: 1 }]);
});

test('a long run is counted to the end', () => {
  const meter = new Meter({ first: 1, period_us: 10 });
  for (let offset = 1; offset <= 200_000; offset += 1) {
    meter.arrival({ offset, sent_us: offset * 10, received_us: offset * 10 + 5, bytes: 1 });
  }
  const { delivery, age } = meter.summary({ until_us: 2_000_015 });
  assert.deepEqual([delivery.delivered, delivery.lost, delivery.duplicates], [200_000, 0, 0]);
  assert.equal(age?.mean_us, 10);
});

test('percentiles are within a thousandth of the truth, from a microsecond to an hour', () => {
  const histogram = new Histogram();
  const values = Array.from({ length: 2000 }, (_, i) => Math.floor(1.011 ** i)).filter((value) => value < 3.6e9);
  for (const value of values) histogram.record(value);
  assert.equal(histogram.count, values.length);
  for (let p = 1; p <= 100; p += 1) {
    const exact = values[Math.ceil((values.length * p) / 100) - 1] ?? Number.NaN;
    const got = histogram.percentile(p);
    assert.ok(got >= exact && got - exact <= exact / 1000 + 1, `p${p}: ${got} for ${exact}`);
  }
});

test('ranks that are whole are not rounded up', () => {
  const histogram = new Histogram();
  for (let value = 1; value <= 1000; value += 1) histogram.record(value);
  assert.deepEqual([50, 95, 99, 99.9, 100].map((p) => histogram.percentile(p)), [500, 950, 990, 999, 1000]);
});

test('buckets are half-open, adjacent and hold everything', () => {
  const histogram = new Histogram();
  histogram.recordSpan(2000, 4100);
  const buckets = histogram.buckets();
  assert.deepEqual(buckets[0], { from_us: 2000, to_us: 2001, count: 1 });
  assert.deepEqual(buckets.at(-1), { from_us: 4096, to_us: 4100, count: 4 });
  assert.ok(buckets.every(({ from_us, to_us, count }) => to_us - from_us === count));
  assert.ok(buckets.slice(1).every(({ from_us }, i) => from_us === buckets[i]?.to_us));
  assert.equal(histogram.count, 2100);
});

test('what is too long or below zero counts in the last and the first bin', () => {
  const histogram = new Histogram();
  histogram.record(-5);
  histogram.record(1e15);
  histogram.recordSpan(5e9, 5e9 + 3);
  assert.equal(histogram.count, 5);
  assert.equal(histogram.percentile(1), 0);
  assert.ok(histogram.percentile(100) >= 3.6e9);
  assert.equal(new Histogram().percentile(50), 0);
});

test('what was published while nobody watched counts for nothing, and the pause is no gap', () => {
  const meter = new Meter({ first: 10, from_us: 0, period_us: 10_000 });
  const arrive = (/** @type {number} */ offset, late_us = 1000) =>
    meter.arrival({ offset, sent_us: offset * 10_000 - 100_000, received_us: offset * 10_000 - 100_000 + late_us, bytes: 1 });
  for (let offset = 10; offset < 20; offset += 1) arrive(offset);
  meter.pause({ from: 20, at_us: 95_000 });
  for (let offset = 20; offset < 30; offset += 2) assert.equal(arrive(offset, 900_000), undefined, 'slow and halved');
  meter.resume({ first: 35, at_us: 1_800_000 });
  for (let offset = 35; offset < 40; offset += 1) arrive(offset, 1_560_000);
  const { delivery, longest_gap_ms, age } = meter.summary({ last: 40, until_us: 1_860_000 });
  assert.deepEqual([delivery.published, delivery.delivered, delivery.lost], [16, 15, 1]);
  assert.equal(meter.unwatched(40), 15);
  assert.ok(longest_gap_ms <= 50, `${longest_gap_ms}`);
  assert.equal(age?.watched_us, 95_000 - 1000 + 60_000);
});

test('a latency is told where it counts: not of the warm-up, not of a duplicate', () => {
  const meter = new Meter({ first: 5, period_us: 10_000 });
  const at = (/** @type {number} */ offset) => meter.arrival({ offset, sent_us: offset, received_us: offset + 700, bytes: 1 });
  assert.deepEqual([at(4), at(5), at(5), at(6)], [undefined, 700, undefined, 700]);
});
