/** All lanes at the same time on one feed: the run, its tracks, its plot, its table and its sentence. */

import { atScreenRate, atTableRate, setText, speaker } from '../lib/cadence.js';
import { mountCode, mountCopy } from '../lib/code.js';
import { need } from '../lib/dom.js';
import { counted, seconds } from '../lib/format.js';
import { lanePill, mountHeader } from '../lib/header.js';
import { Timeline } from '../lib/timeline.js';
import { AgePlot } from './compare/age-plot.js';
import { commandLine } from './compare/command-line.js';
import { Distribution } from './compare/distribution.js';
import { Order } from './compare/order.js';
import { savePicture } from './compare/picture.js';
import { exportRun } from './compare/report.js';
import { Run } from './compare/run.js';
import { drawStandings } from './compare/standings.js';
import { Tracks } from './compare/tracks.js';
import { doubts, verdict } from './compare/verdict.js';
import { Watch } from './compare/watch.js';

/** How long a recording lasts, ms. */
const RECORD_MS = 30_000;

mountHeader();
mountCode();
const timeline = new Timeline(need('#timeline'));
const pills = { sse: lanePill('sse'), websocket: lanePill('websocket'), datachannel: lanePill('datachannel') };
const say = speaker(need('#run .say'));
const tracks = new Tracks(need('.tracks'));
const plot = new AgePlot();
const distribution = new Distribution();
const watch = new Watch();
const order = new Order(need('#run form'), () => start());
const stop = /** @type {HTMLButtonElement} */ (need('.stop'));
const save = /** @type {HTMLButtonElement} */ (need('.export-run'));
/** @type {Run} */
let run;

stop.addEventListener('click', () => run.stop('stopped by this page'));
need('.record').addEventListener('click', () => start(RECORD_MS));
save.addEventListener('click', () => exportRun(run, sentence(), objections()));
need('.picture').addEventListener('click', () => savePicture(run, sentence(), phaseWords()));
mountCopy(need('.command'), () => commandLine(run));

/** Ends the run and starts another one. @param {number} [for_ms] ends by itself */
function start(for_ms) {
  run?.stop('another run begins');
  watch.reset();
  run = new Run({ ...order.chosen, for_ms }, timeline, {
    changed: () => (stop.disabled = run.phase === 'ended'),
    state: ({ lane, now }) => lane !== 'datachannel-reliable' && pills[lane].state(now),
    message: ({ lane }) => lane !== 'datachannel-reliable' && pills[lane].heard(),
  });
  stop.disabled = false;
}

function sentence() {
  if (run.phase === 'clock') return 'Comparing the clocks …';
  if (run.phase === 'opening') {
    const waits = run.contenders.filter(({ newest }) => !newest).length;
    return `Opening: ${counted(waits, 'lane')} of ${run.contenders.length} not heard yet. The window opens for all at the same message.`;
  }
  return verdict(run.standings(), { period_ms: 1000 / run.order.hz, measured_ms: run.measured_ms });
}

function objections() {
  return doubts(run.standings(), { ...watch.told, error_ms: run.theta ? run.theta.error_us / 1000 : null });
}

function phaseWords() {
  const { phase, order, measured_ms } = run;
  if (phase === 'clock' || phase === 'opening') return phase;
  const name = phase === 'ended' ? 'ended after' : order.for_ms ? 'recording,' : 'running for';
  return `${name} ${seconds(measured_ms)}${order.for_ms ? ` of ${seconds(order.for_ms)}` : ''}, ${run.topic}`;
}

start();
atScreenRate(() => {
  if (run.phase === 'ended') return;
  tracks.draw(run.contenders, run.now_us);
  plot.draw(run);
});
atTableRate(() => {
  const isRunning = run.phase !== 'ended';
  tracks.drawWords(run.contenders, run.now_us, isRunning);
  drawStandings(run);
  plot.chart.drawTable();
  distribution.draw(run);
  distribution.chart.drawTable();
  setText(need('.clock'), run.clockWords());
  setText(need('.phase'), phaseWords());
  const against = run.phase === 'measuring' || !isRunning ? objections() : [];
  setText(need('.doubts'), against.length ? `Against these figures: ${against.join('; ')}.` : '');
  say(sentence());
});
