/** The dashboard: this server's own readings as small multiples, with the past kept and replays shaded. */

import { atScreenRate, atTableRate, setText } from '../../lib/cadence.js';
import { Chart } from '../../lib/chart.js';
import { need } from '../../lib/dom.js';
import { bytes, count, duration, percent, three } from '../../lib/format.js';

/** What the plots show, s. */
const WINDOW_S = 120;
/** Memory is plotted in MiB, so that the axis has round numbers. */
const MIB = 2 ** 20;
/** In the order of the plot's lines. */
const LANES = /** @type {const} */ (['sse', 'websocket', 'datachannel']);
/** Readings kept: what the window shows and a little to its left. */
const KEPT = 130;

/**
 * @typedef {object} Metric one reading of the topic `metric`
 * @property {number} cpu_percent of the server; 100 is one core busy
 * @property {number} system_cpu_percent of the whole machine
 * @property {number} memory_bytes
 * @property {number} system_memory_used_bytes
 * @property {number} system_memory_total_bytes
 * @property {Record<'sse' | 'websocket' | 'datachannel', number>} connections
 * @property {number} deliveries_per_second
 * @property {number} uptime_s
 */

export class Dashboard {
  /** @type {{ at_s: number, metric: Metric, replayed: boolean }[]} */
  #readings = [];
  /** The newest reading's time by the server's clock and by ours, s: the plots run on the server's clock. */
  #newest = { sent_s: 0, here_s: 0 };
  /** The end of the window at the last redraw, s. */
  #drawn_s = -Infinity;

  constructor() {
    const x = {
      label: 'before now',
      range: () => /** @type {[number, number]} */ ([this.#now_s() - WINDOW_S, this.#now_s()]),
      splits: () => [-120, -90, -60, -30, 0].map((s) => this.#now_s() + s),
      format: (/** @type {number} */ at_s) => ago(at_s - this.#now_s()),
    };
    const shaded = () => this.#shaded();
    this.cpu = new Chart(need('[data-chart="cpu"]'), {
      title: 'CPU of the server',
      x,
      shaded,
      y: { format: percent, least: 5 },
      series: [{ label: 'CPU' }],
    });
    this.memory = new Chart(need('[data-chart="memory"]'), {
      title: 'Memory of the server',
      x,
      shaded,
      y: { format: (mib) => bytes(mib * MIB), least: 1 },
      series: [{ label: 'memory' }],
    });
    this.connections = new Chart(need('[data-chart="connections"]'), {
      title: 'Connections',
      x,
      shaded,
      y: { format: (y) => (Number.isInteger(y) ? count(y) : ''), least: 4 },
      series: [
        { label: 'SSE', lane: 'sse' },
        { label: 'WebSocket', lane: 'websocket' },
        { label: 'WebRTC', lane: 'datachannel' },
      ],
    });
    setText(reading('protocol'), pageProtocol());
    atScreenRate(() => this.#drawPlots());
    atTableRate(() => this.#drawTables());
  }

  /** @param {import('../../lib/message.js').Message} message of the topic `metric` @param {boolean} replayed */
  add(message, replayed) {
    const at_s = message.sent_us / 1e6;
    this.#readings.push({ at_s, metric: message.data, replayed });
    if (this.#readings.length > KEPT) this.#readings.shift();
    this.#newest = { sent_s: at_s, here_s: performance.now() / 1000 };
    this.#drawn_s = -Infinity;
  }

  #now_s() {
    return this.#newest.sent_s + performance.now() / 1000 - this.#newest.here_s;
  }

  #drawPlots() {
    const metrics = this.#readings.map(({ metric }) => metric);
    const newest = metrics.at(-1);
    // Two minutes on some three hundred pixels: a fifth of a second is less than a pixel.
    if (!newest || this.#now_s() - this.#drawn_s < 0.2) return;
    this.#drawn_s = this.#now_s();
    const at_s = this.#readings.map((reading) => reading.at_s);
    this.cpu.draw([at_s, metrics.map((m) => m.cpu_percent)], percent(newest.cpu_percent));
    this.memory.draw([at_s, metrics.map((m) => m.memory_bytes / MIB)], bytes(newest.memory_bytes));
    this.connections.draw(
      [at_s, ...LANES.map((lane) => metrics.map((m) => m.connections[lane]))],
      `${count(LANES.reduce((sum, lane) => sum + newest.connections[lane], 0))} open`,
    );
  }

  #drawTables() {
    const newest = this.#readings.at(-1)?.metric;
    if (!newest) return;
    setText(reading('uptime'), duration(newest.uptime_s * 1000));
    setText(reading('system_cpu'), percent(newest.system_cpu_percent));
    setText(
      reading('system_memory'),
      `${bytes(newest.system_memory_used_bytes)} of ${bytes(newest.system_memory_total_bytes)}`,
    );
    const { sse, websocket, datachannel } = newest.connections;
    setText(reading('connections'), `${count(sse)} SSE, ${count(websocket)} WebSocket, ${count(datachannel)} WebRTC`);
    setText(reading('deliveries'), `${three(newest.deliveries_per_second)}\u00a0/s`);
    for (const chart of [this.cpu, this.memory, this.connections]) chart.drawTable();
  }

  /** Spans of replayed readings. @returns {[number, number][]} */
  #shaded() {
    /** @type {[number, number][]} */
    const spans = [];
    this.#readings.forEach(({ at_s, replayed }, i) => {
      const before_s = this.#readings[i - 1]?.at_s ?? at_s;
      if (!replayed) return;
      const last = spans.at(-1);
      if (last && last[1] === before_s) last[1] = at_s;
      else spans.push([before_s, at_s]);
    });
    return spans;
  }
}

/** @param {string} name */
function reading(name) {
  return need(`[data-reading="${name}"]`);
}

/** @param {number} s */
function ago(s) {
  return s > -0.5 ? 'now' : `${Math.round(s)}\u00a0s`;
}

/** How this page itself came, as the browser tells it; an open stream tells only once it has ended. */
function pageProtocol() {
  const [navigation] = /** @type {PerformanceNavigationTiming[]} */ (performance.getEntriesByType('navigation'));
  return navigation?.nextHopProtocol || 'the browser does not say';
}
