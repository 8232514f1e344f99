/**
 * Two lanes in miniature: the same topic over SSE and over WebSocket, each with its own connection, both measured by
 * the same meter against the same clock.
 */

import { atScreenRate, atTableRate, setText, speaker } from '../../lib/cadence.js';
import { need } from '../../lib/dom.js';
import { counted, duration } from '../../lib/format.js';
import { LANES } from '../../lib/lanes.js';
import { SseLane } from '../../lib/transport/sse.js';
import { WebSocketLane } from '../../lib/transport/websocket.js';
import { ClockSync } from './clock-sync.js';
import { Miniature } from './miniature.js';

/** The feed both lanes carry. */
export const TOPIC = 'tick.10.100';
/** Its schedule's period, µs. */
const PERIOD_US = 100_000;
/** How long the lanes wait for the clock before they go on without latencies, ms: the WebSocket may not get through. */
const CLOCK_PATIENCE_MS = 5000;

/** @typedef {import('../../lib/timeline.js').Timeline} Timeline */

/** @param {Timeline} timeline */
export function runLanes(timeline) {
  const sse = new Miniature('sse', PERIOD_US);
  const websocket = new Miniature('websocket', PERIOD_US);
  const both = [sse, websocket];
  const overSse = new SseLane({ topics: [TOPIC] }, timeline.around('sse', sse));
  const overWebSocket = new WebSocketLane(timeline.around('websocket', websocket));
  overWebSocket.subscribe(TOPIC);

  const clock = new ClockSync(overWebSocket, (theta) => both.forEach((lane) => lane.measure(theta)));
  websocket.onFrame = (frame, arrival) => clock.frame(frame, arrival);
  setTimeout(() => both.forEach((lane) => lane.measure(null)), CLOCK_PATIENCE_MS);
  overSse.open();
  overWebSocket.open();

  const say = speaker(need('.say'));
  atScreenRate(() => both.forEach((lane) => lane.drawPlot()));
  atTableRate(() => {
    both.forEach((lane) => lane.drawTable());
    setText(need('.clock'), clock.words());
    say(words(both));
  });
}

/** What the two lanes show, computed. @param {Miniature[]} lanes */
function words(lanes) {
  const shut = lanes.find((lane) => lane.now.name !== 'open');
  if (shut) return `${LANES[shut.lane].label}: ${shut.now.name}${shut.now.why ? `, ${shut.now.why}` : ''}.`;
  const [sse, websocket] = lanes.map((lane) => lane.summary());
  if (!sse || !websocket) return 'Both lanes are open; the clocks are being compared.';
  const lost = sse.delivery.lost + websocket.delivery.lost;
  const missing = lost === 0 ? 'nothing is missing on either lane' : `${counted(lost, 'message')} missing`;
  const freezes = sse.freezes.count + websocket.freezes.count;
  if (freezes === 0) return `Nothing tells them apart on this path: no freeze, and ${missing}.`;
  const worst =
    sse.longest_gap_ms > websocket.longest_gap_ms ? { lane: lanes[0], of: sse } : { lane: lanes[1], of: websocket };
  return `${LANES[worst.lane.lane].label} stood still for ${duration(worst.of.longest_gap_ms)} once; ${missing}.`;
}
