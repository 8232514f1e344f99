/** What the page of checks says of a data channel from what it saw: of a right one, and of one wrong in each way. */

import assert from 'node:assert/strict';
import { test } from 'node:test';

import { Setup } from '../lib/setup.js';
import { isNear, judgeCandidates, readCandidate } from '../pages/verify/candidates.js';
import { announcedBytes, judgeSizes } from '../pages/verify/message-size.js';
import { opened, pair, parameters, signalling, unopened } from '../pages/verify/webrtc.js';

const host = (/** @type {string} */ address, transport = 'udp') => `candidate:1 1 ${transport} 2130706431 ${address} 8080 typ host generation 0`;

test('a candidate is read as RFC 8839 writes it', () => {
  assert.deepEqual(readCandidate(host('192.0.2.1')), { kind: 'host', transport: 'udp', host: '192.0.2.1', port: 8080 });
  const relayed = 'candidate:9 1 UDP 1 2001:db8::1 3 typ relay raddr 10.0.0.1 rport 9';
  assert.deepEqual(readCandidate(relayed), { kind: 'relay', transport: 'udp', host: '2001:db8::1', port: 3 });
  for (const odd of ['', 'candidate:1 1 udp', 'v=0']) assert.equal(readCandidate(odd), undefined);
});

test('the answer has to name a way from where the page is', () => {
  for (const [lines, server, isOpen, verdict, words] of /** @type {[string[], string, boolean, string, RegExp][]} */ ([
    [[host('127.0.0.1')], '127.0.0.1', true, 'PASS', /^1 host over UDP$/],
    [[host('10.0.0.7'), host('192.0.2.1')], '192.0.2.1', false, 'PASS', /^2 host over UDP$/],
    [[host('10.0.0.7')], '10.0.0.1', false, 'PASS', /^1 host/],
    [[host('10.0.0.7')], 'localhost', false, 'PASS', /^1 host/],
    [[host('10.0.0.7')], '192.0.2.1', false, 'FAIL', /all of them private, and 192\.0\.2\.1 is not/],
    [[host('10.0.0.7')], 'feed.example.org', false, 'FAIL', /all of them private/],
    [[host('10.0.0.7')], 'feed.example.org', true, 'PASS', /^1 host/],
    [[host('0a1b.local'), host('192.0.2.1', 'tcp')], '192.0.2.1', false, 'FAIL', /^none over UDP$/],
    [[], '127.0.0.1', false, 'FAIL', /^none/],
  ])) {
    const found = judgeCandidates(lines, server, isOpen);
    assert.equal(found.verdict, verdict, `${lines} at ${server}: ${found.measured}`);
    assert.match(found.measured, words);
  }
});

test('private addresses are known by their networks', () => {
  for (const near of ['127.0.0.1', '10.1.2.3', '172.31.0.1', '192.168.0.1', '169.254.1.1', '::1', '[fd00::2]', 'fe80::1', '::ffff:10.0.0.1']) assert.ok(isNear(near), near);
  for (const far of ['192.0.2.1', '172.32.0.1', '11.0.0.1', '2001:db8::1', '[2001:db8::1]']) assert.ok(!isNear(far), far);
});

/** @param {Partial<Record<import('../lib/setup.js').Mark, number>>} marks ms */
function setup(marks) {
  const setup = new Setup();
  for (const [mark, at_ms] of Object.entries(marks)) setup.mark(/** @type {any} */ (mark), at_ms);
  return setup;
}

test('an opening is told step by step, and is as good as it is quick', () => {
  const marks = { asked: 1000, welcome: 1005, offered: 1008, answered: 1010, checked: 1030, secured: 1060, associated: 1090, opened: 1100 };
  const quick = opened(setup(marks), []);
  assert.equal(quick.verdict, 'PASS');
  assert.match(quick.measured.replaceAll('\u00a0', ' '), /^100 ms: signalling 10\.0 ms, ICE checks 20\.0 ms, DTLS 30\.0 ms, SCTP 30\.0 ms$/);
  for (const [at_ms, verdict] of /** @type {const} */ ([[3500, 'WARN'], [5000, 'FAIL']])) assert.equal(opened(setup({ ...marks, opened: at_ms }), []).verdict, verdict);
  const second = opened(setup(marks), ['checks: not open after 5 s']);
  assert.deepEqual([second.verdict, second.evidence[0]], ['WARN', 'checks: not open after 5 s']);
  const { secured, ...hidden } = marks;
  assert.ok(opened(setup(hidden), []).evidence.includes('DTLS: not told apart by this browser'), String(secured));
});

