/** What the checks of the page say of what they saw, and that each has its page in docs/verify. */

import assert from 'node:assert/strict';
import { readFileSync } from 'node:fs';
import { test } from 'node:test';

import { judge } from '../pages/verify/cadence.js';
import { finding } from '../pages/verify/finding.js';
import * as idle from '../pages/verify/idle.js';
import { reportText } from '../pages/verify/report.js';
import { heldAgainst } from '../pages/verify/resume.js';
import * as sse from '../pages/verify/sse.js';
import * as turn from '../pages/verify/turn.js';
import * as webrtc from '../pages/verify/webrtc.js';
import * as websocket from '../pages/verify/websocket.js';

const CHECKS = [sse, websocket, webrtc, turn, idle].flatMap(({ CHECKS }) => CHECKS);

test('every check has its page, with the same words, and the index says that it runs here', () => {
  const index = readFileSync(new URL('../../docs/verify/README.md', import.meta.url), 'utf8');
  for (const { id, what } of CHECKS) assert.ok(index.includes(`| [${id}](${id}.md) | ${what} | too |`), id);
  assert.equal(index.match(/ \| too \|$/gm)?.length, CHECKS.length);
  assert.equal(new Set(CHECKS.map(({ id }) => id)).size, CHECKS.length);
});

/** @param {(n: number) => number} came when the nth came, ms */
function judged(came) {
  const events = Array.from({ length: 40 }, (_, n) => ({ at_ms: 5000 + came(n), sent_us: 1_000_000 + n * 100_000 }));
  return judge(events, 40);
}

test('events are held against the moments at which they were sent', () => {
  assert.equal(judged((n) => n * 100 + 30 + (n % 7)).verdict, 'PASS');
  const lumps = judged((n) => Math.floor(n / 10) * 1000 + 1000);
  assert.equal(lumps.verdict, 'FAIL');
  assert.match(lumps.measured, /^BATCHED: lumps of 10\.0 events on average, up to 900/);
  assert.equal(judged((n) => n * 120).verdict, 'WARN');
  assert.equal(judged((n) => (n === 7 ? 830 : n * 100 + 30)).verdict, 'PASS', 'one lost packet is no proxy');
  assert.match(judge([], 40).measured, /^HELD-UNTIL-CLOSE: 0 of about 40/);
});

test('what was missed comes back once and in order', () => {
  const missed = ['3', '4', '5'];
  for (const [came, verdict, words] of /** @type {[string[], string, RegExp][]} */ ([
    [['3', '4', '5', '6'], 'PASS', /^3 missed events came back/],
    [['2', '3', '4', '5'], 'PASS', /^3 missed/],
    [['6', '7'], 'FAIL', /^3 of 3/],
    [[], 'FAIL', /^3 of 3/],
    [['3', '5', '6'], 'FAIL', /^1 of 3/],
    [['3', '3', '4', '5'], 'FAIL', /twice/],
    [['1', '2', '3', '4', '5'], 'FAIL', /twice/],
    [['3', '5', '4'], 'FAIL', /another order/],
  ])) {
    const found = heldAgainst('2', missed, came);
    assert.equal(found.verdict, verdict, came.join(' '));
    assert.match(found.measured, words);
  }
});

test('heads, ids and retry are judged', () => {
  assert.equal(sse.noTransform('no-cache, no-transform').verdict, 'PASS');
  assert.equal(sse.noTransform('no-transform').verdict, 'WARN');
  assert.equal(sse.noTransform(null).verdict, 'WARN');
  const events = (/** @type {string[]} */ given, retry_ms = 3000) => ({
    events: given.map((id) => ({ name: 'message', data: '', id, retry_ms, at_ms: 0 })),
  });
  assert.equal(sse.ids(events(['1', '2'])).verdict, 'PASS');
  assert.equal(sse.ids(events(['1', ''])).verdict, 'WARN');
  assert.equal(sse.ids(events(['', ''])).verdict, 'WARN');
  assert.equal(sse.ids(events(['7', '7'])).verdict, 'FAIL');
  assert.equal(sse.retry(events(['1'])).verdict, 'PASS');
  assert.equal(sse.retry(events(['1'], 1)).verdict, 'WARN');
  assert.equal(sse.retry({ events: [] }).verdict, 'WARN');
});

test('closes are judged by their code', () => {
  const ended = { opened: true, answered: false, code: 0, clean: true, how: '', took_ms: 1 };
  assert.equal(websocket.limit({ ...ended, code: 1009 }).verdict, 'PASS');
  assert.equal(websocket.limit({ ...ended, code: 1006, clean: false }).verdict, 'WARN');
  assert.equal(websocket.limit(ended).verdict, 'FAIL');
  assert.equal(websocket.close({ ...ended, code: 1000 }).verdict, 'PASS');
  assert.equal(websocket.close({ ...ended, code: 1001 }).verdict, 'WARN');
  assert.equal(websocket.close({ ...ended, code: 1006, clean: false }).verdict, 'FAIL');
  assert.match(idle.cut(60_000, 'closed').hint, /every 25\.0.s at least/);
});

test('the report has a line for each check, with its evidence', () => {
  const [first, second] = CHECKS;
  const text = reportText({
    url: 'https://feed.example.org',
    browser: 'a browser',
    at: '2026-11-24T12:00:00.000Z',
    results: [{ check: first, finding: finding('FAIL', 'x'.repeat(1000), 'mend it', ['seen']) }, { check: second }],
  });
  const lines = text.split('\n');
  assert.match(lines[3], /^FAIL {2}sse\.answer +the answer is .*: x{300}…\. mend it \(docs\/verify\/sse\.answer\.md\)$/);
  assert.equal(lines[4].trim(), 'seen');
  assert.match(lines[5], /^---- {2}sse\.streaming .*not run$/);
  assert.equal(lines[6], '0 passed, 0 warned, 1 failed, 0 skipped');
});
