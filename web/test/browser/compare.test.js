/** All lanes side by side: what the product is for. */

import assert from 'node:assert/strict';
import { readFileSync } from 'node:fs';
import { after, before, test } from 'node:test';

import { lab, textOf } from './harness.js';

const LANES = ['sse', 'websocket', 'datachannel', 'datachannel-reliable'];

/** @type {Awaited<ReturnType<typeof lab>>} */
let bench;
before(async () => {
  bench = await lab();
});
after(() => bench.close());

test('four lanes receive for ten seconds, with no error', async () => {
  const page = await bench.open('/compare.html');
  await textOf(page, '.phase', /^running for 1[0-9]\.[0-9] s, tick\.60\.100$/);
  for (const lane of LANES) {
    const delivered = await textOf(page, `[data-figure="delivered"] [data-lane="${lane}"]`, /^[0-9]+ \(/);
    assert.ok(parseInt(delivered, 10) > 500, `${lane}: ${delivered}`);
    await textOf(page, `.tracks [data-lane="${lane}"] .said`, /old$|frozen/);
    await textOf(page, `[data-figure="age99"] [data-lane="${lane}"]`, /m?s$/);
    await textOf(page, `[data-figure="open"] [data-lane="${lane}"]`, /m?s$/);
  }
  for (const lane of ['sse', 'websocket', 'datachannel-reliable'])
    assert.equal(await textOf(page, `[data-figure="lost"] [data-lane="${lane}"]`, /./), '0');
  await textOf(page, '#run .say', /Nothing interesting happened|stood still|froze|lost|older than/);
  await page.waitForSelector('[data-chart="age"] canvas');
  assert.deepEqual(bench.complaints.splice(0), []);
  await page.close();
});

test('lanes, rate and size are chosen by keyboard and stand in the address', async () => {
  const page = await bench.open('/compare.html?hz=30&bytes=1000&lanes=websocket,datachannel');
  await textOf(page, '.phase', /^running for .*tick\.30\.1000$/);
  await textOf(page, '[data-figure="delivered"] [data-lane="datachannel"]', /^[1-9]/);
  assert.equal(await textOf(page, '[data-figure="delivered"] [data-lane="sse"]', /./), '–');
  await page.locator('input[value="sse"]').focus();
  await page.keyboard.press('Space');
  await page.waitForURL((url) => url.searchParams.get('lanes') === 'sse,websocket,datachannel');
  await textOf(page, '[data-figure="delivered"] [data-lane="sse"]', /^[1-9]/);
  assert.deepEqual(bench.complaints.splice(0), []);
  await page.close();
});

test('a run that was stopped stands still, and is exported whole', async () => {
  const page = await bench.open('/compare.html');
  await textOf(page, '.phase', /^running for [2-9]/);
  await page.locator('button.stop').click();
  const phase = await textOf(page, '.phase', /^ended after/);
  const [download] = await Promise.all([page.waitForEvent('download'), page.locator('.export-run').click()]);
  const report = JSON.parse(readFileSync(await download.path(), 'utf8'));
  assert.equal(report.schema, 'wirelab.compare-page.v1');
  assert.deepEqual(report.lanes.map((/** @type {any} */ { lane }) => lane), LANES);
  for (const { lane, summary, latency_us } of report.lanes) {
    const counted = latency_us.reduce((/** @type {number} */ sum, /** @type {any} */ { count }) => sum + count, 0);
    assert.equal(counted, summary.delivery.delivered, lane);
  }
  assert.ok(report.lanes[2].setup.some((/** @type {any} */ { id, to_ms }) => id === 'open' && to_ms > 0));
  const [picture] = await Promise.all([page.waitForEvent('download'), page.locator('.picture').click()]);
  assert.match(picture.suggestedFilename(), /\.png$/);
  assert.equal(readFileSync(await picture.path()).subarray(1, 4).toString(), 'PNG');
  assert.equal(await textOf(page, '.phase', /^ended/), phase);
  await page.locator('button.start').click();
  await textOf(page, '.phase', /^running/);
  assert.deepEqual(bench.complaints.splice(0), []);
  await page.close();
});

test('hovering reads all lanes at one instant, and the table twin has the same', async () => {
  const page = await bench.open('/compare.html');
  await textOf(page, '.phase', /^running for [3-9]/);
  const box = await page.locator('[data-chart="age"] .u-over').boundingBox();
  assert.ok(box);
  await page.mouse.move(box.x + box.width * 0.95, box.y + box.height / 2);
  await textOf(page, '[data-chart="age"] .now', /SSE .*WebSocket .*Data channel .*Reliable /);
  await page.locator('[data-chart="age"] .twin summary').click();
  await textOf(page, '[data-chart="age"] .twin tbody', /ms/);
  await page.close();
});
