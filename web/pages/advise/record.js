/**
 * The advice as a decision record in Markdown, to paste into a pull request. Pure.
 *
 * `wirelab advise --output markdown` writes the same: crates/cli/src/advise/record.rs. testdata/record holds both to one text.
 */

/** @typedef {import('../../lib/api.js').Advice} Advice */
/** @typedef {import('../../lib/api.js').Standing} Standing */

/** @param {Advice} advice */
export function record(advice) {
  const { answers, flips, notes, ranked, cited, outcome_words } = advice;
  const out = [
    `# Transport: ${escaped(outcome_words)}\n`,
    section('What is needed', [...answers.filter(({ is_usual }) => !is_usual).map(({ text }) => text), 'all else as usual']),
    section('Decision', decision(advice)),
    section('Why', ranked.flatMap(reasons)),
    section('Ruled out', ranked.filter(({ ruled_out }) => ruled_out.length > 0).map(ruledOut)),
    section('What would change our mind', flips.map(({ change, instead_of, then_words }) => `${change}, instead of ${instead_of}: ${then_words}`)),
    table(advice),
    section('What else to know', notes),
    costs(advice),
    section('Evidence', cited.map(({ report, says, instead_of }) => `${report}: ${says}${instead_of ? `, instead of ${instead_of}` : ''}`)),
  ];
  return out.join('');
}

/** @param {Advice} advice */
function decision({ outcome, outcome_words, together }) {
  const taken = outcome.kind === 'clear' ? `${outcome_words}.` : `To be made: ${outcome_words}.`;
  return [taken, ...together.map(({ says, because }) => `${says} ${because}`)];
}

/** @param {Standing} standing */
function reasons({ label, points, ruled_out, preferences, lateness }) {
  if (ruled_out.length > 0) return [];
  const head = `${label}, points: ${points}; 99 of 100 messages within ${lateness.p99_ms.toFixed(0)} ms (${lateness.source})`;
  return [head, ...preferences.map(({ points, because }) => `  ${signed(points)} ${because}`)];
}

/** @param {Standing} standing */
function ruledOut({ label, ruled_out }) {
  return `${label}: ${ruled_out.map(({ because }) => because).join(' ')}`;
}

/** A list under a heading; nothing where there is nothing to list. A line that begins with spaces is below the one before. @param {string} title @param {readonly string[]} lines */
function section(title, lines) {
  if (lines.length === 0) return '';
  const items = lines.map((line) => `${' '.repeat(line.length - line.trimStart().length)}* ${escaped(line.trimStart())}\n`);
  return `\n## ${title}\n\n${items.join('')}`;
}

/** @param {Advice} advice */
function table({ settings }) {
  if (settings.length === 0) return '';
  const rows = settings.map(({ transport, name, value, flag, because }) => {
    const ours = flag ? ` (\`wirelab ${flag}\`)` : '';
    return `| ${transport}, ${cell(name)} | ${cell(value)}${ours} | ${cell(because)} |\n`;
  });
  return `\n## Values\n\n| | value | why |\n|---|---|---|\n${rows.join('')}`;
}

/** @param {Advice} advice */
function costs(advice) {
  const rows = costsOfInterest(advice).map(
    ({ server, transport, memory_mib, cores, source }) =>
      `| ${cell(server)} | ${transport} | ${memory_mib?.toFixed(0) ?? '–'} | ${cores?.toFixed(2) ?? '–'} | ${cell(source)} |\n`,
  );
  return (
    `\n## What it costs\n\n${advice.needs.connections} connections to one server, ${advice.server_rate_hz} messages a second to each.\n\n` +
    `| server | carrying | MiB idle | cores for sending | source |\n|---|---|--:|--:|---|\n${rows.join('')}`
  );
}

/** Figures of transports that can be. @param {Advice} advice */
export function costsOfInterest({ costs, ranked }) {
  return costs.filter(({ transport }) => ranked.some((standing) => standing.transport === transport && standing.ruled_out.length === 0));
}

/** `+3`, `-1`. @param {number} points */
export function signed(points) {
  return points < 0 ? String(points) : `+${points}`;
}

/** What came from outside (names of reports, what they say) is text and no Markdown. @param {string} text */
function escaped(text) {
  return text.replace(/[\\`*_<>[\]#]/g, '\\$&').replace(/[\r\n]/g, ' ');
}

/** @param {string} text */
function cell(text) {
  return escaped(text).replaceAll('|', '\\|');
}
