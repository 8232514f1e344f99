/** A run of the page in the form of the command line: it fits the schema, and says what a browser cannot know. */

import assert from 'node:assert/strict';
import { readFileSync } from 'node:fs';
import { test } from 'node:test';

import { Ajv2020 } from 'ajv/dist/2020.js';

import { AgeTrace } from '../lib/age-trace.js';
import { Meter } from '../lib/meter.js';
import { symmetric } from '../lib/shape.js';
import { report } from '../pages/compare/report.js';

const SCHEMA = JSON.parse(readFileSync(new URL('../../docs/schema/compare.v1.json', import.meta.url), 'utf8'));
const fits = new Ajv2020({ allErrors: true, strict: true, strictRequired: false, allowUnionTypes: true }).compile(SCHEMA);

const FROM_US = 1_795_522_600_000_000;
const PERIOD_US = 16_667;

/** @param {unknown} written */
function check(written) {
  // As it is written to the file: what JSON cannot say is found here.
  fits(JSON.parse(JSON.stringify(written)));
  assert.deepEqual(fits.errors, null);
}

/** A lane that stood still for 300 ms in the middle. @param {import('../lib/lanes.js').LaneId} lane @returns {any} */
function lane(lane) {
  const meter = new Meter({ first: 0, from_us: FROM_US, period_us: PERIOD_US, clock: { theta_us: -312, error_us: 90 } });
  const trace = new AgeTrace({ seconds: 60, period_us: PERIOD_US });
  const latencies_us = [];
  for (let offset = 0; offset < 120; offset += 1) {
    const sent_us = FROM_US + offset * PERIOD_US;
    const at_us = sent_us + (offset >= 60 && offset < 78 ? (78 - offset) * PERIOD_US : 20_411);
    latencies_us.push(meter.arrival({ offset, sent_us, received_us: at_us - 312, bytes: 200 }) ?? NaN);
    trace.arrival(sent_us, at_us);
  }
  trace.rise(FROM_US + 2_000_000);
  return {
    lane,
    now: { name: 'open', why: '', cause: '', at_ms: 0 },
    open_ms: 41.25,
    summary: meter.summary({ last: 121, until_us: FROM_US + 2_000_000 }),
    latencies_us,
    trace,
  };
}

/** @param {Partial<import('../pages/compare/report.js').Recorded>} [with_] @returns {import('../pages/compare/report.js').Recorded} */
function recorded(with_ = {}) {
  const carried = { packets: 400, bytes: 61_000, lost: 8, dropped: 1, lateness_p99_us: 140 };
  return {
    order: { lanes: ['sse', 'datachannel'], hz: 60, bytes: 100, path: 'link', base: 'http://localhost:8081' },
    topic: 'tick.60.100',
    measured_ms: 2500.4,
    warm_up_ms: 500,
    drain_ms: 1000,
    window: { from_us: FROM_US, until_us: FROM_US + 2_000_000 },
    missed_ticks: 0,
    hidden_ms: 0,
    unwatched: 0,
    lanes: [lane('sse'), lane('datachannel')],
    setting: { name: 'lossy-2', profile: symmetric({ delay: '20ms', loss: '2%' }) },
    changes: [],
    carried: { down: carried, up: carried },
    link: { seed: 1, congestion: 'cubic', mechanism: 'two network namespaces' },
    command: 'wirelab compare --profile lossy-2',
    version: '0.1.0',
    browser: { agent: 'a browser', platform: 'Linux x86_64', cores: 2, page: 'http://localhost:8080/compare.html', started: '2026-11-24T12:00:00.000Z' },
    sentence: 'Nothing interesting happened.',
    against: [],
    ...with_,
  };
}

test('a run through the link fits the schema, with what its lanes shared', () => {
  const written = report(recorded());
  check(written);
  const [point] = written.points;
  assert.equal(point.label, 'lossy-2');
  assert.equal(point.is_control, false);
  assert.equal(point.runs[0].wire?.lost_packets, 18);
  const { measured } = point.runs[0].lanes[0];
  assert.ok(measured);
  assert.equal(measured.wire, null);
  assert.equal(measured.latencies_ms.length, measured.figures.delivery.delivered);
  assert.equal(measured.age_ms.length, 40);
  assert.ok(Math.max(...measured.age_ms.map(Number)) > 290);
  assert.equal(measured.freezes_ms.length, 1);
  const [from_ms, to_ms] = measured.freezes_ms[0];
  assert.ok(from_ms > 900 && to_ms - from_ms > 250, `${from_ms} to ${to_ms}`);
});

test('a direct run fits, names its server and has no link', () => {
  const order = /** @type {const} */ ({ lanes: ['sse'], hz: 60, bytes: 100, path: 'direct' });
  const written = report(recorded({ order: { ...order, lanes: [...order.lanes] }, setting: undefined, carried: undefined, lanes: [lane('sse')] }));
  check(written);
  assert.equal(written.setting.target, 'http://localhost:8080');
  assert.equal(written.setting.congestion_control, 'unknown');
  assert.equal('wire' in written.points[0].runs[0], false);
});

test('a lane without a message, changes, hidden time and an unknown machine fit', () => {
  const silent = { ...lane('datachannel'), summary: undefined, open_ms: NaN, now: { name: 'waiting', why: 'checks', cause: '', at_ms: 0 } };
  const written = report(
    recorded({
      lanes: [lane('sse'), /** @type {any} */ (silent)],
      changes: [{ at_ms: 812.5, name: null, profile: symmetric({ loss: { outages: '5%', mean: '400ms' }, rate: '2Mbit/s' }) }],
      hidden_ms: 812.4,
      unwatched: 49,
      browser: { ...recorded().browser, platform: '' },
      link: {},
    }),
  );
  check(written);
  assert.deepEqual(written.points[0].runs[0].lanes[1], { lane: 'datachannel', failed: 'nothing was heard (waiting: checks)' });
  assert.equal(written.browser.hidden_messages, 49);
});

test('a link without loss is the control, unless it was changed', () => {
  const setting = { name: null, profile: symmetric({ delay: '20ms' }) };
  assert.equal(report(recorded({ setting })).points[0].is_control, true);
  const changes = [{ at_ms: 1, name: null, profile: symmetric({ loss: '5%' }) }];
  assert.equal(report(recorded({ setting, changes })).points[0].is_control, false);
});

test('the schema refuses what it should', () => {
  const written = JSON.parse(JSON.stringify(report(recorded())));
  for (const spoil of [
    (/** @type {any} */ it) => (it.schema = 'wirelab.compare.v2'),
    (/** @type {any} */ it) => (it.points[0].runs[0].lanes[0].measured.open_ms = null),
    (/** @type {any} */ it) => (it.browser.path = 'tunnel'),
    (/** @type {any} */ it) => delete it.points[0].profile.down,
  ]) {
    const spoilt = structuredClone(written);
    spoil(spoilt);
    assert.equal(fits(spoilt), false);
  }
});
