/** An event stream, however it is cut: fields, line ends, comments, ids that stay. */

import assert from 'node:assert/strict';
import { test } from 'node:test';

import { EventStreamParser } from '../lib/event-stream.js';

/** @param {string} text @param {number} size pieces of so many characters */
function parse(text, size) {
  const parser = new EventStreamParser();
  const events = [];
  for (let at = 0; at < text.length; at += size) events.push(...parser.take(text.slice(at, at + size)));
  return { events, comments: parser.comments };
}

test('events are the same however the stream is cut, and whatever ends its lines', () => {
  const lines = ['\uFEFF: hello', 'retry: 3000', 'id: 1', 'data: a', 'data:b', '', 'event: tick', 'data: c', 'id: 2', '', 'id: 3', '', ': beat', '', 'data: d', '', 'data: cut'];
  const wanted = [
    { name: 'message', data: 'a\nb', id: '1', retry_ms: 3000 },
    { name: 'tick', data: 'c', id: '2', retry_ms: undefined },
    { name: 'message', data: 'd', id: '3', retry_ms: undefined },
  ];
  for (const end of ['\n', '\r\n', '\r']) {
    const text = lines.join(end) + end;
    for (const size of [1, 2, 3, 7, text.length]) {
      const { events, comments } = parse(text, size);
      assert.deepEqual(events, wanted, `${JSON.stringify(end)} in pieces of ${size}`);
      assert.equal(comments, 2);
    }
  }
});

test('what is no field is passed over', () => {
  const { events } = parse('retry: soon\nid: a\0b\nunknown: x\ndata\n\n', 100);
  assert.deepEqual(events, [{ name: 'message', data: '', id: '', retry_ms: undefined }]);
});

test('a line that does not end is given up', () => {
  assert.throws(() => new EventStreamParser().take('x'.repeat((1 << 20) + 1)), RangeError);
  assert.throws(() => new EventStreamParser().take(`data: ${'x'.repeat(1000)}\n`.repeat(1100)), RangeError);
});
