/**
 * A chat in two tabs: a topic that anybody with the link publishes to. The room is in the address, its past in the
 * server's log: a tab that joins asks for everything since the first message.
 *
 * Where other machines can reach the server, publishing needs a token. A page cannot set headers on a WebSocket, so
 * such a line goes by POST, and comes back over the socket like all others.
 */

import { publish } from '../../lib/api.js';
import { setText, speaker } from '../../lib/cadence.js';
import { mountCopy } from '../../lib/code.js';
import { make, need } from '../../lib/dom.js';
import { duration } from '../../lib/format.js';
import { parseCursor, rewind } from '../../lib/message.js';
import { randomId } from '../../lib/random-id.js';
import { parameter, setParameter } from '../../lib/url.js';

/** Lines kept on the page. */
const LINES = 200;
/** What a room in the address may look like: one part of a topic's name. */
const ROOM = /^[a-z0-9_-]{1,40}$/;

/** @typedef {import('../../lib/message.js').ServerFrame} ServerFrame */
/** @typedef {import('../../lib/api.js').Info['publish']} Publishing */

/** Who may write here, and what to do about it. @type {Record<Publishing, string>} */
const WHO_MAY = {
  open: 'Whoever opens this page may write: the server is bound to this machine alone.',
  token:
    'Other machines can reach this server, so writing needs its administrator’s token; reading does not. A page cannot set headers on a WebSocket: with a token the line goes by POST. The token stays in the field and is kept nowhere.',
  closed:
    'Closed for writing: other machines can reach this server, and it was started without a token. Start it with --admin-token-file, or on loopback alone with --http 127.0.0.1:8080. Reading goes on.',
};

export class Chat {
  #offset = 0;
  #hasPast = false;
  /** Sent and not yet come back, by id. @type {Map<string, { at_ms: number, text: string }>} */
  #sent = new Map();
  /** @type {Publishing} */
  #publishing = 'open';

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
    this.token = /** @type {HTMLInputElement} */ (need('[name="token"]', section));
    this.whoMay = need('.who-may', section);
    this.send = /** @type {HTMLButtonElement} */ (need('[type="submit"]', section));
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

  /** Says who may write here. @param {Publishing} publishing */
  allow(publishing) {
    this.#publishing = publishing;
    setText(this.whoMay, WHO_MAY[publishing]);
    need('.token').hidden = publishing !== 'token';
    for (const control of [this.who, this.text, this.send]) control.disabled = publishing === 'closed';
  }

  /** @param {ServerFrame} frame */
  frame(frame) {
    if (frame.type === 'ack' && typeof frame.id === 'string') this.#acknowledged(frame.id, frame.cursor);
    if (frame.type === 'error' && typeof frame.id === 'string') this.#refused(frame.id, frame.message);
    if (!('topic' in frame) || frame.topic !== this.topic) return;
    if (frame.type === 'subscribed') this.#joined(frame.cursor);
    if (frame.type === 'message') this.#draw(frame.cursor, frame.data);
    if (frame.type === 'resync') this.#note(frame);
  }

  /** The first time, the server's answer says where the log stands; then the room's past can be asked for. @param {string} cursor */
  #joined(cursor) {
    const { offset } = parseCursor(cursor);
    this.say(offset ? `in the room, after message ${offset}` : 'in the room: nothing has been said yet');
    if (this.#hasPast) return;
    this.#hasPast = true;
    if (offset === 0) return;
    this.lane.unsubscribe(this.topic);
    this.lane.subscribe(this.topic, { cursor: rewind(cursor, Infinity) });
  }

  #send() {
    const id = `chat-${randomId().slice(0, 8)}`;
    const data = { who: this.who.value || 'nobody', text: this.text.value };
    if (this.#publishing === 'token') this.#post(id, data);
    else if (!this.lane.send({ type: 'publish', id, topic: this.topic, data }))
      return this.say('not sent: the socket is not open. Your text is still in the field.');
    this.#sent.set(id, { at_ms: performance.now(), text: this.text.value });
    this.text.value = '';
  }

  /** @param {string} id @param {{ who: string, text: string }} data */
  #post(id, data) {
    publish(this.topic, data, this.token.value).then(
      ({ cursor }) => this.#acknowledged(id, cursor),
      (error) => this.#refused(id, error.message),
    );
  }

  /** @param {string} id @param {string | undefined} cursor */
  #acknowledged(id, cursor) {
    const sent = this.#sent.get(id);
    if (!sent || !cursor) return;
    this.#sent.delete(id);
    this.say(
      `sent: message ${parseCursor(cursor).offset} of the room, acknowledged after ${duration(performance.now() - sent.at_ms)}`,
    );
  }

  /** @param {string} id @param {string} why */
  #refused(id, why) {
    const sent = this.#sent.get(id);
    this.#sent.delete(id);
    this.text.value ||= sent?.text ?? '';
    this.say(`not sent: ${why}`);
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
  const room = randomId().slice(0, 8);
  setParameter('room', room);
  return room;
}
