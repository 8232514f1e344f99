/** The age that is drawn: the worst of each span, freezes, and what came at once after a stall. */

import assert from 'node:assert/strict';
import { test } from 'node:test';

import { AgeTrace, SPAN_US } from '../lib/age-trace.js';

const PERIOD_US = 16_000;
/** On the grid. */
const START_US = SPAN_US * 1000;

test('the worst of a span is just before an arrival, not at a sample', () => {
  const trace = new AgeTrace({ seconds: 1, period_us: PERIOD_US });
  trace.arrival(START_US, START_US + 1000);
  trace.arrival(START_US + 40_000, START_US + 41_000);
  trace.rise(START_US + 45_000);
  assert.equal(trace.at(1000), 41);
  assert.equal(trace.at(999), null, 'nothing is known of the time before');
  assert.equal(trace.at(1001), null, 'nor of the time to come');
});

test('a late or doubled message lowers nothing', () => {
  const trace = new AgeTrace({ seconds: 1, period_us: PERIOD_US });
  trace.arrival(START_US + 16_000, START_US + 17_000);
  trace.arrival(START_US, START_US + 18_000);
  assert.equal(trace.newest_us, START_US + 16_000);
});

test('a freeze lasts from the last fresh message to the next, and is told while it lasts', () => {
  const trace = new AgeTrace({ seconds: 5, period_us: PERIOD_US });
  trace.arrival(START_US, START_US);
  assert.equal(trace.frozen_us(START_US + 100_000), null);
  assert.equal(trace.frozen_us(START_US + 400_000), 400_000);
  assert.deepEqual(trace.freezes(0, START_US + 400_000), [{ from_us: START_US, to_us: START_US + 400_000 }]);
  // Eleven positions that had been held back come at once.
  for (let i = 1; i <= 11; i += 1) trace.arrival(START_US + i * 16_000, START_US + 500_000 + i * 100);
  assert.deepEqual(trace.worst, { gap_us: 500_100, held: 11 });
  assert.equal(trace.freezes(START_US, START_US + 501_200).length, 1);
});

test('after a sleep longer than the window only the newest spans are kept', () => {
  const trace = new AgeTrace({ seconds: 1, period_us: PERIOD_US });
  trace.arrival(START_US, START_US);
  trace.rise(START_US + 3_600_000_000);
  assert.equal(trace.at(1000), null);
  assert.equal(trace.at(1000 + 72_000), 3_600_000);
});

test('a stall is looked for from the window’s opening, and not while nobody watches', () => {
  const trace = new AgeTrace({ seconds: 5, period_us: PERIOD_US });
  trace.arrival(START_US, START_US);
  trace.begin(START_US + 300_000);
  trace.arrival(START_US + 16_000, START_US + 400_000);
  assert.equal(trace.worst.gap_us, 100_000, 'what was before the window is not its own');
  trace.look(Infinity);
  trace.arrival(START_US + 32_000, START_US + 2_000_000);
  trace.look(START_US + 2_100_000);
  trace.arrival(START_US + 48_000, START_US + 2_150_000);
  assert.equal(trace.worst.gap_us, 100_000);
});
