/**
 * Names of characters (`&HilbertSpace;`) whose table has not been fetched yet.
 *
 * Stands between lean/entities.js, which finds a name missing, and definitions.js, which draws the
 * blocks again that used it. A bundle without the lean table never calls `note`.
 */

/** @type {Set<string>|null} of the parse that is going on */
let misses = null;
const waiting = new Set();

/** @template T @param {Set<string>} collected @param {() => T} work @returns {T} */
export function collecting(collected, work) {
  misses = collected;
  try {
    return work();
  } finally {
    misses = null;
  }
}

/** @param {string} name with its `&` and `;` */
export const note = name => misses?.add(name);

/** @param {string} miss @returns {boolean} whether it is a name and not a link label */
export const isName = miss => /^&\w+;$/.test(miss);

/** @param {() => void} callback once, when the table is here */
export const whenNamed = callback => waiting.add(callback);

export function announce() {
  const callbacks = [...waiting];
  waiting.clear();
  for (const callback of callbacks) callback();
}
