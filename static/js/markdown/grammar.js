/**
 * The grammar of an answer: CommonMark with tables, strikethrough, bare addresses and maths.
 *
 * The only file that knows markdown-it. Gives tokens; makes no HTML and no DOM.
 */

import MarkdownIt from 'markdown-it';
import { collecting } from './late_names.js';
import { LinkifyIt } from './linkify.js';
import { maths } from './maths_rules.js';
import { isOwnImage, isSafeLink } from './urls.js';

const MAX_NESTING = 100; // levels; also keeps the DOM shallow enough for layout

const md = new MarkdownIt('commonmark', { linkify: true, maxNesting: MAX_NESTING });
md.enable(['table', 'strikethrough']);
md.core.ruler.disable('strip_references'); // cuts.js must see where definitions are
// The inline rule finds "://"; the core rule would look for mail addresses and bare names as well.
md.inline.ruler.enable('linkify');
md.linkify = new LinkifyIt();
md.use(maths);
// Links and images share this check; the builder tells them apart again.
md.validateLink = url => isSafeLink(url) || isOwnImage(url);

/**
 * A table's head must not be the line of another block: markdown-it lets `# a | b` over `-|-` be one,
 * GFM does not, and a heading that is already shown must not turn into a table.
 */
function tableOfText(state, start, end, silent) {
  if (!table(state, start, end, true)) return false;
  if (md.block.ruler.getRules('blockquote').some(rule => rule(state, start, end, true))) return false;
  return silent || table(state, start, end, false);
}
const table = md.block.ruler.getRules('')[0];
md.block.ruler.at('table', tableOfText, { alt: ['paragraph', 'reference'] });

/** @typedef {{[label: string]: {href: string, title: string}}} References */

/**
 * @param {string} text lines end in \n
 * @param {References} references definitions known so far; those in the text are added to it
 * @param {Set<string>} misses collects the labels, and the names of characters, looked up in vain
 */
export function parse(text, references, misses) {
  const watched = new Proxy(references, {
    get(known, label) {
      if (known[label] === undefined) misses.add(label);
      return known[label];
    },
  });
  const tokens = collecting(misses, () => md.parse(text, { references: watched }));
  for (const label of misses) if (references[label] !== undefined) misses.delete(label);
  return tokens;
}

/** Line ends and NUL as CommonMark wants them. @param {string} text */
export const normalize = text => text.replace(/\r\n?/g, '\n').replace(/\0/g, '\ufffd');

/** @param {string} info the line behind an opening fence @returns {string} its first word */
export const languageOf = info => md.utils.unescapeAll(info).trim().split(/\s+/)[0];

/** @param {string} text of a tag's attribute or of an HTML block */
export const decodeEntities = text => text.replace(/&#?\w{1,32};/g, entity => md.utils.unescapeAll(entity));
