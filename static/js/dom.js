/** Small tools of the views: a wish that bubbles, a float put beside its button, text to the clipboard. */

const COPIED_MS = 1600;
const GAP_PX = 6;

/** A wish of a view, for main.js. @param {Element} el @param {string} name a verb @param {object} [detail] */
export function wish(el, name, detail = {}) {
  el.dispatchEvent(new CustomEvent(name, {bubbles: true, detail}));
}

/**
 * Puts an open popover beside its anchor, inside the window. Through CSSOM: the page's policy allows no style attributes.
 * @param {HTMLElement} float @param {Element} anchor @param {'start' | 'end'} side which edges are aligned
 */
export function placeBy(float, anchor, side = 'start') {
  const a = anchor.getBoundingClientRect();
  const {offsetWidth: width, offsetHeight: height} = float;
  const below = innerHeight - a.bottom - GAP_PX;
  const isBelow = below >= height || below >= a.top;
  const left = side === 'start' ? a.left : a.right - width;
  float.style.left = `${Math.max(8, Math.min(left, innerWidth - width - 8))}px`;
  float.style.top = `${Math.max(8, isBelow ? a.bottom + GAP_PX : a.top - GAP_PX - height)}px`;
  float.style.setProperty('--from', isBelow ? '-4px' : '4px');
}

/** @param {string} text @returns {Promise<boolean>} */
export async function copyText(text) {
  try {
    await navigator.clipboard.writeText(text);
    return true;
  } catch {
    return copyByHand(text); // a page over plain http has no clipboard object
  }
}

/** What a copy button does: copy, show and say that it is done. @param {Element} el the view @param {Element} button */
export async function copyByButton(el, button, text, said) {
  if (!await copyText(text)) return;
  button.classList.add('is-done');
  wish(el, 'announce', {text: said});
  setTimeout(() => button.classList.remove('is-done'), COPIED_MS);
}

function copyByHand(text) {
  const field = document.createElement('textarea');
  field.value = text;
  field.className = 'off-screen';
  document.body.append(field);
  field.select();
  const done = document.execCommand('copy');
  field.remove();
  return done;
}

/** @param {Element} el @returns {boolean} whether keys typed there are text */
export const isTyping = el => el instanceof HTMLElement && (el.isContentEditable || /^(INPUT|TEXTAREA|SELECT)$/.test(el.tagName));
