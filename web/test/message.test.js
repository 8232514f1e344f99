/** The words on the wire, against the golden vectors that `cargo test` runs too. */

import assert from 'node:assert/strict';
import { existsSync, readFileSync, readdirSync } from 'node:fs';
import { test } from 'node:test';

import { FrameError, formatEventId, parseCursor, parseFrame, readFrame, rewind } from '../lib/message.js';

const FOLDER = new URL('../../testdata/wire/', import.meta.url);

/** @typedef {{ name: string, text: string, frame?: any }} WireVector `frame` is missing where the text is no frame */

/** Frames that a client sends are read by the server alone. */
const COMMANDS = new Set(['subscribe', 'unsubscribe', 'publish', 'echo']);

/** @returns {[string, WireVector][]} */
function wireVectors() {
  const files = existsSync(FOLDER) ? readdirSync(FOLDER).filter((name) => name.endsWith('.json')) : [];
  return files.flatMap((file) => {
    const list = JSON.parse(readFileSync(new URL(file, FOLDER), 'utf8'));
    return Array.isArray(list)
      ? list
          .filter(({ text }) => typeof text === 'string')
          .map((vector) => /** @type {[string, WireVector]} */ ([file, vector]))
      : [];
  });
}

for (const [file, { name, text, frame }] of wireVectors()) {
  if (frame?.type === undefined || COMMANDS.has(frame.type) || (frame.type === 'time' && frame.t1 === undefined))
    continue;
  test(`wire: ${file}: ${name}`, () => {
    assert.deepEqual(parseFrame(text), frame);
  });
}

test('what is no frame is refused with a reason', () => {
  for (const odd of ['', 'nope', 'null', '3', '[]', '{}', '{"type":3}', '{"type":"constructor"}', '{"type":"hello"}']) {
    assert.throws(() => parseFrame(odd), FrameError, odd);
  }
  assert.throws(
    () => parseFrame('{"type":"message","topic":"a","cursor":"1.1","sent_us":1,"data":null}'),
    /message\.cursor/,
  );
});

test('data may be any JSON, null too', () => {
  const frame = parseFrame('{"type":"message","topic":"a","cursor":"00c0ffee00c0ffee.1","sent_us":1,"data":null}');
  assert.equal(frame.type === 'message' && frame.data, null);
});

test('a frame that this page does not know is told, not thrown', () => {
  /** @type {string[]} */
  const told = [];
  assert.equal(readFrame('{"type":"tomorrow"}', { unread: (why) => told.push(why) }), undefined);
  assert.deepEqual(told, ['no frame has the type "tomorrow"']);
});

test('cursors have one spelling', () => {
  assert.deepEqual(parseCursor('00c0ffee00c0ffee.42'), { epoch: '00c0ffee00c0ffee', offset: 42 });
  for (const odd of [
    '',
    '1.1',
    '00c0ffee00c0ffee',
    '00c0ffee00c0ffee.',
    '00c0ffee00c0ffee.042',
    '00C0FFEE00C0FFEE.1',
  ]) {
    assert.throws(() => parseCursor(odd), FrameError, odd);
  }
});

test('rewinding stays in the log and stops at its start', () => {
  assert.equal(rewind('00c0ffee00c0ffee.42', 40), '00c0ffee00c0ffee.2');
  assert.equal(rewind('00c0ffee00c0ffee.42', 43), '00c0ffee00c0ffee.0');
  assert.equal(rewind('00c0ffee00c0ffee.42', Infinity), '00c0ffee00c0ffee.0');
});

test('an event id of one topic is the bare cursor, of several a list', () => {
  const one = new Map([['metric', '00c0ffee00c0ffee.7']]);
  assert.equal(formatEventId(one, ['metric']), '00c0ffee00c0ffee.7');

  const two = new Map([...one, ['tick.10.32', '00c0ffee00c0ffee.9']]);
  const id = 'metric@00c0ffee00c0ffee.7,tick.10.32@00c0ffee00c0ffee.9';
  assert.equal(formatEventId(two, ['metric', 'tick.10.32']), id);
});
