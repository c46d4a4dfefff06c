/**
 * The keys that work everywhere, in one table: wish -> keys. The listener (shell.js) obeys it, the palette and the sheet of
 * shortcuts show it, so what they say is what holds; and those of a conversation in the list (views/sidebar.js). "Mod" is the
 * command key on Apple's machines, Ctrl on all others.
 */
const isApple = /Mac|iP(hone|ad|od)/.test(globalThis.navigator?.platform ?? '');

export const KEYS = {
  openPalette: 'Mod K', searchMessages: 'Mod Shift F', findInConversation: 'Mod F', newConversation: 'Mod Shift O',
  openPicker: 'Mod Shift M', toggleSidebar: 'Mod Shift S', focusComposer: '/', openKeySheet: '?',
};

/** On the conversation in the list that has the focus. */
export const ITEM_KEYS = {rename: 'F2', remove: isApple ? 'Mod Backspace' : 'Delete'};

const WISHES = new Map(Object.entries(KEYS).map(([wish, keys]) => [keys, wish]));

/** A letter is what is printed on the key; where that is not Latin, what stands there on a Latin keyboard. */
const letterOf = ({key, code}) => (/^[a-z]$/i.test(key) ? key : code.replace(/^Key/, '')).toUpperCase();

/** @param {KeyboardEvent} event @returns {string|undefined} the wish of these keys; of those with a modifier also in a field */
export function wishOf(event, apple = isApple) {
  if (!event.ctrlKey && !event.metaKey) return WISHES.get(event.key);
  const isMod = apple ? event.metaKey && !event.ctrlKey : event.ctrlKey && !event.metaKey;
  return isMod ? WISHES.get(`Mod ${event.shiftKey ? 'Shift ' : ''}${letterOf(event)}`) : undefined;
}

/** @param {KeyboardEvent} event @returns {'rename'|'remove'|undefined} what these keys do to an item; a full Apple keyboard has Delete, too */
export function actOf({key, ctrlKey, metaKey, shiftKey, altKey}, apple = isApple) {
  if (ctrlKey || shiftKey || altKey) return undefined;
  return metaKey ? (apple && key === 'Backspace' ? 'remove' : undefined) : {F2: 'rename', Delete: 'remove'}[key];
}

const GLYPHS = {Mod: ['Ctrl', '⌘'], Shift: ['Shift', '⇧'], Enter: ['Enter', '↩'], Backspace: ['Backspace', '⌫']};

/** @param {string} keys as in the table @returns {string[]} what is printed on each key */
export const labelsOf = (keys, apple = isApple) => keys.split(' ').map(key => GLYPHS[key]?.[Number(apple)] ?? key);
