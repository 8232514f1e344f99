/** What is to be run: lanes, messages a second, bytes. All of it stands in the address. */

import { need } from '../../lib/dom.js';
import { LANES } from '../../lib/lanes.js';
import { bind, parameter, setParameter } from '../../lib/url.js';

/** @typedef {import('../../lib/lanes.js').LaneId} LaneId */

const ALL = /** @type {LaneId[]} */ (Object.keys(LANES));

export class Order {
  /** @param {HTMLElement} form @param {{ changed: () => void, run: () => void }} on `run`: the form's button was pressed */
  constructor(form, on) {
    this.boxes = /** @type {HTMLInputElement[]} */ ([...form.querySelectorAll('[name="lane"]')]);
    this.hz = /** @type {HTMLSelectElement} */ (need('[name="hz"]', form));
    this.bytes = /** @type {HTMLSelectElement} */ (need('[name="bytes"]', form));
    const given = parameter('lanes')?.split(',') ?? ALL;
    const known = given.some((lane) => ALL.includes(/** @type {LaneId} */ (lane))) ? given : ALL;
    for (const box of this.boxes) box.checked = known.includes(box.value);
    bind(this.hz);
    bind(this.bytes);
    form.addEventListener('input', (event) => {
      if (this.boxes.includes(/** @type {HTMLInputElement} */ (event.target))) this.#lanesChanged(event);
      on.changed();
    });
    form.addEventListener('submit', (event) => {
      event.preventDefault();
      on.run();
    });
  }

  get chosen() {
    const lanes = this.boxes.flatMap(({ checked, value }) => (checked ? /** @type {LaneId} */ (value) : []));
    return { lanes, hz: Number(this.hz.value), bytes: Number(this.bytes.value) };
  }

  /** A run has at least one lane. @param {Event} event */
  #lanesChanged({ target }) {
    if (this.chosen.lanes.length === 0) /** @type {HTMLInputElement} */ (target).checked = true;
    const { lanes } = this.chosen;
    setParameter('lanes', lanes.length === ALL.length ? null : lanes.join(','));
  }
}
