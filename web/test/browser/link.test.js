/**
 * All lanes through the live link: real packets of a real Chromium, delayed and lost on purpose. It needs what the link
 * needs (root, or user namespaces); where the server says that there is none, each test is skipped with that reason.
 */

import assert from 'node:assert/strict';
import { readFileSync } from 'node:fs';
import { createRequire } from 'node:module';
import { after, before, test } from 'node:test';

import { SLIDERS } from '../../pages/compare/stops.js';
import { cellsOf, lab, textOf } from './harness.js';
import { askLink, children, setLink } from './link.js';
import { inScheme, isShooting, SCHEMES, shoot, WIDTHS } from './screenshots.js';

/** @typedef {import('playwright-core').Page} Page */

const LANES = ['sse', 'websocket', 'datachannel', 'datachannel-reliable'];
const AXE = readFileSync(createRequire(import.meta.url).resolve('axe-core/axe.min.js'), 'utf8');
const WITH_LINK = ['--link-listen', '127.0.0.1:0'];
/** What is measured beside others on a busy machine is measured again before it is believed to be wrong. */
const ATTEMPTS = 3;
/** A lane that was silent for 15 s and reconnects by itself, with its waits, ms. */
const RETURN_MS = 45_000;

/** @type {Awaited<ReturnType<typeof lab>>} */
let bench;
/** Why there is no link here. @type {string | undefined} */
let missing;

before(async () => {
  bench = await lab({ flags: WITH_LINK });
  const { state, why } = await askLink(bench.url);
  if (state !== 'up') missing = `no link on this machine (${state}): ${why}`;
});
after(() => bench.close());

/** @param {string} name @param {(t: import('node:test').TestContext) => Promise<void>} body */
function linked(name, body) {
  test(name, async (t) => (missing ? t.skip(missing) : body(t)));
}

linked('an address changes nothing until the visitor runs it; then every lane goes through the link', async () => {
  const { revision } = await setLink(bench.url, { delay: '20ms', loss: '0%' });
  const page = await bench.open('/compare.html?delay=20ms&loss=5%25');
  await textOf(page, '.link-said', /The address asks for 20 ms, 5 % lost\. The link, which all visitors share, is at 20 ms, 0 % lost: press Run/);
  assert.equal(await textOf(page, '.phase', /./), 'not started');
  await page.locator('[name="hz"]').selectOption('30');
  await page.locator('[name="path"][value="direct"]').click();
  await textOf(page, '.phase', /^running for/);
  await page.locator('[name="path"][value="link"]').click();
  await textOf(page, '.phase', /^ended/);
  await textOf(page, '.link-said', /press Run/);
  assert.equal((await askLink(bench.url)).revision, revision);
  await page.locator('button.start').click();
  await textOf(page, '.phase', /^running for/);
  assert.equal((await askLink(bench.url)).profile?.down.loss, '5%');
  await textOf(page, '.wire [data-direction="down"] [data-carried="packets"]', /^[1-9]/);
  assert.deepEqual(bench.complaints.splice(0), []);
  await page.close();
});

linked('at 5 % loss the data channel is younger than WebSocket, and never waits as long', async (t) => {
  await repeated(t, async () => {
    const { websocket, datachannel } = await figuresAt('5%', 20);
    assert.ok(datachannel.age.p99_us < websocket.age.p99_us, `age p99 ${datachannel.age.p99_us} and ${websocket.age.p99_us} µs`);
    assert.ok(datachannel.longest_gap_ms < websocket.longest_gap_ms, `gaps ${datachannel.longest_gap_ms} and ${websocket.longest_gap_ms} ms`);
    assert.ok(datachannel.delivery.lost > 0, 'what is lost stays lost');
  });
});

linked('at 0 % nothing tells them apart', async (t) => {
  await repeated(t, async () => {
    const { websocket, datachannel } = await figuresAt('0%', 10);
    const apart_us = Math.abs(datachannel.age.p99_us - websocket.age.p99_us);
    assert.ok(apart_us <= 10_000, `age p99 apart by ${apart_us} µs`);
  });
});

