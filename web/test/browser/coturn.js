/** A real coturn with the shipped configuration and its loopback overlay, on free ports, ended by its id. */

import { execFileSync, spawn } from 'node:child_process';
import { createHash, createHmac, randomBytes, X509Certificate } from 'node:crypto';
import { createSocket } from 'node:dgram';
import { once } from 'node:events';
import { accessSync, constants, mkdtempSync, readFileSync, rmSync, writeFileSync } from 'node:fs';
import { connect, createServer } from 'node:net';
import { tmpdir } from 'node:os';
import { delimiter, join } from 'node:path';
import { fileURLToPath } from 'node:url';

const FOLDER = fileURLToPath(new URL('../../../coturn/', import.meta.url));
/** Between two looks whether it listens, ms. */
const LOOK_MS = 20;
const LOOKS = 250;

/** Why tests with coturn are skipped; false where they are not. */
export const skip = found('turnserver') && found('turnutils_uclient') ? false : 'no coturn here: apt-get install coturn';

/** Why those with TLS are. */
export const skipTls = skip || (found('openssl') ? false : 'no openssl here for a certificate: apt-get install openssl');

/** @typedef {Awaited<ReturnType<typeof coturn>>} Coturn */

/**
 * The relay with a secret of its own, before its first start.
 *
 * @param {{ host?: string, isSecure?: boolean, passesTo?: readonly string[], asksPassword?: boolean }} [options] `host`: an
 *   address of this machine; `isSecure`: with TLS too, and a certificate of its own; `passesTo`: to these peers alone, else
 *   to `host`, and on loopback as the overlay for tests has it
 */
export async function coturn({ host = '127.0.0.1', isSecure = false, passesTo, asksPassword = true } = {}) {
  const folder = mkdtempSync(join(tmpdir(), 'wirelab-coturn-'));
  const secret = randomBytes(32).toString('hex');
  const secretFile = join(folder, 'secret');
  writeFileSync(secretFile, `${secret}\n`, { mode: 0o600 });
  const port = await freePort(host);
  const tls = isSecure ? { port: await freePort(host), ...certificate(folder) } : undefined;
  /** @type {import('node:child_process').ChildProcess | undefined} */
  let child;
  const relay = {
    port,
    secretFile,
    urls: {
      udp: `turn:${host}:${port}?transport=udp`,
      tcp: `turn:${host}:${port}?transport=tcp`,
      tls: tls && `turns:${host}:${tls.port}?transport=tcp`,
    },
    /** The hash of the key in its certificate, as Chromium's switch for certificates that it shall accept wants it. */
    spki: tls?.spki,
    /** What a server of ours has to be told. @param {readonly ('udp' | 'tcp' | 'tls')[]} over */
    flags: (over) => ['--turn-url', over.map((transport) => relay.urls[transport]).join(','), '--turn-secret-file', secretFile],
    /** A credential as wirelab would mint it, here by other means. @param {number} expires_in_s @param {string} [signedWith] */
    credential: (expires_in_s, signedWith = secret) => {
      const username = `${Math.floor(Date.now() / 1000) + expires_in_s}:test`;
      return { username, credential: createHmac('sha1', signedWith).update(username).digest('base64') };
    },
    async start() {
      const configuration = [tls ? withTls(folder, tls) : join(FOLDER, 'turnserver.conf')];
      if (!passesTo && host === '127.0.0.1') configuration.push(join(FOLDER, 'loopback.conf'));
      const shipped = ['sh', join(FOLDER, 'start.sh'), secretFile, ...configuration, '--'];
      const peers = ['--allow-loopback-peers', ...(passesTo ?? [host]).map((peer) => `--allowed-peer-ip=${peer}`)];
      const own = [`--listening-port=${port}`, `--listening-ip=${host}`, `--relay-ip=${host}`, ...peers];
      const [program, ...args] = [...(asksPassword ? shipped : ['turnserver', '-c', open(folder)]), ...own];
      child = spawn(program, args, {
        stdio: ['ignore', 'ignore', 'inherit'],
        env: { ...process.env, PATH: path(), TMPDIR: folder },
      });
      const ended = once(child, 'exit').then(([code]) => Promise.reject(new Error(`coturn ended at once, with ${code}`)));
      await Promise.race([listens(host, port), ended]);
      ended.catch(() => {}); // from here on its end is wanted
    },
    /** As a machine that goes down: what it had given is forgotten. */
    async stop() {
      if (!child || child.exitCode !== null || child.signalCode !== null) return;
      const exited = once(child, 'exit');
      child.kill('SIGKILL');
      await exited;
    },
    async remove() {
      await relay.stop();
      rmSync(folder, { recursive: true });
    },
  };
  return relay;
}

