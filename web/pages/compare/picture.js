/** A run as a picture to paste somewhere: the sentence, the lanes, both plots as they stand, and what was measured. */

import { need } from '../../lib/dom.js';
import { LANES } from '../../lib/lanes.js';
import { save } from './save.js';

const WIDTH = 1200;
const MARGIN = 24;
const LINE = 26;
const PLOT_WIDTH = WIDTH - 2 * MARGIN;

/** @typedef {import('./run.js').Run} Run */

/**
 * Hands the picture to the visitor as a file.
 *
 * @param {Run} run
 * @param {string} sentence
 * @param {string} phase what was run and for how long, in words
 */
export async function savePicture(run, sentence, phase) {
  const canvas = document.createElement('canvas');
  const context = /** @type {CanvasRenderingContext2D} */ (canvas.getContext('2d'));
  const style = getComputedStyle(document.body);
  const font = (/** @type {number} */ size, weight = 400) => `${weight} ${size}px ${style.fontFamily}`;

  const plots = ['age', 'latency'].map((name) => {
    const host = need(`[data-chart="${name}"]`);
    const plot = host.querySelector('canvas');
    const height = plot?.width ? (PLOT_WIDTH * plot.height) / plot.width : 0; // no plot where the server has no uPlot
    return { title: host.querySelector('.title')?.textContent ?? '', plot, height };
  });
  context.font = font(18);
  const lines = wrapped(context, sentence, PLOT_WIDTH);
  canvas.width = WIDTH;
  canvas.height = 2 * MARGIN + LINE * (lines.length + 3) + plots.reduce((sum, { height }) => sum + height + LINE + 12, 0);
  context.fillStyle = style.backgroundColor;
  context.fillRect(0, 0, canvas.width, canvas.height);

  let y = MARGIN + 16;
  const write = (/** @type {string} */ text, /** @type {string} */ face, colour = style.color) => {
    context.font = face;
    context.fillStyle = colour;
    context.fillText(text, MARGIN, y);
    y += LINE;
  };
  for (const line of lines) write(line, font(18));
  legend(context, run, y, font(14, 600));
  y += LINE;
  for (const { title, plot, height } of plots) {
    write(title, font(14, 600));
    if (plot && height) context.drawImage(plot, MARGIN, y - 12, PLOT_WIDTH, height);
    y += height + 12;
  }
  write(`${phase}; the clocks: ${run.clockWords()}`, font(13));
  write(`wirelab, ${new Date(performance.timeOrigin + run.started_ms).toISOString()}, ${location.origin}`, font(13));

  const blob = await new Promise((/** @type {(blob: Blob | null) => void} */ done) => canvas.toBlob(done, 'image/png'));
  if (blob) save(blob, 'wirelab-compare.png');
}

/** @param {CanvasRenderingContext2D} context @param {Run} run @param {number} y @param {string} font */
function legend(context, run, y, font) {
  context.font = font;
  let x = MARGIN;
  for (const { lane } of run.contenders) {
    const colour = getComputedStyle(need(`.standings th.lane.${lane}`)).color;
    context.strokeStyle = colour;
    context.fillStyle = colour;
    context.lineWidth = 2;
    context.setLineDash([...LANES[lane].dash]);
    context.beginPath();
    context.moveTo(x, y - 5);
    context.lineTo(x + 36, y - 5);
    context.stroke();
    context.fillText(LANES[lane].label, x + 44, y);
    x += 44 + context.measureText(LANES[lane].label).width + 32;
  }
  context.setLineDash([]);
}

/** @param {CanvasRenderingContext2D} context @param {string} text @param {number} width */
function wrapped(context, text, width) {
  /** @type {string[]} */
  const lines = [];
  for (const word of text.split(' ')) {
    const longer = lines.length ? `${lines[lines.length - 1]} ${word}` : word;
    if (lines.length && context.measureText(longer).width <= width) lines[lines.length - 1] = longer;
    else lines.push(word);
  }
  return lines;
}
