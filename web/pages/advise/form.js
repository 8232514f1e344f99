/** The questions as a form, made from what the server asks. It keeps no answers: they are given to it and read from it. */

import { make, need } from '../../lib/dom.js';
import { PRESET, isSame, written } from './answers.js';

/** @typedef {import('../../lib/api.js').Asked} Asked */
/** @typedef {import('../../lib/api.js').Question} Question */
/** @typedef {import('../../lib/api.js').Answer} Answer */
/** @typedef {import('./answers.js').State} State */

/** What stands behind a number. */
const UNITS = { ms: 'ms', hz: 'a second', bytes: 'bytes', count: '' };

export class Form {
  #form = /** @type {HTMLFormElement} */ (need('form.needs'));
  #asked;

  /**
   * @param {Asked} asked
   * @param {(change: { preset: string | null } | { key: string, answer: Answer }) => void} changed
   */
  constructor(asked, changed) {
    this.#asked = asked;
    const axes = Map.groupBy(asked.questions, ({ axis }) => axis);
    const groups = [...axes].map(([axis, questions]) =>
      make('fieldset', {}, make('legend', {}, axis), ...questions.map(field)),
    );
    this.#form.replaceChildren(built(asked), ...groups);
    this.#form.addEventListener('submit', (event) => event.preventDefault());
    this.#form.addEventListener('input', ({ target }) => {
      const { name } = /** @type {HTMLInputElement | HTMLSelectElement} */ (target);
      if (name === PRESET) return changed({ preset: /** @type {HTMLSelectElement} */ (target).value || null });
      const question = asked.questions.find(({ key }) => key === name);
      if (question) changed({ key: name, answer: this.#read(question) });
    });
  }

  /** Shows what is answered, and marks what is not as usual. The field that is being typed in stays as it is. @param {State} state */
  show({ preset, answers }) {
    need('select[name="preset"]', this.#form).toggleAttribute('data-set', preset !== null);
    /** @type {HTMLSelectElement} */ (need('select[name="preset"]', this.#form)).value = preset ?? '';
    for (const question of this.#asked.questions) {
      const answer = answers[question.key];
      for (const control of this.#controls(question.key)) {
        if (control === document.activeElement && control.type === 'number') continue;
        if (control.type === 'checkbox') {
          const word = control.value;
          /** @type {HTMLInputElement} */ (control).checked = question.many ? Array.isArray(answer) && answer.includes(word) : answer === true;
        } else {
          control.value = written(answer);
        }
      }
      const isUsual = isSame(answer, this.#asked.usual[question.key]);
      need(`[data-question="${question.key}"]`, this.#form).toggleAttribute('data-set', !isUsual);
    }
  }

  /** Marks the answers that were refused. @param {readonly string[]} keys */
  refuse(keys) {
    for (const { key } of this.#asked.questions) {
      for (const control of this.#controls(key)) control.setAttribute('aria-invalid', String(keys.includes(key)));
    }
  }

  /** @param {Question} question @returns {Answer} */
  #read({ key, many, answers, unit }) {
    const [control, ...rest] = this.#controls(key);
    if (many) return [control, ...rest].filter((box) => /** @type {HTMLInputElement} */ (box).checked).map(({ value }) => value);
    if (answers.length > 0) return control.value;
    if (!unit) return /** @type {HTMLInputElement} */ (control).checked;
    if (control.value === '') return unit === 'hz' ? null : '';
    return Number(control.value);
  }

  /** @param {string} key @returns {(HTMLInputElement | HTMLSelectElement)[]} */
  #controls(key) {
    return [...this.#form.querySelectorAll(`[name="${key}"]`)].map((control) => /** @type {HTMLInputElement} */ (control));
  }
}

/** @param {Asked} asked */
function built({ presets }) {
  const none = make('option', { value: '' }, 'something else');
  const options = presets.map(({ id, title }) => make('option', { value: id }, title));
  return make('label', { class: 'built' }, make('span', {}, 'What is built'), make('select', { name: PRESET }, none, ...options));
}

/** @param {Question} question */
function field({ key, title, answers, many, unit, least, most }) {
  const named = { class: 'question', 'data-question': key };
  if (many) {
    const boxes = answers.map(([word, label]) =>
      make('label', {}, make('input', { type: 'checkbox', name: key, value: word }), label),
    );
    return make('div', { ...named, role: 'group', 'aria-label': title }, make('span', {}, title), ...boxes);
  }
  if (answers.length > 0) {
    const options = answers.map(([word, label]) => make('option', { value: word }, label));
    return make('label', named, make('span', {}, title), make('select', { name: key }, ...options));
  }
  if (!unit) return make('label', named, make('input', { type: 'checkbox', name: key, value: 'true' }), make('span', { class: 'grow' }, title));
  const number = make('input', {
    type: 'number',
    name: key,
    min: String(least),
    max: String(most),
    step: unit === 'hz' ? 'any' : '1',
    ...(unit === 'hz' ? { placeholder: 'follows' } : { required: '' }),
  });
  return make('label', named, make('span', {}, title), number, UNITS[unit]);
}
