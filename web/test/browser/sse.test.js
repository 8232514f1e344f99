/** The experiments of the SSE page. */

import assert from 'node:assert/strict';
import { after, before, test } from 'node:test';

import { cellsOf, lab, textOf } from './harness.js';

/** @type {Awaited<ReturnType<typeof lab>>} */
let bench;
before(async () => {
  bench = await lab();
});
after(() => bench.close());

test('pull the plug: what was missed comes back, exactly, once', async () => {
  const page = await bench.open('/sse.html?away=3');
  await textOf(page, '[data-reading="uptime"]', /[0-9]/);
  await textOf(page, '.last-id', /metric@[0-9a-f]{16}\.[0-9]+,tick\.10\.32@/);
  await page.locator('#plug button').focus();
  await page.keyboard.press('Enter');
  await textOf(page, '.pill[data-lane="sse"] .state', /plug pulled/);
  await textOf(page, '#plug .say', /came back .* none missing, none twice/);

  for (const [topic, least] of /** @type {[string, number][]} */ ([
    ['metric', 2],
    ['tick.10.32', 25],
  ])) {
    const [seen, meanwhile, came, missing, twice, offsets] = await cellsOf(page, `.replay tr[data-topic="${topic}"]`);
    assert.ok(Number(came) >= least, `${topic}: ${came} came back`);
    assert.deepEqual([came, missing, twice], [meanwhile, '0', '0']);
    assert.equal(offsets, `${Number(seen) + 1}–${Number(seen) + Number(came)}`);
  }
  assert.deepEqual(bench.complaints.splice(0), []);
  await page.close();
});

test('a reload has the past at once: the stream was opened from a cursor', async () => {
  const page = await bench.open('/sse.html');
  await textOf(page, '[data-reading="uptime"]', /[0-9]/);
  await textOf(page, '[data-chart="cpu"] .now', /[0-9]/);
  await page.locator('[data-chart="cpu"] .twin summary').click();
  await page.waitForFunction(() => document.querySelectorAll('[data-chart="cpu"] tbody tr').length >= 3);
  await page.reload();
  await textOf(page, '[data-chart="cpu"] .now', /[0-9]/);
  await page.locator('[data-chart="cpu"] .twin summary').click();
  await page.waitForFunction(() => document.querySelectorAll('[data-chart="cpu"] tbody tr').length >= 3);
  await page.close();
});

test('the wall of six: the seventh stream waits, so does a plain request, and the wall comes down by itself', async () => {
  const page = await bench.open('/sse.html');
  await textOf(page, '.pill[data-lane="sse"] .state', /^open$/);
  await page.locator('#wall .build').click();
  // One of the six connections is the page's own stream.
  await textOf(page, '#wall .say', /^5 of 7 opened, 2 wait/);
  assert.equal(await page.locator('.wall li[data-state="open"]').count(), 5);
  await textOf(page, '.wall li:nth-child(7)', /waiting for [1-9]/);
  await textOf(page, '.wall li:nth-child(8)', /waiting for [1-9]/);

  await textOf(page, '#wall .say', /^The wall is down\. 5 of 7 streams had opened, 2 never did/);
  await textOf(page, '.wall li:nth-child(7)', /never opened in (9|1[0-9])\.[0-9] s/);
  await textOf(page, '.wall li:nth-child(8)', /answered after (9|1[0-9])\.[0-9] s over http\/1\.1/);
  await textOf(page, '.pill[data-lane="sse"] .state', /^open$/);
  assert.deepEqual(bench.complaints.splice(0), []);
  await page.close();
});
