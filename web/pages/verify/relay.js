/** Whether data goes both ways through a relay: between two addresses at it, and from one to the server's own peer. */

import { duration } from '../../lib/format.js';
import { selectedPair } from '../../lib/selected-pair.js';
import { finding } from './finding.js';
import { Opening } from './opening.js';

/** @typedef {{ trip_ms: number, words: string } | { trip_ms?: undefined, words: string }} Tried no time: it did not get through */

/** How long two addresses may take to meet, ms. */
const MEETING_MS = 10_000;
/** How long an echo may take, ms. */
const ECHO_MS = 5000;
/** A small message, and one that fills a packet. */
const SIZES = [32, 1100];

/** @param {RTCIceServer} server @param {boolean} hasPeer whether this server takes data channels */
export async function relay(server, hasPeer) {
  const two = await betweenTwo(server);
  const own = hasPeer ? await toServer(server) : undefined;
  return judgeRelay(two, own);
}

/** @param {Tried} two @param {Tried} [own] none: there is no such peer */
export function judgeRelay(two, own) {
  const evidence = [`two addresses at the relay: ${two.words}`, `an address at the relay and the server’s own peer: ${own?.words ?? 'it has none'}`];
  if (two.trip_ms !== undefined && (!own || own.trip_ms !== undefined)) {
    return finding('PASS', `both ways, ${duration(two.trip_ms)} there and back`, '', evidence);
  }
  if (two.trip_ms !== undefined) {
    const hint = 'Who needs the relay does not come to this server: allow its address as a peer (coturn: allowed-peer-ip), and let UDP from the relay’s ports reach it.';
    return finding('WARN', `both ways between two visitors, and not to this server: ${own?.words}`, hint, evidence);
  }
  if (own?.trip_ms !== undefined) {
    const hint = 'Two visitors who both need the relay do not meet: allow its own address as a peer (coturn: allowed-peer-ip).';
    return finding('WARN', `both ways to this server, and not between two visitors: ${two.words}`, hint, evidence);
  }
  const hint = 'It gives an address, and nothing comes through: look which peers it allows (coturn: allowed-peer-ip), at the firewall between its ports and its peers (min-port to max-port, UDP), and at its log.';
  return finding('FAIL', two.words, hint, evidence);
}

/** As two visitors have who both need it. @param {RTCIceServer} server @returns {Promise<Tried>} */
async function betweenTwo(server) {
  const make = () => new RTCPeerConnection({ iceServers: [server], iceTransportPolicy: 'relay' });
  const [ours, theirs] = [make(), make()];
  try {
    const channels = [ours, theirs].map((end) => end.createDataChannel('verify', { negotiated: true, id: 0 }));
    channels[1].onmessage = ({ data }) => channels[1].send(data);
    if (!(await meet(ours, theirs, channels[0]))) {
      return { words: `no packet came through (ICE ${ours.iceConnectionState})` };
    }
    let trip_ms = Infinity;
    for (const bytes of SIZES) {
      const took_ms = await echoed(channels[0], bytes);
      if (took_ms === undefined) return { words: `it opened, and a message of ${bytes} bytes did not come back` };
      trip_ms = Math.min(trip_ms, took_ms);
    }
    const { local, remote } = await selectedPair(ours);
    const ends = [local, remote].map((end) => `${end?.address ?? 'hidden'}:${end?.port}`);
    return { trip_ms, words: `${duration(trip_ms)} there and back, ${ends.join(' and ')}` };
  } finally {
    ours.close();
    theirs.close();
  }
}

/** @param {RTCPeerConnection} ours @param {RTCPeerConnection} theirs @param {RTCDataChannel} channel @returns {Promise<boolean>} */
async function meet(ours, theirs, channel) {
  const pass = (/** @type {RTCPeerConnection} */ to) => (/** @type {RTCPeerConnectionIceEvent} */ { candidate }) =>
    to.addIceCandidate(candidate ?? undefined).catch(() => {}); // one way less; the others stand
  const opened = new Promise((resolve) => {
    const timer = setTimeout(() => resolve(false), MEETING_MS);
    const end = (/** @type {boolean} */ isOpen) => {
      clearTimeout(timer);
      resolve(isOpen);
    };
    channel.onopen = () => end(true);
    ours.onconnectionstatechange = () => ours.connectionState === 'failed' && end(false);
  });
  // A candidate is in the description or comes after it; both are passed on without a pause between, or one is lost.
  await ours.setLocalDescription();
  ours.onicecandidate = pass(theirs);
  await theirs.setRemoteDescription(/** @type {RTCSessionDescription} */ (ours.localDescription));
  await theirs.setLocalDescription();
  theirs.onicecandidate = pass(ours);
  await ours.setRemoteDescription(/** @type {RTCSessionDescription} */ (theirs.localDescription));
  return opened;
}

/** @param {RTCDataChannel} channel @param {number} bytes @returns {Promise<number | undefined>} ms */
function echoed(channel, bytes) {
  const start_ms = performance.now();
  return new Promise((resolve) => {
    const timer = setTimeout(() => resolve(undefined), ECHO_MS);
    channel.onmessage = () => {
      clearTimeout(timer);
      resolve(performance.now() - start_ms);
    };
    channel.send('x'.repeat(bytes));
  });
}

/** As a visitor has who needs it, with the server, which needs none. @param {RTCIceServer} server @returns {Promise<Tried>} */
async function toServer(server) {
  const opening = new Opening();
  try {
    if (!(await opening.open({ relays: [server] }))) return { words: `${opening.failure}: ${opening.words}` };
    await opening.ask(undefined, ({ type }) => type === 'hello', ECHO_MS);
    const { frame, took_ms } = await opening.ask({ type: 'echo', id: 1, data: 1 }, ({ type }) => type === 'ack', ECHO_MS);
    return frame ? { trip_ms: took_ms, words: `${duration(took_ms)} there and back` } : { words: 'it opened, and no echo came back' };
  } finally {
    opening.close();
  }
}
