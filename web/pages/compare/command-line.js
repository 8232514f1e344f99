/** The command that measures the same over the same path from a terminal, where no browser is in the way. */

/** @param {import('./run.js').Run} run */
export function commandLine({ order: { lanes, hz, bytes, for_ms }, measured_ms }) {
  const seconds = Math.max(1, Math.round((for_ms ?? measured_ms) / 1000));
  return `wirelab compare --target ${location.origin} --lanes ${lanes.join(',')} --hz ${hz} --size ${bytes} --duration ${seconds}s`;
}
