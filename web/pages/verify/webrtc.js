/**
 * The browser's half of the checks of data channels: that one opens, where it leads and what each end takes it for. That
 * unreliable is really so takes losses that are chosen, which no page can make: `wirelab verify webrtc` can.
 */

import { getInfo } from '../../lib/api.js';
import { adviceFor } from '../../lib/failure.js';
import { duration } from '../../lib/format.js';
import { pathWords, selectedPair } from '../../lib/selected-pair.js';
import { judgeCandidates } from './candidates.js';
import { finding, why } from './finding.js';
import { judgeSizes, trySizes } from './message-size.js';
import { Opening } from './opening.js';

/** @typedef {import('./finding.js').Check} Check */
/** @typedef {import('./finding.js').Finding} Finding */
/** @typedef {{ label: string, id: number | null, ordered: boolean, maxRetransmits: number | null }} Parameters one channel, at one end */

/** From here on people notice, and from there on they leave, ms. */
const SLOW_MS = 2000;
const BAD_MS = 4000;
/** A connection under loss opens at once or never, and a new one does: how many are tried. */
const OPENINGS = 2;
/** Echoes, of which the fastest counts, and how long each may take, ms. */
const ECHOES = 5;
const ECHO_MS = 5000;

/** @type {readonly Check[]} */
export const CHECKS = [
  { id: 'webrtc.signalling', what: 'an offer is answered', means: 'Nothing of WebRTC begins without it: a page that waits for an answer shows nothing.' },
  { id: 'webrtc.candidates', what: 'the answer names addresses that can be reached', means: 'A browser tries these addresses and no others. A server in a container knows only its private one.' },
  { id: 'webrtc.open', what: 'the channels open, in time', means: 'A channel that does not open is most often a firewall that knows TCP only.' },
  { id: 'webrtc.pair', what: 'a way is chosen, and it carries', means: 'ICE takes the first pair that works, which need not be the one that was meant; a relay is a detour.' },
  { id: 'webrtc.parameters', what: 'both ends mean the same channels', means: 'Each end sends as its own half was made, and with negotiated channels nobody notices two halves that differ.' },
  { id: 'webrtc.message-size', what: 'messages up to the announced size are answered', means: 'Beyond the limit of one stack messages vanish or the channel closes, without an error at the other end.' },
];

/**
 * Runs every check of {@link CHECKS} and tells each once.
 *
 * @param {(id: string, finding: Finding) => void} tell
 * @param {(id: string) => void} begin says which one is under way
 */
export async function run(tell, begin) {
  const skip = (/** @type {string} */ words, from = 0) => CHECKS.slice(from).forEach(({ id }) => tell(id, finding('SKIP', words)));
  if (!('RTCPeerConnection' in globalThis)) return skip('this browser has no WebRTC');
  begin('webrtc.signalling');
  /** @type {import('../../lib/api.js').Info} */
  let info;
  try {
    info = await getInfo();
  } catch (error) {
    return skip(`the server does not say what it has: ${why(error)}`);
  }
  if (!info.lanes.some(({ path }) => path === '/signal')) return skip('this server has no UDP port, so it takes no data channels');
  const { opening, failed } = await openOne();
  try {
    tell('webrtc.signalling', signalling(opening));
    if (!opening.answer) return skip('there is no answer to go on with', 1);
    tell('webrtc.candidates', judgeCandidates(opening.candidates, location.hostname, !opening.failure));
    tell('webrtc.open', opening.failure ? unopened(opening, failed) : opened(opening.setup, failed));
    if (opening.failure) return skip('the channels did not open', 3);
    begin('webrtc.pair');
    tell('webrtc.pair', pair(await echo(opening), await wayOf(opening)));
    tell('webrtc.parameters', parameters(opening.peer?.parameters ?? [], info.channels));
    begin('webrtc.message-size');
    tell('webrtc.message-size', judgeSizes(await trySizes(opening)));
  } finally {
    opening.close();
  }
}

/** The first that opens, or the last that did not. @returns {Promise<{ opening: Opening, failed: string[] }>} why those before did not */
async function openOne() {
  /** @type {string[]} */
  const failed = [];
  for (;;) {
    const opening = new Opening();
    const isOver = (await opening.open()) || opening.failure?.startsWith('refused') || failed.length + 1 >= OPENINGS;
    if (isOver) return { opening, failed };
    failed.push(`${opening.failure}: ${opening.words}`);
  }
}

/** @param {Pick<Opening, 'answer' | 'setup' | 'failure' | 'words'>} opening */
export function signalling({ answer, setup, failure, words }) {
  if (answer) return finding('PASS', `answered after ${duration(setup.until_ms('answered'))}`);
  const { what, tries } = adviceFor(failure ?? 'no-answer');
  return finding('FAIL', words || 'no answer', `${what} ${tries.join(' ')}`);
}

