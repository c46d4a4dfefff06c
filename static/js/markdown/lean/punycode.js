/**
 * Host names in the form that is sent, for markdown-it in place of punycode.js.
 *
 * The browser's own URL does the encoding. Decoding is left out: an address is shown as it is
 * sent, so that a host in look-alike letters cannot pass for another.
 */

export default {
  /** @param {string} host @returns {string} letters of ASCII stay as they were written, capitals too */
  // eslint-disable-next-line no-control-regex
  toASCII: host => (/^[\0-\x7f]*$/.test(host) ? host : new URL(`http://${host}`).hostname),
  /** @param {string} host @returns {string} */
  toUnicode: host => host,
};
