/** All lanes at the same time on one feed: the path and its link, the run, its tracks, its plots, its table and its sentence. */

import { getInfo } from '../lib/api.js';
import { atScreenRate, atTableRate, setText, speaker } from '../lib/cadence.js';
import { mountCode, mountCopy } from '../lib/code.js';
import { need } from '../lib/dom.js';
import { counted, seconds } from '../lib/format.js';
import { lanePill, mountHeader } from '../lib/header.js';
import { Link } from '../lib/link.js';
import { farOrigin, pathOf } from '../lib/link-words.js';
import { sameProfile, symmetric } from '../lib/shape.js';
import { Timeline } from '../lib/timeline.js';
import { AgePlot } from './compare/age-plot.js';
import { repeat } from './compare/command-line.js';
import { settingWords } from './compare/course.js';
import { Distribution } from './compare/distribution.js';
import { exportRun } from './compare/export.js';
import { LinkPanel } from './compare/link-panel.js';
import { Order } from './compare/order.js';
import { savePicture } from './compare/picture.js';
import { Run } from './compare/run.js';
import { SHAPE } from './compare/script.js';
import { drawStandings } from './compare/standings.js';
import { TourStage } from './compare/tour-stage.js';
import { Tracks } from './compare/tracks.js';
import { doubts, verdict } from './compare/verdict.js';
import { Watch } from './compare/watch.js';
import { drawWire } from './compare/wire.js';

/** How long a recording lasts, ms. */
const RECORD_MS = 30_000;
/** How long the lanes of the tour may take to open, ms. */
const TOUR_PATIENCE_MS = 15_000;

mountHeader();
mountCode();
const timeline = new Timeline(need('#timeline'));
const pills = { sse: lanePill('sse'), websocket: lanePill('websocket'), datachannel: lanePill('datachannel') };
const say = speaker(need('#run .say'));
const tracks = new Tracks(need('.tracks'));
const plot = new AgePlot();
const distribution = new Distribution();
const watch = new Watch();
const order = new Order(need('.order'), { changed: () => startUnlessAsking(), run: () => start() });
const stop = /** @type {HTMLButtonElement} */ (need('.stop'));
/** Why the link's state is not known. @type {string | undefined} */
let linkFailure;
const link = new Link({ told, failed });
const panel = new LinkPanel(/** @type {HTMLFormElement} */ (need('.link-panel')), link, {
  path: () => startUnlessAsking(),
  chosen: () => tourStage.interrupt('The link was set by hand, so the tour ends here.', { restores: false }),
});
/** Before the first answer of `/api/link`, and while the visitor is asked about the address, there is none. @type {Run | undefined} */
let run;
/** Starts that were asked for: only the newest one goes on when its link is set. */
let starts = 0;
/** What the link was before the tour. @type {import('./compare/setting.js').Setting | undefined} */
let beforeTour;
const tourStage = new TourStage({ ready: lanesRun, set: setLoss, window: () => run?.reopen('the step began'), sentence, restore });

stop.addEventListener('click', () => run?.stop('stopped by this page'));
need('.record').addEventListener('click', () => start(RECORD_MS));
need('.export-run').addEventListener('click', () => run && exportRun(run, { link: link.now, sentence: sentence(), against: objections() }));
need('.picture').addEventListener('click', () => run && savePicture(run, sentence(), phaseWords()));
mountCopy(need('.command'), () => (run ? repeat(run, link.now) : 'wirelab compare'));
// Whoever closes the page within an outage must not leave it to the others.
addEventListener('pagehide', () => tourStage.isPlaying && beforeTour && link.leaveAt(beforeTour.wish));
document.addEventListener('visibilitychange', () => (document.hidden ? run?.pause() : run?.resume()));

