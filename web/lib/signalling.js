/**
 * Signalling: how two peers find each other before there is anything between them. A WebSocket to the hub carries their
 * session descriptions and candidates (DESIGN section 4); what they say to each other then goes without it, and goes on
 * when it is lost.
 *
 * One socket is one peer of one room. It does not come back by itself: a peer that comes back is another one.
 */

import { socketUrl } from './transport/websocket.js';

/** @typedef {{ id: string, polite: boolean }} Other another peer of the room; `polite`: *we* give way when both offer */
/** @typedef {{ type: 'offer' | 'answer', sdp: string } | { type: 'candidate', candidate: RTCIceCandidateInit | null }} Signal */
/** @typedef {{ you: string, room: string, peers: Other[], ice_servers: RTCIceServer[] }} Welcome */
/** @typedef {{ code: string, message: string, to?: string }} Refusal */

/**
 * @typedef {object} SignallingHandlers
 * @property {(welcome: Welcome) => void} welcome
 * @property {(from: string, signal: Signal) => void} signal in the order in which the other peer sent them
 * @property {(refusal: Refusal) => void} refused
 * @property {(why: string) => void} lost the socket ended, and not by {@link Signalling.close}
 * @property {(other: Other) => void} [joined]
 * @property {(id: string) => void} [left]
 */

/** The peer that every room has: the server's own. */
export const SERVER = 'server';

export class Signalling {
  /** @type {WebSocket | undefined} */
  #socket;

  /**
   * @param {string} room 1–64 letters, digits, `-` and `_`
   * @param {SignallingHandlers} on
   * @param {string} [base] the origin whose hub is asked, else the page's own
   */
  constructor(room, on, base) {
    this.room = room;
    this.on = on;
    this.base = base;
  }

  open() {
    const socket = new WebSocket(socketUrl('/signal', this.base));
    this.#socket = socket;
    socket.onopen = () => this.#say({ type: 'join', room: this.room });
    socket.onclose = ({ code, reason }) => {
      this.#socket = undefined;
      this.on.lost(`${code === 1006 ? 'no answer, or cut' : `closed ${code}`} ${reason}`.trim());
    };
    socket.onmessage = ({ data }) => this.#heard(data);
  }

  /** Leaves the room. What is open between peers stays open. */
  close() {
    const socket = this.#socket;
    this.#socket = undefined;
    if (!socket) return;
    socket.onclose = socket.onmessage = null;
    // A browser complains of a socket that is closed before it is open.
    if (socket.readyState === WebSocket.CONNECTING) socket.onopen = () => socket.close(1000);
    else socket.close(1000);
  }

  /**
   * @param {string} to
   * @param {Signal} signal
   */
  send(to, signal) {
    const { type, ...rest } = signal;
    this.#say({ type, to, ...rest });
  }

  /** @param {Record<string, unknown>} words */
  #say(words) {
    if (this.#socket?.readyState === WebSocket.OPEN) this.#socket.send(JSON.stringify(words));
  }

  /** A newer hub may say more than this page knows: that is passed over. @param {string} text */
  #heard(text) {
    const words = JSON.parse(text);
    switch (words.type) {
      case 'welcome':
        return this.on.welcome(words);
      case 'peer-joined':
        return this.on.joined?.({ id: words.id, polite: words.polite });
      case 'peer-left':
        return this.on.left?.(words.id);
      case 'offer':
      case 'answer':
        return this.on.signal(words.from, { type: words.type, sdp: words.sdp });
      case 'candidate':
        return this.on.signal(words.from, { type: 'candidate', candidate: words.candidate });
      case 'refused':
        return this.on.refused(words);
    }
  }
}
