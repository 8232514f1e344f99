/** Why a connection did not come to be, or went: what it says, and what to try. */

/** @typedef {import('./transport/datachannel.js').Failure} Failure */
/** @typedef {{ what: string, tries: string[] }} Advice */

const UDP = {
  what: 'The hub answered, but no packet came through: UDP between you and the server is blocked.',
  tries: [
    'Try another network: many offices and hotels let only TCP through.',
    'At the server, open its port for UDP too: it is the same number as for HTTP.',
    'In a container or behind a router, start the server with --announce-ip and the address you reach it by.',
  ],
};

/** @type {Partial<Record<Failure, Advice>>} */
const ADVICE = {
  unsupported: { what: 'This browser has no WebRTC.', tries: ['Look whether an extension or a policy switched it off.'] },
  signalling: {
    what: 'The hub cannot be reached, so the peers cannot find each other. What is open already goes on.',
    tries: ['Look whether the server runs.', 'Proxies must pass the WebSocket upgrade on /signal as they do on /ws.'],
  },
  'refused limit': {
    what: 'The server’s peer has no place free: each connection costs it memory, so their number is capped.',
    tries: ['Close other tabs of these pages.', 'Raise the server’s limit of peers.'],
  },
  'no-answer': {
    what: 'The offer went out and no answer came: the server’s peer is overwhelmed or gone.',
    tries: ['Wait: this page tries again by itself.', 'Look at the server’s log.'],
  },
  loopback: {
    what: 'The server announces 127.0.0.1 alone, and this browser does not reach it there: Firefox never tries loopback.',
    tries: [
      'Connect the server’s machine to a network and start the server again: it then announces that address too.',
      'On the same machine, Chromium and Chrome connect over 127.0.0.1.',
      'From another machine, start the server with --announce-ip and the address you reach it by.',
    ],
  },
  checks: UDP,
  relay: {
    what: 'Only through TURN is ticked, and no TURN server gave this browser an address, so there was nothing to try.',
    tries: [
      'Untick it, and the connection goes on by another way, if there is one.',
      'At the TURN server, look whether it runs, whether its ports are open, and whether its secret and clock are the server’s.',
    ],
  },
  'no-relay': {
    what: 'Only through TURN is ticked, and this server named no TURN server: it has none, or you have asked for too many credentials.',
    tries: ['Untick it.', 'Start the server with --turn-url and --turn-secret-file.', '/api/ice-servers says which of the two it is.'],
  },
  dtls: {
    what: 'Packets come through, but the two could not agree on keys.',
    tries: ['Large packets may be lost on the way: try without a VPN.', 'Something between may look into packets and drop DTLS.'],
  },
  sctp: {
    what: 'The connection is encrypted, but its channels did not open in time. Under heavy loss that happens.',
    tries: ['Wait: a new connection mostly opens.'],
  },
  disconnected: { what: 'It was open, and then no packet came for 3 s.', tries: ['Look whether the network changed. A new connection is on its way.'] },
  failed: { what: 'It was open, and the network gave it up.', tries: ['A new connection is on its way.'] },
  closed: { what: 'The other side closed it: the server is stopping, or ended this peer.', tries: ['A new connection is on its way.'] },
};

/** @param {Failure} failure @returns {Advice} */
export function adviceFor(failure) {
  return ADVICE[failure] ?? { what: `It failed: ${failure}.`, tries: ['The time line below has the words of the server. This page tries again by itself.'] };
}
