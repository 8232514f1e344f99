/** The vectors of `testdata/`, which `cargo test` runs too: one definition, two programs. */

import assert from 'node:assert/strict';
import { readFileSync, readdirSync } from 'node:fs';

/**
 * Every vector of one folder, by name.
 * @param {string} folder
 * @returns {[string, any][]}
 */
export function vectors(folder) {
  const at = new URL(`../../testdata/${folder}/`, import.meta.url);
  const names = readdirSync(at).filter((name) => name.endsWith('.json'));
  assert.ok(names.length > 10, `${at} is where the vectors are`);
  return names.sort().map((name) => [name, JSON.parse(readFileSync(new URL(name, at), 'utf8'))]);
}

/**
 * Counts and times are the same to the last digit, percentiles (`p…_us`) to the histogram's 0.1 % and 1 µs, and
 * numbers with a fraction to what a double holds.
 * @param {any} got
 * @param {any} expect
 * @param {string} path
 */
export function same(got, expect, path) {
  if (typeof expect === 'number' && typeof got === 'number') {
    const percentile = /p[0-9_]+_us$/.test(path);
    const tolerance = percentile ? expect / 1000 + 1 : Math.abs(expect) * 1e-12;
    assert.ok(Math.abs(got - expect) <= tolerance, `${path}: ${got}, expected ${expect}`);
  } else if (expect && typeof expect === 'object' && got && typeof got === 'object') {
    assert.deepEqual(Object.keys(got).sort(), Object.keys(expect).sort(), path);
    for (const key of Object.keys(expect)) same(got[key], expect[key], `${path} ${key}`);
  } else {
    assert.equal(got, expect, path);
  }
}
