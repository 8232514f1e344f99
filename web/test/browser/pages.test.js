/** What every page owes: it opens, it receives, nothing complains, everybody can use it, and it fits a narrow screen. */

import assert from 'node:assert/strict';
import { readFileSync } from 'node:fs';
import { createRequire } from 'node:module';
import { after, before, test } from 'node:test';

import { lab, textOf } from './harness.js';
import { inScheme, isShooting, SCHEMES, shoot, WIDTHS } from './screenshots.js';

/**
 * Each page, the lanes it opens, what shows that a message came, what its time line says if it has one, what it draws, and
 * what its picture waits for; none where another test takes it.
 */
const PAGES = [
  {
    name: 'index',
    path: '/',
    lanes: ['sse', 'websocket', 'datachannel'],
    selector: '.figures tr[data-lane="datachannel"] td:nth-of-type(2)',
  },
  { name: 'sse', path: '/sse.html', lanes: ['sse'], selector: '[data-reading="uptime"]' },
  { name: 'websocket', path: '/websocket.html', lanes: ['websocket'], selector: '[data-reading="count"]' },
  { name: 'webrtc', path: '/webrtc.html', lanes: ['datachannel'], selector: '[data-stream="delivered"]' },
  {
    name: 'compare',
    path: '/compare.html',
    lanes: ['sse', 'websocket', 'datachannel'],
    selector: '[data-figure="delivered"] [data-lane="datachannel-reliable"]',
    shot: null, // through the link: link.test.js
  },
  {
    name: 'verify',
    path: '/verify.html',
    lanes: [],
    selector: '[data-id="sse.resume"][data-verdict="PASS"] .measured',
    log: /PASS sse\.streaming/,
    plot: '.checks',
    shot: { selector: '#checks .say', words: /^Done/ },
  },
  { name: 'advise', path: '/advise.html?preset=game-state', lanes: [], selector: '.matrix tbody', log: null, plot: '.matrix' },
];
const AXE = readFileSync(createRequire(import.meta.url).resolve('axe-core/axe.min.js'), 'utf8');

/** @type {Awaited<ReturnType<typeof lab>>} */
let strict;
/** @type {Awaited<ReturnType<typeof lab>>} */
let lenient;
before(async () => {
  strict = await lab();
  lenient = await lab({ bypassCSP: true });
});
after(async () => {
  await strict.close();
  await lenient.close();
});

for (const { name, path, lanes, selector, log = /message|ack/, plot = '.plot canvas', shot = { selector, words: /./ } } of PAGES) {
  test(`${name} opens its lanes, receives, and nothing complains`, async () => {
    const page = await strict.open(path);
    for (const lane of lanes) await textOf(page, `.pill[data-lane="${lane}"] .state`, /^open$/);
    await textOf(page, selector, /[1-9]/);
    if (log) await textOf(page, '#timeline tbody', log);
    await page.waitForSelector(plot);
    assert.deepEqual(strict.complaints.splice(0), []);
    await page.close();
  });

  for (const scheme of SCHEMES) {
    test(`${name} in ${scheme}: axe finds nothing serious`, async () => {
      const page = await lenient.open(inScheme(path, scheme));
      await textOf(page, selector, /[1-9]/);
      await page.evaluate(AXE);
      const { violations } = await page.evaluate(() => /** @type {any} */ (globalThis).axe.run());
      const serious = violations.filter(
        (/** @type {any} */ { impact }) => impact === 'serious' || impact === 'critical',
      );
      assert.deepEqual(serious.map(explain), []);
      await page.close();
    });

    for (const width of WIDTHS) {
      test(`${name} at ${width} px in ${scheme}: nothing reaches beyond the edge`, async () => {
        const page = await strict.open(inScheme(path, scheme), { width, height: 1200 });
        await textOf(page, selector, /[1-9]/);
        await page.waitForSelector(plot);
        const beyond = await page.evaluate(() => document.documentElement.scrollWidth - innerWidth);
        assert.ok(beyond <= 0, `${beyond} px beyond`);
        if (isShooting && shot) {
          await textOf(page, shot.selector, shot.words);
          await shoot(page, `${name}-${width}-${scheme}`);
        }
        await page.close();
      });
    }
  }

  test(`${name}: nothing moves while it loads`, async () => {
    const page = await strict.context.newPage();
    await page.setViewportSize({ width: 1280, height: 900 });
    await page.addInitScript(() => {
      Object.assign(globalThis, { shifted: 0 });
      new PerformanceObserver((list) => {
        for (const entry of list.getEntries())
          /** @type {any} */ (globalThis).shifted += /** @type {any} */ (entry).value;
      }).observe({ type: 'layout-shift', buffered: true });
    });
    await page.goto(strict.url + path);
    await textOf(page, selector, /[1-9]/);
    await page.waitForSelector(plot);
    const shifted = await page.evaluate(() => /** @type {any} */ (globalThis).shifted);
    assert.ok(shifted < 0.02, `layout shift ${shifted}`);
    await page.close();
  });
}

