/**
 * The pure parts of the Markdown view: addresses, names of characters, maths, bare links, cuts, pace.
 *
 * What is drawn from them is tested in a browser (tests/browser/test_markdown_*.py).
 */

import assert from 'node:assert/strict';
import { test } from 'node:test';

import { fileNameOf } from '../../static/js/markdown/code_file.js';
import { fenceOf, findCuts } from '../../static/js/markdown/cuts.js';
import { decodeEntities, languageOf, parse } from '../../static/js/markdown/grammar.js';
import { NAMES } from '../../static/js/markdown/lean/html4_names.js';
import { LinkifyIt } from '../../static/js/markdown/linkify.js';
import { hostOf, isOwnImage, isSafeLink } from '../../static/js/markdown/urls.js';

const tokensOf = text => parse(text, {}, new Set());
const cutsOf = text => findCuts(tokensOf(text), text.split('\n'));
const mathsIn = text => tokensOf(text).flatMap(token => (token.type === 'math' ? [token] : token.children ?? []))
  .filter(token => token.type === 'math').map(token => token.content.trim());

test('only http, https, mailto, tel and relative addresses may be followed', () => {
  for (const url of ['http://a', 'HTTPS://a', 'mailto:a@b', 'tel:+1', '/a', 'a/b:c', '?q=x:y', '#x', '', '//a']) assert.ok(isSafeLink(url), url);
  for (const url of ['javascript:x', ' JavaScript:x', 'java\nscript:x', '\u0001javascript:x', 'data:text/html,x', 'vbscript:x', 'file:///x', 'ftp://x', 'blob:x']) assert.ok(!isSafeLink(url), url);
});

test('an image is ours only if its bytes are here or among our attachments', () => {
  for (const src of ['data:image/png;base64,AA', 'data:image/webp,x', 'blob:http://x/1', '/api/attachments/17']) assert.ok(isOwnImage(src), src);
  for (const src of ['https://x/p.png', '//x/p.png', '/api/attachments/../logout', '/api/attachments/%2e%2e/logout', '/logout', 'p.png', 'data:image/svg+xml,x', 'data:text/html,x', '\\\\x\\p']) assert.ok(!isOwnImage(src), src);
});

test('a host is named whole, without the name that pretends to be one', () => {
  assert.equal(hostOf('https://ok.example@evil.example:81/x'), 'evil.example:81');
  assert.equal(hostOf('/x'), '/x');
});

test('names and numbers of characters are decoded, unknown names are left', () => {
  assert.equal(decodeEntities('&lt;a&gt; &#65;&#x42; &amp;amp; &nosuchname; \\& &'), '<a> AB &amp; &nosuchname; \\& &');
  assert.equal(decodeEntities('java&colon;x'), 'java:x');
});

test('the short list of names agrees with the long one', () => {
  assert.equal(NAMES.size, 253);
  for (const [name, code] of NAMES) assert.equal(decodeEntities(`&${name};`), String.fromCodePoint(code), name);
});

test('the language is the first word behind the fence', () => {
  assert.equal(languageOf(' python title="x"'), 'python');
  assert.equal(languageOf('  '), '');
});

test('maths is found in all four forms', () => {
  assert.deepEqual(mathsIn('a $x^2$ b \\(y\\) c $$z$$ d \\[w\\] e'), ['x^2', 'y', 'z', 'w']);
  assert.deepEqual(mathsIn('$$\nx\n\ny\n$$\n'), ['x\n\ny']);
  assert.deepEqual(mathsIn('\\[ x = 1\n+ 2 \\]\n'), ['x = 1\n+ 2']);
  assert.deepEqual(mathsIn('> $$\n> q\n> $$\n\n- \\[\n  l\n  \\]\n'), ['q', 'l']);
});

test('money, code and escapes are not maths', () => {
  for (const text of ['$5 and $10', 'costs $5-$10', '`$x$`', '\\$x$', 'US$ and A$', '$5 million for the US$', '$ x $', '\\(\\)', '\\[\\\\\\]', '    $$\n    x\n    $$', '$$$ is expensive\n- a']) {
    assert.deepEqual(mathsIn(text), [], text);
  }
});

