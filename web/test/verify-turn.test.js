/** What the page of checks says of TURN servers from what it saw: of right ones, and of those wrong in each way. */

import assert from 'node:assert/strict';
import { test } from 'node:test';

import { judgeCredentials, judgeTransports, waysOf } from '../pages/verify/credentials.js';
import { finding } from '../pages/verify/finding.js';
import { judgeRelay } from '../pages/verify/relay.js';
import { together } from '../pages/verify/together.js';
import { judgeAllocate, judgeReach } from '../pages/verify/turn.js';

/** @param {string | string[]} urls @param {{ username?: string, ttl?: number, isKept?: boolean }} [how] */
function told(urls, { username = '4600:me', ttl = 3600, isKept = false } = {}) {
  return { status: 200, isKept, body: { iceServers: [{ urls: 'stun:a' }, { urls, username, credential: 'p' }], ttl } };
}

test('what a browser is told has to work for it', () => {
  const NOW_S = 1000;
  for (const [answer, refusal, verdict, words] of /** @type {[any, string, string, RegExp][]} */ ([
    [told(['turn:a', 'turns:a:443']), '', 'PASS', /^2 URLs with credentials for 3600 s$/],
    [told('turn:a', { username: '900:me' }), '', 'FAIL', /expired 100 s ago/],
    [told('turn:a'), 'turn:a is no URL', 'FAIL', /does not take them: turn:a is no URL/],
    [told('turn:a', { isKept: true }), '', 'WARN', /a cache/],
    [told('turn:a', { ttl: 30 }), '', 'WARN', /^1 URL with credentials for 30 s/],
    [{ ...told('turn:a'), body: { iceServers: told('turn:a', { username: 'me' }).body.iceServers } }, '', 'WARN', /nobody knows when/],
    [{ status: 200, isKept: false, body: { iceServers: [] } }, '', 'SKIP', /no relay/],
    [{ status: 429, isKept: false, body: undefined }, '', 'FAIL', /answers 429/],
  ])) {
    const found = judgeCredentials(answer, refusal, NOW_S);
    assert.equal(found.verdict, verdict, found.measured);
    assert.match(found.measured, words);
  }
});

test('each way in is one, and some visitors need each', () => {
  assert.deepEqual(waysOf(told(['turn:a', 'turn:a:3478?transport=udp', 'turns:a', 'turn:a?transport=tcp'])).map(({ name, url }) => `${name} ${url}`), [
    'udp turn:a:3478?transport=udp',
    'tls turns:a:5349?transport=tcp',
    'tcp turn:a:3478?transport=tcp',
  ]);
  assert.equal(waysOf(told(Array.from({ length: 20 }, (_, n) => `turn:host${n}`))).length, 8);
  for (const [urls, verdict, words] of /** @type {[string[], string, string][]} */ ([
    [['turn:a'], 'WARN', 'udp only'],
    [['turn:a?transport=tcp'], 'WARN', 'tcp only'],
    [['turn:a', 'turn:a?transport=tcp'], 'PASS', 'udp, tcp'],
    [['turn:a', 'turns:a:443'], 'PASS', 'udp, tls, tls on 443'],
  ])) {
    const found = judgeTransports(waysOf(told(urls)));
    assert.deepEqual([found.verdict, found.measured], [verdict, words]);
  }
});

/** @param {object} news */
const heard = (news) => ({ url: 'turn:192.0.2.1:3478?transport=udp', code: 0, words: '', took_ms: 20, ...news });
const given = heard({ address: { host: '192.0.2.1', port: 50000 } });

test('who answers is there, whatever the answer', () => {
  assert.equal(judgeReach(given).verdict, 'PASS');
  assert.equal(judgeReach(heard({ code: 401, words: 'no' })).verdict, 'PASS');
  assert.equal(judgeReach(heard({ code: 701, words: 'it is down' })).measured, 'it is down');
  for (const silent of [heard({ code: 701, words: 'it is down' }), heard({ words: 'nothing' }), undefined]) assert.equal(judgeReach(silent).verdict, 'FAIL');
});

test('an address has to be given, and to be one that others reach', () => {
  const { url } = given;
  assert.equal(judgeAllocate(given, url).verdict, 'PASS');
  const inside = heard({ address: { host: '10.0.0.7', port: 50000 } });
  assert.match(judgeAllocate(inside, url).measured, /nobody outside reaches/);
  assert.equal(judgeAllocate(inside, url).verdict, 'FAIL');
  assert.equal(judgeAllocate(inside, 'turn:10.0.0.1:3478?transport=udp').verdict, 'PASS');
  assert.equal(judgeAllocate(inside, 'turn:turn.example.org:3478?transport=udp').verdict, 'PASS', 'of a name a page knows no address');
  const refused = judgeAllocate(heard({ code: 401, words: 'it does not accept' }), url);
  assert.equal(refused.verdict, 'FAIL');
  assert.match(refused.hint, /static-auth-secret/);
  assert.match(judgeAllocate(heard({ code: 486, words: 'quota' }), url).hint, /user-quota/);
});

test('a relay serves two visitors, and this server', () => {
  const [good, bad] = [{ trip_ms: 1, words: '1 ms' }, { words: 'no packet came through' }];
  assert.equal(judgeRelay(good, good).verdict, 'PASS');
  assert.equal(judgeRelay(good, undefined).verdict, 'PASS', 'a server without data channels');
  assert.match(judgeRelay(good, bad).measured, /not to this server/);
  assert.match(judgeRelay(bad, good).measured, /not between two visitors/);
  assert.deepEqual([judgeRelay(good, bad).verdict, judgeRelay(bad, good).verdict], ['WARN', 'WARN']);
  assert.deepEqual([judgeRelay(bad, bad).verdict, judgeRelay(bad, undefined).verdict], ['FAIL', 'FAIL']);
});

test('several ways in are as good as the worst', () => {
  const good = finding('PASS', '1 ms', '', ['a']);
  assert.equal(together([['udp', good]]), good);
  const both = together([['udp', good], ['tcp', finding('PASS', '2 ms')]]);
  assert.deepEqual([both.measured, both.evidence], ['udp: 1 ms; tcp: 2 ms', ['udp: PASS 1 ms', 'udp: a', 'tcp: PASS 2 ms']]);
  const bad = together([['udp', good], ['tcp', finding('FAIL', 'no answer', 'Open it.')]]);
  assert.deepEqual([bad.verdict, bad.measured, bad.hint], ['FAIL', 'tcp: no answer; 1 other fine', 'Open it.']);
});
