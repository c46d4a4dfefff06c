/**
 * Link definitions that arrive after the text that uses them.
 *
 * Remembers, for each finished block, the labels it looked up in vain; when one of them is defined
 * exactly those blocks are drawn again; likewise for names of characters when their table comes.
 * How a block is drawn is the caller's business.
 */

import { isName, whenNamed } from './late_names.js';

/** @typedef {{node: Node, raw: string, misses: Set<string>}} Block a finished block and its own text */

export class Definitions {
  /** @param {(block: Block) => void} redo draws a block again and renews its node and misses */
  constructor(redo) {
    this.redo = redo;
    this.known = Object.create(null);
    /** @type {Set<Block>} */
    this.waiting = new Set();
  }

  /** A scope for one parse: sees what is known, keeps what it finds to itself. */
  scope() {
    return Object.create(this.known);
  }

  /** @param {Block} block */
  remember(block) {
    if (!block.misses.size) return;
    this.waiting.add(block);
    if ([...block.misses].some(isName)) whenNamed(() => this.again(block));
    if ([...block.misses].some(label => label in this.known)) this.again(block);
  }

  /** @param {object} scope of a text that is now committed; of two definitions the first holds */
  learn(scope) {
    const labels = Object.keys(scope);
    for (const label of labels) this.known[label] ??= scope[label];
    if (!labels.length) return;
    for (const block of [...this.waiting]) if (labels.some(label => block.misses.has(label))) this.again(block);
  }

  again(block) {
    this.redo(block);
    if (!block.misses.size) this.waiting.delete(block);
  }
}
