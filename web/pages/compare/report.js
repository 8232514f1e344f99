/**
 * A run as the command line writes it: `wirelab.compare.v1` (docs/schema). One point with one run, that of this page.
 * What a browser cannot know is said to be unknown, and not guessed: its kernel, and the bytes of one lane among others on
 * a link that all share. Pure.
 */

import { SPAN_US } from '../../lib/age-trace.js';
import { isLossless, inShort, symmetric } from '../../lib/shape.js';

/** @typedef {import('../../lib/shape.js').Profile} Profile */
/** @typedef {import('./course.js').Carried} Carried */

/**
 * @typedef {object} LaneOfRun
 * @property {import('../../lib/lanes.js').LaneId} lane
 * @property {import('../../lib/lanes.js').LaneState} now
 * @property {number} open_ms
 * @property {import('../../lib/meter.js').Summary | undefined} summary
 * @property {readonly number[]} latencies_us
 * @property {import('../../lib/age-trace.js').AgeTrace} trace
 *
 * @typedef {object} Recorded
 * @property {import('./run.js').RunOrder} order
 * @property {string} topic
 * @property {number} measured_ms
 * @property {number} warm_up_ms
 * @property {number} drain_ms
 * @property {{ from_us: number, until_us: number }} window on the server's clock, warm-up left out
 * @property {number} missed_ticks
 * @property {number} hidden_ms
 * @property {number} unwatched
 * @property {readonly LaneOfRun[]} lanes
 * @property {{ name: string | null, profile: Profile } | undefined} setting of the link when the window opened
 * @property {readonly { at_ms: number, name: string | null, profile: Profile }[]} changes `at_ms`: since the window opened
 * @property {{ down: Carried, up: Carried } | undefined} carried
 * @property {{ seed?: number, congestion?: string, mechanism?: string }} link
 * @property {string} command
 * @property {string} version of the server
 * @property {{ agent: string, platform: string, cores: number, page: string, started: string }} browser
 * @property {string} sentence
 * @property {readonly string[]} against
 */

const UNKNOWN = 'unknown to a browser';

/** @param {Recorded} run */
export function report(run) {
  const { order, link, browser, carried } = run;
  const isDirect = order.path === 'direct';
  const profile = run.setting?.profile ?? symmetric({});
  const seed = link.seed ?? 1;
  return {
    schema: 'wirelab.compare.v1',
    version: run.version,
    command: run.command,
    setting: {
      topic: run.topic,
      hz: order.hz,
      bytes: order.bytes,
      lanes: order.lanes,
      seeds: [seed],
      duration_ms: Math.round(run.measured_ms),
      warm_up_ms: run.warm_up_ms,
      drain_ms: run.drain_ms,
      ...(isDirect && { target: new URL(browser.page).origin }),
      congestion_control: (!isDirect && link.congestion) || 'unknown',
      mechanism: isDirect ? 'none: the path to the server as it is' : (link.mechanism ?? 'unknown'),
    },
    machine: { os: browser.platform || UNKNOWN, kernel: UNKNOWN, cpu: UNKNOWN, cores: browser.cores },
    points: [
      {
        label: isDirect ? 'direct' : (run.setting?.name ?? inShort(profile).replaceAll('\u00a0', ' ')),
        is_control: !isDirect && isLossless(profile) && run.changes.length === 0,
        profile: bare(profile),
        runs: [
          {
            seed,
            disturbed: run.against,
            ...(carried && { wire: wire(carried) }),
            ...(run.changes.length && {
              changes: run.changes.map(({ at_ms, profile }) => ({ at_ms, profile: bare(profile) })),
            }),
            lanes: run.lanes.map((lane) => laneResult(lane, run)),
          },
        ],
      },
    ],
    findings: [],
    thresholds: [],
    warnings: run.against,
    browser: {
      agent: browser.agent,
      page: browser.page,
      started: browser.started,
      path: order.path,
      sentence: run.sentence,
      hidden_ms: Math.round(run.hidden_ms),
      hidden_messages: run.unwatched,
    },
  };
}

/** @param {LaneOfRun} of @param {Recorded} run */
function laneResult({ lane, now, open_ms, summary, latencies_us, trace }, { window, missed_ticks }) {
  if (!summary || Number.isNaN(open_ms)) return { lane, failed: `nothing was heard (${now.name}${now.why && `: ${now.why}`})` };
  const since_ms = (/** @type {number} */ at_us) => Math.max(0, at_us - window.from_us) / 1000;
  return {
    lane,
    measured: {
      open_ms,
      figures: summary,
      missed_ticks,
      wire: null,
      age_ms: ages(trace, window),
      freezes_ms: trace
        .freezes(window.from_us, window.until_us)
        .map(({ from_us, to_us }) => [since_ms(from_us), since_ms(Math.min(to_us, window.until_us))]),
      latencies_ms: latencies_us.map((us) => us / 1000).sort((a, b) => a - b),
    },
  };
}

/** The worst age of each span of the window. @param {import('../../lib/age-trace.js').AgeTrace} trace @param {{ from_us: number, until_us: number }} window */
function ages(trace, { from_us, until_us }) {
  const first = Math.floor(from_us / SPAN_US);
  const spans = Math.max(0, Math.floor(until_us / SPAN_US) - first);
  return Array.from({ length: spans }, (_, i) => trace.at(first + i));
}

/** @param {{ down: Carried, up: Carried }} carried */
function wire({ down, up }) {
  return {
    down_packets: down.packets,
    down_bytes: down.bytes,
    up_packets: up.packets,
    up_bytes: up.bytes,
    lost_packets: down.lost + down.dropped + up.lost + up.dropped,
    lateness_p99_us: Math.max(down.lateness_p99_us, up.lateness_p99_us),
  };
}

/** Without its name. @param {Profile} profile @returns {Profile} */
function bare({ down, up }) {
  return { down, up };
}
