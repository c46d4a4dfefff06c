/**
 * The door to the Markdown view: one message, drawn while it arrives or all at once.
 *
 * It owns the element it is given and listens there for the buttons of code; it does not fetch, scroll, or decide
 * when to draw (frame.js does, for the page that calls this).
 */

import { LABELS, listenToButtons } from './code_block.js';
import { el } from './dom.js';
import { BlockTail } from './tail.js';

export { setMathsStylesheet } from './maths.js';

const listening = new WeakMap(); // element -> what ends its listener: an element may be used again

/**
 * @param {HTMLElement} element is emptied; gets the class `markdown`
 * @param {{onCopy?: (text: string) => Promise<void>|void, labels?: Partial<import('./code_block.js').Labels>}} [options]
 *   `onCopy` copies the text of a block of code in place of the clipboard
 * @returns {{push(text: string): void, end(rest?: string): void, readonly text: string}} nothing may follow
 *   `end`; to go on, create it again with the whole text. A text that is whole from the start goes to `end`
 */
export function createMarkdown(element, { onCopy, labels } = {}) {
  const words = { ...LABELS, ...labels };
  const controller = new AbortController();
  listening.get(element)?.abort();
  listening.set(element, controller);
  element.replaceChildren();
  element.classList.add('markdown');
  listenToButtons(element, words, onCopy, controller.signal);
  const tail = new BlockTail(element, words);
  let source = '';
  return {
    push(text) {
      source += text;
      tail.push(text);
    },
    end(rest = '') {
      source += rest;
      tail.end(rest);
    },
    get text() { return source; },
  };
}

/**
 * A finished text in one go, for what never streams.
 * @param {string} text @param {Partial<import('./code_block.js').Labels>} [labels]
 * @returns {DocumentFragment} sections as in a streamed message
 */
export function renderOnce(text, labels) {
  const host = el('div');
  new BlockTail(host, { ...LABELS, ...labels }).end(text);
  const fragment = document.createDocumentFragment();
  fragment.append(...host.childNodes);
  return fragment;
}
