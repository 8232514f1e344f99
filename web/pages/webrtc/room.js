/**
 * Browser to browser: everybody in the room connects to everybody else, over the same two channels as to the server.
 * Chat goes over control, echoes that measure the round trip over state. The hub is needed to meet, not to stay.
 */

import { backoff_ms } from '../../lib/backoff.js';
import { atTableRate, setText, speaker } from '../../lib/cadence.js';
import { mountCopy } from '../../lib/code.js';
import { make, need } from '../../lib/dom.js';
import { counted } from '../../lib/format.js';
import { randomId } from '../../lib/random-id.js';
import { SERVER, Signalling } from '../../lib/signalling.js';
import { parameter, setParameter } from '../../lib/url.js';
import { Visitor } from './visitor.js';

/** What a room in the address may look like. */
const ROOM = /^[A-Za-z0-9_-]{1,64}$/;
/** Lines kept on the page. */
const LINES = 200;

export class Room {
  /** @type {Map<string, Visitor>} */
  #visitors = new Map();
  /** Who the hub says is there. @type {Set<string>} */
  #present = new Set();
  /** @type {RTCIceServer[]} */
  #ice_servers = [];
  #you = '';
  #hub = 'joining the room …';
  #attempt = 0;
  #isJoined = false;

  /**
   * @param {import('../../lib/timeline.js').Timeline} timeline
   * @param {{ isRelayOnly: boolean }} ways asked anew for every browser that is met
   */
  constructor(timeline, ways) {
    this.timeline = timeline;
    this.ways = ways;
    const section = need('#room');
    const room = chosenRoom();
    this.rows = need('.visitors tbody', section);
    this.nobody = need('.nobody', section);
    this.lines = need('.chat-lines', section);
    this.say = speaker(need('.say', section));
    this.text = /** @type {HTMLInputElement} */ (need('[name="text"]', section));
    setText(need('.room', section), room);
    const link = /** @type {HTMLAnchorElement} */ (need('.room-link', section));
    link.href = `/webrtc.html?room=${room}#room`;
    mountCopy(need('button.copy', section), () => link.href);
    need('form', section).addEventListener('submit', (event) => {
      event.preventDefault();
      this.#chat();
    });
    this.signalling = new Signalling(room, {
      welcome: (welcome) => this.#welcome(welcome),
      joined: (other) => this.#meet(other),
      left: (id) => this.#left(id),
      signal: (from, signal) => this.#visitors.get(from)?.peer.take(signal),
      refused: ({ code, message }) => this.#note(`refused: ${message}`, 'error', { code }),
      lost: (why) => this.#lost(why),
    });
    atTableRate(() => this.#draw());
  }

  open() {
    this.signalling.open();
  }

  /** Newer credentials, for whoever is met from now on and for those who are there. @param {RTCIceServer[]} ice_servers */
  async renew(ice_servers) {
    this.#ice_servers = ice_servers;
    for (const visitor of this.#visitors.values())
      if (await visitor.peer.renew(ice_servers)) this.#tell(visitor, 'ice-restart', 'new TURN credentials: offers new paths');
  }

  /**
   * The ways that are allowed changed: everybody is met anew. An ICE restart would do for most browsers, but Chromium
   * keeps a pair that works when only the policy changes.
   */
  meetAnew() {
    this.signalling.close();
    for (const id of this.#visitors.keys()) this.#drop(id, 'met anew');
    this.open();
  }

  /** @param {import('../../lib/signalling.js').Welcome} welcome */
  #welcome({ you, peers, ice_servers }) {
    this.#attempt = 0;
    this.#isJoined = true;
    this.#you = you;
    this.#ice_servers = ice_servers;
    // Whoever joins again is another peer to the rest, who meet it anew.
    for (const id of this.#visitors.keys()) this.#drop(id, 'met anew');
    this.#present.clear();
    this.#note('', 'welcome', { you, peers: peers.length });
    for (const other of peers) this.#meet(other);
  }

  /** @param {import('../../lib/signalling.js').Other} other */
  #meet({ id, polite }) {
    if (id === SERVER || id === this.#you) return; // the server's peer has the page's own lane
    this.#present.add(id);
    const { isRelayOnly } = this.ways;
    // Without the hub nothing can be offered, and whoever has left it cannot answer.
    const mayRestart = () => this.#isJoined && this.#present.has(id);
    const how = { id, isPolite: polite, isRelayOnly, mayRestart, ice_servers: this.#ice_servers, signalling: this.signalling };
    const visitor = new Visitor(how, {
      opened: () => this.#tell(visitor, 'open', `open, as the ${polite ? 'polite' : 'impolite'} one`),
      said: (text) => this.#append(visitor.name, text),
      ended: (words) => {
        this.#tell(visitor, 'closed', words);
        this.#drop(id, words);
      },
      restarting: (why) => this.#tell(visitor, 'ice-restart', `${why}: offers new paths`),
      restored: (words) => this.#tell(visitor, 'restored', words),
      path: (path) => this.#tell(visitor, 'pair', path),
    });
    this.#visitors.set(id, visitor);
    this.rows.append(visitor.row);
    this.#tell(visitor, 'peer-joined', polite ? 'was here before' : 'came after us');
  }

  /** @param {string} id */
  #left(id) {
    this.#present.delete(id);
    const visitor = this.#visitors.get(id);
    if (!visitor) return;
    this.#tell(visitor, 'peer-left', 'left the room');
    // What is open goes on without the hub, and says itself when it ends.
    if (!visitor.peer.isOpen) this.#drop(id, 'left the room');
  }

  /** @param {string} why */
  #lost(why) {
    this.#isJoined = false;
    const wait_ms = backoff_ms(this.#attempt++, 0, Math.random());
    setTimeout(() => this.open(), wait_ms);
    const open = [...this.#visitors.values()].filter(({ peer }) => peer.isOpen).length;
    const goOn = open ? ` ${counted(open, 'connection')} between browsers goes on without it.` : '';
    this.#note(`The hub is lost (${why}); nobody new can be met until it is back.${goOn}`, 'waiting', { wait_ms });
  }

  /** @param {string} id @param {string} why */
  #drop(id, why) {
    const visitor = this.#visitors.get(id);
    visitor?.close();
    visitor?.row.remove();
    this.#visitors.delete(id);
    if (visitor) this.#append('', `${visitor.name}: ${why}`);
  }

  #chat() {
    const text = this.text.value;
    const heard = [...this.#visitors.values()].filter((visitor) => visitor.say(text)).length;
    if (heard === 0) return this.say('not sent: nobody is connected. Your text is still in the field.');
    this.#append('you', text);
    this.text.value = '';
  }

  #draw() {
    for (const visitor of this.#visitors.values()) visitor.draw(this.#present.has(visitor.id));
    this.nobody.hidden = this.#visitors.size > 0;
    const open = [...this.#visitors.values()].filter(({ peer }) => peer.isOpen).length;
    const company = this.#visitors.size
      ? `In the room with ${counted(this.#visitors.size, 'other browser')}, connected to ${open}.`
      : 'Alone in the room: open its link in a second tab, or send it to somebody.';
    this.say(this.#hub || company);
  }

  /** @param {string} hub what is wrong with it; empty: nothing @param {string} event @param {Record<string, unknown>} detail */
  #note(hub, event, detail) {
    this.#hub = hub;
    this.timeline.add('datachannel', event, `room: ${hub || 'joined'}`, detail);
  }

  /** @param {Visitor} visitor @param {string} event @param {string} words */
  #tell(visitor, event, words) {
    const { glares } = visitor.peer?.negotiation ?? {};
    const both = glares && event === 'open' ? `, after both had offered ${counted(glares, 'time')}` : '';
    this.timeline.add('datachannel', event, `browser ${visitor.name}: ${words}${both}`, { setup: visitor.setup.toJSON() });
  }

  /** @param {string} who @param {string} text */
  #append(who, text) {
    const parts = who ? [make('b', {}, who), make('span', { class: 'text' }, text)] : [make('span', { class: 'text note' }, text)];
    this.lines.append(make('li', {}, ...parts));
    if (this.lines.children.length > LINES) this.lines.firstElementChild?.remove();
    this.lines.scrollTop = this.lines.scrollHeight;
  }
}

/** The room in the address, else a new one, which is then written there. */
function chosenRoom() {
  const given = parameter('room');
  if (given && ROOM.test(given)) return given;
  const room = randomId().slice(0, 12);
  setParameter('room', room);
  return room;
}
