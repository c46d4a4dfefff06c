/**
 * The maths part of the grammar: `$…$`, `$$…$$`, `\(…\)`, `\[…\]`, within a line and as blocks.
 *
 * Adds rules to a markdown-it instance; typesets nothing (maths.js does). A block rule must decide
 * by the opening line alone: if later lines could undo it, text already shown would change.
 */

const MAX_INLINE_CHARS = 4000; // bounds the search for a closer: many lone openers stay cheap
const SPACE_OR_NONE = /^\s?$/;
const CLOSERS = { '$$': '$$', '\\[': '\\]' };

/** "$5 million for the US$ fund" is money, "$5 \times x$" is not. */
const isMoney = content => /^\d/.test(content) && (content.match(/(?<![\\\p{L}])\p{L}{3,}/gu)?.length ?? 0) >= 2;

/**
 * @param {string} src @param {number} from after the opener @param {string} close
 * @param {number} max end of what may be read
 * @returns {number} where the closer starts, or -1
 */
function findCloser(src, from, close, max) {
  const window = src.slice(from, Math.min(max, from + MAX_INLINE_CHARS));
  let at = window.indexOf(close);
  while (at > 0 && close[0] === '$' && window[at - 1] === '\\') at = window.indexOf(close, at + 1);
  return at < 0 ? -1 : from + at;
}

/** A single dollar is also a currency: the rules are pandoc's, and no letter or digit before it. */
function isSingleDollarMaths(src, start, end) {
  const content = src.slice(start + 1, end);
  return !SPACE_OR_NONE.test(src[start + 1]) && !/\s/.test(src[end - 1])
    && !/\d/.test(src[end + 1] ?? '') && !/[\p{L}\p{N}]/u.test(src[start - 1] ?? '') && !isMoney(content);
}

function inlineRule(open, close, display) {
  return (state, silent) => {
    const { src, pos, posMax } = state;
    if (!src.startsWith(open, pos) || (open === '$' && src[pos + 1] === '$')) return false;
    const from = pos + open.length;
    const end = findCloser(src, from, close, posMax);
    if (end < 0) return false;
    const content = src.slice(from, end);
    if (!/[\p{L}\p{N}]/u.test(content)) return false; // \(\) and \[\\\] are plain escapes
    if (open === '$' && !isSingleDollarMaths(src, pos, end)) return false;
    if (!silent) {
      const token = state.push('math', 'math', 0);
      token.content = content;
      token.meta = { display, open: false };
    }
    state.pos = end + close.length;
    return true;
  };
}

const lineText = (state, line) => state.src.slice(state.bMarks[line] + state.tShift[line], state.eMarks[line]).trimEnd();

/** What a line opens: alone like a fence (`$$`), or with the first of its TeX after it. */
function openerOf(line) {
  if (CLOSERS[line]) return { close: CLOSERS[line], alone: true };
  const open = line.slice(0, 2);
  const close = CLOSERS[open];
  const rest = line.slice(2);
  if (!close || rest.includes(open === '$$' ? '$$' : ']')) return null;
  return /^[\s\\\w({|-]/.test(rest) ? { close, alone: false } : null;
}

/**
 * Reads on to the closer. A block opened by a lone `$$` stays open until it is closed or its
 * container ends; one with TeX behind the opener ends at a blank line too, and if it was not
 * closed by then it is an ordinary paragraph.
 */
function readBlock(state, start, end, { close, alone }) {
  let line = alone ? start + 1 : start;
  for (; line < end; line++) {
    const text = lineText(state, line);
    if (text ? state.sCount[line] < state.blkIndent : !alone) break;
    if (alone ? text === close : line > start && text.endsWith(close)) return { line: line + 1, closed: true };
  }
  return { line, closed: false };
}

function pushParagraph(state, start, end) {
  const open = state.push('paragraph_open', 'p', 1);
  const inline = state.push('inline', '', 0);
  inline.content = state.getLines(start, end, state.blkIndent, false).trim();
  inline.children = [];
  state.push('paragraph_close', 'p', -1);
  open.map = inline.map = [start, end];
}

function pushMaths(state, start, end, closed, { alone, close }) {
  const token = state.push('math', 'math', 0);
  token.meta = { display: true, open: !closed };
  token.map = [start, end];
  const lines = state.getLines(alone ? start + 1 : start, alone && closed ? end - 1 : end, state.blkIndent, false);
  token.content = alone ? lines : lines.trim().slice(2, -close.length).trim();
}

function blockRule(state, start, end, silent) {
  if (state.sCount[start] - state.blkIndent >= 4) return false;
  const opener = openerOf(lineText(state, start));
  if (!opener) return false;
  if (silent) return opener.alone; // text followed by TeX lines stays one paragraph
  const { line, closed } = readBlock(state, start, end, opener);
  if (closed || opener.alone) pushMaths(state, start, line, closed, opener);
  else pushParagraph(state, start, line);
  state.line = line;
  return true;
}

/** @param {import('markdown-it').default} md */
export function maths(md) {
  const before = (name, rule) => md.inline.ruler.before('escape', name, rule);
  before('math_round', inlineRule('\\(', '\\)', false));
  before('math_square', inlineRule('\\[', '\\]', true));
  before('math_dollars', inlineRule('$$', '$$', true));
  before('math_dollar', inlineRule('$', '$', false));
  md.block.ruler.before('fence', 'math_block', blockRule, { alt: ['paragraph', 'reference', 'blockquote', 'list'] });
}
