/**
 * Perfect negotiation (W3C WebRTC, section 10.7): either side may offer at any time, and when both do, the polite one
 * takes its offer back. Without it two pages that meet in a room each wait for an answer that does not come.
 *
 * Told what the other peer signals, in order; says what to signal. It knows no socket.
 */

/** @typedef {import('./signalling.js').Signal} Signal */

export class Negotiation {
  #isOffering = false;
  #isSettingAnswer = false;
  #ignoresOffer = false;
  /** Candidates that came before any description. @type {(RTCIceCandidateInit | null)[]} */
  #early = [];
  /** Times that both had offered. */
  glares = 0;
  #waits;

  /**
   * @param {RTCPeerConnection} connection
   * @param {boolean} isPolite
   * @param {(signal: Signal) => void} say
   * @param {{ waits?: boolean }} [options] `waits`: the first offer is the other's. Where it is known who starts, that
   *   spares a glare; and Chromium, when it takes back its very first offer, sometimes gathers no candidate afterwards
   */
  constructor(connection, isPolite, say, { waits = false } = {}) {
    this.#waits = waits;
    this.connection = connection;
    this.isPolite = isPolite;
    this.say = say;
    connection.onnegotiationneeded = () => (this.#waits ? undefined : this.#offer());
    connection.onicecandidate = ({ candidate }) =>
      this.say({ type: 'candidate', candidate: candidate && candidate.toJSON() });
  }

  /**
   * Takes what the other peer signalled. To be called in order, without waiting for the one before.
   *
   * @param {Signal} signal
   * @throws {DOMException} the browser takes the description or the candidate for wrong
   */
  async take(signal) {
    if (signal.type === 'candidate') await this.#candidate(signal.candidate);
    else await this.#description(signal);
  }

  async #offer() {
    this.#isOffering = true;
    try {
      await this.connection.setLocalDescription();
      this.#sayDescription();
    } finally {
      this.#isOffering = false;
    }
  }

  /** @param {{ type: 'offer' | 'answer', sdp: string }} description */
  async #description(description) {
    const { connection } = this;
    // An answer that is being set makes the connection stable: an offer behind it collides with nothing.
    const isReady = !this.#isOffering && (connection.signalingState === 'stable' || this.#isSettingAnswer);
    const collides = description.type === 'offer' && !isReady;
    if (collides) this.glares += 1;
    this.#ignoresOffer = collides && !this.isPolite;
    if (this.#ignoresOffer) return;

    this.#waits = false;
    this.#isSettingAnswer = description.type === 'answer';
    try {
      await connection.setRemoteDescription(description); // takes an own offer back, if there is one
    } finally {
      this.#isSettingAnswer = false;
    }
    for (const candidate of this.#early.splice(0)) await this.#candidate(candidate);
    if (description.type === 'answer') return;
    await connection.setLocalDescription();
    this.#sayDescription();
  }

  /** @param {RTCIceCandidateInit | null} candidate null after the last */
  async #candidate(candidate) {
    if (this.#ignoresOffer) return; // it belongs to the offer that was not taken
    if (!this.connection.remoteDescription) this.#early.push(candidate);
    else await this.connection.addIceCandidate(candidate ?? undefined);
  }

  #sayDescription() {
    const { type, sdp } = /** @type {RTCSessionDescription} */ (this.connection.localDescription);
    this.say({ type: /** @type {'offer' | 'answer'} */ (type), sdp });
  }
}
