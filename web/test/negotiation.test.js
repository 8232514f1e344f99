/** Perfect negotiation, against connections that keep the W3C's signalling states and nothing else. */

import assert from 'node:assert/strict';
import { test } from 'node:test';

import { Negotiation } from '../lib/negotiation.js';

/** Two negotiations whose signals wait until they are delivered. */
function pair() {
  const [a, b] = [end(true), end(false)];
  const deliver = async (/** @type {any} */ from, /** @type {any} */ to) => {
    for (const signal of from.said.splice(0)) await to.negotiation.take(signal);
  };
  return { a, b, deliver };
}

/** @param {boolean} isPolite @param {boolean} [waits] */
function end(isPolite, waits = false) {
  /** @type {any} */
  const connection = {
    signalingState: 'stable',
    remoteDescription: null,
    localDescription: null,
    /** @type {any[]} */
    candidates: [],
    async setLocalDescription() {
      const isAnswer = this.signalingState === 'have-remote-offer';
      this.localDescription = { type: isAnswer ? 'answer' : 'offer', sdp: 'mine' };
      this.signalingState = isAnswer ? 'stable' : 'have-local-offer';
    },
    async setRemoteDescription(/** @type {any} */ description) {
      if (description.type === 'answer' && this.signalingState !== 'have-local-offer') throw new Error('not asked');
      this.remoteDescription = description;
      this.signalingState = description.type === 'answer' ? 'stable' : 'have-remote-offer'; // rolls back
    },
    async addIceCandidate(/** @type {any} */ candidate) {
      if (!this.remoteDescription) throw new Error('too early');
      this.candidates.push(candidate);
    },
  };
  /** @type {any[]} */
  const said = [];
  return { connection, said, negotiation: new Negotiation(connection, isPolite, (signal) => said.push(signal), { waits }) };
}

test('one offers, the other answers, both are stable', async () => {
  const { a, b, deliver } = pair();
  await a.connection.onnegotiationneeded();
  await deliver(a, b);
  await deliver(b, a);
  assert.deepEqual([a.connection.signalingState, b.connection.signalingState], ['stable', 'stable']);
});

test('both offer at once: the polite one takes its offer back and answers', async () => {
  const { a, b, deliver } = pair();
  await Promise.all([a.connection.onnegotiationneeded(), b.connection.onnegotiationneeded()]);
  const [ofA, ofB] = [a.said.splice(0), b.said.splice(0)];
  for (const signal of ofA) await b.negotiation.take(signal);
  for (const signal of ofB) await a.negotiation.take(signal);
  assert.deepEqual(b.said, [], 'the impolite one does not answer');
  await deliver(a, b);
  assert.deepEqual([a.connection.signalingState, b.connection.signalingState], ['stable', 'stable']);
  assert.deepEqual([a.negotiation.glares, b.negotiation.glares], [1, 1]);
});

test('candidates wait for the description, and those of an offer not taken are not added', async () => {
  const { a, b } = pair();
  await a.negotiation.take({ type: 'candidate', candidate: { candidate: 'early' } });
  assert.deepEqual(a.connection.candidates, []);
  await a.negotiation.take({ type: 'offer', sdp: 'theirs' });
  assert.deepEqual(a.connection.candidates, [{ candidate: 'early' }]);

  await b.connection.onnegotiationneeded();
  await b.negotiation.take({ type: 'offer', sdp: 'collides' });
  await b.negotiation.take({ type: 'candidate', candidate: { candidate: 'of the collision' } });
  await b.negotiation.take({ type: 'answer', sdp: 'theirs' });
  assert.deepEqual(b.connection.candidates, []);
});

test('who waits leaves the first offer to the other, and may offer after it', async () => {
  const waiting = end(true, true);
  await waiting.connection.onnegotiationneeded();
  assert.deepEqual(waiting.said, []);
  await waiting.negotiation.take({ type: 'offer', sdp: 'theirs' });
  await waiting.connection.onnegotiationneeded();
  assert.deepEqual(waiting.said.map(({ type }) => type), ['answer', 'offer']);
});
