/** What the stack's files have to agree on. That a compose file is valid, compose itself says (scripts/test.sh). */

import assert from 'node:assert/strict';
import { readFileSync } from 'node:fs';
import { test } from 'node:test';

const read = (/** @type {string} */ file) => readFileSync(new URL(`../../${file}`, import.meta.url), 'utf8');
const all = (/** @type {string} */ text, /** @type {RegExp} */ pattern) => [...text.matchAll(pattern)].map(([, found]) => found);

test('coturn passes on to the two addresses of the stack that are peers, and to no other', () => {
  const services = read('docker-compose.yml').split(/^  (?=\S+:$)/m);
  const peers = services.filter((service) => /^(wirelab|coturn):/.test(service)).join('');
  const addresses = all(peers, /ipv4_address: (\S+)/g);
  assert.equal(addresses.length, 2);
  assert.deepEqual(all(read('coturn/turnserver.conf'), /^allowed-peer-ip=(\S+)$/gm).sort(), addresses.sort());
});

test('as many addresses as there are ports, and no secret in a file', () => {
  const conf = read('coturn/turnserver.conf');
  const [[least], [most], [quota]] = ['min-port', 'max-port', 'total-quota'].map((name) => all(conf, new RegExp(`^${name}=(\\d+)$`, 'gm')));
  assert.equal(Number(most) - Number(least) + 1, Number(quota));
  for (const file of ['coturn/turnserver.conf', 'coturn/loopback.conf', 'docker-compose.yml'])
    assert.doesNotMatch(read(file), /^\s*(static-auth-secret|user)\s*=/m, file);
});

test('a container is waited for longer than the server takes to drain', () => {
  const [grace_s] = all(read('docker-compose.yml'), /stop_grace_period: (\d+)s/g);
  const [drain_s] = all(read('crates/server/src/config.rs'), /grace: Duration::from_secs\((\d+)\)/g);
  assert.ok(Number(grace_s) > Number(drain_s), `${grace_s} s for ${drain_s} s`);
});
