/** Hands a run to the visitor as a file, in the form of the command line. */

import { getInfo } from '../../lib/api.js';
import { repeat } from './command-line.js';
import { report } from './report.js';
import { DRAIN_MS, WARM_UP_S } from './run.js';
import { save } from './save.js';

/**
 * @param {import('./run.js').Run} run
 * @param {{ link: import('../../lib/link.js').LinkState | undefined, sentence: string, against: readonly string[] }} told
 */
export async function exportRun(run, told) {
  // What the run is at this moment, before anybody is asked anything.
  const recorded = { ...recordOf(run, told), version: '' };
  recorded.version = await getInfo().then(({ version }) => version, () => 'unknown');
  const text = JSON.stringify(report(recorded), null, 1);
  save(new Blob([text], { type: 'application/json' }), 'wirelab-compare.json');
}

/**
 * @param {import('./run.js').Run} run
 * @param {{ link: import('../../lib/link.js').LinkState | undefined, sentence: string, against: readonly string[] }} told
 * @returns {Omit<import('./report.js').Recorded, 'version'>}
 */
function recordOf(run, { link, sentence, against }) {
  const { order, course, opened_ms } = run;
  const isLink = order.path === 'link';
  const standings = run.standings();
  return {
    order,
    topic: run.topic,
    measured_ms: run.measured_ms,
    warm_up_ms: WARM_UP_S * 1000,
    drain_ms: DRAIN_MS,
    window: run.window,
    missed_ticks: run.missed_ticks,
    hidden_ms: run.hidden_ms,
    unwatched: run.unwatched,
    lanes: run.contenders.map(({ lane, latencies_us, trace }, i) => ({ ...standings[i], lane, latencies_us: [...latencies_us], trace })),
    setting: isLink && course.began ? { name: course.began.name, profile: course.began } : undefined,
    changes: isLink ? course.changes.map((change) => ({ ...change, at_ms: change.at_ms - opened_ms })) : [],
    carried: isLink ? course.carried : undefined,
    link: link ?? {},
    command: repeat(run, link),
    browser: {
      agent: navigator.userAgent,
      platform: navigator.platform,
      cores: navigator.hardwareConcurrency,
      page: location.href,
      started: new Date(performance.timeOrigin + run.started_ms).toISOString(),
    },
    sentence,
    against,
  };
}
