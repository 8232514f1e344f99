/** The pictures in docs/screenshots, where `WIRELAB_SCREENSHOTS=1` asks for them. */

import { mkdirSync } from 'node:fs';
import { fileURLToPath } from 'node:url';

const FOLDER = new URL('../../../docs/screenshots/', import.meta.url);

export const isShooting = process.env.WIRELAB_SCREENSHOTS === '1';
export const SCHEMES = ['light', 'dark'];
/** CSS pixels. */
export const WIDTHS = [360, 1280];

/** @param {import('playwright-core').Page} page @param {string} name */
export async function shoot(page, name) {
  mkdirSync(FOLDER, { recursive: true });
  await page.screenshot({ path: fileURLToPath(new URL(`${name}.jpg`, FOLDER)), type: 'jpeg', quality: 65 });
}

/** @param {string} path @param {string} scheme */
export function inScheme(path, scheme) {
  return `${path}${path.includes('?') ? '&' : '?'}scheme=${scheme}`;
}