/** @param {import('../../lib/setup.js').Setup} setup @param {readonly string[]} failed attempts before it */
export function opened(setup, failed) {
  const whole_ms = setup.until_ms('opened');
  const words = setup.steps().flatMap(({ id, label, from_ms, to_ms }) => {
    const isStep = ['checks', 'dtls', 'sctp'].includes(id) && to_ms !== null;
    return isStep ? `${label} ${duration(to_ms - from_ms)}` : [];
  });
  const measured = `${duration(whole_ms)}: ${[`signalling ${duration(setup.until_ms('answered'))}`, ...words].join(', ')}`;
  const evidence = setup.steps().map(({ label, from_ms, to_ms, isHidden }) => {
    if (to_ms === null) return `${label}: ${isHidden ? 'not told apart by this browser' : 'not seen'}`;
    return `${label}: from ${duration(from_ms)}, for ${duration(to_ms - from_ms)}`;
  });
  if (failed.length > 0) {
    const hint = 'Packets are lost on the way, or the server is overloaded. A page has to try again by itself, with a new connection.';
    return finding('WARN', `only at the second attempt; ${measured}`, hint, [...failed, ...evidence]);
  }
  if (whole_ms >= BAD_MS) {
    const hint = 'People leave before it opens: a slow ICE is a first address that does not answer, or lost packets; a slow signalling the server, or what stands before it.';
    return finding('FAIL', measured, hint, evidence);
  }
  if (whole_ms >= SLOW_MS) {
    return finding('WARN', measured, 'Look which step it is: the round trip, loss, or addresses that lead nowhere.', evidence);
  }
  return finding('PASS', measured, '', evidence);
}

/** @param {Pick<Opening, 'failure' | 'words' | 'candidates'>} opening @param {readonly string[]} failed */
export function unopened({ failure = 'no-answer', words, candidates }, failed) {
  const { what, tries } = adviceFor(failure);
  const evidence = [...failed, `${failure}: ${words}`, ...candidates];
  return finding('FAIL', `${failure}: ${words}, ${failed.length + 1} times`, `${what} ${tries.join(' ')} Or relay: see turn.reach.`, evidence);
}

/** The fastest of some round trips on `control`, ms. @param {Opening} opening @returns {Promise<number | undefined>} */
async function echo(opening) {
  // With webrtc 0.21.1 what comes before the server's own channel is made is lost: it speaks first.
  if (!opening.setup.has('hello')) await opening.ask(undefined, ({ type }) => type === 'hello', ECHO_MS);
  /** @type {number | undefined} */
  let fastest_ms;
  for (let n = 0; n < ECHOES; n++) {
    const command = { type: 'echo', id: n, data: n };
    const { frame, took_ms } = await opening.ask(command, (frame) => frame.type === 'ack' && frame.id === n, ECHO_MS);
    if (!frame) break;
    fastest_ms = Math.min(fastest_ms ?? Infinity, took_ms);
  }
  return fastest_ms;
}

/** @typedef {{ words: string, isRelayed: boolean, evidence: string[] }} Way */

/** @param {Opening} opening @returns {Promise<Way | undefined>} */
async function wayOf({ peer }) {
  if (!peer) return undefined;
  const { stats, local, remote } = await selectedPair(peer.connection);
  if (!local || !remote) return undefined;
  const place = (/** @type {import('../../lib/selected-pair.js').Stat} */ end) =>
    `${end.candidateType} ${end.protocol} ${end.address ?? 'hidden'} ${end.port}${end.url ? ` (${end.url})` : ''}`;
  const ends = (/** @type {string} */ type, /** @type {string} */ whose) =>
    stats.filter((stat) => stat.type === type).map((stat) => `${whose}: ${place(stat)}`);
  return {
    words: `${pathWords({ local, remote })}, to ${remote.address ?? 'a hidden address'} ${remote.port}`,
    isRelayed: [local, remote].some(({ candidateType }) => candidateType === 'relay'),
    evidence: [`chosen: ${place(local)} to ${place(remote)}`, ...ends('local-candidate', 'here'), ...ends('remote-candidate', 'there')],
  };
}

/** @param {number | undefined} trip_ms @param {Way | undefined} way */
export function pair(trip_ms, way) {
  if (!way) return finding('FAIL', 'no way carried anything', 'See webrtc.open.');
  const { words, isRelayed, evidence } = way;
  if (trip_ms === undefined) {
    return finding('FAIL', `${words}, no echo came back`, 'The channel is open and carries nothing: look at the server’s log.', evidence);
  }
  const measured = `${words}, ${duration(trip_ms)} there and back`;
  if (isRelayed) return finding('WARN', measured, 'Everything makes a detour: open a direct way to the server’s UDP port.', evidence);
  return finding('PASS', measured, '', evidence);
}

/** @param {readonly Parameters[]} here @param {readonly Parameters[] | undefined} there as `/api/info` tells them */
export function parameters(here, there) {
  if (!there) return finding('SKIP', 'this server does not tell what its channels are', 'It is older than that: update it.');
  const evidence = /** @type {string[]} */ ([]);
  const wrong = /** @type {string[]} */ ([]);
  for (const ours of here) {
    const theirs = there.find(({ label }) => label === ours.label);
    evidence.push(`${ours.label}: here ${parameterWords(ours)}`, `${ours.label}: there ${theirs ? parameterWords(theirs) : 'not told'}`);
    if (!theirs) wrong.push(`${ours.label} is not told`);
    else if (parameterWords(ours) !== parameterWords(theirs)) wrong.push(`${ours.label} is ${parameterWords(ours)} here and ${parameterWords(theirs)} there`);
  }
  if (wrong.length > 0) {
    return finding('FAIL', wrong.join('; '), 'Each end sends as it was made itself: negotiate the same id, ordered and maxRetransmits on both.', evidence);
  }
  const words = here.map((ours) => `${ours.label} ${parameterWords(ours)}`);
  return finding('PASS', `${words.join('; ')}; at both ends`, '', evidence);
}

/** @param {Parameters} parameters */
function parameterWords({ id, ordered, maxRetransmits }) {
  return `id ${id}, ${ordered ? 'ordered' : 'unordered'}, ${maxRetransmits === null ? 'reliable' : `maxRetransmits ${maxRetransmits}`}`;
}
