/**
 * The fast path for a block of code that is being written: text is appended, nothing is parsed.
 *
 * A last line that may turn out to be the closing fence is held back until it is complete. Long code
 * goes on in a new element now and then; the finished block is one text again.
 * tail.js asks it first and parses again when it says that the block may have ended.
 */

import { el } from './dom.js';

const PART_CHARS = 4000; // a browser lays a run of text out whole when it grows: keep the growing run short
const MAY_CLOSE = /^ {0,3}[`~]*[ \t]*$/;

export class OpenFence {
  /**
   * @param {Text} node that shows the code
   * @param {RegExp} closing what a closing line looks like
   * @param {string} line the unfinished last line
   */
  constructor(node, closing, line) {
    this.node = node;
    this.closing = closing;
    this.line = line;
    this.shown = line.length; // characters of the line that the node has
  }

  /** @param {string} delta @returns {boolean} false if a closing line came: parse again */
  grow(delta) {
    const text = this.line + delta;
    const lines = text.split('\n');
    const line = lines.pop();
    if (lines.some(complete => this.closing.test(complete))) return false;
    const start = text.length - line.length;
    const end = MAY_CLOSE.test(line) ? start : text.length;
    if (end > this.shown) this.show(text.slice(this.shown, end), lines.length > 0);
    this.line = line;
    this.shown = Math.max(this.shown, end) - start;
    return true;
  }

  show(text, hasLineEnd) {
    if (!hasLineEnd || this.node.length < PART_CHARS) return this.node.appendData(text);
    const rest = text.lastIndexOf('\n') + 1;
    this.node.appendData(text.slice(0, rest));
    const code = this.node.parentElement.closest('code');
    this.node = document.createTextNode(text.slice(rest));
    code.append(el('span', { class: 'part' }, this.node));
  }
}
