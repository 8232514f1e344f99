/** Numbers as people read them, how long to wait, and what the time line joins. */

import assert from 'node:assert/strict';
import { test } from 'node:test';

import { backoff_ms } from '../lib/backoff.js';
import { bytes, count, counted, duration, percent, seconds, shorn, three } from '../lib/format.js';
import { newestRows } from '../lib/timeline.js';

/** With plain spaces, so that the expectations can be read. @param {string} text */
const plain = (text) => text.replaceAll('\u00a0', ' ');

test('three significant digits, and whole numbers are never cut', () => {
  assert.deepEqual([0.0456, 0.5, 1, 12.34, 123.4, 12345].map(three), [
    '0.0456',
    '0.500',
    '1.00',
    '12.3',
    '123',
    '12,345',
  ]);
  assert.equal(three(NaN), '–');
});

test('units change where the number would be hard to read', () => {
  assert.deepEqual(
    [0, 0.0123, 0.899, 1, 35.2, 999, 1500, 180_000].map((ms) => plain(duration(ms))),
    ['0 ms', '12.3 µs', '899 µs', '1.00 ms', '35.2 ms', '999 ms', '1.50 s', '3.00 min'],
  );
  assert.deepEqual(
    [0, 1023, 65_536, 12_345_678].map((n) => plain(bytes(n))),
    ['0 B', '1,023 B', '64.0 KiB', '11.8 MiB'],
  );
  assert.equal(plain(percent(3.2)), '3.20 %');
  assert.equal(plain(seconds(3249)), '3.2 s');
  assert.equal(plain(seconds(-5)), '0.0 s');
});

test('nouns agree with their number', () => {
  assert.equal(plain(counted(1, 'message')), '1 message');
  assert.equal(plain(counted(1200, 'message')), '1,200 messages');
  assert.equal(plain(counted(2, 'echo', 'echoes')), '2 echoes');
  assert.equal(count(NaN), '–');
});

test('an axis leaves out the zeros that say nothing', () => {
  assert.deepEqual(['4.00\u00a0%', '0.500\u00a0ms', '12.5\u00a0s', '100\u00a0ms', '0'].map(shorn), [
    '4\u00a0%',
    '0.5\u00a0ms',
    '12.5\u00a0s',
    '100\u00a0ms',
    '0',
  ]);
});

test('the wait doubles, is spread, is bounded, and never undercuts what the server asked for', () => {
  assert.deepEqual(
    [0, 1, 2].map((attempt) => backoff_ms(attempt, 0, 0)),
    [250, 500, 1000],
  );
  assert.equal(backoff_ms(0, 0, 0.999), 500);
  assert.equal(backoff_ms(50, 0, 0.999_99), 15_000);
  assert.ok(backoff_ms(0, 4000, 0) >= 4000);
});

test('the time line joins the runs of a lane, though lanes alternate', () => {
  const entries = [
    ['sse', 'open', ''],
    ['sse', 'message', 'a 1'],
    ['websocket', 'message', 'a 1'],
    ['sse', 'message', 'a 2'],
    ['websocket', 'message', 'a 2'],
    ['sse', 'gap', '3 skipped'],
    ['sse', 'message', 'a 6'],
  ].map(([lane, event, text], at_ms) => ({ at_ms, lane, event, text }));
  const rows = newestRows(entries, 10).map(({ lane, event, text }) => `${lane} ${event}: ${plain(text)}`);
  assert.deepEqual(rows, [
    'sse message: a 6',
    'sse gap: 3 skipped',
    'websocket message: 2 in a row, the last: a 2',
    'sse message: 2 in a row, the last: a 2',
    'sse open: ',
  ]);
});

test('the time line joins messages and acks that alternate on one lane, and loses nothing that happened once', () => {
  const entries = ['open', 'message', 'time', 'message', 'time', 'message', 'closed', 'message'].map((event, at_ms) => ({
    at_ms,
    lane: 'datachannel',
    event,
    text: String(at_ms),
  }));
  assert.deepEqual(
    newestRows(entries, 10).map(({ event, text }) => `${event}: ${plain(text)}`),
    ['message: 7', 'closed: 6', 'message: 3 in a row, the last: 5', 'time: 2 in a row, the last: 4', 'open: 0'],
  );
});
