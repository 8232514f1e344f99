/** What each channel is, proven by what it does when a tenth of the server's datagrams is lost: Chromium is the other end. */

import assert from 'node:assert/strict';
import { after, before, test } from 'node:test';

import { lab, lossyServer } from './harness.js';

const LOST_PER_MILLE = 100;
/** Messages that a run takes: enough that chance keeps within the bounds below. */
const MESSAGES = 600;
/** Shares that are missing by chance in a run: four deviations round a tenth, and more for a busy machine. */
const SHARE = { least: 0.04, most: 0.2 };
/** Nothing waits for what is lost, so misses do not pile up: half a second of them by chance is one run in 10^30. */
const LONGEST_RUN = 30;

/** @type {Awaited<ReturnType<typeof lab>>} */
let bench;
before(async () => {
  bench = await lab({ server: [lossyServer(), `${LOST_PER_MILLE}`] });
});
after(() => bench.close());

test('a tenth lost is about a tenth missing on state, and nothing on control', { timeout: 90_000 }, async () => {
  const page = await bench.open('/webrtc.html');
  const [state, control] = await Promise.all([
    page.evaluate(receive, { topic: 'tick.60.100', channel: 'state', messages: MESSAGES }),
    page.evaluate(receive, { topic: 'tick.20.100', channel: 'control', messages: MESSAGES / 3 }),
  ]);
  const all = [...state.offsets].sort((a, b) => a - b);
  const published = all[all.length - 1] - all[0] + 1;
  const missing = published - all.length - state.skipped;
  const told = `${missing} of ${published} missing, ${state.skipped} skipped by the server`;
  assert.equal(new Set(all).size, all.length, 'nothing comes twice');
  assert.ok(missing > published * SHARE.least && missing < published * SHARE.most, told);
  const longest = Math.max(...all.slice(1).map((offset, i) => offset - all[i] - 1));
  assert.ok(longest - state.skipped <= LONGEST_RUN, `${longest} in a row: ${told}`);

  const [first] = control.offsets;
  assert.deepEqual(control.offsets, Array.from({ length: control.offsets.length }, (_, i) => first + i));
  assert.equal(control.skipped, 0);
  await page.close();
});

test('a channel that a foreign page opens in-band is control, whatever it asked for', { timeout: 90_000 }, async () => {
  const page = await bench.open('/webrtc.html');
  for (const init of [{}, { ordered: false, maxRetransmits: 0 }]) {
    let heard = null;
    while (!heard) heard = await page.evaluate(receiveInBand, { init, topic: 'tick.60.100', messages: 120, opening_ms: 5000 });
    const { id, offsets } = heard;
    assert.equal(id, 0, 'the first stream of who offers');
    assert.deepEqual(offsets, Array.from({ length: offsets.length }, (_, i) => offsets[0] + i), JSON.stringify(init));
  }
  await page.close();
});

/**
 * Runs in the page: subscribes on a connection of its own, through the pages' own modules.
 *
 * @param {{ topic: string, channel: string, messages: number }} how
 * @returns {Promise<{ offsets: number[], skipped: number }>} offsets as they came, and what gaps told
 */
async function receive({ topic, channel, messages }) {
  const url = '/lib/transport/datachannel.js';
  const { DataChannelLane } = await import(url);
  const offsets = /** @type {number[]} */ ([]);
  let skipped = 0;
  let lane;
  await new Promise((resolve) => {
    lane = new DataChannelLane({
      state() {},
      problem() {},
      /** @param {any} frame @param {any} arrival */
      frame(frame, arrival) {
        if (frame.type === 'gap') skipped += frame.count;
        if (frame.type !== 'message') return;
        if (arrival.channel !== channel) throw new Error(`on ${arrival.channel}`);
        offsets.push(Number(frame.cursor.split('.')[1]));
        if (Math.max(...offsets) - Math.min(...offsets) + 1 >= messages) resolve(undefined);
      },
    });
    lane.subscribe(topic, { channel });
    lane.open();
  });
  /** @type {any} */ (lane).close();
  return { offsets, skipped };
}

/**
 * Runs in the page, which knows nothing of the channels agreed on: one channel, announced in-band, over plain signalling.
 *
 * @param {{ init: RTCDataChannelInit, topic: string, messages: number, opening_ms: number }} how
 * @returns {Promise<{ id: number | null, offsets: number[] } | null>} null where it did not open, or its first message was
 *   lost: under loss a handshake may need longer than anybody waits, and a new one does not
 */
async function receiveInBand({ init, topic, messages, opening_ms }) {
  const connection = new RTCPeerConnection();
  const channel = connection.createDataChannel('theirs', init);
  const hub = new WebSocket(`ws://${location.host}/signal`);
  const offsets = /** @type {number[]} */ ([]);
  const isDone = await new Promise((resolve) => {
    // A handshake that does not end has no event; nor has a first message that webrtc 0.21.1 acknowledges and loses, which
    // happens about once in three runs here and is not cured for channels opened in-band. What is proven is what comes after.
    setTimeout(() => offsets.length === 0 && resolve(false), opening_ms); // see above
    const say = (/** @type {object} */ signal) => hub.send(JSON.stringify(signal));
    hub.onopen = () => say({ type: 'join', room: 'foreign' });
    hub.onmessage = async ({ data }) => {
      const signal = JSON.parse(data);
      if (signal.type === 'welcome') {
        await connection.setLocalDescription();
        say({ type: 'offer', to: 'server', sdp: connection.localDescription?.sdp });
      }
      if (signal.type === 'answer') await connection.setRemoteDescription(signal);
    };
    channel.onmessage = ({ data }) => {
      const frame = JSON.parse(data);
      if (frame.type === 'hello') channel.send(JSON.stringify({ type: 'subscribe', topic, channel: 'control' }));
      if (frame.type === 'message') offsets.push(Number(frame.cursor.split('.')[1]));
      if (offsets.length === messages) resolve(true);
    };
  });
  const { id } = channel;
  connection.close();
  hub.close();
  return isDone ? { id, offsets } : null;
}
