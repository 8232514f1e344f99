/**
 * What a link is like, as `/api/link` writes it (`crates/link/src/rules`): a shape for each direction, times and shares
 * in words. Here they become figures and words again. Pure: it asks nobody.
 */

import { duration, percent } from './format.js';

/**
 * @typedef {string | { outages: string, mean: string } | { bursts: string, length: number }} Loss
 *
 * @typedef {object} Shape one direction
 * @property {string} delay one way: `20ms`
 * @property {string} jitter
 * @property {Loss} loss
 * @property {string} [rate] the bottleneck: `12Mbit/s`; absent: as fast as the machine
 * @property {string} queue
 * @property {string} duplicate
 * @property {string} reorder
 *
 * @typedef {{ down: Shape, up: Shape }} Profile
 * @typedef {{ delay_ms: number, jitter_ms: number, loss_percent: number, outages_percent: number, mean_ms: number,
 *   rate_bps: number }} Figures what the sliders set; `rate_bps` Infinity: no bottleneck; `mean_ms` NaN without outages
 */

/** What the server takes for a field that is left out. @type {Readonly<Shape>} */
export const CLEAN = { delay: '0s', jitter: '0s', loss: '0%', queue: '100ms', duplicate: '0%', reorder: '0%' };

/** In ms, as humantime reads them. @type {Record<string, number>} */
const TIMES = { ns: 1e-6, us: 0.001, µs: 0.001, ms: 1, s: 1000, m: 60_000 };
/** In bit/s. @type {Record<string, number>} */
const RATES = { 'bit/s': 1, 'kbit/s': 1e3, 'Mbit/s': 1e6, 'Gbit/s': 1e9 };

/** `1s 500ms` in ms; NaN where it is no time. @param {string} text */
export function timeOf(text) {
  const parts = [...text.trim().matchAll(/(\d+(?:\.\d+)?)\s*(ns|us|µs|ms|s|m)(?![a-z])\s*/gy)];
  const read = parts.reduce((length, [part]) => length + part.length, 0);
  if (parts.length === 0 || read !== text.trim().length) return NaN;
  return parts.reduce((sum, [, number, unit]) => sum + Number(number) * TIMES[unit], 0);
}

/** @param {number} ms */
export function timeText(ms) {
  if (ms === 0) return '0s';
  const us = Math.round(ms * 1000);
  if (us % 1000) return `${us}us`;
  return us % 1e6 ? `${us / 1000}ms` : `${us / 1e6}s`;
}

/** `2%` in percent; NaN where it is no share. @param {string} text */
export function shareOf(text) {
  const share = /^\s*(\d+(?:\.\d+)?)\s*%\s*$/.exec(text);
  return share && Number(share[1]) <= 100 ? Number(share[1]) : NaN;
}

/** `12Mbit/s` in bit/s; NaN where it is no rate. @param {string} text */
export function rateOf(text) {
  const rate = /^\s*(\d+(?:\.\d+)?)\s*([kMG]?bit\/s)\s*$/.exec(text);
  return rate ? Number(rate[1]) * RATES[rate[2]] : NaN;
}

/** @param {number} bps */
export function rateText(bps) {
  const [unit, size] = Object.entries(RATES).findLast(([, size]) => bps >= size) ?? ['bit/s', 1];
  return `${bps / size}${unit}`;
}

/** A shape whose missing fields are filled in. @param {Partial<Shape>} shape @returns {Shape} */
export function whole(shape) {
  return { ...CLEAN, ...shape };
}

/** The same both ways. @param {Partial<Shape>} shape @returns {Profile} */
export function symmetric(shape) {
  return { down: whole(shape), up: whole(shape) };
}

/** @param {Shape} shape @returns {Figures} */
export function figuresOf({ delay, jitter, loss, rate }) {
  const isOutages = typeof loss === 'object' && 'outages' in loss;
  return {
    delay_ms: timeOf(delay),
    jitter_ms: timeOf(jitter),
    loss_percent: typeof loss === 'string' ? shareOf(loss) : 'bursts' in loss ? shareOf(loss.bursts) : 0,
    outages_percent: isOutages ? shareOf(loss.outages) : 0,
    mean_ms: isOutages ? timeOf(loss.mean) : NaN,
    rate_bps: rate === undefined ? Infinity : rateOf(rate),
  };
}

