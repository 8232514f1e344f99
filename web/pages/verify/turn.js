/**
 * The browser's half of the checks of TURN servers: those that this server tells its visitors of, from this visitor's
 * network. What they must refuse is the terminal's: a browser takes no address from a relay that checks no password.
 */

import { getInfo } from '../../lib/api.js';
import { duration } from '../../lib/format.js';
import { IceProbe } from '../../lib/ice-probe.js';
import { isNear } from './candidates.js';
import { askForServers, judgeCredentials, judgeTransports, refusalOf, waysOf } from './credentials.js';
import { finding, why } from './finding.js';
import { relay } from './relay.js';
import { together } from './together.js';

/** @typedef {import('./finding.js').Check} Check */
/** @typedef {import('./finding.js').Finding} Finding */
/** @typedef {import('./credentials.js').Way} Way */
/** @typedef {import('../../lib/ice-probe.js').IceNews & { took_ms: number }} News */

/** How long servers may take to answer, ms: a browser repeats its questions over UDP. */
const PATIENCE_MS = 10_000;
/** From here on an error is the browser's own word, and no server's. */
const BROWSERS_OWN = 700;
/** Refusals of who asks (RFC 8489, section 14.8; RFC 8656, section 19). */
const NOT_YOU = [401, 441];

/** @type {readonly Check[]} */
export const CHECKS = [
  { id: 'turn.credentials', what: 'visitors are given credentials that hold', means: 'A TURN URL without them makes RTCPeerConnection throw, also for those who need no relay.' },
  { id: 'turn.transports', what: 'there is a way in where UDP is blocked, and one over UDP', means: 'A relay is for visitors whose network lets nothing else through, and most of those block UDP first.' },
  { id: 'turn.reach', what: 'the server answers over every transport', means: 'A relay whose UDP port is closed looks well in every list, and carries nobody.' },
  { id: 'turn.allocate', what: 'who has a credential gets an address and can keep it', means: 'This is where a wrong secret shows, a full relay, and one that gives out private addresses.' },
  { id: 'turn.relay', what: 'data goes both ways through the relay', means: 'An address is a promise: behind it are the relay’s own rules, firewall and routes.' },
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
  begin('turn.credentials');
  let answer;
  try {
    answer = await askForServers();
  } catch (error) {
    tell('turn.credentials', finding('FAIL', `/api/ice-servers: ${why(error)}`, 'Look whether the server still runs.'));
    return skip('no TURN URL was told', 1);
  }
  const refusal = refusalOf(answer);
  tell('turn.credentials', judgeCredentials(answer, refusal, Date.now() / 1000));
  const ways = refusal ? [] : waysOf(answer);
  if (ways.length === 0) return skip(refusal ? 'this browser takes none of its URLs' : 'no TURN URL was told', 1);
  tell('turn.transports', judgeTransports(ways));

  begin('turn.reach');
  const news = await probe(ways.map(({ server }) => server));
  tell('turn.reach', together(ways.map((way) => [way.name, judgeReach(news.get(way.url))])));
  const reached = ways.filter(({ url }) => hasAnswered(news.get(url)));
  if (reached.length === 0) return skip('the server was not reached', 3);
  const allocated = together(reached.map((way) => [way.name, judgeAllocate(news.get(way.url), way.url)]));
  tell('turn.allocate', allocated);
  if (allocated.verdict !== 'PASS') return skip('without an address at the relay nothing can be said: see turn.allocate', 4);
  begin('turn.relay');
  const hasPeer = await getInfo().then(({ lanes }) => lanes.some(({ path }) => path === '/signal')).catch(() => false);
  /** @type {[string, Finding][]} */
  const carried = [];
  for (const { name, server } of reached) carried.push([name, await relay(server, hasPeer)]); // one at a time: they share the visitor's quota
  tell('turn.relay', together(carried));
}

/** Asks each for an address. @param {readonly RTCIceServer[]} servers @returns {Promise<Map<string, News>>} by URL */
async function probe(servers) {
  /** @type {Map<string, News>} */
  const told = new Map();
  const start_ms = performance.now();
  const isSettled = (/** @type {News} */ { code, address }) => code > 0 || address !== undefined;
  const asking = new IceProbe(servers, (news) => {
    told.set(news.url, { ...news, took_ms: performance.now() - start_ms });
    if (told.size === servers.length && [...told.values()].every(isSettled)) asking.end();
  });
  const timer = setTimeout(() => asking.end(), PATIENCE_MS);
  await asking.start();
  await asking.ended;
  clearTimeout(timer);
  return told;
}

/** Whoever gives an address, or says why not, is there. @param {News | undefined} news */
function hasAnswered(news) {
  return news !== undefined && (news.address !== undefined || (news.code > 0 && news.code < BROWSERS_OWN));
}

/** @param {News | undefined} news */
export function judgeReach(news) {
  if (news && hasAnswered(news)) return finding('PASS', `it answers in ${duration(news.took_ms)}`, '', news.words ? [news.words] : []);
  // Chromium and Firefox drop an answer that is not signed with the password, so also that of a relay that knows none.
  const hint = 'Open the port for this protocol, on the way and at the server, and look whether it listens there, and asks for a password: browsers hear no relay that does not. wirelab verify turn tells these apart.';
  return finding('FAIL', news?.words ?? `nothing was heard in ${duration(PATIENCE_MS)}`, hint);
}

/** @param {News | undefined} news @param {string} url */
export function judgeAllocate(news, url) {
  if (!news?.address) {
    const hint = NOT_YOU.includes(news?.code ?? 0)
      ? 'The same secret on both sides (coturn: static-auth-secret; wirelab: --turn-secret-file), and clocks that agree.'
      : 'docs/verify/README.md has what each code means. 486 and 508: raise user-quota, total-quota, or widen min-port to max-port.';
    return finding('FAIL', news?.words ?? 'no address', hint);
  }
  const { host, port } = news.address;
  const measured = `${host || 'an address'}${port ? ` ${port}` : ''} in ${duration(news.took_ms)}`;
  const server = /^turns?:(\[[^\]]*\]|[^:?]*)/.exec(url)?.[1] ?? '';
  if (isNear(host) && /^[\d.]+$|^\[/.test(server) && !isNear(server)) {
    return finding('FAIL', `${measured}, which nobody outside reaches`, 'The server stands behind a NAT and does not know its public address: tell it (coturn: external-ip).');
  }
  return finding('PASS', measured, '', ['that it is kept a page does not see: wirelab verify turn asks for it again']);
}
