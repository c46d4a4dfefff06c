/**
 * What the browser tests of the Markdown view run inside the page.
 *
 * Bundled by tests/browser/markdown_site.py and served under the product's policy. Holds the
 * generator of texts and the comparison of streamed with one-shot trees. Asserts nothing: the
 * Python tests do.
 */

import { parse } from '../../static/js/markdown/grammar.js';
import { highlighter } from '../../static/js/markdown/highlight.js';
import { createMarkdown, renderOnce, setMathsStylesheet } from '../../static/js/markdown/index.js';
import { loadAllNames } from '../../static/js/markdown/lean/entities.js';
import { katexLibrary } from '../../static/js/markdown/maths.js';
import { BlockTail } from '../../static/js/markdown/tail.js';
import { LABELS } from '../../static/js/markdown/code_block.js';

/** A small seeded generator (mulberry32), so that a failing case can be run again. */
function random(seed) {
  let state = seed >>> 0;
  return () => {
    state = (state + 0x6d2b79f5) >>> 0;
    let t = Math.imul(state ^ (state >>> 15), 1 | state);
    t = (t + Math.imul(t ^ (t >>> 7), 61 | t)) ^ t;
    return ((t ^ (t >>> 14)) >>> 0) / 2 ** 32;
  };
}

const pick = (next, list) => list[Math.floor(next() * list.length)];

const PIECES = {
  list: ['- a\n', '- b\n', '* c\n', '+ d\n', '1. one\n', '2. two\n', '7) seven\n', '  - nested\n', '   - three\n', '    - four\n', '-\n', '- \n', '-  wide\n', '-     code\n',
    '  more\n', '   deep\n', '    indented\n', '\n', '\n', '\n\n', '- [ ] todo\n', '- [x] done\n', '- [ ]\n', '- # head\n', '- > quote\n', '- ```\n', '  ```\n', '```\n', '---\n', '***\n', '* * *\n', '===\n', '- a | b\n', '-|-\n', '| - | - |\n',
    '- [r]: /u\n', '  [r]\n', '- [r]\n', "'title'\n", 'lazy\n', '> q\n', '<div>\n', '- $$\n', '  $$\n', '- <b>x\n', '- $$ x $$\n', '- a <div>b</div> c\n', '\t- tab\n', '-\ttab\n', '10. ten\n', '- ***\n', '- 1. x\n', '  2. y\n', '  * ~~s~~\n', '  ~~~\n'],
  reference: ['[a]\n', '[b]\n', '[a][b]\n', '[x](y "z")\n', '[a]: /one\n', '[b]: /two "t"\n', "[a]: /three\n'title\n", 'end\'\n', "[c]:\n", '/four\n', '"t"\n', '(p)\n', '> [a]: /q\n', '- [b]: /l\n', '- [a]\n', '> [b]\n', '\n', '\n', '# [a]\n', '[a]\n===\n', '===\n', '    code\n', '    "t\n', '![a]\n', '![i][b]\n', '| [a] | [b] |\n', '|---|---|\n', '[a\n', 'b]: /u\n', '[a]: <x\n', '[a]: /u "one\n', 'two"\n', '<a>\n', '1. [c]\n', '  [c]: /z\n', '***\n', '```\n[a]\n```\n', '[^1]\n', '[a] [ ] [c]\n'],
  table: ['| a | b |\n', '|---|---|\n', '|:-:|--:|\n', '| 1 | 2 |\n', '| 3 |\n', '| x | y | z |\n', 'a | b\n', '- | -\n', '-|-\n', '| `c|d` | **e** |\n', '| [r] | $x$ |\n', '[r]: /u\n', '\n', '\n', 'text\n', '# h\n', '> q\n', '- l\n', '```\n', '    i\n', '<div>\n', '| a\n', '|-\n', 'a\n', '---\n', '| \\| | ~~s~~ |\n', '   | i | j |\n', '1. | a | b |\n', '   |---|---|\n', '   | 1 | 2 |\n', '$$\n', '"t"\n'],
  maths: ['$x$', '$$y$$', '\\(z\\)', '\\[w\\]', '$', '$$', '\\(', '\\)', '\\[', '\\]', ' ', ' ', 'a', '1', '\n', '\n', '\n\n', '$$\n', '\\[\n', '\\]\n', '$$ a\n', 'b $$\n', '\\[ c\n', 'd \\]\n', '`$`', '- ', '> ', '    ', '*', '**', '\\$', '$5', '\\frac{1}{2}', '_i^2', '# ', '| $a$ | b |\n|---|---|\n', '===\n', '+ e\n', '```\n'],
  mixed: ['para\n', 'two  \n', 'line\\\n', '*em*', '**st', 'ong**', '`c`', '``', '~~d~~', '\n', '\n\n', '# h\n', '## h2 ##\n', 'set\n===\n', 'set\n---\n', '---\n', '> q\n', '> > qq\n', '>\n', '- l\n', '1. n\n', '```js\nlet a = 1;\n', '```\n', '````\n', '~~~\n', '   ```\n', '    code\n', '\tcode\n', '<b>x</b>', '<div>\n', '</div>\n', '<!-- c\n', '-->\n', '<script>\n', '</script>\n', '<pre>\n', '<?x\n', '?>\n', '<a href="javascript:x">y</a>', '<details>\n<summary>s</summary>\n', '&amp; &copy; &#65;', 'https://a.example/b(c).', '<https://d.example>', '![i](http://h.example/p.png)', '![i](/api/attachments/7)', '[l](/u "t")', '[r]', '[r]: /u\n', '| a | b |\n|---|---|\n| 1 | 2 |\n', '$x$', '$$\ny\n$$\n', '\r\n', '\r', '\u0000', '😀', '中文', '\u00a0', ' ', '  ', '   ', '    ', '\\', '"t"\n', "'", '('],
};

