/** The addresses that the server announced, and whether somebody where this page is can go there. */

import { counted } from '../../lib/format.js';
import { finding } from './finding.js';

/** @typedef {{ kind: string, transport: string, host: string, port: number }} Candidate */

const TYPES = ['host', 'srflx', 'prflx', 'relay'];

/** RFC 8839, section 5.1. @param {string} line @returns {Candidate | undefined} */
export function readCandidate(line) {
  const [, transport, host, port, kind] = /^candidate:\S+ \d+ (\S+) \d+ (\S+) (\d+) typ (\S+)/.exec(line) ?? [];
  return kind ? { kind, transport: transport.toLowerCase(), host, port: Number(port) } : undefined;
}

/**
 * Names that end in `.local`, and TCP, are shown and not counted.
 *
 * @param {readonly string[]} lines `candidate:…`
 * @param {string} server the host in this page's address
 * @param {boolean} isOpen whether one of them led there
 */
export function judgeCandidates(lines, server, isOpen) {
  const all = lines.flatMap((line) => readCandidate(line) ?? []);
  const usable = all.filter(({ transport, host }) => transport === 'udp' && isAddress(host));
  const kinds = TYPES.map((type) => [usable.filter(({ kind }) => kind === type).length, type]).filter(([n]) => n);
  const measured = `${kinds.map(([n, type]) => `${n} ${type}`).join(', ') || 'none'} over UDP`;
  const evidence = all.map(({ kind, transport, host, port }) => `${kind} ${transport} ${host} ${port}`);
  if (usable.length === 0) {
    const hint = 'Without an address nobody connects: open the server’s UDP port. wirelab: the number of --http, and --announce-ip.';
    return finding('FAIL', measured, hint, evidence);
  }
  // A page is told no address of a name: that none of them led there has to do.
  const isFar = isAddress(server) ? !isNear(server) : server !== 'localhost' && !isOpen;
  if (isFar && usable.every(({ host }) => isNear(host))) {
    const hint = 'The server stands behind a NAT and does not know its public address: wirelab serve --announce-ip.';
    return finding('FAIL', `${measured}, all of them private, and ${server} is not`, hint, evidence);
  }
  return finding('PASS', measured, '', [...evidence, `${counted(all.length, 'candidate')} in all`]);
}

/** Whether it is an address and no name. @param {string} host */
function isAddress(host) {
  return host.includes(':') || /^\d+(\.\d+){3}$/.test(host);
}

/** Whether an address is one of this machine or of a private network. @param {string} host */
export function isNear(host) {
  const bare = host.replace(/^\[|\]$/g, '').replace(/^::ffff:(?=\d+\.)/i, '');
  if (bare.includes(':')) return /^(::1$|f[cd]|fe[89ab])/i.test(bare);
  return /^(10|127)\.|^192\.168\.|^169\.254\.|^172\.(1[6-9]|2\d|3[01])\./.test(bare);
}