linked('a live change reaches all lanes, and no connection is touched', async () => {
  await setLink(bench.url, { delay: '20ms', loss: '0%' });
  const page = await bench.open('/compare.html');
  await textOf(page, '.phase', /^running for [2-9]/);
  for (const lane of LANES) assert.ok((await latency_ms(page, lane)) < 110, lane);
  const connections = page.locator('#timeline tr[data-event="connecting"]');
  const before = await connections.count();
  await slide(page, 'delay_ms', 120);
  await textOf(page, '.link-said', /^Set: 120 ms, 0 % lost/);
  for (const lane of LANES)
    await page.waitForFunction((lane) => parseFloat(document.querySelector(`[data-figure="p50"] [data-lane="${lane}"]`)?.textContent ?? '') >= 115, lane);
  assert.equal(await connections.count(), before);
  assert.equal(await page.locator('#timeline tr[data-event="changed"]').count(), 1);
  assert.match(page.url(), /delay=120ms/);
  await page.close();
});

linked('what is changed elsewhere shows, and opens another window', async () => {
  await setLink(bench.url, { delay: '20ms', loss: '0%' });
  const page = await bench.open('/compare.html');
  await textOf(page, '.phase', /^running for/);
  await setLink(bench.url, { delay: '50ms', loss: '1%' });
  await textOf(page, '.link-said', /^Changed elsewhere: 50 ms, 1 % lost/);
  await textOf(page, '.sliders label:nth-child(1) output', /^50 ms$/);
  await textOf(page, '.phase', / since the link was changed, .* at 50 ms, 1 % lost$/);
  await page.close();
});

linked('with all packets lost everything stops; without loss all lanes come back, and SSE has lost nothing', async () => {
  await setLink(bench.url, { delay: '20ms', loss: '0%' });
  const page = await bench.open('/compare.html?hz=10');
  await textOf(page, '.phase', /^running for/);
  await page.locator('.record').click();
  await textOf(page, '.phase', /^recording, 1/);
  await slide(page, 'loss_percent', 100);
  for (const lane of LANES) await textOf(page, `.tracks [data-lane="${lane}"] .said`, /^frozen|^waiting|^connecting/);
  // A silent lane is opened anew: from here on SSE comes back by its last event id, WebSocket by its cursor.
  for (const lane of ['sse', 'websocket']) await page.waitForSelector(`#timeline tr[data-event="silent"] td.${lane}`, { timeout: RETURN_MS });
  await slide(page, 'loss_percent', 0);
  for (const lane of LANES) await textOf(page, `.tracks [data-lane="${lane}"] .said`, /old$|^ended/, RETURN_MS);
  await textOf(page, '.phase', /^ended after/, RETURN_MS);
  const offsets = await offsetsOf(page);
  for (const lane of ['sse', 'websocket', 'datachannel-reliable']) {
    const [first] = offsets[lane];
    assert.deepEqual(offsets[lane], offsets[lane].map((_, i) => first + i), `${lane}: each once, in order`);
    assert.ok(offsets[lane].length > 150, lane);
  }
  assert.ok(offsets.datachannel.length < offsets.sse.length, 'the data channel loses what was sent meanwhile');
  const report = await exported(page);
  assert.equal(report.points[0].runs[0].changes.length, 2);
  for (const { lane, measured } of report.points[0].runs[0].lanes)
    if (lane !== 'datachannel') assert.deepEqual([measured.figures.delivery.lost, measured.figures.delivery.duplicates], [0, 0], lane);
  await page.close();
});

linked('a setting that the server refuses is told in its words, and the link stays as it is', async () => {
  const { revision } = await setLink(bench.url, { delay: '20ms', loss: '0%' });
  const page = await bench.open('/compare.html?delay=20s');
  await textOf(page, '.link-said', /press Run/);
  await page.locator('button.start').click();
  await textOf(page, '.link-said', /^The link was not set: .*20s/);
  assert.equal((await askLink(bench.url)).revision, revision);
  await page.locator('button.start').click();
  await textOf(page, '.phase', /^running for .* at 20 ms, 0 % lost$/);
  bench.complaints.splice(0); // the browser itself tells of the refusal
  await page.close();
});

linked('the tour waits to be started, can be held and stopped, and puts the link back', async () => {
  await setLink(bench.url, { delay: '7ms', loss: '0%' });
  const page = await bench.open('/compare.html?tour=1');
  await textOf(page, '.tour-look', /Space starts it/);
  assert.equal((await askLink(bench.url)).profile?.down.delay, '7ms');
  await page.locator('.tour').focus();
  await page.keyboard.press('Space');
  await textOf(page, '.tour .name', /^1 of 4: Nothing is lost/);
  await textOf(page, '.tour .name', /^2 of 4/);
  await textOf(page, '.tour-seen', /Nothing is lost\. (Nothing interesting|Every lane|[A-Z])/);
  await textOf(page, '.link-said', /^Set: 20 ms, 2 % lost/);
  await page.keyboard.press('Space');
  await textOf(page, '.tour .left', /^held$/);
  await page.keyboard.press('Escape');
  await textOf(page, '.tour-look', /stopped\. The link is what it was before/);
  assert.equal((await askLink(bench.url)).profile?.down.delay, '7ms');
  await page.keyboard.press('Space');
  await textOf(page, '.tour .name', /^1 of 4: Nothing is lost/);
  await page.goto(`${bench.url}/`); // whoever leaves within the tour leaves the link as it was
  for (let asked = 0; (await askLink(bench.url)).profile?.down.delay !== '7ms'; asked += 1) assert.ok(asked < 500, 'the link is not put back');
  await page.close();
});