/**
 * What coturn's own client says when it asks the relay to pass something on to `peer`.
 *
 * @param {Coturn} relay
 * @param {{ username: string, credential: string }} account
 * @param {string} peer
 */
export async function passOn(relay, { username, credential }, peer) {
  const args = ['-n', '1', '-c', '-p', String(relay.port), '-u', username, '-w', credential, '-e', peer, '127.0.0.1'];
  const client = spawn('turnutils_uclient', args, { stdio: ['ignore', 'pipe', 'pipe'], env: { ...process.env, PATH: path() } });
  let said = '';
  for (const stream of [client.stdout, client.stderr]) stream.on('data', (text) => (said += text));
  // Allowed, it goes on until somebody answers; the first packet that leaves is enough.
  client.stdout.on('data', () => /start_mclient/.test(said) && client.kill());
  await once(client, 'close');
  return said;
}

/** A certificate for 127.0.0.1 that no browser accepts by itself. @param {string} folder */
function certificate(folder) {
  const [key, file] = ['key.pem', 'certificate.pem'].map((name) => join(folder, name));
  const curve = ['-newkey', 'ec', '-pkeyopt', 'ec_paramgen_curve:prime256v1'];
  const subject = ['-subj', '/CN=coturn of a test', '-addext', 'subjectAltName=IP:127.0.0.1'];
  execFileSync('openssl', ['req', '-x509', ...curve, '-nodes', '-keyout', key, '-out', file, '-days', '2', ...subject], { stdio: 'ignore' });
  const { publicKey } = new X509Certificate(readFileSync(file));
  return { key, file, spki: createHash('sha256').update(publicKey.export({ type: 'spki', format: 'der' })).digest('base64') };
}

/** The shipped file with the change for TLS that it describes. @param {string} folder @param {{ port: number, key: string, file: string }} tls */
function withTls(folder, { port, key, file }) {
  const shipped = readFileSync(join(FOLDER, 'turnserver.conf'), 'utf8');
  const changed = shipped.replace(/^no-tls$/m, `cert=${file}\npkey=${key}\ntls-listening-port=${port}`);
  if (changed === shipped) throw new Error('turnserver.conf has no line no-tls');
  const configuration = join(folder, 'tls.conf');
  writeFileSync(configuration, changed);
  return configuration;
}

/** A relay for everybody, as one that was set up in haste: the shipped file has no switch for that. @param {string} folder */
function open(folder) {
  const kept = readFileSync(join(FOLDER, 'turnserver.conf'), 'utf8').replace(/^use-auth-secret$/m, 'no-auth');
  const configuration = join(folder, 'open.conf');
  const own = ['', 'userdb=:memory:', `pidfile=${join(folder, 'pid')}`, ''];
  writeFileSync(configuration, kept + own.join('\n'));
  return configuration;
}

/** @param {string} program */
function found(program) {
  return path()
    .split(delimiter)
    .some((folder) => isProgram(join(folder, program)));
}

/** Daemons are not in everybody's. */
function path() {
  return [process.env.PATH, '/usr/sbin', '/usr/local/sbin', '/opt/homebrew/bin'].join(delimiter);
}

/** @param {string} file */
function isProgram(file) {
  try {
    accessSync(file, constants.X_OK);
    return true;
  } catch {
    return false;
  }
}

/** coturn takes no port 0: one that was free for TCP and UDP a moment ago. @param {string} host @returns {Promise<number>} */
async function freePort(host) {
  for (;;) {
    const tcp = createServer().listen(0, host);
    await once(tcp, 'listening');
    const { port } = /** @type {import('node:net').AddressInfo} */ (tcp.address());
    const udp = createSocket('udp4');
    const isFree = await new Promise((resolve) => {
      udp.once('error', () => resolve(false));
      udp.bind(port, host, () => resolve(true));
    });
    if (isFree) udp.close();
    tcp.close();
    await once(tcp, 'close');
    if (isFree) return port;
  }
}

/** @param {string} host @param {number} port */
async function listens(host, port) {
  for (let look = 0; look < LOOKS; look++) {
    const socket = connect(port, host);
    const isOpen = await new Promise((resolve) => {
      socket.once('connect', () => resolve(true));
      socket.once('error', () => resolve(false));
    });
    socket.destroy();
    if (isOpen) return;
    await new Promise((resolve) => setTimeout(resolve, LOOK_MS)); // there is no event for a port that somebody opens
  }
  throw new Error(`coturn does not listen on ${host}:${port}`);
}
