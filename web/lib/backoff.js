/** How long to wait before the next attempt to connect. */

/** The first wait, ms: long enough for a restart of the server on one machine. */
const FIRST_MS = 500;
/** The longest wait, ms. */
const LONGEST_MS = 15_000;

/**
 * Doubles with each attempt and is spread over the upper half of the span, so that ten thousand clients
 * that lost the same server do not come back in the same instant.
 *
 * @param {number} attempt 0 for the first attempt after a loss
 * @param {number} asked_ms what the server asked for by `drain`, else 0; never undercut
 * @param {number} random in [0, 1)
 * @returns {number} ms
 */
export function backoff_ms(attempt, asked_ms, random) {
  const span_ms = Math.min(LONGEST_MS, FIRST_MS * 2 ** Math.min(attempt, 16));
  return Math.round(asked_ms + span_ms / 2 + (span_ms / 2) * random);
}