export function makeText(seed, kind) {
  const next = random(seed);
  let text = '';
  for (let left = 2 + Math.floor(next() * 18); left > 0; left--) text += pick(next, PIECES[next() < 0.9 ? kind : pick(next, Object.keys(PIECES))]);
  return text;
}

/** @returns {string[]} the text in pieces: whole, one character each, or cut by a seed */
export function split(text, how) {
  if (how === 'whole') return [text];
  if (how === 'chars') return [...text];
  const next = random(how);
  const most = pick(next, [3, 9, 30]);
  const pieces = [];
  for (let at = 0; at < text.length;) {
    const size = 1 + Math.floor(next() * most);
    pieces.push(text.slice(at, at + size));
    at += size;
  }
  return pieces;
}

const shown = root => [...root.childNodes].map(node => node.outerHTML).join('\n');

function wrapped(fragment) {
  const host = document.createElement('div');
  host.append(fragment);
  return host;
}

/** Remembers what finished blocks looked like when they were first finished. */
class Witness {
  constructor(host, tail) {
    this.host = host;
    this.tail = tail;
    this.seen = new Map();
  }

  look() {
    for (const section of this.host.children) {
      for (const node of section.children) {
        const isLive = section === this.tail.root && (!this.tail.mark || this.tail.mark.compareDocumentPosition(node) & Node.DOCUMENT_POSITION_FOLLOWING);
        if (isLive) break;
        if (!this.seen.has(node)) this.seen.set(node, node.cloneNode(true));
      }
    }
  }

  changed() {
    const excused = node => node.matches('ul, ol');
    return [...this.seen].filter(([node, clone]) => !excused(clone) && (!this.host.contains(node) || !node.isEqualNode(clone))).map(([, clone]) => clone.outerHTML);
  }
}

/** @returns {null|object} what went wrong when the text arrived in these pieces */
export function checkStream(text, how, whole = text) {
  const host = document.createElement('div');
  const tail = new BlockTail(host, LABELS);
  const witness = new Witness(host, tail);
  try {
    for (const piece of split(text, how)) {
      tail.push(piece);
      witness.look();
    }
    tail.end();
  } catch (error) {
    return { text, how, error: `${error.stack}` };
  }
  const expected = wrapped(renderOnce(whole));
  if (!host.isEqualNode(expected)) return { text, how, streamed: shown(host), expected: shown(expected) };
  if (/\]:/.test(text)) return null; // a late definition may redraw
  const changed = witness.changed();
  return changed.length ? { text, how, changed } : null;
}

/** Runs cases until the count or the time is used up. */
export function checkMany({ texts, hows, kind, from = 0, count, limitMs = Infinity }) {
  const start = performance.now();
  const failures = [];
  let cases = 0;
  const total = texts ? texts.length : count;
  for (let i = 0; i < total && performance.now() - start < limitMs && failures.length < 5; i++) {
    const text = texts ? texts[i] : makeText(from + i, kind);
    for (const how of hows) {
      const failure = checkStream(text, typeof how === 'number' ? how + i : how);
      cases++;
      if (failure) failures.push({ seed: from + i, kind, ...failure });
    }
  }
  return { cases, failures, ms: performance.now() - start };
}

/** What a text looks like when it is drawn in one go. */
export const html = text => shown(wrapped(renderOnce(text)));

/** Whether the grammar finds HTML in a text. */
export const hasRawHtml = text => {
  const isRaw = token => token.type.startsWith('html_') || (token.children ?? []).some(isRaw);
  return parse(text, {}, new Set()).some(isRaw);
};

Object.assign(window, {
  createMarkdown, renderOnce, setMathsStylesheet, makeText, checkMany, checkStream, html, hasRawHtml,
  libraries: () => Promise.all([katexLibrary.ready(), highlighter.ready(), loadAllNames()]),
});