/** Ends the run and starts another one, after the link is what was asked for. @param {number} [for_ms] ends by itself */
async function start(for_ms) {
  const own = ++starts;
  if (!(await panel.apply()) || own !== starts) return;
  const previous = run;
  run = undefined; // its end is not the end of what is going on
  previous?.stop('another run begins');
  watch.reset();
  const path = panel.path;
  run = new Run({ ...order.chosen, for_ms, path, base: path === 'link' ? link.origin : undefined }, timeline, {
    changed: () => phaseChanged(),
    state: ({ lane, now }) => lane !== 'datachannel-reliable' && pills[lane].state(now),
    message: ({ lane }) => lane !== 'datachannel-reliable' && pills[lane].heard(),
  });
  if (document.hidden) run.pause();
  if (link.now) run.course.told(link.now, -Infinity);
  stop.disabled = false;
}

/** What the address asks of the link is set when the visitor says so, and not by the way. */
function startUnlessAsking() {
  if (panel.isAsking) run?.stop('the path is another one: press Run');
  else start();
}

function phaseChanged() {
  stop.disabled = run?.phase === 'ended';
  // The counters at the edges of the window.
  if (run?.phase === 'measuring' || run?.phase === 'ended') link.read();
  if (run?.phase === 'ended') tourStage.interrupt('The run ended, and the tour with it.', { restores: true });
}

/** @param {import('../lib/link.js').LinkState} now @param {import('../lib/link.js').LinkState | undefined} before @param {import('../lib/link.js').By} by */
function told(now, before, by) {
  if (before && linkFailure && now.profile) panel.say(`The link is at ${settingWords(now.profile)}.`);
  linkFailure = undefined;
  run?.course.told(now, performance.now());
  if (before && before.state !== now.state) stateChanged(now);
  if (before?.profile && now.profile && !sameProfile(before.profile, now.profile)) profileChanged(now, by);
  if (before) panel.draw();
  const can = link.isUsable && now.may_change;
  tourStage.allow(can, now.why ?? 'From here the link cannot be changed');
}

/** @param {import('../lib/link.js').LinkState} now */
function stateChanged(now) {
  timeline.add('link', now.state, now.why ?? 'the link is up', { ...now });
  run?.mark(now.state === 'up' ? 'link up' : `link ${now.state}`);
  panel.say(now.state === 'up' ? 'The link is up again.' : `The link is ${now.state}: choose the direct path to go on.`);
  if (now.state !== 'up') tourStage.interrupt('The link is gone, and the tour with it.', { restores: false });
  // Another link may have come up at another port.
  else if (run?.order.path === 'link' && run.phase !== 'ended' && run.order.base !== link.origin) start();
}

/** The lanes stay as they are; what they deliver over another link is another measurement. @param {import('../lib/link.js').LinkState} now @param {import('../lib/link.js').By} by */
function profileChanged(now, by) {
  if (!now.profile) return;
  const words = settingWords(now.profile);
  timeline.add('link', by === 'elsewhere' ? 'changed elsewhere' : 'changed', words, { revision: now.revision, ...now.profile });
  panel.changed(now, by);
  if (by === 'elsewhere') tourStage.interrupt('The link was changed elsewhere, so the tour ends here.', { restores: false });
  if (run?.order.path !== 'link' || run.phase === 'ended') return;
  run.mark(words);
  if (!run.order.for_ms && !tourStage.isPlaying) run.reopen('the link was changed');
}

/** @param {string} words @param {'read' | 'set'} at */
function failed(words, at) {
  if (at === 'set') panel.say(`The link was not set: ${words}.`);
  else if (link.now) panel.say(`What the link is now is not known: ${words}.`);
  if (at === 'set' || words !== linkFailure) timeline.add('link', 'error', words);
  if (at === 'read') linkFailure = words;
}

/** What to say where this page itself came through the link, on which the link cannot be set. @returns {Promise<string | undefined>} */
async function throughLink() {
  const listeners = await getInfo().then(({ listeners }) => listeners, () => []);
  const direct = listeners.find(({ path }) => path === 'direct');
  if (pathOf(listeners, location.port) !== 'link' || !direct) return undefined;
  const address = `${farOrigin(location.hostname, Number(new URL(direct.url).port || 80))}${location.pathname}`;
  return `This page came through the link itself, and so do its lanes. On ${address} the link can be set.`;
}

