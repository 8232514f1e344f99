/** The sentence under the dots is made from the figures, and says so when there is nothing to say. */

import assert from 'node:assert/strict';
import { test } from 'node:test';

import { doubts, verdict } from '../pages/compare/verdict.js';

const RUN = { period_ms: 1000 / 60, measured_ms: 10_000 };

/** @param {any} lane @param {Record<string, any>} [figures] @returns {any} */
function standing(lane, { delivered = 600, lost = 0, skipped = 0, gap_ms = 20, freezes = 0, p99_ms = 25, held = 1 } = {}) {
  return {
    lane,
    now: { name: 'open', why: '' },
    worst: { gap_us: gap_ms * 1000, held },
    summary: {
      delivery: { published: delivered + lost + skipped, delivered, lost, skipped },
      latency: { p50_us: 1000, negative: 0 },
      age: { p99_us: p99_ms * 1000, peak_us: p99_ms * 1000 },
      longest_gap_ms: gap_ms,
      freezes: { count: freezes },
    },
  };
}

/** @param {any[]} standings */
const said = (...standings) => verdict(standings, RUN).replaceAll('\u00a0', ' ');

test('when nothing happened it says so', () => {
  assert.match(said(standing('sse'), standing('datachannel')), /^Nothing interesting happened in 10\.0 s/);
});

test('too few messages make no sentence', () => {
  assert.match(said(standing('sse', { delivered: 12 })), /^12 messages so far: too few/);
});

test('a stall is told with what it held back, a loss with how old the lane ever was', () => {
  const words = said(
    standing('websocket', { gap_ms: 212, freezes: 1, p99_ms: 190, held: 11 }),
    standing('datachannel', { lost: 6, skipped: 2, p99_ms: 45 }),
  );
  assert.match(words, /WebSocket stood still for 212 ms; then 11 positions came at once, which had been held back\./);
  assert.match(words, /lost 6 positions of 608, 2 more were skipped by the server, which said so, and was never older than 45\.0 ms/);
  assert.match(words, /WebSocket was older than 190 ms, WebRTC data channel only than 45\.0 ms/);
});

test('a lane that delivered nothing is named', () => {
  const silent = { ...standing('datachannel'), summary: undefined, now: { name: 'waiting', why: 'checks' } };
  assert.match(said(standing('sse'), silent), /data channel delivered nothing \(waiting: checks\)/);
});

test('what speaks against the figures is said', () => {
  assert.deepEqual(doubts([standing('sse')], { hidden_ms: 0, unwatched: 0, latest_ms: 3, error_ms: 0.2, lateness_us: 90 }), []);
  const all = doubts([standing('sse')], { hidden_ms: 900, unwatched: 54, latest_ms: 80, error_ms: 5, lateness_us: 3000, changes: 2 });
  assert.equal(all.length, 5);
  assert.match(all[0].replaceAll('\u00a0', ' '), /hidden for 0\.9 s: the 54 messages of that time are in no figure/);
});

test('what held positions back is named only where the link says so, and only on lanes that keep order', () => {
  const stalls = [standing('websocket', { gap_ms: 212, held: 11 }), standing('datachannel', { gap_ms: 300, held: 5 }), standing('sse')];
  const words = verdict(stalls, { ...RUN, losses: 'single' }).replaceAll('\u00a0', ' ');
  assert.match(words, /WebSocket stood still for 212 ms; then 11 positions came at once, which had been held back behind a lost packet\./);
  assert.match(words, /data channel stood still for 300 ms; then 5 positions came at once, which had been held back\./);
  assert.doesNotMatch(said(...stalls), /lost packet/);
});

test('a link that loses all is told as that, and afterwards who was back when', () => {
  assert.match(verdict([standing('sse', { delivered: 0 })], { ...RUN, losses: 'all', outage_ms: 2100 }), /passed nothing for 2\.1.s: every lane stands still/);
  const lanes = [standing('sse', { gap_ms: 6200, held: 300 }), standing('datachannel', { gap_ms: 4100, held: 1, lost: 0, skipped: 200 })];
  const words = verdict(lanes, { ...RUN, losses: 'changed', outage_ms: 4000 }).replaceAll('\u00a0', ' ');
  assert.match(words, /^The link passed nothing for 4\.0 s\. WebRTC data channel was back first, after 4\.10 s without anything new, Server-Sent Events last, after 6\.20 s\./);
  assert.match(words, /Server-Sent Events then delivered 300 old positions at once\./);
  assert.match(words, /The server skipped 200 positions of 800 for WebRTC data channel, and said so\./);
  assert.match(verdict([standing('sse'), standing('websocket')], { ...RUN, losses: 'none' }), /On this link without loss nothing tells them apart/);
});

test('what held all lanes about as long is told once, and longer stalls by their lanes', () => {
  const words = said(standing('sse', { gap_ms: 900 }), standing('websocket', { gap_ms: 170 }), standing('datachannel', { gap_ms: 160 }));
  assert.match(words, /^Every lane stood still for 160 ms or more: that is this machine’s doing, or the path’s\. Server-Sent Events stood still for 900 ms\./);
  assert.doesNotMatch(words, /WebSocket stood/);
});
