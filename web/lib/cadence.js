/** When things are redrawn: words once a second, tables at 4 Hz, plots with the screen. Collection runs at full rate. */

const TABLE_MS = 250;
const WORDS_MS = 1000;

/** Whether the visitor asked for less motion; read anew each time, since it may change. */
export function calm() {
  return matchMedia('(prefers-reduced-motion: reduce)').matches;
}

/**
 * Runs `draw` four times a second while the page is seen.
 *
 * @param {() => void} draw
 */
export function atTableRate(draw) {
  draw();
  setInterval(() => document.hidden || draw(), TABLE_MS);
}

/**
 * Runs `draw` with the screen, or once a second where less motion is asked for. A hidden page gets no frames.
 *
 * @param {() => void} draw
 */
export function atScreenRate(draw) {
  let last_ms = 0;
  const frame = (/** @type {number} */ now_ms) => {
    if (!calm() || now_ms - last_ms >= WORDS_MS) {
      last_ms = now_ms;
      draw();
    }
    requestAnimationFrame(frame);
  };
  requestAnimationFrame(frame);
}

/**
 * Makes `say(text)` for an `<output aria-live="polite">`: at most one change a second, the newest text wins.
 *
 * @param {HTMLElement} output
 */
export function speaker(output) {
  let said_ms = -Infinity;
  /** @type {ReturnType<typeof setTimeout> | undefined} */
  let timer;
  return (/** @type {string} */ text) => {
    clearTimeout(timer);
    const wait_ms = said_ms + WORDS_MS - performance.now();
    const say = () => {
      if (output.textContent === text) return;
      said_ms = performance.now();
      output.textContent = text;
    };
    if (wait_ms <= 0) say();
    else timer = setTimeout(say, wait_ms);
  };
}

/** Sets text only where it differs, so that nothing is laid out anew for nothing. @param {Element} element @param {string} text */
export function setText(element, text) {
  if (element.textContent !== text) element.textContent = text;
}
