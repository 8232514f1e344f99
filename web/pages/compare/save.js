/** Hands something to the visitor as a file. */

import { make } from '../../lib/dom.js';

/** @param {Blob} blob @param {string} name */
export function save(blob, name) {
  const url = URL.createObjectURL(blob);
  make('a', { href: url, download: name }).click();
  setTimeout(() => URL.revokeObjectURL(url), 1000); // the download has begun by then
}
