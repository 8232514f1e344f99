/** All lanes side by side: what the product is for. */

import assert from 'node:assert/strict';
import { readFileSync } from 'node:fs';
import { after, before, test } from 'node:test';

import { Ajv2020 } from 'ajv/dist/2020.js';

import { lab, textOf } from './harness.js';

const SCHEMA = JSON.parse(readFileSync(new URL('../../../docs/schema/compare.v1.json', import.meta.url), 'utf8'));

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
    assert.ok(parseInt(delivered, 10) > 400, `${lane}: ${delivered}`);
    await textOf(page, `.tracks [data-lane="${lane}"] .said`, /old$|frozen/);
    await textOf(page, `[data-figure="age99"] [data-lane="${lane}"]`, /m?s$/);
    await textOf(page, `[data-figure="open"] [data-lane="${lane}"]`, /m?s$/);
  }
  for (const lane of ['sse', 'websocket', 'datachannel-reliable'])
    assert.equal(await textOf(page, `[data-figure="lost"] [data-lane="${lane}"]`, /./), '0');
  // On a busy machine the server may have skipped what a slow reader no longer needs, and says so.
  await textOf(page, '#run .say', /Nothing interesting happened|stood still|froze|lost|skipped|older than/);
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
  const isWritten = new Ajv2020({ strict: true, strictRequired: false, allowUnionTypes: true }).compile(SCHEMA);
  isWritten(report);
  assert.deepEqual(isWritten.errors, null);
  assert.deepEqual(report.setting.lanes, LANES);
  assert.equal(report.setting.target, bench.url);
  assert.equal(report.browser.path, 'direct');
  for (const { lane, measured } of report.points[0].runs[0].lanes) {
    assert.equal(measured.latencies_ms.length, measured.figures.delivery.delivered, lane);
    assert.ok(measured.age_ms.length > 20, lane);
  }
  assert.match(report.command, /^wirelab compare --target http:.* --hz 60 --size 100 --duration [0-9]+s --repeat 1$/);
  const [picture] = await Promise.all([page.waitForEvent('download'), page.locator('.picture').click()]);
  assert.match(picture.suggestedFilename(), /\.png$/);
  assert.equal(readFileSync(await picture.path()).subarray(1, 4).toString(), 'PNG');
  assert.equal(await textOf(page, '.phase', /^ended/), phase);
  await page.locator('button.start').click();
  await textOf(page, '.phase', /^running/);
  assert.deepEqual(bench.complaints.splice(0), []);
  await page.close();
});

test('what is published while the tab is hidden is in no figure, and that is said', async () => {
  const page = await bench.open('/compare.html');
  await textOf(page, '.phase', /^running for [2-9]/);
  /** The tab is not really hidden: nobody else can be seen in a headless browser. @param {boolean} isHidden */
  const hide = (isHidden) =>
    page.evaluate((isHidden) => {
      Object.defineProperty(document, 'hidden', { configurable: true, get: () => isHidden });
      document.dispatchEvent(new Event('visibilitychange'));
    }, isHidden);
  const time = page.locator('#timeline tbody');
  await hide(true);
  const before = await time.textContent();
  await page.waitForFunction(
    (from_ms) => performance.now() > from_ms + 1500,
    await page.evaluate(() => performance.now()),
  );
  assert.equal(await time.textContent(), before, 'a page that is hidden draws nothing');
  await hide(false);
  const doubt = await textOf(page, '.doubts', /hidden for [12]\.[0-9] s: the [0-9]+ messages of that time are in no figure/);
  assert.ok(Number(/the ([0-9]+) messages/.exec(doubt)?.[1]) > 60, doubt);
  for (const lane of LANES) assert.equal(await textOf(page, `[data-figure="lost"] [data-lane="${lane}"]`, /./), '0');
  await page.close();
});

test('hovering reads all lanes at one instant, and the table twin has the same', async () => {
  const page = await bench.open('/compare.html');
  await textOf(page, '.phase', /^running for [3-9]/);
  await page.locator('[data-chart="age"] .u-over').scrollIntoViewIfNeeded();
  const box = await page.locator('[data-chart="age"] .u-over').boundingBox();
  assert.ok(box);
  await page.mouse.move(box.x + box.width * 0.95, box.y + box.height / 2);
  await textOf(page, '[data-chart="age"] .now', /SSE .*WebSocket .*Data channel .*Reliable /);
  await page.locator('[data-chart="age"] .twin summary').click();
  await textOf(page, '[data-chart="age"] .twin tbody', /ms/);
  await page.close();
});
