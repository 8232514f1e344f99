/** What a browser says of a STUN or TURN server that gave nothing, in words that help. */

/**
 * @typedef {object} IceFailure
 * @property {string} url as the browser names it
 * @property {number} code STUN's, RFC 8489 and 8656; 701 and above are the browser's own
 * @property {string} words what it means
 */

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

/** @param {{ url: string, errorCode: number, errorText: string }} event `icecandidateerror` @returns {IceFailure} */
export function iceFailure({ url, errorCode, errorText }) {
  const said = errorText.replace(/\.$/, '');
  const meaning = MEANINGS[errorCode];
  const words = meaning ? `${meaning} (${errorCode}${said ? `, “${said}”` : ''})` : `error ${errorCode}${said ? `, “${said}”` : ''}`;
  return { url: url || 'a server', code: errorCode, words };
}
