/**
 * How a peer connection came to be, step by step. Marks are set by the browser's events; a step lies between two marks.
 *
 * What a browser does not tell apart is not guessed: the step stays open and its time is part of the next.
 */

/** @typedef {'asked' | 'welcome' | 'offered' | 'gathered' | 'answered' | 'checked' | 'secured' | 'associated' | 'opened' | 'hello'} Mark */
/** @typedef {{ id: string, label: string, to: Mark, what: string }} StepFacts */
/** @typedef {StepFacts & { from_ms: number, to_ms: number | null, isHidden: boolean }} Step times since `asked` */

/** In order. @type {readonly StepFacts[]} */
export const STEPS = [
  { id: 'signalling', label: 'signalling', to: 'welcome', what: 'a WebSocket to the hub, and the room’s welcome' },
  { id: 'offer', label: 'offer', to: 'offered', what: 'this browser makes its keys and describes itself' },
  { id: 'answer', label: 'answer', to: 'answered', what: 'over the hub to the other peer and back, with its work' },
  { id: 'checks', label: 'ICE checks', to: 'checked', what: 'STUN over each pair of candidates until one answers' },
  { id: 'dtls', label: 'DTLS', to: 'secured', what: 'the handshake: both sides prove the keys of their descriptions' },
  { id: 'sctp', label: 'SCTP', to: 'associated', what: 'four packets set up the association that carries the channels' },
  { id: 'open', label: 'open', to: 'opened', what: 'both channels: negotiated beforehand, so nothing is sent for it' },
  { id: 'hello', label: 'first frame', to: 'hello', what: 'the other peer’s hello arrives on control' },
];

/** Beside the others: candidates are sent one by one as they are found, and nobody waits for the last. @type {StepFacts} */
export const GATHERING = {
  id: 'gather',
  label: 'gathering',
  to: 'gathered',
  what: 'beside the rest: this browser’s own addresses, asked of the system, STUN and TURN',
};

export class Setup {
  /** @type {Map<Mark, number>} */
  #at_ms = new Map();

  /** The first time counts. @param {Mark} mark @param {number} at_ms `performance.now()` */
  mark(mark, at_ms) {
    if (!this.#at_ms.has(mark)) this.#at_ms.set(mark, at_ms);
  }

  /** @param {Mark} mark */
  has(mark) {
    return this.#at_ms.has(mark);
  }

  /** From `asked` to `mark`, ms; NaN where one of them was not seen. @param {Mark} mark */
  until_ms(mark) {
    return (this.#at_ms.get(mark) ?? NaN) - (this.#at_ms.get('asked') ?? NaN);
  }

  /** The steps in order, gathering last. @returns {Step[]} */
  steps() {
    let from_ms = 0;
    const steps = STEPS.map((facts, i) => {
      const own_ms = this.until_ms(facts.to);
      const isLater = STEPS.slice(i + 1).some(({ to }) => this.has(to));
      // Two events of one turn may be told in the other order: a step takes no less than nothing.
      const to_ms = Number.isNaN(own_ms) ? null : Math.max(from_ms, own_ms);
      const step = { ...facts, from_ms, to_ms, isHidden: to_ms === null && isLater };
      from_ms = to_ms ?? from_ms;
      return step;
    });
    const offered_ms = this.until_ms('offered');
    const gathered_ms = this.until_ms('gathered');
    const to_ms = Number.isNaN(gathered_ms) ? null : gathered_ms;
    return [...steps, { ...GATHERING, from_ms: offered_ms || 0, to_ms, isHidden: false }];
  }

  /** For an export: the steps with their times, ms. */
  toJSON() {
    return this.steps().map(({ id, from_ms, to_ms }) => ({ id, from_ms, to_ms }));
  }
}
