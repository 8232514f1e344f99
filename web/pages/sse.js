/** Server-Sent Events: one stream with two topics feeds a dashboard, a plug to pull and, beside it, a wall. */

import { getInfo } from '../lib/api.js';
import { mountCode } from '../lib/code.js';
import { need } from '../lib/dom.js';
import { lanePill, mountHeader } from '../lib/header.js';
import { formatEventId, rewind } from '../lib/message.js';
import { Timeline } from '../lib/timeline.js';
import { SseLane } from '../lib/transport/sse.js';
import { Dashboard } from './sse/dashboard.js';
import { Plug } from './sse/plug.js';
import { mountWalls } from './sse/walls.js';

const TOPICS = ['metric', 'tick.10.32'];
/** Readings asked for at the start, so that a reload has a past: two minutes at 1 Hz. */
const PAST = 120;

mountHeader();
mountCode();
const timeline = new Timeline(need('#timeline'));
const pill = lanePill('sse');
const dashboard = new Dashboard();
/** Opened so far: the first stream only asks where the log stands, the second brings the past, later ones follow a loss. */
let hellos = 0;

const stream = new SseLane(
  { topics: TOPICS },
  timeline.around('sse', {
    state: (state) => pill.state(state),
    frame: (frame) => {
      pill.heard();
      if (frame.type === 'hello' && ++hellos === 1) return askForPast(frame.topics);
      plug.frame(frame);
      if (frame.type === 'message' && frame.topic === 'metric')
        dashboard.add(frame, hellos > 2 && plug.isReplayed(frame));
    },
  }),
);
const plug = new Plug(stream, TOPICS);
stream.open();
const walls = mountWalls(timeline);
getInfo().then(walls.know, () => {});

/**
 * Opens the stream again from a cursor in the past: the first hello told where the log stands.
 *
 * @param {Record<string, string>} topics
 */
function askForPast(topics) {
  const cursors = new Map(Object.entries(topics));
  cursors.set('metric', rewind(topics.metric, PAST));
  stream.close('to ask for the readings of the last two minutes');
  stream.lastEventId = formatEventId(cursors, TOPICS);
  stream.open();
}
