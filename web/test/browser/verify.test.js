/** The page of checks: against the real server all pass; behind a proxy that gathers, those fail that must. */

import assert from 'node:assert/strict';
import { mkdtemp, rm } from 'node:fs/promises';
import { createServer, request } from 'node:http';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { after, before, test } from 'node:test';

import * as turn from '../../pages/verify/turn.js';
import { lab, textOf } from './harness.js';

/** @type {Awaited<ReturnType<typeof lab>>} */
let bench;
before(async () => {
  bench = await lab({ flags: ['--sse-heartbeat', '1s', '--websocket-heartbeat', '1s'] });
});
after(() => bench.close());

/** Every check that has ended, as `VERDICT id`. @param {import('./harness.js').Page} page */
function verdicts(page) {
  return page
    .locator('#checks .check')
    .evaluateAll((all) => all.map((one) => `${one.getAttribute('data-verdict')} ${one.getAttribute('data-id')}`));
}

test('against this server all checks pass but for what needs TLS', async () => {
  const page = await bench.open('/verify.html');
  await textOf(page, '#checks .say', /^Done: /);
  // How long an opening takes is the machine's: a slow one warns.
  const others = (await verdicts(page)).filter((line) => !/^PASS|^WARN webrtc\.open/.test(line));
  assert.deepEqual(others, ['WARN sse.http2', ...turn.CHECKS.map(({ id }) => `SKIP ${id}`)]);
  assert.deepEqual(bench.complaints.splice(0), []);
  await page.close();
});

test('over HTTPS with HTTP/2 all of them pass', async () => {
  const folder = await mkdtemp(join(tmpdir(), 'wirelab-verify-'));
  const secure = await lab({
    flags: ['--https', '127.0.0.1:0', '--data-dir', folder, '--sse-heartbeat', '1s'],
    ignoreHTTPSErrors: true,
  });
  const { listeners } = /** @type {import('../../lib/api.js').Info} */ (await (await fetch(`${secure.url}/api/info`)).json());
  const page = await secure.context.newPage();
  await page.goto(`${listeners.find(({ scheme }) => scheme === 'https')?.url}/verify.html`);
  await textOf(page, '#checks .say', /^Done: .* 0 failed/);
  const others = (await verdicts(page)).filter((line) => !/^PASS|^WARN webrtc\.open|^SKIP turn/.test(line));
  assert.deepEqual(others, []);
  await textOf(page, '[data-id="sse.http2"] .measured', /^h2: /);
  await secure.close();
  await rm(folder, { recursive: true });
});

test('a line opens by keyboard into what it means, its evidence and the fix', async () => {
  const page = await bench.open('/verify.html');
  await textOf(page, '[data-id="sse.http2"] .measured', /six streams/);
  await page.locator('[data-id="sse.http2"] summary').focus();
  await page.keyboard.press('Enter');
  await textOf(page, '[data-id="sse.http2"][open] .fix', /^The fix: Serve it by https with HTTP\/2\.$/);
  await page.locator('[data-id="sse.resume"] summary').click();
  await textOf(page, '[data-id="sse.resume"][open] .evidence', /then came: /);
  await page.close();
});

test('one family alone is checked as its name is chosen, and the address keeps it', async () => {
  const page = await bench.open('/verify.html?only=ws');
  await textOf(page, '#checks .say', /^Done: [1-9]/);
  assert.ok((await verdicts(page)).every((line) => line.startsWith(/ ws\./.test(line) ? 'PASS' : 'waits')));
  await page.locator('[name="only"]').selectOption('turn');
  assert.match(page.url(), /only=turn$/);
  await page.locator('#checks .again').click();
  await textOf(page, '[data-id="turn.credentials"][data-verdict="SKIP"] .measured', /no relay/);
  await textOf(page, '[data-id="ws.close"][data-verdict="waits"] .measured', /not run/);
  await page.close();
});

test('the report is copied as the terminal would print it', async () => {
  await bench.context.grantPermissions(['clipboard-read', 'clipboard-write']);
  const page = await bench.open('/verify.html');
  await textOf(page, '#checks .say', /^Done:/);
  await page.locator('#checks .copy').click();
  await textOf(page, '#checks .copy', /^Copied$/);
  const report = await page.evaluate(() => navigator.clipboard.readText());
  assert.match(report, /^PASS {2}sse\.streaming +events arrive as they are sent: STREAMING: /m);
  assert.match(report, /^---- {2}idle\.ws +.*not run$/m);
  await page.close();
});

test('silence is watched for as long as one chooses', async () => {
  const page = await bench.open('/verify.html?silence=20');
  assert.equal(await page.locator('#silence select').inputValue(), '20');
  // As if one had chosen a shorter time, which the page does not offer.
  await page.locator('#silence option[value="20"]').evaluate((option) => (/** @type {HTMLOptionElement} */ (option).value = '3'));
  await page.locator('#silence button').click();
  await textOf(page, '[data-id="idle.sse"][data-verdict="PASS"] .measured', /lived for 3\.00 s, with [1-9]/);
  await textOf(page, '[data-id="idle.ws"][data-verdict="PASS"] .measured', /silence, and it answers/);
  await page.close();
});

test('behind a proxy that gathers and passes no upgrade on, the page says so', async () => {
  const upstream = new URL(bench.url);
  const proxy = createServer((asked, answer) => {
    const onward = request({ host: upstream.hostname, port: upstream.port, path: asked.url, method: asked.method, headers: asked.headers }, (came) => {
      answer.writeHead(came.statusCode ?? 502, { ...came.headers, 'cache-control': 'no-cache' });
      answer.flushHeaders();
      if (!asked.url?.startsWith('/events')) {
        came.pipe(answer);
        return;
      }
      /** @type {Buffer[]} */
      let held = [];
      came.on('data', (piece) => {
        held.push(piece);
        if (held.length < 15) return;
        answer.write(Buffer.concat(held));
        held = [];
      });
      came.on('error', () => answer.destroy());
    });
    onward.on('error', () => answer.destroy());
    answer.on('close', () => onward.destroy());
    onward.end();
  });
  proxy.on('upgrade', (_, socket) => socket.end('HTTP/1.1 426 Upgrade Required\r\nconnection: close\r\n\r\n'));
  await new Promise((resolve) => proxy.listen(0, '127.0.0.1', () => resolve(undefined)));
  const { port } = /** @type {import('node:net').AddressInfo} */ (proxy.address());
  const page = await bench.context.newPage();
  await page.goto(`http://127.0.0.1:${port}/verify.html`);
  await textOf(page, '[data-id="sse.streaming"][data-verdict="FAIL"] .measured', /^BATCHED/);
  await textOf(page, '[data-id="sse.no-transform"][data-verdict="WARN"] .measured', /no-cache/);
  await textOf(page, '[data-id="ws.browser"][data-verdict="FAIL"] .measured', /^it did not open: 1006/);
  await textOf(page, '[data-id="ws.close"][data-verdict="SKIP"] .measured', /does not open/);
  await textOf(page, '[data-id="webrtc.signalling"][data-verdict="FAIL"] .measured', /^\/signal: no answer, or cut/);
  await textOf(page, '[data-id="webrtc.message-size"][data-verdict="SKIP"] .measured', /no answer to go on with/);
  bench.complaints.splice(0); // the browser complains of the upgrade, as it should
  await page.close();
  proxy.closeAllConnections();
  await new Promise((resolve) => proxy.close(resolve));
});
