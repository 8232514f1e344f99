/** What the page of checks says of one family, once it has run. */

import { textOf } from './harness.js';

/** @typedef {{ verdicts: Record<string, string>, measured: Record<string, string> }} Said by what follows the family in the id */

/**
 * @param {import('./harness.js').Page} page
 * @param {string} url of the server
 * @param {'webrtc' | 'turn'} family
 * @returns {Promise<Said>}
 */
export async function check(page, url, family) {
  await page.goto(`${url}/verify.html?only=${family}`);
  await textOf(page, '#checks .say', /^Done: /);
  const lines = await page.locator(`#checks .check[data-id^="${family}."]`).evaluateAll((all) =>
    all.map((one) => {
      const words = one.querySelector('.measured')?.textContent ?? '';
      return { id: one.dataset.id ?? '', verdict: one.dataset.verdict ?? '', words: words.replaceAll('\u00a0', ' ') };
    }),
  );
  const by = (/** @type {'verdict' | 'words'} */ what) => Object.fromEntries(lines.map((line) => [line.id.replace(`${family}.`, ''), line[what]]));
  return { verdicts: by('verdict'), measured: by('words') };
}
