/** An id that nobody else has, for rooms and requests: 128 random bits as 32 hex digits. */

/** `crypto.randomUUID` exists only where the page is served securely; this does everywhere. */
export function randomId() {
  const parts = crypto.getRandomValues(new Uint32Array(4));
  return [...parts].map((part) => part.toString(16).padStart(8, '0')).join('');
}
