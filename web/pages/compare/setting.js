/**
 * A setting of the link as it stands in the page's address: a profile's name, or figures for both directions
 * (`delay=20ms&loss=2%`), or where the directions differ a shape for each. Pure.
 */

import { CLEAN, figuresOf, sameProfile, sameShape, shareOf, symmetric, timeOf, whole } from '../../lib/shape.js';

/** @typedef {import('../../lib/shape.js').Profile} Profile */
/** @typedef {import('../../lib/shape.js').Shape} Shape */
/** @typedef {import('../../lib/link.js').Named} Named */
/** @typedef {{ wish: import('../../lib/link.js').Wish, name: string | null, profile: Profile }} Setting `wish`: what the server is asked for */

/** All parameters of an address that are about the link. */
export const KEYS = ['profile', 'delay', 'jitter', 'loss', 'outages', 'mean', 'rate', 'queue', 'down', 'up'];

/**
 * What an address asks for.
 *
 * @param {URLSearchParams} query
 * @param {readonly Named[]} profiles
 * @returns {Setting | undefined} undefined where it asks for nothing
 * @throws {SettingError} what it asks for is no setting
 */
export function settingOf(query, profiles) {
  const name = query.get('profile');
  if (name !== null) {
    const named = profiles.find((profile) => profile.name === name);
    if (!named) throw new SettingError(`this server has no profile “${name}”`);
    return { wish: name, name, profile: { down: named.down, up: named.up } };
  }
  if (!KEYS.some((key) => query.has(key))) return undefined;
  const apart = query.has('down') || query.has('up');
  const profile = apart
    ? { down: shapeOf(query.get('down') ?? '{}'), up: shapeOf(query.get('up') ?? '{}') }
    : symmetric(checked(figures(query)));
  return { wish: profile, name: null, profile };
}

/** The address says something that is no setting; the message says what. */
export class SettingError extends Error {}

/**
 * What stands in the address for a setting.
 *
 * @param {{ name: string | null, profile: Profile }} setting
 * @returns {Record<string, string | null>} each of {@link KEYS}; null: not there
 */
export function queryOf({ name, profile: { down, up } }) {
  const query = /** @type {Record<string, string | null>} */ (Object.fromEntries(KEYS.map((key) => [key, null])));
  if (name !== null) return { ...query, profile: name };
  if (!sameShape(down, up) || !isPlain(down)) return { ...query, down: terse(down), up: terse(up) };
  const { delay, jitter, loss, rate, queue } = down;
  const outages = typeof loss === 'object' && 'outages' in loss ? loss : undefined;
  return {
    ...query,
    delay,
    jitter: timeOf(jitter) ? jitter : null,
    loss: typeof loss === 'string' ? loss : null,
    outages: outages?.outages ?? null,
    mean: outages?.mean ?? null,
    rate: rate ?? null,
    queue: timeOf(queue) === timeOf(CLEAN.queue) ? null : queue,
  };
}

/** The name of the profile that is exactly this, if there is one. @param {Profile} profile @param {readonly Named[]} profiles */
export function nameOf(profile, profiles) {
  return profiles.find((named) => sameProfile(named, profile))?.name ?? null;
}

/** @param {URLSearchParams} query @returns {Partial<Shape>} */
function figures(query) {
  const outages = query.get('outages');
  const loss = outages === null ? query.get('loss') : { outages, mean: query.get('mean') ?? '400ms' };
  const given = { delay: query.get('delay'), jitter: query.get('jitter'), loss, rate: query.get('rate'), queue: query.get('queue') };
  return Object.fromEntries(Object.entries(given).filter(([, value]) => value !== null));
}

/** @param {string} text */
function shapeOf(text) {
  try {
    const shape = JSON.parse(text);
    if (typeof shape === 'object' && shape !== null) return whole(checked(shape));
  } catch (error) {
    if (error instanceof SettingError) throw error;
  }
  throw new SettingError(`“${text}” is no shape of a link`);
}

/** The server judges everything; here only what the page itself has to read. @param {Partial<Shape>} shape */
function checked(shape) {
  if (Number.isNaN(timeOf(whole(shape).queue))) throw new SettingError('the address’s queue cannot be read');
  for (const [figure, value] of Object.entries(figuresOf(whole(shape)))) {
    const isMissing = figure === 'mean_ms' && !(typeof shape.loss === 'object' && 'outages' in shape.loss);
    if (Number.isNaN(value) && !isMissing) throw new SettingError(`the address’s ${figure.replace(/_[a-z]+$/, '')} cannot be read`);
  }
  return shape;
}

/** Whether its figures say all of it. @param {Shape} shape */
function isPlain({ loss, duplicate, reorder }) {
  const isBurst = typeof loss === 'object' && 'bursts' in loss;
  return !isBurst && shareOf(duplicate) === 0 && shareOf(reorder) === 0;
}

/** Without what is said by leaving it out. @param {Shape} shape */
function terse(shape) {
  const said = Object.entries(shape).filter(([key, value]) => value !== CLEAN[/** @type {'delay'} */ (key)]);
  return JSON.stringify(Object.fromEntries(said));
}
