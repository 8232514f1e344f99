/** What the tests of the live link ask the server for, beside the pages. */

import { readdirSync, readFileSync } from 'node:fs';

/** @typedef {import('../../lib/link.js').LinkState} LinkState */

/** @param {string} url @returns {Promise<LinkState>} */
export async function askLink(url) {
  return (await fetch(`${url}/api/link`)).json();
}

/** Sets both directions, as somebody else would. @param {string} url @param {string | Partial<import('../../lib/shape.js').Shape>} wish a profile's name, or a shape @returns {Promise<LinkState>} */
export async function setLink(url, wish) {
  const response = await fetch(`${url}/api/link`, {
    method: 'PUT',
    headers: { 'Content-Type': 'application/json' },
    body: JSON.stringify({ profile: typeof wish === 'string' ? wish : { down: wish, up: wish } }),
  });
  if (!response.ok) throw new Error(`the link was not set: ${await response.text()}`);
  return response.json();
}

/** The processes that a process has started. @param {number | undefined} pid */
export function children(pid) {
  return readdirSync(`/proc/${pid}/task`).flatMap((thread) =>
    readFileSync(`/proc/${pid}/task/${thread}/children`, 'utf8').split(' ').filter(Boolean).map(Number),
  );
}