/**
 * A profile with one figure set in both directions; all else stays as it is. Loss has one rule: single packets or
 * outages, so that setting one takes the other away.
 *
 * @param {Profile} profile
 * @param {keyof Figures} figure
 * @param {number} value in the figure's unit
 * @param {number} [mean_ms] how long an outage is on average, where `figure` is `outages_percent`
 * @returns {Profile}
 */
export function withFigure({ down, up }, figure, value, mean_ms = 400) {
  /** @param {Shape} shape @returns {Shape} */
  const set = (shape) => {
    const { outages_percent } = figuresOf(shape);
    switch (figure) {
      case 'delay_ms':
        return { ...shape, delay: timeText(value) };
      case 'jitter_ms':
        return { ...shape, jitter: timeText(value) };
      case 'loss_percent':
        return { ...shape, loss: `${value}%` };
      case 'outages_percent':
        return { ...shape, loss: value ? { outages: `${value}%`, mean: timeText(mean_ms) } : '0%' };
      case 'mean_ms':
        return outages_percent ? { ...shape, loss: { outages: `${outages_percent}%`, mean: timeText(value) } } : shape;
      case 'rate_bps': {
        const { rate: _, ...unlimited } = shape;
        return Number.isFinite(value) ? { ...unlimited, rate: rateText(value) } : unlimited;
      }
    }
  };
  return { down: set(down), up: set(up) };
}

/** Whether two shapes are the same link, however they are written. @param {Shape} a @param {Shape} b */
export function sameShape(a, b) {
  return String(numbers(a)) === String(numbers(b));
}

/** @param {Profile} a @param {Profile} b */
export function sameProfile(a, b) {
  return sameShape(a.down, b.down) && sameShape(a.up, b.up);
}

/** Whether nothing is lost in it, at no bottleneck either. @param {Profile} profile */
export function isLossless({ down, up }) {
  return [down, up].every((shape) => {
    const { loss_percent, outages_percent, rate_bps } = figuresOf(shape);
    return loss_percent === 0 && outages_percent === 0 && rate_bps === Infinity;
  });
}

/** What a link does, short enough for a mark on a plot: `20 ms, 2 % lost`. @param {Profile} profile */
export function inShort({ down, up }) {
  return sameShape(down, up) ? shapeWords(down) : `down ${shapeWords(down)}; up ${shapeWords(up)}`;
}

/** @param {Shape} shape */
function shapeWords(shape) {
  const { delay_ms, jitter_ms, rate_bps } = figuresOf(shape);
  const jitter = jitter_ms ? ` + 0–${plain(duration(jitter_ms))}` : '';
  const rate = Number.isFinite(rate_bps) ? `, ${rateText(rate_bps)}` : '';
  const doubled = shareOf(shape.duplicate) ? `, ${shape.duplicate} doubled` : '';
  const overtaking = shareOf(shape.reorder) ? `, ${shape.reorder} overtaking` : '';
  return `${plain(duration(delay_ms))}${jitter}, ${lossWords(shape.loss)}${rate}${doubled}${overtaking}`;
}

/** @param {Loss} loss */
export function lossWords(loss) {
  if (typeof loss === 'string') return `${plain(percent(shareOf(loss)))} lost`;
  if ('bursts' in loss) return `${plain(percent(shareOf(loss.bursts)))} lost in bursts of ${loss.length}`;
  return `out ${plain(percent(shareOf(loss.outages)))} of the time, ${plain(duration(timeOf(loss.mean)))} on average`;
}

/** A set figure, not a measured one: its zeros say nothing. @param {string} text */
function plain(text) {
  return text.replace(/(\.\d*?)0+(?!\d)/, '$1').replace(/\.(?!\d)/, '');
}

/** @param {Shape} shape */
function numbers(shape) {
  const { loss, queue, duplicate, reorder } = shape;
  const length = typeof loss === 'object' && 'bursts' in loss ? loss.length : 0;
  return [...Object.values(figuresOf(shape)), length, timeOf(queue), shareOf(duplicate), shareOf(reorder)];
}
