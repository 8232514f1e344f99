/** A run as data: everything the page shows, and what is needed to doubt it. */

import { DRAIN_MS, WARM_UP_S } from './run.js';
import { save } from './save.js';

/**
 * Hands the run to the visitor as a file.
 *
 * @param {import('./run.js').Run} run
 * @param {string} sentence
 * @param {readonly string[]} against
 */
export function exportRun(run, sentence, against) {
  const text = JSON.stringify(report(run, sentence, against), null, 1);
  save(new Blob([text], { type: 'application/json' }), 'wirelab-compare.json');
}

/** @param {import('./run.js').Run} run @param {string} sentence @param {readonly string[]} against */
function report(run, sentence, against) {
  return {
    schema: 'wirelab.compare-page.v1',
    page: location.href,
    browser: navigator.userAgent,
    started: new Date(performance.timeOrigin + run.started_ms).toISOString(),
    path: 'direct',
    topic: run.topic,
    phase: run.phase,
    measured_ms: run.measured_ms,
    warm_up_s: WARM_UP_S,
    drain_ms: DRAIN_MS,
    first_offset: Number.isNaN(run.first) ? null : run.first,
    clock: run.theta ?? null,
    sentence,
    against,
    lanes: run.standings().map(({ lane, now, open_ms, gaps, worst, summary }) => {
      const contender = run.contenders.find((contender) => contender.lane === lane);
      return {
        lane,
        state: now.name,
        open_ms: Number.isNaN(open_ms) ? null : open_ms,
        setup: contender?.setup ?? null,
        gap_frames: gaps,
        worst_stall: worst,
        summary: summary ?? null,
        latency_us: contender?.latencies?.buckets() ?? [],
      };
    }),
  };
}
