/** The head line of the first page says what was measured, and nothing else. */

import assert from 'node:assert/strict';
import { readFileSync } from 'node:fs';
import { test } from 'node:test';

const read = (/** @type {string} */ file) => readFileSync(new URL(`../../${file}`, import.meta.url), 'utf8');
const median = (/** @type {string} */ report, /** @type {string} */ lane) =>
  JSON.parse(read(`docs/results/density/${report}.json`)).contenders.find(
    (/** @type {{ lane: string, server: string }} */ one) => one.lane === lane && one.server === 'wirelab',
  ).median;

test('the costs on the first page are those of docs/results/density', () => {
  const page = read('web/index.html');
  const said = (/** @type {string} */ cost) => page.match(new RegExp(`data-cost="${cost}">([\\d.]+) `))?.[1];
  assert.equal(said('sse'), median('idle-10k', 'sse').user_kib.toFixed(2));
  assert.equal(said('websocket'), median('idle-10k', 'websocket').user_kib.toFixed(2));
  assert.equal(said('datachannel'), median('idle-peers', 'datachannel').user_kib.toFixed(0));
  // A CPU-second for a million is a microsecond for one.
  const light = ['sse', 'websocket'].map((lane) => median('fanout-light', lane).million_cpu_s);
  assert.equal(said('delivery'), Math.max(...light).toFixed(0));
});
