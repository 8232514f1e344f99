/** Numbers as people read them: three significant digits, always with the unit. */

/** Between a number and its unit, so that a line never breaks there. */
const SPACE = '\u00a0';

/**
 * Three significant digits; whole numbers are never cut.
 *
 * @param {number} value
 */
export function three(value) {
  if (!Number.isFinite(value)) return '–';
  const size = Math.abs(value);
  if (size >= 100) return Math.round(value).toLocaleString('en-GB');
  if (size >= 10) return value.toFixed(1);
  if (size >= 1 || size === 0) return value.toFixed(2);
  return value.toPrecision(3);
}

/** A figure as an axis has it: without the zeros that say nothing. @param {string} figure */
export function shorn(figure) {
  return figure.replace(/(\.\d*?)0+(?!\d)/, '$1').replace(/\.(?!\d)/, '');
}

/** @param {number} value a count */
export function count(value) {
  return Number.isFinite(value) ? Math.round(value).toLocaleString('en-GB') : '–';
}

/** A count with its noun. @param {number} value @param {string} one @param {string} [many] */
export function counted(value, one, many = `${one}s`) {
  return `${count(value)}${SPACE}${value === 1 ? one : many}`;
}

/** @param {number} ms milliseconds */
export function duration(ms) {
  if (!Number.isFinite(ms)) return '–';
  if (ms === 0) return `0${SPACE}ms`;
  if (ms < 1) return `${three(ms * 1000)}${SPACE}µs`;
  if (ms < 1000) return `${three(ms)}${SPACE}ms`;
  if (ms < 120_000) return `${three(ms / 1000)}${SPACE}s`;
  return `${three(ms / 60_000)}${SPACE}min`;
}

/** Seconds with one decimal: for what counts up before one's eyes. @param {number} ms milliseconds */
export function seconds(ms) {
  return `${(Math.max(0, ms) / 1000).toFixed(1)}${SPACE}s`;
}

/** @param {number} value bytes */
export function bytes(value) {
  if (!Number.isFinite(value)) return '–';
  if (value < 1024) return `${count(value)}${SPACE}B`;
  const steps = Math.min(4, Math.floor(Math.log2(value) / 10));
  return `${three(value / 1024 ** steps)}${SPACE}${['B', 'KiB', 'MiB', 'GiB', 'TiB'][steps]}`;
}

/** @param {number} value percent */
export function percent(value) {
  return Number.isFinite(value) ? `${three(value)}${SPACE}%` : '–';
}
