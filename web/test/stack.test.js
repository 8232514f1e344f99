/** What the stack's files have to agree on. That a compose file is valid, compose itself says (scripts/test.sh). */

import assert from 'node:assert/strict';
import { readFileSync } from 'node:fs';
import { test } from 'node:test';

const read = (/** @type {string} */ file) => readFileSync(new URL(`../../${file}`, import.meta.url), 'utf8');
const all = (/** @type {string} */ text, /** @type {RegExp} */ pattern) => [...text.matchAll(pattern)].map(([, found]) => found);

/** The fixed address of each service that has one. */
const addresses = new Map(
  read('docker-compose.yml')
    .split(/^ {2}(?=[\w-]+:$)/m)
    .map((service) => /** @type {const} */ ([service.split(':')[0], all(service, /ipv4_address: (\S+)/g)[0]]))
    .filter(([, address]) => address),
);

test('coturn passes on to the two addresses of the stack that are peers, and to no other', () => {
  const peers = ['wirelab', 'coturn'].map((service) => addresses.get(service));
  assert.deepEqual(all(read('coturn/turnserver.conf'), /^allowed-peer-ip=(\S+)$/gm).sort(), peers.sort());
});

test('wirelab trusts the nginx that is set up right, and no other', () => {
  const [trusted] = all(read('docker-compose.yml'), /WIRELAB_TRUST_PROXY: (\S+)/g);
  assert.equal(trusted, addresses.get('nginx'));
  assert.equal(new Set(addresses.values()).size, addresses.size);
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
