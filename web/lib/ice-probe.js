/**
 * Whether TURN servers work, asked by a connection of its own that leads nowhere: it only gathers. The connection in use
 * does not say: once it has found a way, a browser drops its questions to TURN servers, good and bad, without a word.
 *
 * A server gives an address, says why not, or says nothing. Browsers tell the second by `icecandidateerror`, and not
 * always: of a TCP port that nobody has Chromium sometimes says nothing, and of a UDP port that nobody answers it says so
 * after 40 s. So what is still open after a while is told as such, and taken back if an answer comes after all: on a busy
 * machine or a long way, a server that works takes longer.
 */

/**
 * @typedef {object} IceNews
 * @property {string} url of the TURN server, with its port and transport written out
 * @property {number} code STUN's (RFC 8489 and 8656), from 701 on the browser's; 0: nothing was said
 * @property {string} words why it gave no address; empty: it did
 * @property {{ host: string, port: number }} [address] that it gave
 */

/** Who gave an address: newer than TypeScript's own. @typedef {{ url?: string | null, relayProtocol?: string | null }} Giver */

/** After how long a server's silence is told, ms. */
const SILENT_MS = 4000;
/** After how long nothing more is expected, ms: the browser itself has given up by then. */
const ASKING_MS = 45_000;

/** @type {Record<number, string>} */
const MEANINGS = {
  300: 'it sends its visitors to another server',
  400: 'it does not understand the request',
  401: 'it does not accept the credential, which is expired or signed with another secret than its own',
  403: 'it forbids this',
  437: 'it has forgotten the address that it gave',
  438: 'its challenge was too old',
  441: 'the credential is not the one that the address was given for',
  442: 'it does not relay over this protocol',
  486: 'this visitor has as many relayed addresses as it may',
  500: 'it has an error of its own',
  508: 'it has no port free for another relayed address',
  701: 'no answer: it is down, its name does not resolve, or something between lets nothing through',
};
/** The same of a server with TLS: browsers do not say that it was the certificate. */
const NO_ANSWER_TLS = `${MEANINGS[701]}, or its certificate is none for this name that this browser accepts`;

export class IceProbe {
  /** What is known of each server, by URL. @type {Map<string, 'asked' | 'silent' | 'gave' | 'failed'>} */
  #servers = new Map();
  /** @type {ReturnType<typeof setTimeout>} */
  #timer;
  /** @type {() => void} */
  #resolve = () => {};
  /** Addresses of which it has to be found out who gave them, one after the other. */
  #lookups = Promise.resolve();
  /** Nothing more will be told. @type {Promise<void>} */
  ended = new Promise((resolve) => (this.#resolve = resolve));

  /**
   * @param {readonly RTCIceServer[]} ice_servers
   * @param {(news: IceNews) => void} tell of each server once, and once more of one that answers after all
   * @param {RTCPeerConnection} [connection]
   */
  constructor(ice_servers, tell, connection = new RTCPeerConnection({ iceServers: [...ice_servers], iceTransportPolicy: 'relay' })) {
    this.tell = tell;
    this.connection = connection;
    for (const url of ice_servers.flatMap(({ urls }) => urls).filter(isRelay)) this.#servers.set(spelt(url), 'asked');
    connection.addEventListener('icecandidate', ({ candidate }) => candidate?.type === 'relay' && this.#gathered(candidate));
    connection.addEventListener('icecandidateerror', (event) => this.#failed(event));
    connection.addEventListener('icegatheringstatechange', () => {
      if (connection.iceGatheringState !== 'complete') return;
      this.#lookups.then(() => {
        this.#silent('nothing came of it, and the browser does not say why; perhaps nothing listens there');
        this.end();
      });
    });
    this.#timer = setTimeout(() => {
      this.#silent(`no answer for ${SILENT_MS / 1000} s: it is down, or something between lets nothing through`);
      this.#timer = setTimeout(() => this.end(), ASKING_MS - SILENT_MS);
    }, SILENT_MS);
  }

  /** Asks. */
  async start() {
    this.connection.createDataChannel('probe');
    await this.connection.setLocalDescription();
  }

  /** Asks no more. What was given is given back. */
  end() {
    clearTimeout(this.#timer);
    this.#servers.clear();
    this.connection.close();
    this.#resolve();
  }

  /** @param {RTCIceCandidate & Giver} candidate */
  #gathered({ url, relayProtocol, address, port }) {
    const given = { host: address ?? '', port: port ?? 0 };
    if (url || relayProtocol) return this.#gave(given, { url, relayProtocol });
    // Firefox tells this in its statistics alone.
    this.#lookups = this.#lookups.then(async () => {
      const stats = await this.connection.getStats().catch(() => new Map());
      const isIt = (/** @type {any} */ stat) =>
        stat.type === 'local-candidate' && stat.candidateType === 'relay' && stat.port === port && stat.address === address;
      this.#gave(given, [...stats.values()].find(isIt) ?? {});
    });
  }

  /** @param {{ host: string, port: number }} address @param {Giver} giver */
  #gave(address, { url, relayProtocol }) {
    const isIt = (/** @type {string} */ server) => {
      if (url) return server === spelt(url);
      // A browser that does not say which server it was says at least how it was reached.
      if (relayProtocol) return relayProtocol === 'tls' ? server.startsWith('turns:') : server.endsWith(`=${relayProtocol}`);
      return this.#servers.size === 1;
    };
    for (const server of [...this.#servers.keys()].filter(isIt)) {
      if (this.#servers.get(server) !== 'gave') this.tell({ url: server, code: 0, words: '', address });
      this.#servers.set(server, 'gave');
    }
  }

  /** One way out failed; another one of the same machine may have worked. @param {RTCPeerConnectionIceErrorEvent} event */
  #failed({ url, errorCode, errorText }) {
    const server = isRelay(url) ? spelt(url) : '';
    const state = this.#servers.get(server);
    if (state !== 'asked' && state !== 'silent') return;
    this.#servers.set(server, 'failed');
    const said = errorText ? `, “${errorText.replace(/\.$/, '')}”` : '';
    const meaning = errorCode === 701 && server.startsWith('turns:') ? NO_ANSWER_TLS : MEANINGS[errorCode];
    const words = meaning ? `${meaning} (${errorCode}${said})` : `error ${errorCode}${said}`;
    this.tell({ url: server, code: errorCode, words });
  }

  /** @param {string} words of those who have said nothing */
  #silent(words) {
    for (const [server] of [...this.#servers].filter(([, state]) => state === 'asked')) {
      this.#servers.set(server, 'silent');
      this.tell({ url: server, code: 0, words });
    }
  }
}

/** @param {string} url */
export function isRelay(url) {
  return /^turns?:/.test(url);
}

/** With what RFC 7065 leaves out, as browsers write it in what they say. @param {string} url */
export function spelt(url) {
  const [, scheme, host, port, transport] = /^(turns?):(\[[^\]]*\]|[^:?]*)(?::(\d+))?(?:\?transport=(\w+))?/.exec(url) ?? [];
  const isSecure = scheme === 'turns';
  return `${scheme}:${host}:${port ?? (isSecure ? 5349 : 3478)}?transport=${transport ?? (isSecure ? 'tcp' : 'udp')}`;
}
