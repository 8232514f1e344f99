/**
 * The real server and a real Chromium. Tests wait for conditions, never for time.
 *
 * `WIRELAB_BIN` names the server; else the one that cargo built last in ../target.
 */

import { spawn } from 'node:child_process';
import { once } from 'node:events';
import { existsSync, statSync } from 'node:fs';
import { dirname, join } from 'node:path';
import { createInterface } from 'node:readline';
import { fileURLToPath } from 'node:url';

import { chromium } from 'playwright-core';

/** @typedef {import('playwright-core').Page} Page */

const CHROMIUM = process.env.CHROMIUM ?? '/usr/bin/chromium';
/** No sandbox: tests run as root in containers. The rest keeps the browser from talking to anybody else. */
const ARGS = [
  '--no-sandbox',
  '--disable-quic',
  '--disable-background-networking',
  '--disable-component-update',
  '--disable-sync',
  // Two browsers find each other by their addresses: names in .local need multicast, which a container may not have.
  '--disable-features=WebRtcHideLocalIpsWithMdns',
];

/**
 * The longest wait for any condition, ms: a busy machine takes 20 s for a page, and the server lets a silent peer go after
 * 30 s.
 */
export const PATIENCE_MS = 40_000;

/**
 * Starts both.
 *
 * @param {{ bypassCSP?: boolean, flags?: readonly string[], ignoreHTTPSErrors?: boolean, server?: readonly string[], log?: string, spki?: string }} [options]
 *   `bypassCSP`: to inject a test tool; `flags`: for the server; `ignoreHTTPSErrors`: as if every certificate had been
 *   accepted; `server`: another program and its arguments; `log`: what it logs, kept for {@link startServer}'s `logged`;
 *   `spki`: the hash of the key in a certificate that the browser accepts also where it asks nobody, as for TURN
 */
export async function lab({ bypassCSP = false, flags = [], ignoreHTTPSErrors = false, server: command, log, spki } = {}) {
  let server = await startServer(command ?? serve({ flags }), log);
  const trust = spki ? [`--ignore-certificate-errors-spki-list=${spki}`] : [];
  const browser = await chromium.launch({ executablePath: CHROMIUM, args: [...ARGS, ...trust] });
  const context = await browser.newContext({ bypassCSP, ignoreHTTPSErrors, acceptDownloads: true });
  context.setDefaultTimeout(PATIENCE_MS);
  /** What went wrong on any page. @type {string[]} */
  const complaints = [];
  await context.addInitScript(() => {
    addEventListener('securitypolicyviolation', ({ violatedDirective, blockedURI }) => {
      console.error(`CSP: ${violatedDirective} ${blockedURI}`);
    });
  });
  context.on('console', (message) => {
    if (message.type() === 'error' || message.type() === 'warning') complaints.push(message.text());
  });
  context.on('weberror', (error) => complaints.push(String(error.error().stack)));
  return {
    url: server.url,
    pid: server.pid,
    context,
    complaints,
    /**
     * @param {string} path
     * @param {{ width?: number, height?: number }} [size] CSS pixels
     */
    async open(path, { width = 1280, height = 900 } = {}) {
      const page = await context.newPage();
      await page.setViewportSize({ width, height });
      await page.goto(server.url + path);
      return page;
    },
    /** Stops the server, as an operator does, and starts another one at the same address. */
    async restart() {
      await server.stop();
      server = await startServer(serve({ port: new URL(server.url).port, flags }), log);
    },
    /** @param {RegExp} pattern */
    logged: (pattern) => server.logged(pattern),
    /** Stops the server for good. */
    stop: () => server.stop(),
    async close() {
      await browser.close();
      await server.stop();
    },
  };
}

/** The command that serves on a port of loopback, by default on any free one, and without a link. @param {{ port?: string, flags?: readonly string[] }} [how] */
export function serve({ port = '0', flags = [] } = {}) {
  // Tests that run at once do not fight for the usual port of HTTPS.
  const https = flags.includes('--https') ? [] : ['--https', 'off'];
  const link = flags.includes('--link-listen') ? [] : ['--link-listen', 'off'];
  return [serverPath(), 'serve', '--http', `127.0.0.1:${port}`, ...https, ...link, ...flags];
}

