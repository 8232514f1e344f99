/** How the connection came to be: the steps as bars on one time line, and where it failed, in words. */

import { atTableRate, setText, speaker } from '../../lib/cadence.js';
import { make, need } from '../../lib/dom.js';
import { adviceFor } from '../../lib/failure.js';
import { duration } from '../../lib/format.js';

/** @typedef {import('../../lib/setup.js').Step} Step */

export class SetUp {
  /** @param {import('../../lib/transport/datachannel.js').DataChannelLane} lane */
  constructor(lane) {
    this.lane = lane;
    const section = need('#setup');
    this.say = speaker(need('.say', section));
    this.notice = need('.failure', section);
    need('.again', section).addEventListener('click', () => {
      lane.close('connecting again');
      lane.open();
    });
    for (const { id, what } of lane.setup.steps()) setText(need(`[data-step="${id}"] .what`), what);
    atTableRate(() => this.#draw());
  }

  /** @param {import('../../lib/lanes.js').LaneState} state */
  state({ name, why }) {
    const { failure } = this.lane;
    this.notice.hidden = name === 'open' || !failure;
    if (failure && !this.notice.hidden) {
      const { what, tries } = adviceFor(failure);
      need('.what', this.notice).textContent = what;
      need('.try-this', this.notice).replaceChildren(...tries.map((text) => make('li', {}, text)));
    }
    if (name !== 'open') this.say(`${name}: ${why}`);
  }

  #draw() {
    const steps = this.lane.setup.steps();
    const whole_ms = Math.max(...steps.map(({ to_ms }) => to_ms ?? 0)) || 1;
    for (const step of steps) drawStep(step, whole_ms);
    if (this.lane.state.name === 'open') this.say(words(steps));
  }
}

/** @param {Step} step @param {number} whole_ms */
function drawStep({ id, from_ms, to_ms, isHidden }, whole_ms) {
  const row = need(`[data-step="${id}"]`);
  const [from, took] = row.querySelectorAll('td');
  const bar = need('.bar i', row);
  setText(from, to_ms === null ? '–' : duration(from_ms));
  setText(took, to_ms !== null ? duration(to_ms - from_ms) : isHidden ? 'not told apart' : '–');
  bar.hidden = to_ms === null;
  bar.style.left = `min(${(100 * from_ms) / whole_ms}%, 100% - 2px)`; // the shortest bar is 2 px wide
  bar.style.width = `${(100 * ((to_ms ?? from_ms) - from_ms)) / whole_ms}%`;
}

/** @param {Step[]} steps */
function words(steps) {
  const opened_ms = steps.find(({ id }) => id === 'open')?.to_ms;
  if (!opened_ms) return 'open';
  const took = (/** @type {Step} */ { from_ms, to_ms }) => (to_ms ?? from_ms) - from_ms;
  const longest = steps.filter(({ id }) => id !== 'gather').reduce((a, b) => (took(b) > took(a) ? b : a));
  return `Open after ${duration(opened_ms)}; the longest step was ${longest.label}, ${duration(took(longest))}.`;
}
