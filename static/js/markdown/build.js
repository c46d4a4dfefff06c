/**
 * Tokens of the grammar -> DOM.
 *
 * The only place that decides which element a piece of Markdown becomes: one node for each
 * top-level block. Knows nothing of streaming (tail.js) and parses nothing.
 */

import { codeBlock } from './code_block.js';
import { addText, el } from './dom.js';
import { languageOf } from './grammar.js';
import { highlighted } from './highlight.js';
import { imageElement, linkElement } from './links.js';
import { mathsElement } from './maths.js';
import { addRawHtml } from './raw_html.js';

const TASK = /^\[([ xX])\](?=\s)/;

/** A stack of open elements. Raw HTML can only close what raw HTML opened above the current floor. */
export class Builder {
  /** @param {Node} root @param {{labels: import('./code_block.js').Labels, isFinal: boolean}} options */
  constructor(root, { labels, isFinal }) {
    this.stack = [root];
    this.raw = []; // positions in the stack of elements made from raw HTML
    this.labels = labels;
    this.isFinal = isFinal;
  }

  get top() { return this.stack[this.stack.length - 1]; }
  get rawDepth() { return this.raw.length; }
  text(text) { addText(this.top, text); }
  append(node) { this.top.append(node); }
  open(element) { this.append(element); this.stack.push(element); }
  close() { this.stack.pop(); }
  isIn(tag) { return this.stack.some(element => element.localName === tag); }
  openRaw(element) { this.raw.push(this.stack.length); this.open(element); }

  closeRaw(tag) {
    const last = this.raw.findLastIndex(at => this.stack[at].localName === tag);
    if (last < 0) return;
    this.stack.length = this.raw[last];
    this.raw.length = last;
  }

  /** Runs `fill`; elements it leaves open end here, and it cannot close those opened before. */
  fenced(fill) {
    const depth = this.stack.length;
    const outer = this.raw;
    this.raw = [];
    fill();
    this.raw = outer;
    this.stack.length = depth;
  }
}

const plainText = tokens => tokens.map(token => {
  if (token.type === 'softbreak' || token.type === 'hardbreak') return '\n';
  return token.children ? plainText(token.children) : token.content;
}).join('');

const INLINE = {
  text: (b, token) => b.text(token.content),
  text_special: (b, token) => b.text(token.content),
  softbreak: b => b.text('\n'),
  hardbreak: b => { b.append(el('br')); b.text('\n'); },
  code_inline: (b, token) => b.append(el('code', {}, token.content)),
  math: (b, token) => b.append(mathsElement('span', token)),
  html_inline: (b, token) => addRawHtml(b, token.content),
  image: (b, token) => b.append(imageElement(token.attrGet('src') ?? '', plainText(token.children ?? []), token.attrGet('title'), b.isIn('a'))),
  link_open: (b, token) => b.open(linkElement(token.attrGet('href') ?? '', token.attrGet('title'))),
};

/** Raw tags and Markdown may overlap (`*<b>*</b>`): a Markdown close takes off its own element. */
function addInline(b, tokens) {
  const open = [];
  for (const token of tokens) {
    if (INLINE[token.type]) {
      if (token.nesting === 1) open.push(b.stack.length);
      INLINE[token.type](b, token);
    } else if (token.nesting === 1) {
      open.push(b.stack.length);
      b.open(el(token.tag));
    } else if (token.nesting === -1) {
      const depth = open.pop();
      if (depth < b.stack.length) b.stack.length = depth;
      b.raw = b.raw.filter(at => at < depth);
    }
  }
}

/** `[ ]` or `[x]` at the start of a list item. @returns the tokens that are left */
function addTask(b, tokens) {
  const mark = tokens[0]?.type === 'text' && TASK.exec(tokens[0].content);
  if (!mark) return tokens;
  const isDone = mark[1] !== ' ';
  b.stack.findLast(element => element.localName === 'li')?.classList.add('task');
  b.append(el('input', { type: 'checkbox', disabled: '', 'aria-label': isDone ? b.labels.done : b.labels.todo, ...(isDone && { checked: '' }) }));
  b.text(tokens[0].content.slice(mark[0].length));
  return tokens.slice(1);
}

function addCode(b, token) {
  const language = token.type === 'fence' && token.info ? languageOf(token.info) : '';
  const figure = codeBlock(language, token.content, b.labels);
  const coloured = b.isFinal && highlighted(token.content, language);
  if (coloured) figure.querySelector('code').replaceChildren(coloured);
  b.append(figure);
}

function addHtmlBlock(b, token) {
  b.open(el('div', { class: 'html' }));
  b.fenced(() => addRawHtml(b, token.content));
  b.close();
}

/** A table scrolls sideways in a box of its own, which the keyboard must be able to reach. */
function openTable(b) {
  b.open(el('div', { class: 'table', role: 'group', tabindex: '0', 'aria-label': b.labels.table }));
  b.open(el('table'));
}

const alignOf = token => token.attrGet('style')?.replace('text-align:', '');

function openBlock(b, token) {
  const start = token.attrGet('start');
  const align = alignOf(token);
  b.open(el(token.tag, { ...(start !== null && { start }), ...(align && { align }) }));
}

const BLOCK = {
  inline: (b, token, tokens, i) => b.fenced(() => addInline(b, tokens[i - 2]?.type === 'list_item_open' ? addTask(b, token.children) : token.children)),
  fence: addCode,
  code_block: addCode,
  html_block: addHtmlBlock,
  math: (b, token) => b.append(mathsElement('div', token)),
  hr: b => b.append(el('hr')),
  reference_definition: () => {},
  table_open: openTable,
  table_close: b => { b.close(); b.close(); },
};

function addBlock(b, token, tokens, i) {
  if (BLOCK[token.type]) BLOCK[token.type](b, token, tokens, i);
  else if (token.hidden) return; // the paragraph of a tight list item
  else if (token.nesting === 1) openBlock(b, token);
  else if (token.nesting === -1) b.close();
}

/**
 * @param {object[]} tokens
 * @param {{labels: import('./code_block.js').Labels, isFinal: boolean}} options code gets its colours when final
 * @returns {DocumentFragment}
 */
export function build(tokens, options) {
  const root = document.createDocumentFragment();
  const builder = new Builder(root, options);
  tokens.forEach((token, i) => addBlock(builder, token, tokens, i));
  return root;
}
