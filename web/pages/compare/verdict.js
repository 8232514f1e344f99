/** What happened, in sentences made from the figures; and what speaks against the figures themselves. */

import { count, counted, duration, percent, seconds } from '../../lib/format.js';
import { LANES } from '../../lib/lanes.js';

/** @typedef {import('./run.js').Standing} Standing */
/** @typedef {Standing & { summary: import('../../lib/meter.js').Summary }} Measured */

/** A lane that stood still for less than so many times what held all of them was held by the same. */
const COMMON = 1.5;
/** Lanes on which what is newer waits for what is older. @type {ReadonlySet<string>} */
const ORDERED = new Set(['sse', 'websocket', 'datachannel-reliable']);
/** Less than this says nothing about a p99, messages. */
const LEAST_MESSAGES = 100;
/** Two ages apart by less than this, or by less than half, are the same to whoever looks, ms. */
const NOTABLE_MS = 20;
/** METRICS: a run is disturbed when the link's lateness p99 passes this, µs. */
const DISTURBED_US = 1000;
/** A stall of so many periods is worth a sentence below the freeze's threshold too. */
const NOTABLE_PERIODS = 4;

/**
 * @typedef {object} Circumstances
 * @property {number} period_ms
 * @property {number} measured_ms
 * @property {'single' | 'outages' | 'all' | 'changed' | 'none'} [losses] what the link is known to have done to packets in
 *   the window: lost single ones, all of them for a time, all, or it was changed; left out: there is no link to know of
 * @property {number} [outage_ms] how long the link was set to pass nothing
 */

/** @param {readonly Standing[]} standings @param {Circumstances} run @returns {string} */
export function verdict(standings, { period_ms, measured_ms, losses, outage_ms = 0 }) {
  const measured = /** @type {Measured[]} */ (standings.filter(({ summary }) => summary?.delivery.delivered));
  const silent = standings.filter(({ summary }) => !summary?.delivery.delivered);
  const most = Math.max(0, ...measured.map(({ summary }) => summary.delivery.delivered));
  if (losses === 'all') return `The link has passed nothing for ${seconds(outage_ms)}: every lane stands still.`;
  if (most < LEAST_MESSAGES) return `${counted(most, 'message')} so far: too few for a sentence.`;

  const events = [
    ...silent.map(({ lane, now }) => `${LANES[lane].label} delivered nothing (${now.name}${now.why && `: ${now.why}`}).`),
    ...(outage_ms ? outage(measured, outage_ms) : stalls(measured, period_ms, losses)),
    ...measured.flatMap((standing) => lost(standing)),
    ...apart(measured),
  ];
  if (events.length) return events.join(' ');
  const ages = measured.flatMap(({ summary }) => (summary.age ? [summary.age.p99_us / 1000] : []));
  const range = ages.length ? `, and the age’s p99 lies between ${duration(Math.min(...ages))} and ${duration(Math.max(...ages))}` : '';
  const path = losses === undefined ? 'On this path' : losses === 'none' ? 'On this link without loss' : 'In this time, on this link,';
  return `Nothing interesting happened in ${seconds(measured_ms)}: no lane froze or lost anything${range}. ${path} nothing tells them apart.`;
}

/** Who was back when. @param {readonly Measured[]} measured @param {number} outage_ms */
function outage(measured, outage_ms) {
  const back = measured
    .map(({ lane, summary, worst }) => ({ label: LANES[lane].label, gap_ms: summary.longest_gap_ms, held: worst.held }))
    .sort((a, b) => a.gap_ms - b.gap_ms);
  const last = back.length > 1 ? back[back.length - 1] : undefined;
  const rest = last ? `, ${last.label} last, after ${duration(last.gap_ms)}` : '';
  const behind = back.filter(({ held }) => held > 2).map(({ label, held }) => `${label} then delivered ${counted(held, 'old position')} at once.`);
  return [`The link passed nothing for ${seconds(outage_ms)}.`, `${back[0].label} was back first, after ${duration(back[0].gap_ms)} without anything new${rest}.`, ...behind];
}

/** What stood still; what held all lanes about as long is told once. @param {readonly Measured[]} measured @param {number} period_ms @param {Circumstances['losses']} losses */
function stalls(measured, period_ms, losses) {
  const notable_ms = NOTABLE_PERIODS * period_ms + NOTABLE_MS;
  const common_ms = Math.min(...measured.map(({ summary }) => summary.longest_gap_ms));
  const isCommon = measured.length > 1 && common_ms >= notable_ms;
  const own = measured.filter(({ summary }) => summary.longest_gap_ms >= (isCommon ? COMMON * common_ms : notable_ms));
  const whose = losses === 'outages' ? 'the link’s doing, or this machine’s' : 'this machine’s doing, or the path’s';
  const all = isCommon ? [`Every lane stood still for ${duration(common_ms)} or more: that is ${whose}.`] : [];
  return [...all, ...own.map((standing) => stalled(standing, losses))];
}

