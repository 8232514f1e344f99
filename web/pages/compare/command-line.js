/**
 * The command that repeats a run from a terminal, where no browser is in the way: over the same link, each lane with one
 * of its own, or over the same real path. Pure.
 */

import { duration } from '../../lib/format.js';
import { figuresOf, lossWords, rateText, sameShape, shareOf, timeOf, timeText } from '../../lib/shape.js';

/** @typedef {import('../../lib/shape.js').Profile} Profile */
/** @typedef {import('../../lib/shape.js').Shape} Shape */
/** @typedef {import('../../lib/link.js').Named} Named */

/**
 * @typedef {object} Repeated
 * @property {import('./run.js').RunOrder} order
 * @property {number} measured_ms
 * @property {string} origin of the page: the target of a direct run
 * @property {Profile} [profile] the link's, where the lanes went through it
 * @property {readonly Named[]} profiles
 * @property {number} [seed]
 * @property {string} [congestion]
 */

/** What the command line takes, s. */
const LEAST_S = 1;
const MOST_S = 600;

/** @param {Repeated} run @returns {string} lines for a shell; what no flag says is a comment above */
export function commandLine({ order: { lanes, hz, bytes, for_ms, path }, measured_ms, origin, profile, profiles, seed = 1, congestion }) {
  const seconds = Math.min(MOST_S, Math.max(LEAST_S, Math.round((for_ms ?? measured_ms) / 1000)));
  const { flags, unsaid } =
    path === 'link' && profile
      ? linkFlags(profile, profiles)
      : { flags: [['--target', origin]], unsaid: [] };
  const own = path === 'link' ? [['--seed', String(seed)], ...(congestion && congestion !== 'cubic' ? [['--congestion', congestion]] : [])] : [];
  const feed = [['--lanes', lanes.join(',')], ['--hz', String(hz)], ['--size', String(bytes)]];
  const length = [['--duration', `${seconds}s`], ['--repeat', '1']];
  const words = ['wirelab', 'compare', ...[...flags, ...own, ...feed, ...length].flat()];
  return [...unsaid.map((what) => `# no flag says: ${what}`), words.map(quoted).join(' ')].join('\n');
}

/**
 * The flags that make a link, from the profile that leaves the least unsaid, and of those the one with the fewest flags.
 *
 * @param {Profile} profile
 * @param {readonly Named[]} profiles
 */
export function linkFlags(profile, profiles) {
  const ways = [...profiles, undefined].map((base) => difference(profile, base));
  return ways.reduce((best, way) =>
    way.unsaid.length < best.unsaid.length || (way.unsaid.length === best.unsaid.length && way.flags.length < best.flags.length) ? way : best,
  );
}

/** The command line's flags set both directions alike. @param {Profile} profile @param {Named} [base] */
function difference(profile, base) {
  /** @type {string[][]} */
  const flags = base ? [['--profile', base.name]] : [];
  /** @type {Set<string>} */
  const unsaid = new Set();
  const clean = { delay: '20ms', jitter: '0s', loss: '0%', queue: '100ms', duplicate: '0%', reorder: '0%' };
  const pairs = [
    { is: profile.down, was: /** @type {Shape} */ (base?.down ?? clean) },
    { is: profile.up, was: /** @type {Shape} */ (base?.up ?? clean) },
  ];
  for (const { says, flag, words } of FLAGS) {
    if (pairs.every(({ is, was }) => says(is) === says(was))) continue;
    const value = flag(profile.down);
    if (value !== null && says(profile.down) === says(profile.up)) flags.push(value);
    else for (const way of /** @type {const} */ (['down', 'up'])) unsaid.add(sameShape(profile.down, profile.up) ? words(profile[way]) : `${way}: ${words(profile[way])}`);
  }
  return { flags, unsaid: [...unsaid] };
}

/**
 * What each flag says of a shape, so that two can be compared; null: it cannot say this.
 *
 * @type {{ says: (shape: Shape) => string, flag: (shape: Shape) => string[] | null, words: (shape: Shape) => string }[]}
 */
const FLAGS = [
  {
    says: ({ delay }) => String(timeOf(delay)),
    flag: ({ delay }) => ['--rtt', timeText(2 * timeOf(delay))],
    words: ({ delay }) => `delay ${delay}`,
  },
  {
    says: ({ loss }) => (typeof loss === 'string' ? String(shareOf(loss)) : lossWords(loss)),
    flag: ({ loss }) => (typeof loss === 'string' ? ['--loss', loss] : null),
    words: ({ loss }) => lossWords(loss).replaceAll('\u00a0', ' '),
  },
  {
    says: ({ jitter }) => String(timeOf(jitter)),
    flag: ({ jitter }) => ['--jitter', timeText(timeOf(jitter))],
    words: ({ jitter }) => `jitter ${jitter}`,
  },
  {
    says: (shape) => String(figuresOf(shape).rate_bps),
    flag: ({ rate }) => (rate === undefined ? null : ['--rate', rate]),
    words: (shape) => (shape.rate === undefined ? 'no limit of the rate' : `rate ${rateText(figuresOf(shape).rate_bps)}`),
  },
  { says: ({ queue }) => String(timeOf(queue)), flag: () => null, words: ({ queue }) => `queue ${queue}` },
  { says: ({ duplicate }) => String(shareOf(duplicate)), flag: () => null, words: ({ duplicate }) => `${duplicate} doubled` },
  { says: ({ reorder }) => String(shareOf(reorder)), flag: () => null, words: ({ reorder }) => `${reorder} overtaking` },
];

/** A word for a POSIX shell. @param {string} word */
export function quoted(word) {
  return /^[\w@%+=:,./-]+$/.test(word) ? word : `'${word.replaceAll("'", `'\\''`)}'`;
}

/** What is changed during a run no command line repeats. @param {readonly { words: string, at_ms: number }[]} changes @param {number} opened_ms */
export function changeComments(changes, opened_ms) {
  return changes.map(({ words, at_ms }) => `# ${duration(at_ms - opened_ms)} into the run the link was changed to ${words}`.replaceAll('\u00a0', ' '));
}

/** What repeats a run of this page. @param {import('./run.js').Run} run @param {import('../../lib/link.js').LinkState} [link] */
export function repeat({ order, measured_ms, course, opened_ms }, link) {
  const command = commandLine({
    order,
    measured_ms,
    origin: location.origin,
    profile: course.began,
    profiles: link?.profiles ?? [],
    seed: link?.seed,
    congestion: link?.congestion,
  });
  return [...(order.path === 'link' ? changeComments(course.changes, opened_ms) : []), command].join('\n');
}
