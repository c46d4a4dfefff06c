/**
 * The block tail: Markdown that is still arriving, at a cost that does not grow with its length.
 *
 * Text before the last safe cut is committed: parsed once more in one go, so that it looks as if
 * the whole had been parsed at once, and then left alone, except when a list turns loose or a link
 * definition comes late. Text after the cut, usually one open block, is parsed and morphed in
 * place on each push. cuts.js says where to cut, build.js what it looks like; index.js is the door.
 */

import { build } from './build.js';
import { openContainer } from './containers.js';
import { closeOf, fenceOf, findCuts, topBlocks } from './cuts.js';
import { Definitions } from './definitions.js';
import { el, morph } from './dom.js';
import { normalize, parse } from './grammar.js';
import { highlightLater } from './highlight.js';
import { typesetLater } from './maths.js';
import { OpenFence } from './open_fence.js';

export const SECTION_BLOCKS = 32; // a browser lays out few children quickly, and can skip sections out of view

const joined = lines => lines.map(line => line + '\n').join('');
/** As it was written: an open fence at the end of a text shows whether its last line was ended. */
const between = (lines, from, to) => to === undefined ? lines.slice(from).join('\n') : joined(lines.slice(from, to));
const linesIn = text => text.split('\n').length - 1;

function nodesBetween(from, to = null) {
  const nodes = [];
  for (let node = from; node !== to; node = node.nextSibling) nodes.push(node);
  return nodes;
}

/** The node that comes `count` places behind one, or null. */
function after(node, count) {
  let found = node;
  for (let left = count; left > 0 && found; left--) found = found.nextSibling;
  return found;
}

export class BlockTail {
  /** @param {HTMLElement} top @param {import('./code_block.js').Labels} labels */
  constructor(top, labels) {
    this.labels = labels;
    this.root = top.appendChild(el('section')); // the section that grows
    this.mark = null; // last committed child of the root; live nodes follow it
    this.tail = '';
    this.held = ''; // half a line end or half a character
    /** @type {import('./containers.js').OpenList|null} open at the start of the tail */
    this.container = null;
    /** @type {OpenFence|null} */
    this.fence = null;
    this.definitions = new Definitions(block => this.redo(block));
  }

  /** @param {string} delta */
  push(delta) {
    const text = this.held + delta;
    this.held = /[\r\ud800-\udbff]$/.exec(text)?.[0] ?? '';
    const fresh = normalize(text.slice(0, text.length - this.held.length));
    this.tail += fresh;
    if (fresh && !this.fence?.grow(fresh)) this.flush();
  }

  /** @param {string} [rest] spares a whole text the parse that only finds where to cut */
  end(rest = '') {
    this.tail += normalize(this.held + rest);
    this.held = '';
    this.fence = null;
    this.commit(this.tail);
    this.tail = '';
    this.place([], false); // half a line end may have looked like one block more
  }

  get prefix() { return this.container?.prefix ?? ''; }
  get firstLive() { return this.mark ? this.mark.nextSibling : this.root.firstChild; }

  flush() {
    this.fence = null;
    const base = linesIn(this.prefix);
    const lines = (this.prefix + this.tail).split('\n');
    const { tokens } = this.read(this.prefix + this.tail);
    const { block, inner } = findCuts(tokens, lines, base);
    if (block) this.commit(joined(lines.slice(base, block)));
    if (inner) this.commitInner(lines, block || base, inner, topBlocks(tokens).at(-1));
    if (block || inner) this.tail = lines.slice(inner || block).join('\n');
    else if (!tokens.length) this.tail = lines.at(-1); // blank lines at the start mean nothing
    const live = block || inner ? this.read(this.prefix + this.tail).tokens : tokens;
    this.place(live, false);
    this.openFence(live);
  }

  /** Own definitions are for this text only until it is committed. */
  read(text) {
    const scope = this.definitions.scope();
    const misses = new Set();
    return { tokens: parse(text, scope, misses), scope, misses };
  }

  draw(tokens, isFinal) {
    return build(tokens, { labels: this.labels, isFinal });
  }

  /**
   * Makes the live nodes those of the tokens. Final ones replace only as many: what is live behind
   * them is the block that goes on, and keeps its nodes and a selection in them.
   * @returns {Node|null} the first node that is not final
   */
  place(tokens, isFinal) {
    if (!this.container) return this.placeBehind(this.root, this.mark, tokens, isFinal);
    const { inner, rest, isLoose } = this.container.split(tokens);
    if (isFinal && isLoose) this.loosen();
    const { host, mark, element } = this.container;
    const edge = this.placeBehind(host, mark, inner, isFinal);
    if (edge) morph(host, edge, null, document.createDocumentFragment()); // the list or table ends here
    return this.placeBehind(this.root, element, rest, isFinal);
  }

  placeBehind(parent, mark, tokens, isFinal) {
    const drawn = this.draw(tokens, isFinal);
    const first = () => (mark ? mark.nextSibling : parent.firstChild);
    const edge = isFinal ? after(first(), drawn.childNodes.length) : null;
    morph(parent, first(), edge, drawn);
    this.finishLater(nodesBetween(first(), edge), isFinal);
    return edge;
  }

