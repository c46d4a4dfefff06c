/** What the palette finds for what was typed. */
import assert from 'node:assert/strict';
import {test} from 'node:test';
import {match} from '../../static/js/fuzzy.js';

const best = (query, texts) => texts.map(text => [text, match(query, text)]).filter(([, m]) => m).sort((a, b) => b[1].score - a[1].score).map(([text]) => text);
const shown = (query, text) => match(query, text)?.ranges.map(([from, to]) => Array.from(text).slice(from, to).join(''));

test('the beginning counts more than a word, a word more than a piece, a piece more than letters', () => {
  assert.deepEqual(best('con', ['Cut one now', 'Silicon', 'A conversation', 'Conversation']), ['Conversation', 'A conversation', 'Silicon', 'Cut one now']);
});

test('every word must be there, in any order', () => {
  assert.deepEqual(shown('model choose', 'Choose a model'), ['Choose', 'model']);
  assert.equal(match('model pick', 'Choose a model'), null);
});

test('letters in order find a text when they begin its words', () => {
  assert.deepEqual(shown('nc', 'New conversation'), ['N', 'c']);
  assert.deepEqual(shown('neco', 'New conversation'), ['Ne', 'co']);
  assert.equal(match('ewcon', 'New conversation'), null, 'letters from anywhere would find everything');
});

test('Chinese, emoji and accents keep their places', () => {
  assert.deepEqual(match('模型', '🌊 选择模型').ranges, [[4, 6]]);
  assert.deepEqual(shown('ÉTÉ', 'Un été'), ['été']);
  assert.deepEqual(shown('x', 'İx'), ['x']);
  assert.deepEqual(shown('i', 'x-İi i'), ['i'], 'a letter that grows in lower case shifts nothing');
});

test('nothing typed finds everything, and an empty text only then', () => {
  assert.deepEqual(match('  ', 'Anything').ranges, []);
  assert.equal(match('a', ''), null);
});
