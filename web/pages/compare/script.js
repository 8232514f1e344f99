/** The guided tour, as data: one minute from nothing lost to nothing passed. */

/**
 * @typedef {object} Step
 * @property {string} name
 * @property {number} lasts_ms
 * @property {readonly { at_ms: number, loss: string }[]} changes of the loss each way, from the step's beginning
 * @property {string} look what to look at
 * @property {string} still the same for who asked for less motion, and sees no dots
 */

/** The link of the tour but for its loss: 40 ms round trip, so that a repair takes time one can see. */
export const SHAPE = { delay: '20ms' };

/** @type {readonly Step[]} */
export const SCRIPT = [
  {
    name: 'Nothing is lost',
    lasts_ms: 12_000,
    changes: [{ at_ms: 0, loss: '0%' }],
    look: 'The four dots run together, each in its ring: without loss it does not matter which transport carries them.',
    still: 'The ages beside the lanes are alike: without loss it does not matter which transport carries them.',
  },
  {
    name: '2 % of the packets are lost',
    lasts_ms: 14_000,
    changes: [{ at_ms: 0, loss: '2%' }],
    look: 'Watch the dots of SSE and WebSocket hesitate and jump: what was lost has to come again before anything newer may. The green one leaves it out and goes on.',
    still: 'Watch the ages of SSE and WebSocket: what was lost has to come again before anything newer may. The data channel leaves it out and goes on.',
  },
  {
    name: '5 % of the packets are lost',
    lasts_ms: 14_000,
    changes: [{ at_ms: 0, loss: '5%' }],
    look: 'Repairs are lost as well, and each try waits twice as long. The shaded parts of the plot are freezes that anybody sees; look for green among them.',
    still: 'Repairs are lost as well, and each try waits twice as long. The shaded parts of the plot are freezes that anybody sees; look for green among them.',
  },
  {
    name: 'An outage of four seconds',
    lasts_ms: 18_000,
    changes: [
      { at_ms: 0, loss: '100%' },
      { at_ms: 4000, loss: '0%' },
    ],
    look: 'Nothing passes, for any lane. When the link is back, see which dot moves first, and which ones deliver seconds of the past before they get to the present.',
    still: 'Nothing passes, for any lane. When the link is back, see whose age falls first, and whose falls step by step, through seconds of the past.',
  },
];

/** How long the tour takes, ms. @param {readonly Step[]} script */
export function length_ms(script) {
  return script.reduce((sum, { lasts_ms }) => sum + lasts_ms, 0);
}