linked('when the helper dies the page says so, and the direct path is unharmed', async () => {
  const own = await lab({ flags: WITH_LINK });
  try {
    const direct = await own.open('/compare.html?path=direct');
    const page = await own.open('/compare.html');
    for (const each of [direct, page]) await textOf(each, '.phase', /^running for/);
    const helpers = children(own.pid);
    assert.equal(helpers.length, 1);
    process.kill(helpers[0], 'SIGKILL');
    await textOf(page, '.link-box h3', /The link is gone/);
    await textOf(page, '#run .say', /^The link is lost: ./);
    await textOf(page, '.pill[data-lane="websocket"] .state', /closed 1006|connecting/);
    for (const lane of ['sse', 'websocket', 'datachannel']) await textOf(direct, `.pill[data-lane="${lane}"] .state`, /^open$/);
    await page.locator('[name="path"][value="direct"]').click();
    await textOf(page, '.phase', /^running for/);
    for (const lane of LANES) await textOf(page, `.tracks [data-lane="${lane}"] .said`, /old$/);
    assert.equal(await direct.locator('#timeline tr[data-event="waiting"]').count(), 0);
  } finally {
    await own.close();
  }
});

test('where the link is switched off the page says why, what to type, and works directly', async () => {
  const own = await lab();
  try {
    const page = await own.open('/compare.html?path=link&loss=5%25');
    await textOf(page, '.link-box h3', /The link is switched off/);
    const { why, ways_out } = await askLink(own.url);
    assert.ok(why && (await textOf(page, '.link-box', /./)).includes(why));
    assert.equal(await page.locator('.link-box .way-out').count(), Math.max(1, ways_out.length));
    assert.equal(await page.locator('[name="path"][value="link"]').isDisabled(), true);
    await textOf(page, '.phase', /^running for/);
    for (const lane of LANES) await textOf(page, `.tracks [data-lane="${lane}"] .said`, /old$/);
    assert.equal(await page.locator('.tour-start').isDisabled(), true);
    assert.deepEqual((await cellsOf(page, '.wire [data-direction="down"]')), ['–', '–', '–', '–']);
  } finally {
    await own.close();
  }
});

linked('with the link and the tour on show axe finds nothing serious, and nothing reaches beyond a narrow edge', async () => {
  const own = await lab({ flags: WITH_LINK, bypassCSP: true });
  try {
    for (const scheme of ['light', 'dark']) {
      const page = await own.open(`/compare.html?tour=1&scheme=${scheme}`, { width: 360, height: 900 });
      await textOf(page, '.phase', /^running for/);
      await textOf(page, '.tour-look', /Space starts it/);
      assert.ok((await page.evaluate(() => document.documentElement.scrollWidth - innerWidth)) <= 0);
      await page.evaluate(AXE);
      const { violations } = await page.evaluate(() => /** @type {any} */ (globalThis).axe.run());
      const serious = violations.filter((/** @type {any} */ { impact }) => impact === 'serious' || impact === 'critical');
      assert.deepEqual(serious.map((/** @type {any} */ { id, nodes }) => `${id} ${nodes.map((/** @type {any} */ node) => node.target)}`), []);
      await page.close();
    }
  } finally {
    await own.close();
  }
});

linked('who may not change the link is told so, and runs through it as it is', async () => {
  await setLink(bench.url, { delay: '20ms', loss: '0%' });
  const page = await bench.context.newPage();
  await page.route('**/api/link', async (route) => {
    const response = await route.fetch();
    await route.fulfill({ response, json: { ...(await response.json()), may_change: false } });
  });
  await page.goto(`${bench.url}/compare.html?loss=5%25`);
  await textOf(page, '.link-said', /From here it cannot be changed: this server wants a token for that/);
  await textOf(page, '.phase', /^running for .* at 20 ms, 0 % lost$/);
  for (const control of ['[name="profile"]', '[name="loss_percent"]', '.tour-start']) assert.equal(await page.locator(control).isDisabled(), true, control);
  await page.close();
});

