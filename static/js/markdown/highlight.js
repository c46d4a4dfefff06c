/**
 * Colours for finished code, by highlight.js when it is there.
 *
 * The library and its languages are a chunk of their own, fetched for the first block that names
 * a language. Its tree of scopes becomes spans here: its HTML string is never used.
 */

import { el } from './dom.js';
import { Late } from './late.js';

const MAX_CHARS = 200_000; // beyond this a block stays plain: colouring it would stop the page

const classOf = scope => {
  const [first, ...rest] = scope.split('.');
  return [`hljs-${first}`, ...rest.map((part, depth) => part + '_'.repeat(depth + 1))].join(' ');
};

function addScopes(children, parent) {
  for (const child of children) {
    if (typeof child === 'string') parent.append(child);
    else if (!child.scope || child.scope.startsWith('language:')) addScopes(child.children, parent);
    else {
      const span = el('span', { class: classOf(child.scope) });
      addScopes(child.children, span);
      parent.append(span);
    }
  }
}

function colour(hljs, text, language) {
  const fragment = document.createDocumentFragment();
  // _emitter is not public; it is the only way to the scopes that does not go through HTML.
  addScopes(hljs.highlight(text, { language, ignoreIllegals: true })._emitter.rootNode.children, fragment);
  return fragment;
}

const languageOf = code => code.className.replace(/^language-/, '');

function apply(code, hljs) {
  const coloured = highlighted(code.textContent, languageOf(code), hljs);
  if (coloured && !code.firstElementChild) code.replaceChildren(coloured);
}

export const highlighter = new Late(() => import('./languages.js').then(module => module.default), apply);

/**
 * @param {string} text @param {string} language
 * @returns {DocumentFragment|null} null when it has to stay plain for now
 */
export function highlighted(text, language, hljs = highlighter.value) {
  if (!hljs || !language || text.length > MAX_CHARS || !hljs.getLanguage(language)) return null;
  return colour(hljs, text, language);
}

/** @param {Iterable<Element>} roots whose finished code may still be plain */
export function highlightLater(roots) {
  if (highlighter.value) return; // build.js has coloured it
  for (const root of roots) {
    for (const code of root.querySelectorAll('code[class^="language-"]')) highlighter.want(code);
  }
}
