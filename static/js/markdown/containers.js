/**
 * A list or table whose first items or rows are committed while more arrive.
 *
 * The rest of it is parsed behind a short prefix (an item, or the table's head) that puts the
 * parser into the same container: a row without a head would be a paragraph, and the paragraph of
 * the item before tells whether the list is loose. Knows the tokens of lists and tables; where text
 * is cut is for cuts.js, when to commit is for tail.js.
 */

import { closeOf } from './cuts.js';

const ITEM_TOKENS = 5; // list_item_open, paragraph_open, inline, paragraph_close, list_item_close

/** An item of the list's own kind. Its content starts in column 5, so no sibling can fall inside. */
function itemLine({ type, markup }) {
  return type === 'ordered_list_open' ? `1${markup}   x\n` : `${markup}    x\n`;
}

/** In a loose list paragraphs are shown as such. */
function showParagraphs(tokens) {
  for (const token of tokens) if (token.level === 2 && token.type.startsWith('paragraph_')) token.hidden = false;
}

export class OpenList {
  /** @param {object} token the list's opening token */
  constructor(token) {
    this.item = itemLine(token);
    this.prefix = ''; // until something is committed the text itself begins the list
    this.suffix = this.item; // a following item: a blank line before it makes the list loose
    this.isLoose = false;
    this.raw = '';
    this.misses = new Set();
  }

  adopt(element) {
    this.element = this.host = element;
    this.prefix = this.item;
  }

  /**
   * @param {object[]} tokens of prefix + text (+ suffix)
   * @returns {{inner: object[], rest: object[], isLoose: boolean}} the items of the text, and what follows the list
   */
  split(tokens, hasSuffix = false) {
    const close = closeOf(tokens, 0);
    const first = this.prefix ? 1 + ITEM_TOKENS : 1;
    const end = hasSuffix ? close - ITEM_TOKENS : close;
    const inner = tokens.slice(first, end);
    const witness = this.prefix ? 2 : end + 1; // the paragraph of an item of ours
    const isLoose = this.isLoose || !tokens[witness].hidden;
    if (isLoose) showParagraphs(inner);
    return { inner, rest: tokens.slice(close + 1), isLoose };
  }
}

export class OpenTable {
  /** @param {object} token the table's opening token @param {string[]} lines it was found in */
  constructor({ map: [start] }, lines) {
    this.head = `${lines[start]}\n${lines[start + 1]}\n`;
    this.prefix = '';
    this.suffix = '';
    this.isLoose = false;
    this.raw = '';
    this.misses = new Set();
  }

  adopt(element) {
    this.element = element;
    this.host = element.querySelector('tbody');
    this.prefix = this.head;
  }

  split(tokens) {
    const close = closeOf(tokens, 0);
    const body = tokens.findIndex(token => token.type === 'tbody_open');
    const isInside = body >= 0 && body < close;
    return { inner: isInside ? tokens.slice(body + 1, closeOf(tokens, body)) : [], rest: tokens.slice(close + 1), isLoose: false };
  }
}

/** @param {object} token that opens a block @param {string[]} lines it was found in */
export function openContainer(token, lines) {
  return token.type === 'table_open' ? new OpenTable(token, lines) : new OpenList(token);
}