test('where no link can be made the page says why, and each way out can be copied', async () => {
  const page = await bench.context.newPage();
  const ways_out = [
    { what: 'Allow user namespaces.', commands: ['sudo sysctl kernel.unprivileged_userns_clone=1', 'wirelab serve'] },
    { what: 'Give the program the right to make one.', commands: ['sudo setcap cap_net_admin+ep wirelab'] },
  ];
  const json = { revision: 1, state: 'unavailable', why: 'This user may not make a network.', ways_out, profiles: [], seed: 1, may_change: true };
  await page.route('**/api/link', (route) => route.fulfill({ json }));
  await page.goto(`${bench.url}/compare.html`);
  await textOf(page, '.link-box', /No link can be made on this machine\.This user may not make a network\. All else works/);
  assert.deepEqual(await page.locator('.way-out code').allTextContents(), ways_out.map(({ commands }) => commands.join('\n')));
  await bench.context.grantPermissions(['clipboard-read', 'clipboard-write']);
  await page.locator('.way-out button').nth(1).click();
  assert.equal(await page.evaluate(() => navigator.clipboard.readText()), ways_out[1].commands[0]);
  await textOf(page, '.phase', /^running for/);
  await page.close();
});

if (isShooting)
  for (const scheme of SCHEMES)
    for (const width of WIDTHS)
      linked(`a picture at ${width} px in ${scheme}`, async () => {
        await setLink(bench.url, 'lossy-5');
        const page = await bench.open(inScheme('/compare.html', scheme), { width, height: 1200 });
        await textOf(page, '.phase', /^running for (1[5-9]|[2-9][0-9])/); // from one edge of the plots to the other
        await shoot(page, `compare-${width}-${scheme}`);
        await page.close();
      });

/** @param {import('node:test').TestContext} t @param {() => Promise<void>} attempt */
async function repeated(t, attempt) {
  for (let left = ATTEMPTS - 1; ; left -= 1) {
    try {
      return await attempt();
    } catch (error) {
      if (left === 0 || !(error instanceof assert.AssertionError)) throw error;
      t.diagnostic(`measured again: ${error.message}`);
    }
  }
}

/** What the two lanes did at a loss, over a window of so many seconds; the page draws once a second, to leave them the machine. @param {string} loss @param {number} seconds */
async function figuresAt(loss, seconds) {
  await setLink(bench.url, { delay: '20ms', loss });
  const page = await bench.context.newPage();
  await page.emulateMedia({ reducedMotion: 'reduce' });
  await page.goto(`${bench.url}/compare.html?lanes=websocket,datachannel`);
  await textOf(page, '.phase', new RegExp(`^running for ${seconds}`), (seconds + 30) * 1000);
  await page.locator('.stop').click();
  const report = await exported(page);
  await page.close();
  return Object.fromEntries(report.points[0].runs[0].lanes.map((/** @type {any} */ { lane, measured }) => [lane, measured.figures]));
}

/** @param {Page} page @returns {Promise<any>} */
async function exported(page) {
  const [download] = await Promise.all([page.waitForEvent('download'), page.locator('.export-run').click()]);
  return JSON.parse(readFileSync(await download.path(), 'utf8'));
}

/** The offsets of all messages of the newest run, by lane, as they came. @param {Page} page @returns {Promise<Record<string, number[]>>} */
async function offsetsOf(page) {
  const [download] = await Promise.all([page.waitForEvent('download'), page.locator('button.export').click()]);
  const { entries } = JSON.parse(readFileSync(await download.path(), 'utf8'));
  return Object.fromEntries(
    LANES.map((lane) => {
      const own = entries.filter((/** @type {any} */ entry) => entry.lane === lane);
      const from = own.findLastIndex((/** @type {any} */ { event, text }) => event === 'closed' && text === 'another run begins');
      const messages = own.slice(from + 1).filter((/** @type {any} */ { event }) => event === 'message');
      return [lane, messages.map((/** @type {any} */ { detail }) => Number(detail.cursor.split('.')[1]))];
    }),
  );
}

/** Moves a slider to a stop, at once. @param {Page} page @param {import('../../pages/compare/stops.js').FigureName} name @param {number} value */
async function slide(page, name, value) {
  await page.locator(`[name="${name}"]`).fill(String(SLIDERS[name].stops.indexOf(value)));
}

/** @param {Page} page @param {string} lane */
async function latency_ms(page, lane) {
  return parseFloat(await textOf(page, `[data-figure="p50"] [data-lane="${lane}"]`, /ms$/));
}
