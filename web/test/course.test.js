/** What the link did in one window: the difference of its counters, and every change. */

import assert from 'node:assert/strict';
import { test } from 'node:test';

import { symmetric } from '../lib/shape.js';
import { Course } from '../pages/compare/course.js';

/** @param {string} loss @param {number} packets @returns {any} */
function answer(loss, packets, delay = '20ms') {
  const direction = { packets, ip_bytes: packets * 100, lost: packets / 10, queue_dropped: 1, overflowed: 0, lateness_p99_us: 90 };
  return { profile: { name: null, ...symmetric({ delay, loss }) }, counters: { down: direction, up: { ...direction } } };
}

test('what is carried is counted from the window’s opening', () => {
  const course = new Course();
  course.told(answer('2%', 1000), 0);
  course.open(5000);
  assert.equal(carriedBy(course), undefined, 'the counters of a while ago are not those of the opening');
  course.told(answer('2%', 1500), 5010);
  course.told(answer('2%', 1700), 6010);
  assert.deepEqual(course.carried?.down, { packets: 200, bytes: 20_000, lost: 20, dropped: 0, lateness_p99_us: 90 });
});

test('a window that opens with the answer takes its counters', () => {
  const course = new Course();
  course.told(answer('2%', 1000), 5000);
  course.open(5001);
  course.told(answer('2%', 1100), 6000);
  assert.equal(course.carried?.up.packets, 100);
});

test('counters that begin anew go on from what was counted', () => {
  const course = new Course();
  course.told(answer('2%', 1000), 0);
  course.open(0);
  course.told(answer('2%', 1600), 1000);
  course.told(answer('2%', 40), 2000);
  assert.equal(course.carried?.down.packets, 640);
});

test('changes are kept with their words, the delay is known as long as it stays', () => {
  const course = new Course();
  course.told(answer('2%', 0), 0);
  course.open(0);
  course.told(answer('5%', 10), 1000);
  assert.equal(course.delay_us, 20_000);
  course.told(answer('5%', 20, '120ms'), 2000);
  assert.deepEqual(course.changes.map(({ words }) => words.replaceAll('\u00a0', ' ')), ['20 ms, 5 % lost', '120 ms, 5 % lost']);
  assert.equal(course.delay_us, null);
  assert.equal(course.delay_now_us, 120_000);
  course.open(2000);
  assert.equal(course.delay_us, 120_000);
});

test('after the end one more answer counts, and no further', () => {
  const course = new Course();
  course.told(answer('2%', 100), 0);
  course.open(0);
  course.close();
  course.told(answer('2%', 300), 1000);
  course.told(answer('2%', 900), 2000);
  assert.equal(course.carried?.down.packets, 200);
});

test('how long nothing passed is counted from the changes', () => {
  const course = new Course();
  course.told(answer('100%', 0), 1000);
  course.open(1000);
  assert.equal(course.losses, 'all');
  assert.equal(course.outage_ms(3000), 2000);
  course.told(answer('0%', 1), 5000);
  assert.equal(course.outage_ms(9000), 4000);
  assert.equal(course.losses, 'changed');
});

/** @param {Course} course */
function carriedBy(course) {
  return course.carried;
}