test('maths opened by TeX on its line is a paragraph if a blank line comes before its end', () => {
  const [paragraph, , , list] = tokensOf('$$ x\ny\n\n- a\n');
  assert.deepEqual([paragraph.type, list.type], ['paragraph_open', 'bullet_list_open']);
});

test('a bare address ends before the punctuation of its sentence', () => {
  const link = text => new LinkifyIt().matchAtStart(text)?.url;
  assert.equal(link('https://a.example/b_(c)).'), 'https://a.example/b_(c)');
  assert.equal(link('https://a.example/x?y=1&z=2, and'), 'https://a.example/x?y=1&z=2');
  assert.equal(link('https://a.example/中文，然后'), 'https://a.example/中文');
  assert.equal(link('http://localhost:8000/'), 'http://localhost:8000/');
  for (const text of ['https://', 'https:// a', 'ftp://a.example', 'javascript://a', 'https://...']) assert.equal(link(text), undefined, text);
});

test('a text is cut before its last block once that block has a whole line', () => {
  assert.deepEqual(cutsOf('one\n\ntwo'), { block: 0, inner: 0 });
  assert.deepEqual(cutsOf('one\n\ntwo\n'), { block: 2, inner: 0 });
  assert.deepEqual(cutsOf('one\n\n'), { block: 1, inner: 0 });
});

test('a text is cut behind what no line can join', () => {
  for (const text of ['# a\n', '***\n', '```\na\n```\n', '$$\nx\n$$\n']) assert.equal(cutsOf(text).block, text.split('\n').length - 1, text);
  for (const text of ['# a', 'a\n', '```\na\n``', '> a\n', '- a\n\n', '    a\n\n']) assert.equal(cutsOf(text).block, 0, text);
});

test('lists are cut between items and tables between rows', () => {
  assert.deepEqual(cutsOf('- a\n- b\n  c'), { block: 0, inner: 1 });
  assert.deepEqual(cutsOf('- a\n- b'), { block: 0, inner: 0 });
  assert.deepEqual(cutsOf('x\n\n1. a\n2. b\n3. '), { block: 2, inner: 3 });
  assert.deepEqual(cutsOf('| a |\n|---|\n| 1 |\n| 2'), { block: 0, inner: 3 });
});

test('nothing is cut that a title or a table may still take in', () => {
  for (const text of ['[a]: /u\n"t\n', '[a]: /u\n    "t\n', '[a]: /u\n\'t\n===\nx\n', 'x\n| a |\n|--']) assert.deepEqual(cutsOf(text), { block: 0, inner: 0 }, text);
});

test('a heading with a bar in it stays a heading when a ruler follows', () => {
  assert.equal(tokensOf('# a | b\n-|-\n')[0].type, 'heading_open');
  assert.equal(tokensOf('a | b\n-|-\n')[0].type, 'table_open');
});

test('a fence is closed by at least as many of its own marks', () => {
  const { indent, closing } = fenceOf('  ````js');
  assert.equal(indent, 2);
  for (const line of ['````', '   `````  ']) assert.match(line, closing);
  for (const line of ['```', '~~~~', '    ````', '```` x']) assert.doesNotMatch(line, closing);
});

/** A clock that stands until it is told to go on. */
test('a file of code is called what it calls itself, else by its language', () => {
  const names = [['print(1)\n', 'python'], ['x', 'rs'], ['x', 'Rust'], ['x', ''], ['x', 'c++'], ['x', '../../etc'], ['FROM a\n', 'dockerfile'],
    ['# tools/app.py\nimport os\n', 'python'], ['#!/bin/sh\n# run.sh\n', 'sh'], ['// src/deep/index.test.ts\n', 'typescript'],
    ['<!-- index.html -->\n<p>', 'html'], ['# Sets up app.py for you\n', 'python'], ['# ../..\n', 'sh'], ['/* a.css */\n', 'css']];
  assert.deepEqual(names.map(([text, language]) => fileNameOf(text, language)), ['code.py', 'code.rs', 'code.rs', 'code.txt', 'code.cpp', 'code.txt', 'Dockerfile',
    'app.py', 'run.sh', 'index.test.ts', 'index.html', 'code.py', 'code.sh', 'a.css']);
});
