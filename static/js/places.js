/**
 * Where words stand, in a text and in what is drawn of it, so that the two agree: without case, without the marks of Markdown,
 * white space as one space. Pure but for `rangesIn`, which reads elements. Called by find.js.
 */

const MARKS = new Set('*_`~');

/** @param {string} letter @returns {string} '' for what does not count */
function plain(letter, before) {
  if (MARKS.has(letter)) return '';
  if (/\s/.test(letter)) return before === ' ' || before === '' ? '' : ' ';
  const small = letter.toLowerCase();
  return small.length === letter.length ? small : letter;
}

/** @param {string} text @returns {string} what is looked through */
export function plainOf(text) {
  const folded = text.replace(/[*_`~]/g, '').replace(/\s+/g, ' ').trim();
  const small = folded.toLowerCase();
  return small.length === folded.length ? small : Array.from(folded, letter => plain(letter, 'x')).join('');
}

/** @param {string} text as plainOf gives it @param {string[]} words likewise @returns {[number, number][]} in order, without overlap */
export function placesIn(text, words) {
  const found = [];
  for (const word of words) {
    for (let at = word ? text.indexOf(word) : -1; at >= 0; at = text.indexOf(word, at + word.length)) found.push([at, at + word.length]);
  }
  found.sort((a, b) => a[0] - b[0] || b[1] - a[1]);
  return found.filter(([from], i) => i === 0 || from >= Math.max(...found.slice(Math.max(0, i - words.length), i).map(p => p[1])));
}

/**
 * @param {Element} el
 * @param {string[]} words as plainOf gives them
 * @returns {Range[]} where they are drawn; over the ends of blocks as over a space
 */
export function rangesIn(el, words) {
  let text = '';
  const at = []; // of each unit of `text`: its node and the offset there
  let block = null;
  const walker = document.createTreeWalker(el, NodeFilter.SHOW_TEXT, node => (node.parentElement.closest('.katex-mathml, button, summary') ? NodeFilter.FILTER_REJECT : NodeFilter.FILTER_ACCEPT));
  for (let node = walker.nextNode(); node; node = walker.nextNode()) {
    const own = node.parentElement.closest('p, li, td, th, pre, blockquote, h1, h2, h3, h4, h5, h6, dt, dd, div');
    if (block && own !== block) put(' ', node, 0);
    block = own;
    for (let i = 0; i < node.data.length; i++) put(node.data[i], node, i);
  }
  function put(letter, node, offset) {
    const unit = plain(letter, text.at(-1) ?? '');
    if (!unit) return;
    text += unit;
    at.push([node, offset]);
  }
  return placesIn(text, words).map(([from, to]) => {
    const range = document.createRange();
    range.setStart(...at[from]);
    range.setEnd(at[to - 1][0], Math.min(at[to - 1][1] + 1, at[to - 1][0].data.length));
    return range;
  });
}
