/** The lanes: one colour, one dash and one letter each, everywhere. The colours live in style.css (`--lane-<id>`). */

/**
 * @typedef {object} LaneStyle
 * @property {string} label what the lane is called in a sentence
 * @property {string} short what a narrow table calls it
 * @property {readonly number[]} dash canvas line dash, CSS pixels; empty: solid
 */

/** @typedef {'sse' | 'websocket' | 'datachannel' | 'datachannel-reliable'} LaneId */

/** @type {Record<LaneId, LaneStyle>} */
export const LANES = {
  sse: { label: 'Server-Sent Events', short: 'SSE', dash: [1, 4] },
  websocket: { label: 'WebSocket', short: 'WebSocket', dash: [8, 4] },
  datachannel: { label: 'WebRTC data channel', short: 'Data channel', dash: [] },
  'datachannel-reliable': { label: 'Reliable data channel', short: 'Reliable', dash: [1, 3, 1, 3, 1, 8] },
};

/**
 * Where a lane's connection stands, as the header's pill and the time line tell it.
 *
 * @typedef {object} LaneState
 * @property {'idle' | 'connecting' | 'open' | 'waiting' | 'closed'} name `waiting`: the next attempt is due in `wait_ms`
 * @property {string} why in words: `1001 drain`, `the network dropped it`
 * @property {string} cause what ended the last connection, short enough for a pill: `1001 drain`, `dropped`; empty: nothing did
 * @property {number} at_ms when it came to be, `performance.now()`
 * @property {number} [wait_ms] how long until the next attempt
 */

/**
 * What a lane tells its owner.
 *
 * @typedef {object} LaneHandlers
 * @property {(frame: import('./message.js').ServerFrame, arrival: Arrival) => void} frame
 * @property {(state: LaneState) => void} state
 * @property {(why: string) => void} unread something arrived that is no frame this page knows
 */

/**
 * Stamped before decoding, in the first line of code that sees the bytes.
 *
 * @typedef {object} Arrival
 * @property {number} received_ms `performance.now()` at arrival
 * @property {number} bytes length of the frame's text: UTF-16 units, which are bytes as long as it is ASCII
 * @property {import('./peer.js').ChannelName} [channel] where a connection has two
 */
