/**
 * Finds where a bare address in running text ends.
 *
 * Only full http and https addresses: "example.com" or "setup.py" in an answer is far more often
 * a name than a link. Has the one method of linkify-it that our grammar calls, and stands in its
 * place in the bundle (esbuild --alias), which saves its tables of top-level domains.
 */

const ADDRESS = /^https?:\/\/(?=[\p{L}\p{N}[])[^\s<>"`|\\^{}\u3001-\u3003\u3008-\u3011\u3014-\u301f\uff01-\uff0f\uff1a-\uff20\u2018-\u201f\u2026]+/iu;
const TRAILING = /[.,;:!?'*_~)\]]$/;
const PAIRS = { ')': '(', ']': '[' };
const MAX_ADDRESS_CHARS = 4096;

const count = (text, char) => text.split(char).length - 1;

/** Punctuation that ends the sentence is not of the address, unless a bracket closes inside it. */
function trim(address) {
  let url = address;
  for (let m; (m = TRAILING.exec(url));) {
    const opener = PAIRS[m[0]];
    if (opener && count(url, opener) >= count(url, m[0])) break;
    url = url.slice(0, -1);
  }
  return url;
}

export class LinkifyIt {
  /** @param {string} text @returns {{url: string}|null} the address text starts with */
  matchAtStart(text) {
    const found = ADDRESS.exec(text.slice(0, MAX_ADDRESS_CHARS));
    if (!found) return null;
    const url = trim(found[0]);
    return /^https?:\/\/./i.test(url) ? { url } : null;
  }
}
