/** What visitors are told of the relays, by `GET /api/ice-servers`: whether a browser can use it, and whom it reaches. */

import { isRelay, spelt } from '../../lib/ice-probe.js';
import { finding, why } from './finding.js';

/** @typedef {'udp' | 'tcp' | 'tls'} Transport */
/** @typedef {{ name: Transport, url: string, server: RTCIceServer }} Way one URL with its account; `url` with port and transport */
/** @typedef {{ status: number, isKept: boolean, body: import('../../lib/api.js').IceConfiguration | undefined }} Answer `isKept`: a cache may */

/** A credential that holds no longer than this is gone before a page has used it, s. */
const SHORT_S = 60;
/** Ways in that are checked; a browser is slowed by more than a handful. */
const MOST_WAYS = 8;

/** @returns {Promise<Answer>} @throws {TypeError} nobody answers */
export async function askForServers() {
  const response = await fetch('/api/ice-servers', { headers: { Accept: 'application/json' }, cache: 'no-store' });
  const isKept = !/\bno-store\b/i.test(response.headers.get('cache-control') ?? '');
  const body = await response.json().catch(() => undefined);
  return { status: response.status, isKept, body: response.ok && Array.isArray(body?.iceServers) ? body : undefined };
}

/** Each way in once. @param {Answer} answer @returns {Way[]} */
export function waysOf({ body }) {
  const urls = (body?.iceServers ?? []).flatMap(({ urls, ...account }) => [urls].flat().map((url) => ({ url, account })));
  const ways = urls
    .filter(({ url }) => isRelay(url))
    .map(({ url, account }) => ({ name: transportOf(url), url: spelt(url), server: { urls: url, ...account } }));
  return [...new Map(ways.map((way) => [way.url, way])).values()].slice(0, MOST_WAYS);
}

/** What this browser has against them; empty: nothing. @param {Answer} answer */
export function refusalOf({ body }) {
  try {
    new RTCPeerConnection({ iceServers: body?.iceServers ?? [] }).close();
    return '';
  } catch (error) {
    return why(error);
  }
}

/** @param {string} url @returns {Transport} */
function transportOf(url) {
  if (url.startsWith('turns:')) return 'tls';
  return spelt(url).endsWith('=tcp') ? 'tcp' : 'udp';
}

/**
 * @param {Answer} answer
 * @param {string} refusal {@link refusalOf} it
 * @param {number} now_s since 1970
 */
export function judgeCredentials({ status, isKept, body }, refusal, now_s) {
  if (!body) {
    const hint = '429: too many were asked for, wait for Retry-After; 403: this origin or host may not; else something between answers for the server.';
    return finding('FAIL', `/api/ice-servers answers ${status} and no list of servers`, hint);
  }
  const servers = body.iceServers.filter(({ urls }) => [urls].flat().some(isRelay));
  const urls = servers.flatMap(({ urls }) => urls).filter(isRelay);
  if (refusal) {
    const hint = 'Write turn:HOST, turn:HOST:PORT?transport=tcp or turns:HOST, each with username and credential.';
    return finding('FAIL', `this browser does not take them: ${refusal}`, hint, urls);
  }
  if (urls.length === 0) {
    return finding('SKIP', 'this server offers no relay', 'Visitors whose network blocks UDP, or allows it to few, do not connect: wirelab serve --turn-url.');
  }
  const ended_s = servers.map(({ username }) => now_s - Number(/^(\d+):/.exec(username ?? '')?.[1] ?? NaN)).find((since_s) => since_s >= 0);
  if (ended_s !== undefined) {
    const hint = 'The server’s clock, or this machine’s, is wrong; or something between keeps old answers: send no-store.';
    return finding('FAIL', `the credential expired ${Math.round(ended_s)} s ago`, hint, urls);
  }
  const all = `${urls.length} ${urls.length === 1 ? 'URL' : 'URLs'} with credentials`;
  if (isKept) return finding('WARN', `${all}, and a cache may keep them`, 'Send Cache-Control: no-store: a credential is one visitor’s.', urls);
  if (body.ttl === undefined) {
    return finding('WARN', `${all} that end nobody knows when`, 'An account for everybody who opens the page: mint them (coturn: use-auth-secret).', urls);
  }
  if (body.ttl <= SHORT_S) {
    return finding('WARN', `${all} for ${body.ttl} s`, 'It ends before a call does: let it hold for an hour (--turn-ttl), or ask again in time.', urls);
  }
  return finding('PASS', `${all} for ${body.ttl} s`, '', urls);
}

/** Every visitor finds a way in: those whose network blocks UDP, and those whose network lets TLS through and nothing else. @param {readonly Way[]} ways */
export function judgeTransports(ways) {
  const all = [...new Set(ways.map(({ name }) => name))];
  const names = all.join(', ');
  if (!all.includes('udp')) {
    return finding('WARN', `${names} only`, 'Everything goes through TCP, which holds back what is newer for what was lost: offer UDP as well.');
  }
  if (all.length === 1) {
    return finding('WARN', `${names} only`, 'Where UDP is blocked nobody connects: offer the same server with ?transport=tcp, and turns:HOST:443.');
  }
  if (ways.some(({ name, url }) => name === 'tls' && url.includes(':443?'))) return finding('PASS', `${names}, tls on 443`);
  return finding('PASS', names, 'Some networks let nothing but TLS on port 443 through: a turns:HOST:443 reaches them too.');
}