/** The lanes of the tour run through the link. @returns {Promise<boolean>} */
async function lanesRun() {
  panel.choosePath('link');
  if (run?.order.path !== 'link' || run.phase === 'ended' || run.order.for_ms) await start();
  const until_ms = performance.now() + TOUR_PATIENCE_MS;
  while (run && run.phase !== 'measuring' && run.phase !== 'ended' && performance.now() < until_ms)
    await new Promise((turn) => setTimeout(turn, 100));
  return run?.phase === 'measuring';
}

/** @param {string} loss */
async function setLoss(loss) {
  const now = link.now?.profile;
  if (!tourStage.tour.step) beforeTour = now && { wish: now.name ?? { down: now.down, up: now.up }, name: now.name, profile: now };
  panel.asked = undefined;
  const profile = symmetric({ ...SHAPE, loss });
  return panel.wish({ wish: profile, name: null, profile });
}

async function restore() {
  if (beforeTour) await panel.wish(beforeTour);
  run?.reopen('the tour ended');
}

function sentence() {
  if (!run) return panel.asked ? 'Nothing runs yet: press Run to set the link to what the address asks for.' : 'Asking for the link …';
  const lost = run.order.path === 'link' && link.now && !link.isUp ? `The link is ${link.now.state}: ${link.now.why ?? ''} ` : '';
  if (run.phase === 'clock') return 'Comparing the clocks …';
  if (run.phase === 'opening') {
    const waits = run.contenders.filter(({ newest }) => !newest).length;
    return `${lost}Opening: ${counted(waits, 'lane')} of ${run.contenders.length} not heard yet. The window opens for all at the same message.`;
  }
  const { order, course, measured_ms } = run;
  const until_ms = Number.isNaN(run.ended_ms) ? performance.now() : run.ended_ms;
  const ofLink = order.path === 'link' ? { losses: course.losses, outage_ms: course.outage_ms(until_ms) } : {};
  return lost + verdict(run.standings(), { period_ms: 1000 / order.hz, measured_ms, ...ofLink });
}

function objections() {
  if (!run) return [];
  const { course, hidden_ms, unwatched, theta, order } = run;
  const carried = order.path === 'link' ? course.carried : undefined;
  return doubts(run.standings(), {
    hidden_ms,
    unwatched,
    latest_ms: watch.latest_ms,
    error_ms: theta ? theta.error_us / 1000 : null,
    lateness_us: Math.max(carried?.down.lateness_p99_us ?? 0, carried?.up.lateness_p99_us ?? 0),
    changes: order.path === 'link' ? course.changes.length : 0,
  });
}

function phaseWords() {
  if (!run) return 'not started';
  const { phase, order, measured_ms, reopened, topic, course } = run;
  if (phase === 'clock' || phase === 'opening') return phase;
  const name = phase === 'ended' ? 'ended after' : order.for_ms ? 'recording,' : 'running for';
  const of = order.for_ms ? ` of ${seconds(order.for_ms)}` : '';
  const path = order.path === 'link' && course.began ? `, through the link at ${settingWords(course.began)}` : '';
  return `${name} ${seconds(measured_ms)}${of}${reopened && ` since ${reopened}`}, ${topic}${path}`;
}

atScreenRate(() => {
  if (!run || run.phase === 'ended') return;
  tracks.draw(run.contenders, run.now_us, run.order.path === 'link' ? run.course.delay_now_us : 0);
  plot.draw(run);
});
atTableRate(() => {
  say(sentence());
  setText(need('.phase'), phaseWords());
  if (!run) return;
  const isRunning = run.phase !== 'ended';
  tracks.drawWords(run.contenders, run.now_us, isRunning);
  drawStandings(run);
  drawWire(run);
  plot.chart.drawTable();
  distribution.draw(run);
  distribution.chart.drawTable();
  setText(need('.clock'), run.clockWords());
  const against = run.phase === 'measuring' || !isRunning ? objections() : [];
  setText(need('.doubts'), against.length ? `Against these figures: ${against.join('; ')}.` : '');
});

await link.start();
panel.begin(linkFailure && ((await throughLink()) ?? `The link’s state is not known: ${linkFailure}.`));
need('main').removeAttribute('data-asking');
tourStage.offer();
startUnlessAsking();
