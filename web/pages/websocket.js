/** WebSocket: one socket carries the echoes and the chat; the stalled reader and the close codes open their own. */

import { getInfo } from '../lib/api.js';
import { mountCode } from '../lib/code.js';
import { need } from '../lib/dom.js';
import { lanePill, mountHeader } from '../lib/header.js';
import { Timeline } from '../lib/timeline.js';
import { WebSocketLane } from '../lib/transport/websocket.js';
import { Chat } from './websocket/chat.js';
import { mountCodes } from './websocket/codes.js';
import { RoundTrips } from './websocket/round-trips.js';
import { mountStall } from './websocket/stall.js';

mountHeader();
mountCode();
const timeline = new Timeline(need('#timeline'));
const pill = lanePill('websocket');

const lane = new WebSocketLane(
  timeline.around('websocket', {
    state: (state) => {
      pill.state(state);
      roundTrips.state(state);
      chat.state(state);
    },
    frame: (frame, arrival) => {
      pill.heard();
      roundTrips.frame(frame, arrival);
      chat.frame(frame);
    },
  }),
);
const roundTrips = new RoundTrips(lane);
const chat = new Chat(lane);
lane.open();
// A server that does not answer says so by its socket already.
getInfo().then(({ publish }) => chat.allow(publish), () => {});

mountStall(timeline);
mountCodes(timeline);
