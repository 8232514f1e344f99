/** TURN: the switch that allows nothing else, and which of its servers work. Which way packets go says the selected pair. */

import { setText } from '../../lib/cadence.js';
import { make, need } from '../../lib/dom.js';
import { IceProbe } from '../../lib/ice-probe.js';
import { selectedPair } from '../../lib/selected-pair.js';
import { parameter, setParameter } from '../../lib/url.js';

/** @typedef {import('../../lib/ice-probe.js').IceNews} IceNews */

export class Turn {
  /** The newest of each server, by URL. @type {Map<string, IceNews>} */
  #news = new Map();
  /** @type {RTCIceServer[]} */
  #ice_servers = [];
  /** The one that asks. @type {IceProbe | undefined} */
  #probe;

  /**
   * @param {import('../../lib/transport/datachannel.js').DataChannelLane} lane
   * @param {import('../../lib/timeline.js').Timeline} timeline
   * @param {() => void} switched the switch was, and the lane goes by it already
   */
  constructor(lane, timeline, switched) {
    this.lane = lane;
    this.timeline = timeline;
    this.notice = need('#setup .turn-servers');
    const relay = /** @type {HTMLInputElement} */ (need('#setup [name="relay"]'));
    lane.isRelayOnly = relay.checked = parameter('relay') === '1';
    relay.addEventListener('change', () => {
      setParameter('relay', relay.checked ? '1' : null);
      lane.isRelayOnly = relay.checked;
      lane.close(relay.checked ? 'from now on only through TURN' : 'from now on by any way');
      lane.open();
      this.#draw();
      switched();
    });
  }

  /** Asks each server for an address. @param {RTCIceServer[]} ice_servers with credentials that hold */
  probe(ice_servers) {
    this.#ice_servers = ice_servers;
    this.#probe?.end();
    this.#probe = new IceProbe(ice_servers, (news) => this.#heard(news));
    this.#probe.start();
  }

  /** The credentials of the lane's connection are about to end. If it is relayed, a new one takes over before its path ends. */
  async renew() {
    const connection = this.lane.peer?.connection;
    if (!connection || (await selectedPair(connection)).local?.candidateType !== 'relay') return;
    if (connection !== this.lane.peer?.connection) return;
    this.lane.close('new TURN credentials: a new connection, since the server’s peer restarts none');
    this.lane.open();
  }

  /** @param {import('../../lib/lanes.js').LaneState} state */
  state({ name }) {
    if (name === 'waiting' && this.lane.failure === 'relay' && this.#ice_servers.length) this.probe(this.#ice_servers);
  }

  /** @param {IceNews} news */
  #heard(news) {
    const { url, words } = news;
    const isNew = this.#news.get(url)?.words !== words;
    this.#news.set(url, news);
    if (isNew) this.timeline.add('datachannel', words ? 'turn-failed' : 'turn', `${url} ${outcome(news)}`, { ...news });
    this.#draw();
  }

  #draw() {
    const all = [...this.#news.values()];
    this.notice.hidden = all.length === 0;
    need('ul', this.notice).replaceChildren(...all.map((news) => make('li', {}, make('code', {}, news.url), ` ${outcome(news)}`)));
    const goesOn = this.lane.isRelayOnly
      ? 'Only through TURN is ticked, so other ways are not tried: untick it to go on without.'
      : 'The connection goes on by ways that need no such server, where there are any.';
    setText(need('p', this.notice), all.some(({ words }) => words) ? goesOn : '');
  }
}

/** @param {IceNews} news */
function outcome({ words }) {
  return words ? `gave no address: ${words}` : 'gave an address: it works';
}
