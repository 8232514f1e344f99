/** Answers in the address and in a command line, the decision record, and reports without their time lines. */

import assert from 'node:assert/strict';
import { readFileSync } from 'node:fs';
import { test } from 'node:test';

import { baseOf, commandLine, isSame, queryOf, stateOf } from '../pages/advise/answers.js';
import { slim } from '../pages/advise/evidence.js';
import { record } from '../pages/advise/record.js';

/** @param {string} key @param {Partial<import('../lib/api.js').Question>} of @returns {import('../lib/api.js').Question} */
const question = (key, of) => ({ key, axis: '', title: key, answers: [], many: false, least: 0, most: 9, ...of });

/** @type {import('../lib/api.js').Asked} */
const ASKED = {
  questions: [
    question('talks', { answers: [['server', ''], ['both', '']] }),
    question('client_hz', { unit: 'hz' }),
    question('latency_ms', { unit: 'ms' }),
    question('proxies', { answers: [['nginx', ''], ['alb', '']], many: true }),
    question('binary', {}),
  ],
  presets: [{ id: 'chat', title: 'Chat', needs: { talks: 'both', client_hz: 0.3, proxies: ['nginx'] } }],
  usual: { talks: 'server', client_hz: null, latency_ms: 500, proxies: [], binary: false },
};

/** @param {string} query */
const read = (query) => stateOf(new URLSearchParams(query), ASKED);
/** @param {string} query */
const again = (query) => {
  const entries = Object.entries(queryOf(read(query), ASKED)).flatMap(([key, text]) => (text === null ? [] : [[key, text]]));
  return decodeURIComponent(String(new URLSearchParams(entries)));
};

test('an address that says nothing asks for what is usual', () => {
  assert.deepEqual(read('scheme=dark'), { preset: null, answers: ASKED.usual });
  assert.deepEqual(read('preset=rocket').preset, null);
});

test('an address says only what differs, and reads as the same answers', () => {
  for (const query of ['', 'talks=both', 'preset=chat', 'preset=chat&client_hz=2', 'preset=chat&proxies=none', 'preset=chat&client_hz=', 'proxies=nginx,alb&binary=true', 'latency_ms=soon'])
    assert.equal(again(query), query);
  assert.equal(again('preset=chat&talks=both&latency_ms=500'), 'preset=chat');
  assert.deepEqual(read('preset=chat&latency_ms=80').answers, { ...baseOf(ASKED, 'chat'), latency_ms: 80 });
});

test('the command line says the same, and never nothing', () => {
  const line = (/** @type {string} */ query) => commandLine(read(query), ASKED);
  assert.equal(line(''), 'wirelab advise --talks server');
  assert.equal(line('preset=chat'), 'wirelab advise --preset chat');
  assert.equal(
    line('preset=chat&latency_ms=80&client_hz=2&proxies=none&binary=true'),
    'wirelab advise --preset chat --client-hz 2 --latency 80ms --proxies none --binary',
  );
});

test('lists are the same in any order', () => {
  assert.ok(isSame(['a', 'b'], ['b', 'a']) && !isSame(['a'], ['a', 'b']) && isSame(null, null) && !isSame(0, false));
});

test('the decision record is the one that the command line writes', () => {
  const at = (/** @type {string} */ name) => readFileSync(new URL(`../../testdata/record/${name}`, import.meta.url), 'utf8');
  assert.equal(record(JSON.parse(at('advice.json'))), at('record.md'));
});

test('a report is sent without its time lines', () => {
  const report = { schema: 'x', points: [{ latencies_ms: [1, 2], age_ms: [3], freezes_ms: [], figures: { latency: { p99_us: 4 } } }] };
  assert.deepEqual(slim(JSON.stringify(report)), { schema: 'x', points: [{ figures: { latency: { p99_us: 4 } } }] });
  assert.throws(() => slim('{'), SyntaxError);
});
