/**
 * Lengths and cuts of text in Unicode code points, as the protocol counts them (a JS string counts UTF-16 units).
 * Knows nothing of messages. Called by apply.js.
 */

/** @param {number} unit @returns {boolean} the first half of a surrogate pair */
const isHigh = unit => unit >= 0xd800 && unit <= 0xdbff;

/**
 * @param {string} text without lone surrogates: the server replaced them
 * @returns {number} code points
 */
export function lengthOf(text) {
  let length = text.length;
  for (let i = 0; i < text.length; i++) if (isHigh(text.charCodeAt(i))) length--;
  return length;
}

/**
 * @param {string} text
 * @param {number} count code points to drop from the front
 * @returns {string}
 */
export function dropFirst(text, count) {
  let at = 0;
  for (; count > 0 && at < text.length; count--) at += isHigh(text.charCodeAt(at)) ? 2 : 1;
  return text.slice(at);
}
