// Draws docs/results/density.svg from the reports of `just density` and from what was measured elsewhere:
//   node scripts/density-plot.mjs docs/results/density > docs/results/density.svg

import { readFileSync } from 'node:fs';

const folder = process.argv[2] ?? 'docs/results/density';
const read = (name) => JSON.parse(readFileSync(`${folder}/${name}.json`, 'utf8'));
const median = (report, lane) => report.contenders.find((one) => one.lane === lane && one.server === 'wirelab').median;

const [idle, light] = [read('idle-10k'), read('fanout-light')];
const ours = { server: 'wirelab' };
for (const lane of ['sse', 'websocket'])
  ours[lane] = { user_kib: median(idle, lane).user_kib, million_cpu_s: median(light, lane).million_cpu_s };
const servers = [ours, ...read('peers').peers];

const COLOURS = { sse: '#8a5a00', websocket: '#1f5fbf' };
const [NAMES, WIDTH, ROW] = [230, 470, 34];
const panels = [
  { title: 'Memory of an idle connection, KiB (logarithmic)', figure: 'user_kib', ticks: [0.1, 1, 10, 100], x: (v) => (Math.log10(v) + 1) / 3.2 },
  { title: 'CPU-seconds for a million deliveries, 1,000 receivers at 20 a second', figure: 'million_cpu_s', ticks: [0, 10, 20], x: (v) => v / 30 },
];

const parts = [];
let y = 20;
for (const { title, figure, ticks, x } of panels) {
  parts.push(`<text x="10" y="${y}" font-weight="bold">${title}</text>`);
  y += 14;
  const rows = servers.filter((one) => one.sse?.[figure] || one.websocket?.[figure]);
  const bottom = y + rows.length * ROW;
  for (const tick of ticks)
    parts.push(
      `<path d="M${NAMES + WIDTH * x(tick)} ${y}V${bottom}" stroke="#ccc"/>`,
      `<text x="${NAMES + WIDTH * x(tick)}" y="${bottom + 14}" text-anchor="middle" fill="#555">${tick}</text>`,
    );
  for (const one of rows) {
    const weight = one === ours ? ' font-weight="bold"' : '';
    parts.push(`<text x="${NAMES - 8}" y="${y + 20}" text-anchor="end"${weight}>${one.server}</text>`);
    ['sse', 'websocket'].forEach((lane, index) => {
      const value = one[lane]?.[figure];
      if (!value) return;
      const top = y + 3 + index * 14;
      parts.push(
        `<rect x="${NAMES}" y="${top}" width="${(WIDTH * x(value)).toFixed(1)}" height="12" fill="${COLOURS[lane]}"/>`,
        `<text x="${(NAMES + WIDTH * x(value) + 5).toFixed(1)}" y="${top + 10}" font-size="11">${value.toFixed(value < 2 ? 2 : 1)}</text>`,
      );
    });
    y += ROW;
  }
  y += 44;
}
parts.push(
  `<rect x="10" y="${y - 20}" width="12" height="12" fill="${COLOURS.sse}"/><text x="28" y="${y - 10}">SSE</text>`,
  `<rect x="80" y="${y - 20}" width="12" height="12" fill="${COLOURS.websocket}"/><text x="98" y="${y - 10}">WebSocket</text>`,
  `<text x="190" y="${y - 10}" fill="#555">wirelab: wirelab bench. The others: measured elsewhere, see the text.</text>`,
);
process.stdout.write(
  `<svg xmlns="http://www.w3.org/2000/svg" viewBox="0 0 760 ${y}" font-family="system-ui, sans-serif" font-size="13" role="img" ` +
    `aria-label="Memory and CPU of a connection, wirelab beside others">\n<rect width="760" height="${y}" fill="#fff"/>\n${parts.join('\n')}\n</svg>\n`,
);
