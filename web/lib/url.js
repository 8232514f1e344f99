/** What one sees lives in the URL, so that it can be sent to somebody. Nothing is stored elsewhere. */

/**
 * A parameter of the page's address.
 *
 * @param {string} name
 * @returns {string | null}
 */
export function parameter(name) {
  return new URL(location.href).searchParams.get(name);
}

/**
 * Writes a parameter without leaving the page and without a new entry in its history.
 *
 * @param {string} name
 * @param {string | null} value null takes it away
 */
export function setParameter(name, value) {
  const url = new URL(location.href);
  if (value === null) url.searchParams.delete(name);
  else url.searchParams.set(name, value);
  history.replaceState(null, '', url);
}

/**
 * Ties a form control to a parameter of its own name: reads it once, writes it on every change.
 *
 * @param {HTMLInputElement | HTMLSelectElement} control
 * @param {() => void} [changed] also called once at the start
 */
export function bind(control, changed = () => {}) {
  const initial = control.value;
  const given = parameter(control.name);
  if (given !== null) {
    control.value = given;
    // A select whose options lack the value is left with nothing chosen.
    if (control.value === '') control.value = initial;
  }
  control.addEventListener('input', () => {
    setParameter(control.name, control.value === initial ? null : control.value);
    changed();
  });
  changed();
}
