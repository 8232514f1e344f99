/** The code that runs the page: the real module, fetched as text and shown. */

import { make } from './dom.js';

/** Fills every `<details class="code" data-file="/lib/…">` when it is first opened. */
export function mountCode() {
  for (const details of /** @type {NodeListOf<HTMLDetailsElement>} */ (document.querySelectorAll('details.code'))) {
    const file = details.dataset.file ?? '';
    const pre = make('pre', { tabindex: '0', role: 'region', 'aria-label': `source of ${file}` }, 'reading the file …');
    const copy = make('button', { type: 'button', class: 'quiet' }, 'Copy');
    details.append(copy, pre);
    const fill = once(async () => {
      const source = await fetch(file).then(
        (response) => (response.ok ? response.text() : `// The server answered ${response.status} for ${file}.`),
        () => `// The server cannot be reached: reload the page to read ${file}.`,
      );
      pre.replaceChildren(make('code', {}, ...colour(source)));
      copy.addEventListener('click', () => copyText(copy, source));
    });
    details.addEventListener('toggle', fill);
    if (details.open) fill();
  }
}

/**
 * Copies, and says so on the button.
 *
 * @param {HTMLElement} button
 * @param {string} text
 */
async function copyText(button, text) {
  button.ariaLive = 'polite';
  const label = button.textContent;
  try {
    await navigator.clipboard.writeText(text);
    button.textContent = 'Copied';
  } catch {
    button.textContent = 'The browser refuses: select and copy by hand';
  }
  setTimeout(() => (button.textContent = label), 2000);
}

/** Comments, strings and the words of the language: all that a reader's eye needs. */
const TOKEN =
  /(?<comment>\/\/.*|\/\*[\s\S]*?\*\/)|(?<string>'(?:[^'\\\n]|\\.)*'|`(?:[^`\\]|\\.)*`)|(?<word>\b(?:import|from|export|const|let|class|new|return|if|else|for|of|async|await|function|this|switch|case|throw|try|catch|default|while|get|static)\b)/g;

/**
 * Source text as nodes, its tokens in `<span class="comment|string|word">`.
 *
 * @param {string} source
 * @returns {(Node | string)[]}
 */
function colour(source) {
  const out = [];
  let done = 0;
  for (const match of source.matchAll(TOKEN)) {
    const [name] = Object.entries(match.groups ?? {}).find(([, text]) => text !== undefined) ?? ['word'];
    out.push(source.slice(done, match.index), make('span', { class: name }, match[0]));
    done = match.index + match[0].length;
  }
  return [...out, source.slice(done)];
}

/** @param {() => void} action */
function once(action) {
  let done = false;
  return () => {
    if (done) return;
    done = true;
    action();
  };
}

/** A button that copies what `text` says when it is pressed. @param {HTMLElement} button @param {() => string} text */
export function mountCopy(button, text) {
  button.addEventListener('click', () => copyText(button, text()));
}
