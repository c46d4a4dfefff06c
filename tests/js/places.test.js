/** Where words stand in a text, as a person reads it. */
import assert from 'node:assert/strict';
import {test} from 'node:test';
import {placesIn, plainOf} from '../../static/js/places.js';

const found = (text, ...words) => placesIn(plainOf(text), words.map(plainOf)).map(([from, to]) => plainOf(text).slice(from, to));

test('case, marks and white space make no difference', () => {
  assert.deepEqual(found('Some **bold**\n\n  text', 'BOLD text'), ['bold text']);
  assert.deepEqual(found('a `sure_thing` here', 'sure_thing'), ['surething']);
});

test('places are in order and do not overlap', () => {
  assert.deepEqual(placesIn('aaaa b', ['aa', 'b']), [[0, 2], [2, 4], [5, 6]]);
  assert.deepEqual(placesIn('abcd bc', ['bc', 'abc']), [[0, 3], [5, 7]]);
});

test('Chinese and emoji are found', () => {
  assert.deepEqual(found('床前明月光 🌊', '明月', '🌊'), ['明月', '🌊']);
});

test('nothing is nowhere', () => {
  assert.deepEqual(placesIn('text', ['', 'no']), []);
});