test('what does not open says how far it came, and what to do', () => {
  assert.match(signalling({ answer: 'v=0', setup: setup({ asked: 0, answered: 7 }), failure: undefined, words: '' }).measured, /^answered after 7/);
  const cut = signalling({ answer: '', setup: setup({}), failure: 'signalling', words: '/signal: closed 1008' });
  assert.deepEqual([cut.verdict, cut.measured], ['FAIL', '/signal: closed 1008']);
  assert.match(cut.hint, /upgrade on \/signal/);
  const full = signalling({ answer: '', setup: setup({}), failure: 'refused limit', words: 'no place' });
  assert.match(full.hint, /no place free/);
  const blocked = unopened({ failure: 'checks', words: 'not open after 5 s', candidates: [host('10.0.0.7')] }, ['checks: not open after 5 s']);
  assert.deepEqual([blocked.verdict, blocked.measured], ['FAIL', 'checks: not open after 5 s, 2 times']);
  assert.match(blocked.hint, /UDP between you and the server is blocked/);
});

test('a way that carries nothing fails, and a detour is told', () => {
  const way = { words: 'host – host, udp', isRelayed: false, evidence: [] };
  assert.equal(pair(0.7, way).verdict, 'PASS');
  assert.equal(pair(0.7, { ...way, isRelayed: true }).verdict, 'WARN');
  assert.match(pair(undefined, way).measured, /no echo came back/);
  assert.deepEqual([pair(undefined, way).verdict, pair(1, undefined).verdict], ['FAIL', 'FAIL']);
});

test('what the two ends say of a channel has to be the same', () => {
  const control = { label: 'control', id: 0, ordered: true, maxRetransmits: null };
  const state = { label: 'state', id: 1, ordered: false, maxRetransmits: 0 };
  assert.equal(parameters([control, state], [state, control]).verdict, 'PASS');
  assert.equal(parameters([control, state], undefined).verdict, 'SKIP');
  for (const [there, words] of /** @type {[any[], RegExp][]} */ ([
    [[control], /^state is not told$/],
    [[control, { ...state, ordered: true }], /^state is id 1, unordered, maxRetransmits 0 here and id 1, ordered, maxRetransmits 0 there$/],
    [[control, { ...state, maxRetransmits: null }], /id 1, unordered, reliable there/],
    [[{ ...control, id: 7 }, state], /^control is id 0.*id 7/],
  ])) {
    const found = parameters([control, state], there);
    assert.equal(found.verdict, 'FAIL');
    assert.match(found.measured, words);
  }
});

test('a size that is announced has to be answered', () => {
  assert.deepEqual([announcedBytes('a=max-message-size:69632\r\n'), announcedBytes('v=0'), announcedBytes('a=max-message-size: 0')], [69632, 65536, 0]);
  const good = { announced: 65536, tried: /** @type {[number, any][]} */ ([[1024, 'answered'], [65536, 'answered']]), above: /** @type {any} */ ('not sent'), isAlive: true };
  assert.equal(judgeSizes(good).verdict, 'PASS');
  assert.match(judgeSizes(good).measured, /65536 bytes answered, 65536 announced, above it this browser refuses to send/);
  for (const [change, verdict, words] of /** @type {[object, string, RegExp][]} */ ([
    [{ tried: [[1024, 'answered'], [65536, 'refused as too large']] }, 'WARN', /^1024 bytes answered/],
    [{ tried: [[1024, 'answered'], [65536, 'no answer']] }, 'FAIL', /65536 get no answer; 1024 do/],
    [{ tried: [[1024, 'answered'], [65536, 'not sent']] }, 'FAIL', /this browser does not send 65536/],
    [{ tried: [[1024, 'no answer']] }, 'FAIL', /1024 get no answer; 0 do/],
    [{ isAlive: false }, 'FAIL', /nothing is answered any more/],
  ])) {
    const found = judgeSizes({ ...good, ...change });
    assert.equal(found.verdict, verdict);
    assert.match(found.measured, words);
  }
});