/** @param {readonly string[]} [command] @param {string} [log] what RUST_LOG says; then the log is kept and not shown */
export async function startServer([program, ...args] = serve(), log) {
  const server = spawn(program, args, {
    stdio: ['ignore', 'pipe', log ? 'pipe' : 'inherit'],
    env: { ...withoutOurs(process.env), ...(log ? { RUST_LOG: log } : {}) },
  });
  let text = '';
  server.stderr?.on('data', (piece) => (text += piece));
  const exited = once(server, 'exit');
  const url = await Promise.race([
    firstUrl(/** @type {import('node:stream').Readable} */ (server.stdout)),
    exited.then(([code]) => Promise.reject(new Error(`the server ended at once, with ${code}`))),
  ]);
  return {
    url,
    pid: server.pid,
    /** Waits until the log matches. @param {RegExp} pattern */
    async logged(pattern) {
      const stderr = /** @type {import('node:stream').Readable} */ (server.stderr);
      const signal = AbortSignal.timeout(PATIENCE_MS);
      while (!pattern.test(text))
        await once(stderr, 'data', { signal }).catch(() => Promise.reject(new Error(`the log never said ${pattern}:\n${text.slice(-4000)}`)));
      return text;
    },
    async stop() {
      server.kill('SIGTERM');
      await exited;
    },
  };
}

/** The server takes every WIRELAB_… for a setting and refuses those it does not know, such as the tests' own. @param {NodeJS.ProcessEnv} env */
function withoutOurs(env) {
  return Object.fromEntries(Object.entries(env).filter(([name]) => !name.startsWith('WIRELAB_')));
}

/** The address in the first line that has one. @param {import('node:stream').Readable} stdout */
async function firstUrl(stdout) {
  for await (const line of createInterface(stdout)) {
    const found = /http:\/\/[^\s/]+/.exec(line);
    if (!found) continue;
    stdout.resume(); // a full pipe would stop the server
    return found[0];
  }
  throw new Error('the server did not say where it listens');
}

/** The server that loses datagrams: beside the real one, where cargo puts examples. */
export function lossyServer() {
  const path = join(dirname(serverPath()), 'examples', 'lossy');
  if (!existsSync(path)) throw new Error(`no ${path}: run cargo build -p wirelab --example lossy first`);
  return path;
}

/** The server under test. */
export function serverPath() {
  if (process.env.WIRELAB_BIN) return process.env.WIRELAB_BIN;
  const built = ['release', 'debug']
    .map((profile) => fileURLToPath(new URL(`../../../target/${profile}/wirelab`, import.meta.url)))
    .filter((path) => existsSync(path));
  if (built.length === 0) throw new Error('no server: run cargo build first, or name one by WIRELAB_BIN');
  return built.reduce((newest, path) => (statSync(path).mtimeMs > statSync(newest).mtimeMs ? path : newest));
}

/**
 * Waits until the text of an element matches, and returns it.
 *
 * @param {Page} page
 * @param {string} selector
 * @param {RegExp} pattern
 * @param {number} [timeout] ms
 */
export async function textOf(page, selector, pattern, timeout = PATIENCE_MS) {
  const handle = await page.waitForFunction(
    ({ selector, source }) => {
      const text = (document.querySelector(selector)?.textContent ?? '').replaceAll('\u00a0', ' ');
      return new RegExp(source, 'u').test(text) ? { text } : null;
    },
    { selector, source: pattern.source },
    { timeout },
  );
  return (await handle.jsonValue())?.text ?? '';
}

/**
 * The cells of a table's row.
 *
 * @param {Page} page
 * @param {string} row selector
 */
export function cellsOf(page, row) {
  return page
    .locator(`${row} td`)
    .evaluateAll((cells) => cells.map((cell) => (cell.textContent ?? '').replaceAll('\u00a0', ' ')));
}
