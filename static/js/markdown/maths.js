/**
 * Maths tokens as elements, typeset by KaTeX when it is there.
 *
 * KaTeX is fetched on the first formula; until then, and if it cannot be, the TeX source is shown.
 * With no stylesheet given it makes MathML only, which browsers draw by themselves.
 */

import { el } from './dom.js';
import { Late } from './late.js';

const OPTIONS = { strict: false, trust: false, maxExpand: 100, maxSize: 20 };
const CACHED_FORMULAS = 200; // a formula in an open block is not typeset again on each flush
const PENDING = 'pending';

let stylesheet = '';
const cache = new Map();

/** @param {string} url of KaTeX's CSS; without it formulas are MathML only */
export function setMathsStylesheet(url) {
  stylesheet = url;
}

/** @returns {Promise<boolean>} false if there is none or it did not load */
function loadStylesheet() {
  if (!stylesheet) return Promise.resolve(false);
  return new Promise(resolve => {
    const link = el('link', { rel: 'stylesheet', href: stylesheet });
    link.onload = () => resolve(true);
    link.onerror = () => resolve(false);
    document.head.append(link);
  });
}

async function load() {
  const [{ default: katex }, isStyled] = await Promise.all([import('katex'), loadStylesheet()]);
  return { katex, output: isStyled ? 'htmlAndMathml' : 'mathml' };
}

/** KaTeX's own error colour is a style attribute, which the policy refuses: the source is shown. */
function render(tex, displayMode, { katex, output }) {
  const host = el('span');
  try {
    katex.render(tex, host, { ...OPTIONS, displayMode, output });
    return host.firstChild;
  } catch (error) {
    if (!(error instanceof katex.ParseError)) throw error;
    return el('span', { class: 'maths-error', title: error.message }, tex);
  }
}

function typeset(tex, displayMode, library) {
  const key = (displayMode ? 'D' : 'I') + tex;
  let formula = cache.get(key);
  if (!formula) {
    formula = render(tex, displayMode, library);
    cache.set(key, formula);
    if (cache.size > CACHED_FORMULAS) cache.delete(cache.keys().next().value);
  }
  return formula.cloneNode(true);
}

function apply(element, value) {
  if (!element.classList.contains(PENDING)) return;
  element.replaceChildren(typeset(element.textContent, element.classList.contains('display'), value));
  element.classList.remove(PENDING);
}

export const katexLibrary = new Late(load, apply);

/** A block not closed yet shows its source: half a formula would be typeset as an error. */
export function mathsElement(tag, token) {
  const { display, open } = token.meta;
  const element = el(tag, { class: display ? 'math display' : 'math' });
  if (open || !katexLibrary.value) element.append(token.content);
  else element.append(typeset(token.content, display, katexLibrary.value));
  if (open) element.classList.add('open');
  else if (!katexLibrary.value) element.classList.add(PENDING);
  return element;
}

/** @param {Iterable<Element>} roots whose formulas may still be source */
export function typesetLater(roots) {
  for (const root of roots) {
    const inside = root.querySelectorAll(`.math.${PENDING}`);
    for (const element of root.matches(`.math.${PENDING}`) ? [root, ...inside] : inside) katexLibrary.want(element);
  }
}
