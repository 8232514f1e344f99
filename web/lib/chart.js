/**
 * A plot with its table twin. uPlot draws; where the server has none (built without Node), the table is all there is,
 * and the page says so.
 */

import { calm, setText } from './cadence.js';
import { make } from './dom.js';
import { shorn } from './format.js';
import { LANES } from './lanes.js';

/**
 * @typedef {object} ChartSpec
 * @property {string} title
 * @property {{ range: () => [number, number], format: (x: number) => string, label: string, splits?: () => number[] }} x
 * @property {{ format: (y: number) => string, least?: number, range?: [number, number] }} y `least`: the axis reaches at least up to it
 * @property {{ label: string, lane?: keyof typeof LANES, colour?: string }[]} series `colour`: a custom property of style.css
 * @property {boolean} [bars] a histogram
 * @property {() => ([number, number] | [number, number, string])[]} [shaded] spans of x to shade, such as replays, and the custom property of their colour
 * @property {() => [number, string][]} [marks] instants of x to mark, such as changes, each with its words
 * @property {boolean} [reads] pointing at the plot reads all series at that instant
 */

/** How much of a lane's colour shades a span, so that lines and other lanes' spans show through. */
const SHADE = 0.16;
/** Rows of the table twin: the newest. */
const TWIN_ROWS = 12;
/** Rows on which the words of marks are written. */
const MARK_ROWS = 3;

export class Chart {
  /** @type {uPlot | undefined} */
  #plot;
  /** @type {(number | null)[][]} */
  #columns = [];
  #now = '';

  /**
   * @param {HTMLElement} host an element of fixed height; gets the figure
   * @param {ChartSpec} spec
   */
  constructor(host, spec) {
    this.spec = spec;
    this.now = make('span', { class: 'now' });
    this.box = make('div', { class: 'plot', 'aria-hidden': 'true' });
    const whose = make('span', { class: 'unseen' }, `: ${spec.title}`);
    this.twin = make('details', { class: 'twin' }, make('summary', {}, 'As a table', whose));
    host.append(
      make(
        'figure',
        { class: 'chart' },
        make('figcaption', {}, make('span', { class: 'title' }, spec.title), this.now),
        this.box,
        this.twin,
      ),
    );
    this.twin.addEventListener('toggle', () => this.#drawTwin());
    loadPlotter().then((uPlot) => (uPlot ? this.#mount(uPlot) : this.#explain()));
  }

  /**
   * Draws columns: x first, then one per series.
   *
   * @param {(number | null)[][]} columns null: not known
   * @param {string} now the newest reading, in words
   */
  draw(columns, now) {
    this.#columns = columns;
    this.#now = now;
    this.#plot?.setData(/** @type {any} */ (columns));
    this.#read();
  }

  /** The twin at its own, slower rate: call it from a table's redraw. */
  drawTable() {
    if (this.twin.open) this.#drawTwin();
  }

  /** The newest reading, or what is under the pointer. */
  #read() {
    const { x, y, series, reads } = this.spec;
    const at = reads ? this.#plot?.cursor.idx : null;
    const read = at === null || at === undefined ? null : this.#columns.map((column) => column[at] ?? null);
    const words = read
      ? [x.format(read[0] ?? NaN), ...series.flatMap(({ label }, i) => saidOf(label, read[i + 1], y.format))].join('  ')
      : this.#now;
    if (this.now.textContent !== words) this.now.textContent = words;
  }

  /** @param {typeof import('uplot')} uPlot */
  #mount(uPlot) {
    const plot = new uPlot(
      options(uPlot, this.spec, this.box),
      /** @type {any} */ (this.#columns.length ? this.#columns : [[], ...this.spec.series.map(() => [])]),
      this.box,
    );
    this.#plot = plot;
    new ResizeObserver(() => plot.setSize({ width: this.box.clientWidth, height: this.box.clientHeight })).observe(
      this.box,
    );
    document.addEventListener('wirelab:scheme', () => plot.redraw(false));
  }

  #explain() {
    this.box.removeAttribute('aria-hidden');
    this.box.append(
      make(
        'p',
        { class: 'missing' },
        'This server was built without Node and has no uPlot, so there is no plot here. The table has every figure.',
      ),
    );
    this.twin.open = true;
  }

  #drawTwin() {
    const { x, y, series, bars } = this.spec;
    const [xs = [], ...ys] = this.#columns;
    const picked = [...xs.keys()].filter((i) => !bars || Number(ys[0][i]) > 0).slice(-TWIN_ROWS);
    const head = make(
      'tr',
      {},
      make('th', { scope: 'col' }, x.label),
      ...series.map(({ label }) => make('th', { scope: 'col' }, label)),
    );
    const rows = picked.map((i) =>
      make(
        'tr',
        {},
        make('th', { scope: 'row' }, x.format(xs[i] ?? NaN)),
        ...ys.map((column) => make('td', {}, column[i] === null ? '–' : y.format(column[i]))),
      ),
    );
    const before = this.twin.querySelectorAll('tbody tr');
    // The same cells with other figures: who reads them, by eye or by ear, keeps the place.
    if (before.length === rows.length)
      return rows.forEach(({ cells }, i) =>
        [...cells].forEach((cell, j) => setText(before[i].children[j], cell.textContent ?? '')),
      );
    const table = make(
      'table',
      {},
      make('caption', { class: 'unseen' }, this.spec.title),
      make('thead', {}, head),
      make('tbody', {}, ...rows),
    );
    this.twin.replaceChildren(this.twin.children[0], table);
  }
}

/** @type {Promise<typeof import('uplot') | undefined> | undefined} */
let plotter;

