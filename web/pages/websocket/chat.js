/**
 * A chat in two tabs: a topic that anybody with the link publishes to. The room is in the address, its past in the
 * server's log: a tab that joins asks for everything since the first message.
 */

import { setText, speaker } from '../../lib/cadence.js';
import { mountCopy } from '../../lib/code.js';
import { make, need } from '../../lib/dom.js';
import { duration } from '../../lib/format.js';
import { parseCursor, rewind } from '../../lib/message.js';
import { parameter, setParameter } from '../../lib/url.js';

/** Lines kept on the page. */
const LINES = 200;
/** What a room in the address may look like: one part of a topic's name. */
const ROOM = /^[a-z0-9_-]{1,40}$/;

/** @typedef {import('../../lib/message.js').ServerFrame} ServerFrame */

export class Chat {
  #offset = 0;
  #hasPast = false;
  /** Sent and not yet come back: id to time, ms. @type {Map<string, number>} */
  #sent_ms = new Map();

  /** @param {import('../../lib/transport/websocket.js').WebSocketLane} lane */
  constructor(lane) {
    this.lane = lane;
    const section = need('#chat');
    const room = chosenRoom();
    this.topic = `chat.${room}`;
    this.lines = need('.chat-lines', section);
    this.say = speaker(need('.say', section));
    this.who = /** @type {HTMLInputElement} */ (need('[name="who"]', section));
    this.text = /** @type {HTMLInputElement} */ (need('[name="text"]', section));
    this.who.value = `tab-${crypto.getRandomValues(new Uint8Array(1))[0].toString(16).padStart(2, '0')}`;
    setText(need('.room', section), room);
    const link = /** @type {HTMLAnchorElement} */ (need('.room-link', section));
    link.href = `/websocket.html?room=${room}#chat`;
    mountCopy(need('button.copy', section), () => link.href);
    need('form', section).addEventListener('submit', (event) => {
      event.preventDefault();
      this.#send();
    });
    lane.subscribe(this.topic);
  }

  /** @param {import('../../lib/lanes.js').LaneState} state */
  state(state) {
    this.say(state.name === 'open' ? 'joining the room …' : `${state.name}: ${state.why}`);
  }

  /** @param {ServerFrame} frame */
  frame(frame) {
    if (frame.type === 'ack' && typeof frame.id === 'string') this.#acknowledged(frame.id, frame.cursor);
    if (frame.type === 'error' && typeof frame.id === 'string') this.say(`not sent: ${frame.message}`);
    if (!('topic' in frame) || frame.topic !== this.topic) return;
    if (frame.type === 'subscribed') this.#joined(frame.cursor);
    if (frame.type === 'message') this.#draw(frame.cursor, frame.data);
    if (frame.type === 'resync') this.#note(frame);
  }

  /** The first time, the server's answer says where the log stands; then the room's past can be asked for. @param {string} cursor */
  #joined(cursor) {
    this.say(`in the room, after message ${parseCursor(cursor).offset}`);
    if (this.#hasPast) return;
    this.#hasPast = true;
    if (parseCursor(cursor).offset === 0) return;
    this.lane.unsubscribe(this.topic);
    this.lane.subscribe(this.topic, { cursor: rewind(cursor, Infinity) });
  }

  #send() {
    const id = `chat-${crypto.randomUUID().slice(0, 8)}`;
    const data = { who: this.who.value || 'nobody', text: this.text.value };
    if (!this.lane.send({ type: 'publish', id, topic: this.topic, data })) {
      this.say('not sent: the socket is not open. Your text is still in the field.');
      return;
    }
    this.#sent_ms.set(id, performance.now());
    this.text.value = '';
  }

  /** @param {string} id @param {string | undefined} cursor */
  #acknowledged(id, cursor) {
    const sent_ms = this.#sent_ms.get(id);
    if (sent_ms === undefined || !cursor) return;
    this.#sent_ms.delete(id);
    this.say(
      `sent: message ${parseCursor(cursor).offset} of the room, acknowledged after ${duration(performance.now() - sent_ms)}`,
    );
  }

  /** @param {string} cursor @param {any} data what some tab published: anything at all */
  #draw(cursor, data) {
    const { offset } = parseCursor(cursor);
    if (offset <= this.#offset) return; // came live before the past was asked for
    this.#offset = offset;
    const { who = 'somebody', text = JSON.stringify(data) } = typeof data === 'object' && data !== null ? data : {};
    this.#append(
      make(
        'li',
        {},
        make('span', { class: 'number' }, String(offset)),
        make('b', {}, String(who)),
        make('span', { class: 'text' }, String(text)),
      ),
    );
  }

  /** @param {import('../../lib/message.js').Resync} resync */
  #note({ reason, cursor }) {
    const words =
      reason === 'expired'
        ? 'older messages are gone from the server’s log'
        : 'the server’s log is another one: the room starts anew';
    this.#offset = parseCursor(cursor).offset;
    this.#append(make('li', { class: 'note' }, `resync ${reason}: ${words}`));
  }

  /** @param {HTMLElement} line */
  #append(line) {
    const isAtEnd = this.lines.scrollTop + this.lines.clientHeight >= this.lines.scrollHeight - 8;
    this.lines.append(line);
    if (this.lines.children.length > LINES) this.lines.firstElementChild?.remove();
    if (isAtEnd) this.lines.scrollTop = this.lines.scrollHeight;
  }
}

/** The room in the address, else a new one, which is then written there. */
function chosenRoom() {
  const given = parameter('room');
  if (given && ROOM.test(given)) return given;
  const room = crypto.randomUUID().slice(0, 8);
  setParameter('room', room);
  return room;
}
