/**
 * The few HTML tags an answer may use.
 *
 * Reads the tags of an HTML block or of one inline tag and makes elements of those on the list;
 * every other tag is shown as the text it is, comments are dropped. A tag left open ends with its
 * block: build.js cuts its stack back.
 */

import { el } from './dom.js';
import { decodeEntities } from './grammar.js';
import { imageElement, linkElement } from './links.js';

const TAGS = new Set(('a abbr b blockquote br cite code dd del details div dl dt em h1 h2 h3 h4 h5 h6 hr i img ins kbd li mark '
  + 'ol p pre q s samp small span strong sub summary sup table tbody td th thead tr u ul var').split(' '));
const VOID_TAGS = new Set(['br', 'hr', 'img']);
const ATTRIBUTES = { details: ['open'], ol: ['start'], td: ['align', 'colspan', 'rowspan'], th: ['align', 'colspan', 'rowspan'], p: ['align'], div: ['align'] };
const ATTRIBUTES_OF_ALL = ['title', 'lang', 'dir'];
const MAX_DEPTH = 60; // open tags; a browser's layout is recursive and a deep tree can end it

const ATTRIBUTE = /([a-zA-Z_:][\w:.-]*)(?:\s*=\s*(?:"([^"]*)"|'([^']*)'|([^\s"'=<>`]+)))?/g;
const TAG = /<(\/?)([a-zA-Z][a-zA-Z0-9-]*)((?:\s+[a-zA-Z_:][\w:.-]*(?:\s*=\s*(?:"[^"]*"|'[^']*'|[^\s"'=<>`]+))?)*)\s*(\/?)>|<!--[\s\S]*?-->/g;

function attributesOf(source) {
  const found = {};
  for (const [, name, double, single, bare] of source.matchAll(ATTRIBUTE)) {
    found[name.toLowerCase()] ??= decodeEntities(double ?? single ?? bare ?? '');
  }
  return found;
}

function elementFor(name, given, builder) {
  if (name === 'a') return linkElement(given.href ?? '', given.title);
  if (name === 'img') return imageElement(given.src ?? '', given.alt ?? '', given.title, builder.isIn('a'));
  const allowed = [...ATTRIBUTES_OF_ALL, ...(ATTRIBUTES[name] ?? [])].filter(key => key in given);
  return el(name, Object.fromEntries(allowed.map(key => [key, given[key]])));
}

/** @returns {boolean} false if the tag is to be shown as text */
function addTag(builder, [, slash, tag, attributes, selfClosing]) {
  const name = tag.toLowerCase();
  if (!TAGS.has(name)) return false;
  if (slash) {
    builder.closeRaw(name);
    return true;
  }
  if (builder.rawDepth >= MAX_DEPTH || (name === 'a' && builder.isIn('a'))) return false;
  const element = elementFor(name, attributesOf(attributes), builder);
  if (VOID_TAGS.has(name) || selfClosing) builder.append(element);
  else builder.openRaw(element);
  return true;
}

/** @param {import('./build.js').Builder} builder @param {string} html */
export function addRawHtml(builder, html) {
  let last = 0;
  for (const match of html.matchAll(TAG)) {
    if (match.index > last) builder.text(decodeEntities(html.slice(last, match.index)));
    last = match.index + match[0].length;
    const isComment = !match[2];
    if (!isComment && !addTag(builder, match)) builder.text(match[0]);
  }
  if (last < html.length) builder.text(decodeEntities(html.slice(last)));
}
