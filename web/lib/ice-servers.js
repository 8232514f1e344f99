/**
 * TURN credentials expire. Every `welcome` of the hub brings fresh ones, and a connection that is being made uses those;
 * but a room is open for hours, whoever joins late or looks for a new path needs some that still hold, and a relay asks
 * again for those of an address that it gave long ago. So the server is asked for new ones after three quarters of their
 * lifetime, which it tells: the clocks of the two may differ.
 */

import { getIceServers } from './api.js';

/** When to use a new one, of its lifetime. */
const SHARE = 3 / 4;
/** After a failure, ms. A quarter of the shortest lifetime that the server takes, 15 s, holds a few of these. */
const AGAIN_MS = 5000;

export class IceServers {
  #isRenewal = false;

  /**
   * @param {{ fresh: (ice_servers: RTCIceServer[], isRenewal: boolean, ttl_s?: number) => void, failed: (words: string) => void }} on
   *   `isRenewal`: those from before are about to end; `ttl_s`: how long these hold, none where there is no TURN server
   * @param {() => Promise<import('./api.js').IceConfiguration>} [ask]
   */
  constructor(on, ask = getIceServers) {
    this.on = on;
    this.ask = ask;
  }

  /** Asks now and goes on asking, where there is a TURN server. */
  async watch() {
    try {
      const { iceServers, ttl } = await this.ask();
      this.on.fresh(iceServers, this.#isRenewal, ttl);
      this.#isRenewal = true;
      if (ttl) setTimeout(() => this.watch(), ttl * 1000 * SHARE);
    } catch (error) {
      this.on.failed(/** @type {Error} */ (error).message);
      setTimeout(() => this.watch(), AGAIN_MS);
    }
  }
}
