/**
 * The keys that work everywhere, in one table: wish -> keys. The listener (shell.js) obeys it, the palette and the sheet of
 * shortcuts show it, so what they say is what holds. "Mod" is the command key on Apple's machines, Ctrl on all others.
 */
const isApple = /Mac|iP(hone|ad|od)/.test(globalThis.navigator?.platform ?? '');

export const KEYS = {
  openPalette: 'Mod K', searchMessages: 'Mod Shift F', findInConversation: 'Mod F', newConversation: 'Mod Shift O',
  openPicker: 'Mod Shift M', toggleSidebar: 'Mod Shift S', focusComposer: '/', openKeySheet: '?',
};

const WISHES = new Map(Object.entries(KEYS).map(([wish, keys]) => [keys, wish]));

/** A letter is what is printed on the key; where that is not Latin, what stands there on a Latin keyboard. */
const letterOf = ({key, code}) => (/^[a-z]$/i.test(key) ? key : code.replace(/^Key/, '')).toUpperCase();

/** @param {KeyboardEvent} event @returns {string|undefined} the wish of these keys; of those with a modifier also in a field */
export function wishOf(event, apple = isApple) {
  if (!event.ctrlKey && !event.metaKey) return WISHES.get(event.key);
  const isMod = apple ? event.metaKey && !event.ctrlKey : event.ctrlKey && !event.metaKey;
  return isMod ? WISHES.get(`Mod ${event.shiftKey ? 'Shift ' : ''}${letterOf(event)}`) : undefined;
}

const GLYPHS = {Mod: ['Ctrl', '⌘'], Shift: ['Shift', '⇧'], Enter: ['Enter', '↩']};

/** @param {string} keys as in the table @returns {string[]} what is printed on each key */
export const labelsOf = (keys, apple = isApple) => keys.split(' ').map(key => GLYPHS[key]?.[Number(apple)] ?? key);
