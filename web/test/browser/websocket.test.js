/** The experiments of the WebSocket page. */

import assert from 'node:assert/strict';
import { mkdtempSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { after, before, test } from 'node:test';

import { cellsOf, lab, serverPath, textOf } from './harness.js';

/** A run of the stalled reader: one second warm, up to fifteen stalled, three afterwards. */
const STALL_PATIENCE_MS = 40_000;

/** @type {Awaited<ReturnType<typeof lab>>} */
let bench;
before(async () => {
  bench = await lab();
});
after(() => bench.close());

test('the histogram grows, has percentiles, and starts anew with another size', async () => {
  const page = await bench.open('/websocket.html?rate=50');
  await textOf(page, '[data-reading="count"]', /^[3-9][0-9]|^[1-9][0-9]{2}/);
  await textOf(page, '[data-reading="p99"]', /[µm]s$/);
  await textOf(page, '#round-trips .say', /^Half of [0-9,]+ round trips took at most/);
  await page.locator('#round-trips .twin summary').click();
  await page.waitForSelector('#round-trips .twin tbody tr');

  await page.locator('[name="size"]').focus();
  await page.keyboard.press('End');
  await textOf(page, '[data-of="size"]', /^32\.0 KiB$/);
  assert.match(page.url(), /size=15/);
  await textOf(page, '[data-reading="count"]', /^[1-9]$|^[1-9][0-9]$/);
  assert.deepEqual(bench.complaints.splice(0), []);
  await page.close();
});

test('a chat in two tabs: both have every line, the second the old ones too', async () => {
  const first = await bench.open('/websocket.html');
  await textOf(first, '#chat .say', /^in the room/);
  await say(first, 'before you came');
  await textOf(first, '.chat-lines', /before you came/);

  const link = (await first.locator('.room-link').getAttribute('href')) ?? '';
  const second = await bench.open(link);
  await textOf(second, '.chat-lines', /before you came/);
  await say(second, 'and now both');
  for (const page of [first, second]) {
    await textOf(page, '.chat-lines', /and now both/);
    assert.equal(await page.locator('.chat-lines li').count(), 2);
  }
  assert.deepEqual(bench.complaints.splice(0), []);
  await first.close();
  await second.close();
});

test('where other machines reach the server, a line needs the token; a wrong one costs nobody the text', async () => {
  const folder = mkdtempSync(join(tmpdir(), 'wirelab-'));
  const token = 'for-this-test-alone-0123456789abcdef';
  writeFileSync(join(folder, 'token'), token, { mode: 0o600 });
  const open = await lab({ server: reachable('--admin-token-file', join(folder, 'token')) });
  const page = await open.open('/websocket.html');
  await textOf(page, '.who-may', /needs its administrator’s token/);
  await page.locator('[name="token"]').fill('not-the-token');
  await say(page, 'through the gate');
  await textOf(page, '#chat .say', /^not sent: .*token/);
  assert.equal(await page.locator('[name="text"]').inputValue(), 'through the gate');
  await page.locator('[name="token"]').fill(token);
  await say(page, 'through the gate');
  await textOf(page, '.chat-lines', /through the gate/);
  await textOf(page, '#chat .say', /^sent: message 1 of the room/);
  assert.doesNotMatch(page.url(), /token/);
  await open.close();
  rmSync(folder, { recursive: true });
});

test('where nobody may write the chat says so, and the rest of the page works though it is not served securely', async () => {
  const closed = await lab({ server: reachable() });
  const page = await closed.context.newPage();
  await page.addInitScript(() => {
    // @ts-ignore: as on http:// beyond loopback, where a browser has no such thing
    delete Crypto.prototype.randomUUID;
  });
  await page.goto(`${closed.url}/websocket.html`);
  await textOf(page, '.who-may', /^Closed for writing/);
  assert.ok(await page.locator('#chat [type="submit"]').isDisabled());
  await textOf(page, '[data-reading="count"]', /[1-9]/);
  await closed.close();
});

test('close codes are provoked and decoded', async () => {
  const page = await bench.open('/websocket.html');
  for (const code of [1000, 1003, 1009]) {
    await page.locator(`tr[data-code="${code}"] button`).click();
    await textOf(page, `tr[data-code="${code}"] output`, new RegExp(`^${code}.*clean, after`));
  }
  assert.deepEqual(bench.complaints.splice(0), []);
  await page.locator('tr[data-code="1006"] button').click();
  await textOf(page, 'tr[data-code="1006"] output', /^1006, not clean/);
  bench.complaints.splice(0); // the browser itself complains of the refused upgrade: that is the point of the button
  await page.close();
});

for (const [policy, ended] of /** @type {[string, RegExp][]} */ ([
  ['gap', /^still open/],
  ['latest', /^still open/],
  ['disconnect', /^4001/],
])) {
  test(`a reader that stops, policy ${policy}`, async () => {
    const page = await bench.open(`/websocket.html?policy=${policy}`);
    await page.locator('#stall button[type="submit"]').click();
    await textOf(page, '#stall .say', /^not reading for/);
    await textOf(page, `.policies tr[data-policy="${policy}"] td:last-child`, /^(?!running|–)/, STALL_PATIENCE_MS);
    const [, delivered, skipped, unaccounted, gaps, end] = await cellsOf(page, `.policies tr[data-policy="${policy}"]`);
    const whole = (/** @type {string} */ text) => Number(text.replaceAll(',', ''));
    assert.match(end, ended);
    assert.ok(whole(delivered) > 0);
    if (policy !== 'disconnect') {
      assert.ok(whole(skipped) > 0 && whole(gaps) > 0, `${skipped} skipped, told in ${gaps} frames`);
      assert.equal(unaccounted, '0');
    }
    assert.deepEqual(bench.complaints.splice(0), []);
    await page.close();
  });
}

/** A server that other machines can reach. @param {...string} flags */
function reachable(...flags) {
  return [serverPath(), 'serve', '--http', '0.0.0.0:0', ...flags];
}

/** @param {import('playwright-core').Page} page @param {string} text */
async function say(page, text) {
  await page.locator('[name="text"]').fill(text);
  await page.keyboard.press('Enter');
}
