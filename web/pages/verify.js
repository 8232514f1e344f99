/** Verify: the browser's half of the checks of `wirelab verify`, from top to bottom, from where the visitor is. */

import { speaker } from '../lib/cadence.js';
import { mountCode, mountCopy } from '../lib/code.js';
import { need } from '../lib/dom.js';
import { lanePill, mountHeader } from '../lib/header.js';
import { Timeline } from '../lib/timeline.js';
import { bind } from '../lib/url.js';
import * as idle from './verify/idle.js';
import { Line } from './verify/line.js';
import { counts, reportText } from './verify/report.js';
import * as sse from './verify/sse.js';
import * as turn from './verify/turn.js';
import * as webrtc from './verify/webrtc.js';
import * as websocket from './verify/websocket.js';

/** In the order in which they run, by the names that `wirelab verify` has for them. */
const FAMILIES = { sse, ws: websocket, webrtc, turn };

mountHeader();
mountCode();
const timeline = new Timeline(need('#timeline'));
const say = speaker(need('#checks .say'));
const again = /** @type {HTMLButtonElement} */ (need('#checks .again'));
const only = /** @type {HTMLSelectElement} */ (need('#checks select'));
const watchSilence = /** @type {HTMLButtonElement} */ (need('#silence button'));
const max = /** @type {HTMLSelectElement} */ (need('#silence select'));
bind(max);
bind(only);

const lines = [...Object.values(FAMILIES), idle].flatMap(({ CHECKS }) => CHECKS).map((check) => new Line(check));
const family = (/** @type {Line} */ { check }) => check.id.split('.')[0];
need('#checks .checks').append(...lines.filter((line) => family(line) !== 'idle').map(({ element }) => element));
need('#silence .checks').append(...lines.filter((line) => family(line) === 'idle').map(({ element }) => element));

need('main').removeAttribute('data-asking'); // the lines have their places

const pills = { sse: lanePill('sse'), websocket: lanePill('websocket'), datachannel: lanePill('datachannel') };

/** @param {string} id @returns {keyof typeof pills} */
function lane(id) {
  if (/^(webrtc|turn)\./.test(id)) return 'datachannel';
  return id.startsWith('ws.') || id === 'idle.ws' ? 'websocket' : 'sse';
}

/** @param {keyof typeof pills} lane @param {'connecting' | 'closed'} name @param {string} why */
function pill(lane, name, why) {
  pills[lane].state({ name, why, cause: name === 'closed' ? '' : why, at_ms: performance.now() });
}

/** @param {string} id */
function line(id) {
  const found = lines.find(({ check }) => check.id === id);
  if (!found) throw new Error(`there is no check ${id}`);
  return found;
}

/** @param {string} id */
function begin(id) {
  line(id).begin();
  pill(lane(id), 'connecting', `checking ${id}`);
  say(`running: ${line(id).check.what} …`);
}

/** @param {string} id @param {import('./verify/finding.js').Finding} finding */
function tell(id, finding) {
  line(id).end(finding);
  pill(lane(id), 'closed', 'checked');
  timeline.add(lane(id), 'check', `${finding.verdict} ${id}: ${finding.measured}`, { ...finding });
}

async function runChosen() {
  again.disabled = true;
  for (const one of lines.filter((one) => family(one) !== 'idle')) one.wait();
  const chosen = Object.entries(FAMILIES).filter(([name]) => only.value === name || only.value === 'all');
  for (const [, { run }] of chosen) await run(tell, begin);
  again.disabled = false;
  say(`Done: ${counts(lines)}.`);
}

async function runIdle() {
  watchSilence.disabled = true;
  await idle.run(tell, begin, Number(max.value) * 1000);
  watchSilence.disabled = false;
  say(`Done: ${counts(lines)}.`);
}

again.addEventListener('click', runChosen);
watchSilence.addEventListener('click', runIdle);
mountCopy(need('#checks .copy'), () =>
  reportText({ url: location.origin, browser: navigator.userAgent, at: new Date().toISOString(), results: lines }),
);
runChosen();
