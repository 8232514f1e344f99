/** The command that repeats a run. */

import assert from 'node:assert/strict';
import { execFileSync } from 'node:child_process';
import { test } from 'node:test';

import { symmetric, whole } from '../lib/shape.js';
import { commandLine, linkFlags, quoted } from '../pages/compare/command-line.js';

/** @param {string} name @param {import('../lib/shape.js').Profile} profile */
const named = (name, profile) => ({ name, title: '', source: '', ...profile });
const PROFILES = [
  named('lossy-2', symmetric({ delay: '20ms', loss: '2%' })),
  named('train', symmetric({ delay: '35ms', jitter: '10ms', loss: { outages: '5%', mean: '400ms' }, rate: '12Mbit/s', queue: '300ms' })),
  named('satellite', { down: whole({ delay: '280ms', rate: '20Mbit/s', queue: '500ms' }), up: whole({ delay: '280ms', rate: '3Mbit/s', queue: '500ms' }) }),
];
/** @type {import('../pages/compare/run.js').RunOrder} */
const ORDER = { lanes: ['sse', 'datachannel'], hz: 60, bytes: 100, path: 'link' };
const RUN = { order: ORDER, measured_ms: 12_400, origin: 'http://localhost:8080', profiles: PROFILES, seed: 7 };

/** @param {import('../lib/shape.js').Profile} profile */
const flags = (profile) => linkFlags(profile, PROFILES).flags.flat().join(' ');

test('a named profile is repeated by its name, with the seed and one run', () => {
  assert.equal(
    commandLine({ ...RUN, profile: PROFILES[0] }),
    'wirelab compare --profile lossy-2 --seed 7 --lanes sse,datachannel --hz 60 --size 100 --duration 12s --repeat 1',
  );
});

test('figures are repeated by the flags of both directions', () => {
  assert.equal(flags(symmetric({ delay: '50ms', loss: '5%' })), '--rtt 100ms --loss 5%');
  assert.equal(flags(symmetric({ delay: '20ms', jitter: '30ms', rate: '768kbit/s' })), '--jitter 30ms --rate 768kbit/s');
  assert.equal(flags(symmetric({ delay: '0s' })), '--rtt 0s');
  assert.equal(flags(symmetric({ delay: '20ms' })), '', 'which is what the command line has without any');
});

test('what differs from a profile is said on top of it', () => {
  const slower = { down: { ...PROFILES[2].down, delay: '500ms' }, up: { ...PROFILES[2].up, delay: '500ms' } };
  assert.equal(flags(slower), '--profile satellite --rtt 1s');
});

test('what no flag says is a comment, not left out in silence', () => {
  const profile = symmetric({ delay: '20ms', loss: { outages: '10%', mean: '800ms' } });
  const lines = commandLine({ ...RUN, profile }).split('\n');
  assert.equal(lines[0], '# no flag says: out 10 % of the time, 800 ms on average');
  assert.match(lines[1], /^wirelab compare --seed 7/);
});

test('a direct run is repeated against the same server', () => {
  assert.equal(
    commandLine({ ...RUN, order: { ...ORDER, path: 'direct', for_ms: 30_000 } }),
    'wirelab compare --target http://localhost:8080 --lanes sse,datachannel --hz 60 --size 100 --duration 30s --repeat 1',
  );
});

test('the duration is one that the command line takes', () => {
  assert.match(commandLine({ ...RUN, measured_ms: 200 }), /--duration 1s/);
  assert.match(commandLine({ ...RUN, measured_ms: 6e6 }), /--duration 600s/);
});

test('a shell reads each word as it was', () => {
  for (const word of ['2%', 'a b', "it's", '$HOME', '`id`', 'x;y', '', 'http://[::1]:8080', '12Mbit/s', '"', '\\']) {
    assert.equal(execFileSync('/bin/sh', ['-c', `printf %s ${quoted(word)}`]).toString(), word);
  }
});
