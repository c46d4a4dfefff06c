/**
 * Where a growing text may be cut: what stands before a cut can never change again.
 *
 * Pure: takes tokens of the grammar and the lines they came from. It rests on CommonMark deciding
 * its block structure line by line: only an unfinished line, and the few blocks that look ahead
 * (a link definition for its title, a table for its ruler), can change what came before.
 */

// Blocks that nothing can join once a blank line has followed them.
const ENDS_AT_BLANK = new Set(['paragraph_open', 'heading_open', 'table_open', 'blockquote_open', 'reference_definition']);
// A definition's label, and somewhere behind it what may begin a title of several lines.
const MAY_HOLD_TITLE = /\]:[^]*["'(]/;
// A line that ends whatever stands above it, a definition looking for its title too.
const INTERRUPTS = /^ {0,3}(?:>|#{1,6}(?:\s|$)|`{3}[^`]*$|~{3}|[-*+][ \t]+\S|1[.)][ \t]+\S)/;
const QUOTED = /^ {0,3}>/m;

const isBlank = line => !line.trim();

/** @param {object[]} tokens @returns {object[]} the tokens that begin a top-level block */
export const topBlocks = tokens => tokens.filter(token => token.level === 0 && token.nesting >= 0);

/** @returns {number} the position of the token that closes the block which opens at `from` */
export function closeOf(tokens, from) {
  const { level, type } = tokens[from];
  const close = type.replace('_open', '_close');
  return tokens.findIndex((token, i) => i > from && token.level === level && token.type === close);
}

/** @returns {{indent: number, closing: RegExp}} of a fence's opening line */
export function fenceOf(line) {
  const [, indent, marks] = /^( {0,3})(`{3,}|~{3,})/.exec(line);
  return { indent: indent.length, closing: new RegExp(`^ {0,3}${marks[0]}{${marks.length},}[ \\t]*$`) };
}

function isFenceClosed(token, lines) {
  const last = token.map[1] - 1;
  return last > token.map[0] && fenceOf(lines[token.map[0]]).closing.test(lines[last]);
}

/** Whether no later line can become part of the block. Its lines are complete. */
function isFinished(token, lines, complete) {
  const end = token.map[1];
  if (end > complete) return false;
  if (token.type === 'fence') return isFenceClosed(token, lines);
  if (token.type === 'math') return !token.meta.open && !isUncertain(token, lines, complete);
  if (token.type === 'hr' || (token.type === 'heading_open' && token.markup[0] === '#')) return true;
  return ENDS_AT_BLANK.has(token.type) && end < complete && isBlank(lines[end]);
}

/** The lines above and with line `end` that no blank line parts. */
function gluedTo(lines, end) {
  let start = end;
  while (start > 0 && !isBlank(lines[start - 1])) start--;
  return lines.slice(start, end + 1).join('\n');
}

/** Whether the line ends what stands above it. A `>` goes on with a quote in which a title may still be open. */
function interrupts(lines, at) {
  return INTERRUPTS.test(lines[at]) && !(QUOTED.test(lines[at]) && QUOTED.test(gluedTo(lines, at - 1)));
}

/**
 * Whether a block that follows another without a blank line may yet turn out to be part of it: the
 * title of a link definition above, or two lines that look like a table until the second is complete.
 */
function isUncertain({ type, map: [start] }, lines, complete) {
  if (start === 0 || isBlank(lines[start - 1]) || interrupts(lines, start)) return false;
  return (type === 'table_open' && start + 1 >= complete) || MAY_HOLD_TITLE.test(gluedTo(lines, start));
}

function cutInList(tokens, last, from, complete) {
  const items = tokens.filter(token => token.type === 'list_item_open' && token.level === 1);
  const start = items.at(-1).map[0] < complete ? items.at(-1).map[0] : items.at(-2)?.map[0] ?? 0;
  return start > from && start > last.map[0] ? start : 0;
}

function cutInTable(last, from, complete) {
  const rows = Math.min(last.map[1], complete);
  return rows > Math.max(from, last.map[0] + 2) ? rows : 0;
}

/**
 * @param {object[]} tokens of the lines
 * @param {string[]} lines the last one is not complete
 * @param {number} base lines before it are context that was cut already
 * @returns {{block: number, inner: number}} lines to cut before (0: nowhere): between top-level
 *   blocks, and between the items or rows of the list or table that is open at the end
 */
export function findCuts(tokens, lines, base = 0) {
  const complete = lines.length - 1;
  const last = topBlocks(tokens).at(-1);
  if (!last) return { block: 0, inner: 0 };
  const start = last.map[0];
  if (isFinished(last, lines, complete)) return { block: last.map[1], inner: 0 };
  if (start > 0 && (start >= complete || isUncertain(last, lines, complete))) return { block: 0, inner: 0 };
  const block = start; // 0 is the first block, or the container that the context opened
  const from = Math.max(base, start);
  if (last.type.endsWith('_list_open')) return { block, inner: cutInList(tokens.slice(tokens.indexOf(last)), last, from, complete) };
  if (last.type === 'table_open') return { block, inner: cutInTable(last, from, complete) };
  return { block, inner: 0 };
}
