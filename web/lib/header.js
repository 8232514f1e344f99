/** The header that all pages share: a pill per lane that tells the truth, and the switch between light and dark. */

import { atTableRate, setText } from './cadence.js';
import { need } from './dom.js';
import { seconds } from './format.js';
import { setParameter } from './url.js';

/** @typedef {import('./lanes.js').LaneState} LaneState */

/** How long an open lane may be quiet before its pill says so, ms. Every page listens to at least one message a second. */
const SILENT_MS = 2500;

/** Starts the switch. The pills are started one by one by {@link lanePill}. */
export function mountHeader() {
  labelCells();
  const button = need('button.scheme');
  const system = matchMedia('(prefers-color-scheme: dark)');
  const root = document.documentElement;
  const isDark = () => (root.dataset.scheme ?? (system.matches ? 'dark' : 'light')) === 'dark';
  const show = () => {
    setText(button, isDark() ? 'Light' : 'Dark');
    carryScheme(root.dataset.scheme ?? null);
    document.dispatchEvent(new Event('wirelab:scheme'));
  };
  button.addEventListener('click', () => {
    const other = isDark() ? 'light' : 'dark';
    root.dataset.scheme = other;
    setParameter('scheme', other);
    show();
  });
  system.addEventListener('change', show);
  show();
}

/** On a narrow screen a row of figures is a block, and each cell says by itself what it is (style.css). */
function labelCells() {
  for (const table of document.querySelectorAll('table.figures')) {
    const labels = [...table.querySelectorAll('thead th')].map((head) => head.textContent ?? '');
    for (const row of table.querySelectorAll('tbody tr')) {
      [...row.children].forEach((cell, i) => cell.setAttribute('data-label', labels[i]));
    }
  }
}

/** Links between the pages keep the choice. @param {string | null} scheme */
function carryScheme(scheme) {
  for (const link of document.querySelectorAll('a[href^="/"]')) {
    const url = new URL(/** @type {HTMLAnchorElement} */ (link).href);
    if (scheme === null) url.searchParams.delete('scheme');
    else url.searchParams.set('scheme', scheme);
    link.setAttribute('href', url.pathname + url.search + url.hash);
  }
}

/**
 * The pill of one lane: `state` when the lane's state changes, `heard` on every arrival.
 *
 * @param {'sse' | 'websocket' | 'datachannel'} lane
 */
export function lanePill(lane) {
  const pill = need(`.pill[data-lane="${lane}"]`);
  const text = need('.state', pill);
  /** @type {LaneState} */
  let state = { name: 'idle', why: '', cause: '', at_ms: 0 };
  let heard_ms = 0;
  atTableRate(() => {
    const quiet_ms = performance.now() - Math.max(heard_ms, state.at_ms);
    const silent = state.name === 'open' && quiet_ms > SILENT_MS;
    pill.dataset.state = silent ? 'silent' : state.name;
    pill.title = state.why;
    setText(text, silent ? `silent ${seconds(quiet_ms)}` : stateWords(state));
  });
  return {
    /** @param {LaneState} next */
    state(next) {
      state = next;
    },
    heard() {
      heard_ms = performance.now();
    },
  };
}

/**
 * A lane's state in a few words.
 *
 * @param {LaneState} state
 */
function stateWords(state) {
  switch (state.name) {
    case 'idle':
      return 'not opened';
    case 'connecting':
      return state.cause ? `${state.cause}, connecting` : 'connecting';
    case 'open':
      return 'open';
    case 'waiting':
      return `${state.cause}, again ${seconds(state.at_ms + (state.wait_ms ?? 0) - performance.now())}`;
    case 'closed':
      return `closed: ${state.why}`;
  }
}
