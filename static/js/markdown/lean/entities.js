/**
 * Named characters, for markdown-it in place of the entities package and its 16 KiB table.
 *
 * The names of HTML 4 are here; for any other the whole table is fetched, and the blocks that used
 * one are drawn again (late_names.js). Until then, and for names that do not exist, the text stays
 * as it was written. Names in the attributes of raw HTML are not drawn again.
 */

import { announce, note } from '../late_names.js';
import { NAMES } from './html4_names.js';

let whole = null;
let loading = null;

/** @returns {Promise<void>} fetches the whole table; a failure leaves the names of HTML 4 */
export function loadAllNames() {
  loading ??= import('./all_names.js').then(({ decodeHTMLStrict: decode }) => {
    whole = decode;
    announce();
  }, () => {
    loading = null;
  });
  return loading;
}

/** @param {string} reference `&name;` @returns {string} the character, or the text itself */
export function decodeHTMLStrict(reference) {
  if (whole) return whole(reference);
  const code = NAMES.get(reference.slice(1, -1));
  if (code) return String.fromCodePoint(code);
  note(reference);
  loadAllNames();
  return reference;
}
