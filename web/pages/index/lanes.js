/**
 * Three lanes in miniature: the same topic over SSE, WebSocket and a data channel, each with its own connection, all
 * measured by the same meter against the same clock.
 */

import { atScreenRate, atTableRate, setText, speaker } from '../../lib/cadence.js';
import { need } from '../../lib/dom.js';
import { counted, duration } from '../../lib/format.js';
import { LANES } from '../../lib/lanes.js';
import { DataChannelLane } from '../../lib/transport/datachannel.js';
import { SseLane } from '../../lib/transport/sse.js';
import { WebSocketLane } from '../../lib/transport/websocket.js';
import { ClockSync } from '../../lib/clock-sync.js';
import { Miniature } from './miniature.js';

/** The feed that all lanes carry. */
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
  const datachannel = new Miniature('datachannel', PERIOD_US);
  const all = [sse, websocket, datachannel];
  const overSse = new SseLane({ topics: [TOPIC] }, timeline.around('sse', sse));
  const overWebSocket = new WebSocketLane(timeline.around('websocket', websocket));
  overWebSocket.subscribe(TOPIC);
  const overDataChannel = new DataChannelLane(timeline.around('datachannel', datachannel));
  overDataChannel.subscribe(TOPIC);

  const clock = new ClockSync(overWebSocket, (theta) => all.forEach((lane) => lane.measure(theta)));
  websocket.onFrame = (frame, arrival) => clock.frame(frame, arrival);
  setTimeout(() => all.forEach((lane) => lane.measure(null)), CLOCK_PATIENCE_MS);
  overSse.open();
  overWebSocket.open();
  overDataChannel.open();

  const say = speaker(need('.say'));
  atScreenRate(() => all.forEach((lane) => lane.drawPlot()));
  atTableRate(() => {
    all.forEach((lane) => lane.drawTable());
    setText(need('.clock'), clock.words());
    say(words(all));
  });
}

/** What the lanes show, computed. @param {Miniature[]} lanes */
function words(lanes) {
  const shut = lanes.find((lane) => lane.now.name !== 'open');
  if (shut) return `${LANES[shut.lane].label}: ${shut.now.name}${shut.now.why ? `, ${shut.now.why}` : ''}.`;
  const figures = lanes.flatMap((lane) => {
    const of = lane.summary();
    return of ? { label: LANES[lane.lane].label, of } : [];
  });
  if (figures.length < lanes.length) return 'All lanes are open; the clocks are being compared.';
  const lost = figures.reduce((sum, { of }) => sum + of.delivery.lost, 0);
  const missing = lost === 0 ? 'nothing is missing on any lane' : `${counted(lost, 'message')} missing`;
  const worst = figures.reduce((worst, lane) => (lane.of.longest_gap_ms > worst.of.longest_gap_ms ? lane : worst));
  if (worst.of.freezes.count === 0) return `Nothing tells them apart on this path: no freeze, and ${missing}.`;
  return `${worst.label} stood still for ${duration(worst.of.longest_gap_ms)} once; ${missing}.`;
}