/** uPlot and its style sheet, or undefined where this server has none. */
function loadPlotter() {
  const path = '/vendor/uplot.js';
  plotter ??= Promise.all([import(path), loadStyle('/vendor/uplot.css')]).then(
    ([module]) => module.default,
    () => undefined,
  );
  return plotter;
}

/** Loads a style sheet; a plot drawn before its style sheet would jump. @param {string} href */
function loadStyle(href) {
  const link = make('link', { rel: 'stylesheet', href });
  return new Promise((resolve, reject) => {
    link.addEventListener('load', resolve);
    link.addEventListener('error', reject);
    document.head.append(link);
  });
}

/**
 * @param {typeof import('uplot')} uPlot
 * @param {ChartSpec} spec
 * @param {HTMLElement} box
 * @returns {import('uplot').Options}
 */
function options(uPlot, spec, box) {
  const ink = () => colour('--faint');
  const axis = {
    stroke: ink,
    font: '11px system-ui, sans-serif',
    grid: { stroke: () => colour('--rule'), width: 1 },
    ticks: { show: false },
    gap: 4,
  };
  return {
    width: box.clientWidth,
    height: box.clientHeight,
    padding: [6, 26, 0, 0],
    legend: { show: false },
    cursor: { show: !calm(), drag: { x: false, y: false }, points: { size: 5 }, y: false },
    scales: {
      x: { time: false, range: () => spec.x.range() },
      y: { range: spec.y.range ?? ((_, __, most) => [0, Math.max(spec.y.least ?? 0, (most ?? 0) * 1.15) || 1]) },
    },
    axes: [
      {
        ...axis,
        size: 22,
        space: 60,
        values: (_, splits) => splits.map((x) => shorn(spec.x.format(x))),
        ...(spec.x.splits && { splits: spec.x.splits }),
      },
      { ...axis, size: 58, space: 28, values: (_, splits) => splits.map((y) => shorn(spec.y.format(y))) },
    ],
    series: [{ label: spec.x.label }, ...spec.series.map((series) => lineOf(uPlot, spec, series))],
    hooks: { drawClear: [(plot) => shade(plot, spec)], draw: [(plot) => mark(plot, spec)] },
  };
}

/**
 * @param {typeof import('uplot')} uPlot
 * @param {ChartSpec} spec
 * @param {ChartSpec['series'][number]} series
 * @returns {import('uplot').Series}
 */
function lineOf(uPlot, spec, { label, lane, colour: own }) {
  const name = lane ? `--lane-${lane}` : (own ?? '--ink');
  const line = { label, stroke: () => colour(name), width: 1.5, points: { show: false } };
  if (spec.bars)
    return { ...line, width: 0, fill: () => colour(name), paths: uPlot.paths.bars?.({ size: [0.86, 40], align: 1 }) };
  return { ...line, dash: lane ? [...LANES[lane].dash] : undefined, cap: 'round' };
}

/** @param {uPlot} plot @param {ChartSpec} spec */
function shade(plot, spec) {
  for (const [from, to, own] of spec.shaded?.() ?? []) {
    const left = Math.max(plot.valToPos(from, 'x', true), plot.bbox.left);
    const right = Math.min(plot.valToPos(to, 'x', true), plot.bbox.left + plot.bbox.width);
    if (right <= left) continue;
    plot.ctx.save();
    plot.ctx.globalAlpha = own ? SHADE : 1;
    plot.ctx.fillStyle = colour(own ?? '--shade');
    plot.ctx.fillRect(left, plot.bbox.top, right - left, plot.bbox.height);
    plot.ctx.restore();
  }
}

/** Upright lines with their words, below the top one by one so that they do not lie over each other. @param {uPlot} plot @param {ChartSpec} spec */
function mark(plot, spec) {
  const { ctx, bbox } = plot;
  const pixels = devicePixelRatio;
  const right = bbox.left + bbox.width;
  for (const [i, [at, words]] of (spec.marks?.() ?? []).entries()) {
    const x = Math.round(plot.valToPos(at, 'x', true));
    if (x < bbox.left || x > right) continue;
    ctx.save();
    ctx.strokeStyle = ctx.fillStyle = colour('--soft');
    ctx.lineWidth = pixels;
    ctx.setLineDash([]);
    ctx.beginPath();
    ctx.moveTo(x, bbox.top);
    ctx.lineTo(x, bbox.top + bbox.height);
    ctx.stroke();
    ctx.font = `${11 * pixels}px system-ui, sans-serif`;
    const isLeft = x + ctx.measureText(words).width + 8 * pixels > right;
    ctx.textAlign = isLeft ? 'right' : 'left';
    ctx.textBaseline = 'top';
    ctx.fillText(words, x + (isLeft ? -4 : 4) * pixels, bbox.top + (2 + 13 * (i % MARK_ROWS)) * pixels);
    ctx.restore();
  }
}

/** @param {string} label @param {number | null} value @param {(y: number) => string} format */
function saidOf(label, value, format) {
  return value === null ? [] : [`${label}\u00a0${format(value)}`];
}

/** What each custom property is in the scheme of the moment. @type {Map<string, string>} */
const colours = new Map();
document.addEventListener('wirelab:scheme', () => colours.clear());

/** A custom property as a colour that a canvas takes: the style sheet's light-dark() is resolved by a real element. @param {string} name */
function colour(name) {
  let value = colours.get(name);
  if (value === undefined) {
    const probe = document.body.appendChild(make('i', { hidden: '' }));
    probe.style.color = `var(${name})`;
    value = getComputedStyle(probe).color;
    probe.remove();
    colours.set(name, value);
  }
  return value;
}
