/**
 * What this browser remembers: theme, drafts, scroll positions, folds, the last model. Never anything of an answer.
 * A browser that refuses storage loses memory between visits, nothing else. Called by main.js and the views.
 */

const PREFIX = 'rill.';
const REMEMBERED = 100; // conversations with a kept draft or scroll position; the oldest go first

/** @param {string} name @param {any} fallback @returns {any} */
export function recall(name, fallback = null) {
  try {
    return JSON.parse(localStorage.getItem(PREFIX + name)) ?? fallback;
  } catch {
    return fallback;
  }
}

/** @param {string} name @param {any} value null forgets */
export function remember(name, value) {
  try {
    if (value === null) localStorage.removeItem(PREFIX + name);
    else localStorage.setItem(PREFIX + name, JSON.stringify(value));
  } catch {
    // Private windows and full disks: the page works without memory.
  }
}

/** A small map kept under one name, the newest entries last: `drafts`, `places`, `folds`. */
export function memoryOf(name) {
  return {
    get: id => recall(name, {})[id] ?? null,
    set(id, value) {
      const {[id]: _old, ...rest} = recall(name, {});
      const entries = Object.entries(rest).slice(-REMEMBERED);
      if (value !== null) entries.push([id, value]);
      remember(name, Object.fromEntries(entries));
    },
  };
}
