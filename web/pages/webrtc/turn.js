/** TURN: the switch that allows nothing else, what its servers refused, and which path getStats says it is. */

import { setText } from '../../lib/cadence.js';
import { make, need } from '../../lib/dom.js';
import { parameter, setParameter } from '../../lib/url.js';

/** @typedef {import('../../lib/ice-error.js').IceFailure} IceFailure */

export class Turn {
  /** By URL, of the attempt of the moment. @type {Map<string, IceFailure>} */
  #failures = new Map();
  /** The failures are of an attempt that is over. */
  #isOver = false;

  /**
   * @param {import('../../lib/transport/datachannel.js').DataChannelLane} lane
   * @param {import('../../lib/timeline.js').Timeline} timeline
   * @param {() => void} switched the switch was, and the lane goes by it already
   */
  constructor(lane, timeline, switched) {
    this.lane = lane;
    this.timeline = timeline;
    this.notice = need('#setup .turn-failures');
    const relay = /** @type {HTMLInputElement} */ (need('#setup [name="relay"]'));
    lane.isRelayOnly = relay.checked = parameter('relay') === '1';
    relay.addEventListener('change', () => {
      setParameter('relay', relay.checked ? '1' : null);
      lane.isRelayOnly = relay.checked;
      this.#clear();
      lane.close(relay.checked ? 'from now on only through TURN' : 'from now on by any way');
      lane.open();
      switched();
    });
  }

  /** @param {import('../../lib/lanes.js').LaneState} state */
  state({ name }) {
    if (name === 'connecting') this.#isOver = true;
    if (name === 'open' && this.#isOver) this.#clear();
    this.#draw();
  }

  /** @param {IceFailure} failure */
  failed(failure) {
    if (this.#isOver) this.#clear();
    this.#failures.set(failure.url, failure);
    this.timeline.add('datachannel', 'ice-error', `${failure.url}: ${failure.words}`, { ...failure });
    this.#draw();
  }

  #clear() {
    this.#failures.clear();
    this.#isOver = false;
  }

  #draw() {
    this.notice.hidden = this.#failures.size === 0;
    if (this.notice.hidden) return;
    const rows = [...this.#failures.values()].map(({ url, words }) => make('li', {}, make('code', {}, url), ` gave no address: ${words}.`));
    need('ul', this.notice).replaceChildren(...rows);
    const goesOn = this.lane.isRelayOnly
      ? 'Only through TURN is ticked, so other ways are not tried: untick it to go on without.'
      : 'Ways that need no such server are tried all the same, and the connection goes on by them.';
    setText(need('p', this.notice), goesOn);
  }
}