test('the scheme is switched by keyboard, lives in the address and goes along to the next page', async () => {
  const page = await strict.open('/?scheme=light');
  await page.locator('button.scheme').focus();
  await page.keyboard.press('Enter');
  assert.match(page.url(), /scheme=dark/);
  await page.getByRole('link', { name: 'SSE', exact: true }).click();
  await page.waitForURL(/sse\.html\?scheme=dark/);
  assert.equal(await page.evaluate(() => document.documentElement.dataset.scheme), 'dark');
  await page.close();
});

test("the decision's rows light up by keyboard, each with its reason, and can be sent as a link", async () => {
  const page = await strict.open('/');
  const rows = page.locator('tr.need button');
  await rows.nth(1).focus();
  const reason = await page.locator('.because .reason').textContent();
  const { decision } = await page.evaluate(() => fetch('/api/info').then((response) => response.json()));
  assert.equal(reason, decision[1].because);
  await page.keyboard.press('Enter');
  const again = await strict.open(new URL(page.url()).pathname + new URL(page.url()).search);
  await textOf(again, 'tr.need.lit', new RegExp(decision[1].need.slice(0, 12)));
  await page.close();
  await again.close();
});

test('the code that is shown is the file itself', async () => {
  const page = await strict.open('/');
  await page.locator('details.code summary').first().click();
  await textOf(page, 'details.code code code, details.code pre code', /import/);
  const shown = await page.locator('details.code pre').first().textContent();
  const file = await page.evaluate(() => fetch('/pages/index.js').then((response) => response.text()));
  assert.equal(shown, file);
  await page.close();
});

test('the time line is exported whole', async () => {
  const page = await strict.open('/sse.html');
  await textOf(page, '#timeline tbody', /message/);
  const [download] = await Promise.all([page.waitForEvent('download'), page.locator('button.export').click()]);
  const log = JSON.parse(readFileSync(await download.path(), 'utf8'));
  assert.equal(log.schema, 'wirelab.timeline.v1');
  assert.ok(log.entries.some((/** @type {any} */ { event }) => event === 'hello'));
  await page.close();
});

test('the time line waits while somebody reads it, says so, and goes on', async () => {
  const page = await strict.open('/');
  await textOf(page, '#timeline tbody', /message/);
  await page.locator('#timeline .log').focus();
  await page.keyboard.press('Tab');
  await page.keyboard.press('Shift+Tab');
  await textOf(page, '#timeline .kept', /the list waits while you read$/);
  const held = await page.locator('#timeline tbody').textContent();
  const kept = await page.locator('#timeline .kept').textContent();
  await page.waitForFunction((kept) => document.querySelector('#timeline .kept')?.textContent !== kept, kept);
  assert.equal(await page.locator('#timeline tbody').textContent(), held);
  await page.locator('#timeline .export').focus();
  await page.waitForFunction((held) => document.querySelector('#timeline tbody')?.textContent !== held, held);
  await page.close();
});

test('the first page says what the link is, or that there is none, and asks nothing that this server does not know', async () => {
  const page = await strict.open('/');
  await textOf(page, '.link-says', /^(This server has no link|Up, through|None on this machine|Off|Lost)/);
  assert.deepEqual(strict.complaints.splice(0), []);
  await page.close();
});

test('after a restart all lanes come back by themselves, and those that resume are told that the log is another one', async () => {
  const page = await strict.open('/');
  for (const lane of ['sse', 'websocket', 'datachannel'])
    await textOf(page, `.figures tr[data-lane="${lane}"] td`, /[0-9]/);
  await strict.restart();
  await textOf(page, '#timeline tbody', /closed 1001/);
  for (const lane of ['sse', 'websocket']) {
    await textOf(page, `.pill[data-lane="${lane}"] .state`, /^open$/);
    await page.waitForSelector(`#timeline tr[data-event="resync"] td.${lane}`);
  }
  await textOf(page, '.pill[data-lane="datachannel"] .state', /^open$/);
  strict.complaints.splice(0); // the browser itself tells of refused connections
  await page.close();
});

/** @param {any} violation */
function explain({ id, help, nodes }) {
  return `${id}: ${help}: ${nodes.map((/** @type {any} */ node) => `${node.target} ${node.any?.[0]?.message ?? ''}`).join('; ')}`;
}
