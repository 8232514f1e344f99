/** WebRTC: one lane to the server's peer, taken apart; and a room in which browsers meet each other. */

import { mountCode } from '../lib/code.js';
import { need } from '../lib/dom.js';
import { lanePill, mountHeader } from '../lib/header.js';
import { IceServers } from '../lib/ice-servers.js';
import { Timeline } from '../lib/timeline.js';
import { DataChannelLane } from '../lib/transport/datachannel.js';
import { Pair } from './webrtc/pair.js';
import { Room } from './webrtc/room.js';
import { tellPath } from './webrtc/path.js';
import { RoundTrips } from './webrtc/round-trips.js';
import { SetUp } from './webrtc/set-up.js';
import { StateStream, TOPIC } from './webrtc/state-stream.js';
import { Turn } from './webrtc/turn.js';

mountHeader();
mountCode();
const timeline = new Timeline(need('#timeline'));
const pill = lanePill('datachannel');

const lane = new DataChannelLane(
  timeline.around('datachannel', {
    state: (state) => {
      pill.state(state);
      turn.state(state);
      pair.state();
      setUp.state(state);
      roundTrips.state();
    },
    frame: (frame, arrival) => {
      pill.heard();
      roundTrips.frame(frame, arrival);
      stream.frame(frame, arrival);
    },
  }),
);
const turn = new Turn(lane, timeline, () => room.meetAnew());
const pair = new Pair(lane, (path) => timeline.add('datachannel', 'pair', `selected: ${path}`));
const setUp = new SetUp(lane);
const stream = new StateStream();
const roundTrips = new RoundTrips(lane, (theta) => stream.measure(theta));
lane.subscribe(TOPIC);
lane.open();
tellPath();

const room = new Room(timeline, lane);
room.open();
new IceServers({
  fresh: (ice_servers, isRenewal, ttl_s) => {
    if (!ttl_s) return; // there is no TURN server
    timeline.add('datachannel', 'credentials', `TURN credentials, good for ${ttl_s} s`);
    turn.probe(ice_servers);
    if (!isRenewal) return; // what was just welcomed is as new
    room.renew(ice_servers);
    turn.renew();
  },
  failed: (words) => timeline.add('datachannel', 'credentials', `no new TURN credentials: ${words}`),
}).watch();