/** @param {Measured} standing @param {Circumstances['losses']} losses */
function stalled({ lane, summary, worst, now }, losses) {
  const { freezes, longest_gap_ms } = summary;
  const often = freezes.count > 1 ? `froze ${counted(freezes.count, 'time')}, for up to` : 'stood still for';
  const state = now.name === 'waiting' || now.name === 'connecting' ? ` (${now.name}: ${now.why})` : '';
  // What comes at once waited behind something. What that was is known only where the link says so: else it may be the
  // sender's pause.
  const behind = losses === 'single' && ORDERED.has(lane) ? ' behind a lost packet' : '';
  const held = worst.held > 2 ? `; then ${counted(worst.held, 'position')} came at once, which had been held back${behind}` : '';
  return `${LANES[lane].label} ${often} ${duration(longest_gap_ms)}${state}${held}.`;
}

/** @param {Measured} standing */
function lost({ lane, summary: { delivery, age } }) {
  if (delivery.lost + delivery.skipped === 0) return [];
  if (delivery.lost === 0)
    return [`The server skipped ${counted(delivery.skipped, 'position')} of ${count(delivery.published)} for ${LANES[lane].label}, and said so.`];
  const skipped = delivery.skipped ? `, ${counted(delivery.skipped, 'more was', 'more were')} skipped by the server, which said so,` : '';
  const oldest = age ? ` and was never older than ${duration(age.peak_us / 1000)}` : '';
  const of = `${counted(delivery.lost, 'position')} of ${count(delivery.published)}`;
  return [`${LANES[lane].label} lost ${of}${skipped}${oldest}.`];
}

/** Whether the lanes' ages differ so that somebody would see it. @param {readonly Measured[]} measured */
function apart(measured) {
  const aged = measured.flatMap(({ lane, summary: { age } }) => (age ? [{ lane, p99_ms: age.p99_us / 1000 }] : []));
  if (aged.length < 2) return [];
  aged.sort((a, b) => a.p99_ms - b.p99_ms);
  const [best, worst] = [aged[0], aged[aged.length - 1]];
  if (worst.p99_ms - best.p99_ms < NOTABLE_MS || worst.p99_ms < 1.5 * best.p99_ms) return [];
  return [
    `One per cent of the time ${LANES[worst.lane].label} was older than ${duration(worst.p99_ms)}, ${LANES[best.lane].label} only than ${duration(best.p99_ms)}.`,
  ];
}

/**
 * What speaks against the figures.
 *
 * @param {readonly Standing[]} standings
 * @param {{ hidden_ms: number, unwatched: number, latest_ms: number, error_ms: number | null, lateness_us?: number, changes?: number }} told
 *   `unwatched`: messages left out since this page was hidden; `latest_ms`: how late this page's own timer was at worst;
 *   `lateness_us`: how late the link was, p99; `changes` of the link within the window
 * @returns {string[]}
 */
export function doubts(standings, { hidden_ms, unwatched, latest_ms, error_ms, lateness_us = 0, changes = 0 }) {
  const doubts = [];
  if (hidden_ms > 0)
    doubts.push(`this page was hidden for ${seconds(hidden_ms)}: the ${counted(unwatched, 'message')} of that time are in no figure`);
  if (changes > 0) doubts.push(`the link was changed ${counted(changes, 'time')} within the window, and the figures are over all of it`);
  if (lateness_us > DISTURBED_US) doubts.push(`the link itself was up to ${duration(lateness_us / 1000)} late (p99)`);
  if (latest_ms > NOTABLE_MS)
    doubts.push(`this page itself stood still for up to ${duration(latest_ms)}, which every lane shows as age`);
  const least_us = Math.min(...standings.map(({ summary }) => summary?.latency?.p50_us ?? Infinity));
  if (error_ms === null) doubts.push('the clocks could not be compared: latencies and ages are differences of two clocks');
  else if (error_ms * 1000 > least_us)
    doubts.push(`the clocks are known to ${duration(error_ms)}, more than the least p50 of ${duration(least_us / 1000)}`);
  const negative = standings.reduce((sum, { summary }) => sum + (summary?.latency?.negative ?? 0), 0);
  const delivered = standings.reduce((sum, { summary }) => sum + (summary?.delivery.delivered ?? 0), 0);
  if (negative > delivered / 100)
    doubts.push(`${percent((100 * negative) / delivered)} of the messages seem to have come before they were sent`);
  return doubts;
}