  finishLater(elements, isFinal) {
    typesetLater(elements);
    if (isFinal) highlightLater(elements);
  }

  commit(head) {
    const { prefix } = this;
    const { tokens, scope, misses } = this.read(prefix + head);
    const lines = (prefix + head).split('\n');
    const edge = this.place(tokens, true);
    if (this.container) this.closeContainer(tokens, lines, misses);
    else this.record(this.firstLive, topBlocks(tokens), lines, misses);
    this.seal(edge);
    this.definitions.learn(scope);
  }

  closeContainer(tokens, lines, misses) {
    const { element, prefix, raw, misses: earlier } = this.container;
    const rest = topBlocks(tokens).slice(1);
    this.container = null;
    const own = raw + between(lines, linesIn(prefix), rest[0]?.map[0]);
    this.record(element.nextSibling, rest, lines, misses);
    this.definitions.remember({ node: element, raw: own, misses: new Set([...earlier, ...misses]) });
  }

  /** Each top-level block is one node, except definitions: they have none. */
  record(first, tops, lines, misses) {
    let node = first;
    tops.forEach((token, i) => {
      if (token.type === 'reference_definition') return;
      const raw = between(lines, token.map[0], tops[i + 1]?.map[0]);
      const next = node.nextSibling;
      this.definitions.remember({ node, raw, misses });
      node = next;
    });
  }

  /** Commits the first items of a list, or rows of a table, that stays open. */
  commitInner(lines, from, to, opening) {
    const container = this.container ?? openContainer(opening, lines);
    const head = joined(lines.slice(from, to));
    const { tokens, scope, misses } = this.read(container.prefix + head + container.suffix);
    if (!this.container) this.adopt(container, tokens);
    else this.growContainer(tokens);
    container.raw += head;
    for (const label of misses) container.misses.add(label);
    this.definitions.learn(scope);
  }

  adopt(container, tokens) {
    const { inner, isLoose } = container.split(tokens, true);
    const whole = container.suffix ? [tokens[0], ...inner, tokens[closeOf(tokens, 0)]] : tokens;
    container.isLoose = isLoose;
    this.placeBehind(this.root, this.mark, whole, true);
    container.adopt(this.firstLive);
    container.mark = container.host.lastChild;
    this.container = container;
  }

  growContainer(tokens) {
    const { container } = this;
    const { inner, isLoose } = container.split(tokens, true);
    if (isLoose) this.loosen();
    const edge = this.placeBehind(container.host, container.mark, inner, true);
    container.mark = edge ? edge.previousSibling : container.host.lastChild;
  }

  /** The list turned loose late: its finished items are drawn once more, with paragraphs. */
  loosen() {
    const { container } = this;
    if (container.isLoose) return;
    container.isLoose = true;
    const { tokens } = this.read(container.prefix + container.raw);
    const { host, mark } = container;
    const live = mark.nextSibling;
    morph(host, host.firstChild, live, this.draw(container.split(tokens).inner, true));
    container.mark = live ? live.previousSibling : host.lastChild;
    this.finishLater(nodesBetween(host.firstChild, live), true);
  }

  /** @param {import('./definitions.js').Block} block a link definition it needs is known now */
  redo(block) {
    const { node } = block;
    const { parentNode, previousSibling, nextSibling } = node;
    const { tokens, misses } = this.read(block.raw);
    morph(parentNode, node, nextSibling, this.draw(tokens, true));
    block.node = previousSibling ? previousSibling.nextSibling : parentNode.firstChild;
    block.misses = misses;
    if (this.mark === node) this.mark = block.node;
    this.finishLater([block.node], true);
  }

  /** Full sections are closed; live blocks are always built in the section they will stay in. */
  seal(edge) {
    let finished = nodesBetween(this.root.firstChild, edge).length;
    for (; finished >= SECTION_BLOCKS; finished -= SECTION_BLOCKS) {
      const next = el('section');
      this.root.after(next);
      next.append(...[...this.root.children].slice(SECTION_BLOCKS));
      this.root = next;
    }
    this.mark = edge ? edge.previousSibling : this.root.lastChild;
  }

  openFence(tokens) {
    const [token] = tokens;
    if (this.container || tokens.length !== 1 || token.type !== 'fence') return;
    const lines = this.tail.split('\n');
    const { indent, closing } = fenceOf(lines[token.map[0]]);
    const isOpening = token.map[0] === lines.length - 1;
    const isClosed = lines.slice(token.map[0] + 1).some(line => closing.test(line));
    if (indent || isOpening || isClosed) return; // an indented fence strips its lines: leave it to the parser
    const code = this.root.lastChild.querySelector('code');
    const node = code.firstChild ?? code.appendChild(document.createTextNode(''));
    this.fence = new OpenFence(node, closing, lines.at(-1));
  }
}
