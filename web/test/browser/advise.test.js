/** Advice in a real browser: answers as one types, what would change it, a link, a report, a contradiction. */

import assert from 'node:assert/strict';
import { after, before, test } from 'node:test';

import { lab, textOf } from './harness.js';

/** @type {Awaited<ReturnType<typeof lab>>} */
let lane;
before(async () => {
  lane = await lab();
  await lane.context.grantPermissions(['clipboard-read', 'clipboard-write']);
});
after(() => lane.close());

const OUTCOME = '.outcome output';

test('the advice follows each answer, the matrix with it, and the address carries both', async () => {
  const page = await lane.open('/advise.html');
  await textOf(page, OUTCOME, /^Take Server-Sent Events\.$/);
  await page.selectOption('select[name="preset"]', 'game-state');
  await textOf(page, OUTCOME, /^Take WebRTC data channel\.$/);
  await textOf(page, '.matrix [data-column="websocket"] .standing', /^ruled out$/);
  await textOf(page, '.matrix tr.lit', /Both sides speak/);
  await textOf(page, '.card[data-transport="websocket"]', /within 77 ms, which is more than 60 ms/);
  await page.fill('input[name="latency_ms"]', '90');
  await textOf(page, OUTCOME, /^There is no clear winner: WebRTC data channel or WebSocket\.$/);

  const link = new URL(page.url());
  assert.deepEqual([link.searchParams.get('preset'), link.searchParams.get('latency_ms')], ['game-state', '90']);
  const again = await lane.open(link.pathname + link.search);
  await textOf(again, OUTCOME, /^There is no clear winner/);
  assert.equal(await again.inputValue('input[name="latency_ms"]'), '90');
  await textOf(again, '.command-line', /^wirelab advise --preset game-state --latency 90ms$/);
  assert.deepEqual(lane.complaints.splice(0), []);
  await page.close();
  await again.close();
});

test('a change that is tried does what its line said', async () => {
  const page = await lane.open('/advise.html?talks=server&binary=true');
  await textOf(page, OUTCOME, /^Take WebSocket\.$/);
  const flip = page.locator('.flips li', { hasText: 'Binary data: no' });
  assert.match((await flip.textContent()) ?? '', /Server-Sent Events/);
  await flip.getByRole('button').focus();
  await page.keyboard.press('Enter');
  await textOf(page, OUTCOME, /^Take Server-Sent Events\.$/);
  assert.equal(await page.isChecked('input[name="binary"]'), false);
  await page.close();
});

test('answers that contradict each other are marked and named, and the last advice stays', async () => {
  const page = await lane.open('/advise.html');
  await textOf(page, OUTCOME, /^Take/);
  await page.fill('input[name="client_hz"]', '60');
  await textOf(page, OUTCOME, /client_hz = 60 and talks = server do not go together[^]*Below is the advice/);
  for (const key of ['client_hz', 'talks']) assert.equal(await page.getAttribute(`[name="${key}"]`, 'aria-invalid'), 'true');
  await page.selectOption('select[name="talks"]', 'both');
  await textOf(page, OUTCOME, /^Take WebSocket\.$/);
  assert.equal(await page.getAttribute('[name="talks"]', 'aria-invalid'), 'false');
  lane.complaints.splice(0); // the browser itself tells of a 400
  await page.close();
});

test('a report counts, is cited, and can be no report', async () => {
  const page = await lane.open('/advise.html?preset=chat');
  await textOf(page, OUTCOME, /^Take WebSocket\.$/);
  const file = (/** @type {unknown} */ report) => ({ name: 'path.json', mimeType: 'application/json', buffer: Buffer.from(JSON.stringify(report)) });
  await page.setInputFiles('.evidence input', file({ schema: 'wirelab.verify.v1', checks: [{ id: 'ws.upgrade', verdict: 'FAIL', measured: '400' }] }));
  await textOf(page, '.cited', /path\.json: ws\.upgrade fails: 400/);
  await textOf(page, '.card[data-transport="websocket"]', /ruled out/);
  await page.setInputFiles('.evidence input', file({ schema: 'wirelab.compare.v9' }));
  await textOf(page, OUTCOME, /path\.json is wirelab\.compare\.v9; this version reads/);
  lane.complaints.splice(0); // the browser itself tells of a 400
  await page.close();
});

test('link, record and values are copied', async () => {
  const page = await lane.open('/advise.html?preset=chat');
  await textOf(page, OUTCOME, /^Take/);
  const copied = async (/** @type {string} */ button) => {
    await page.click(button);
    await textOf(page, button, /^Copied$/);
    return page.evaluate(() => navigator.clipboard.readText());
  };
  assert.equal(await copied('.copy-link'), page.url());
  assert.match(await copied('.copy-record'), /^# Transport: WebSocket\n/);
  assert.match(await copied('.copy-values'), /maxPayload: 64 KiB/);
  assert.equal(await copied('.copy-command'), 'wirelab advise --preset chat');
  await page.close();
});
