/** Lengths and cuts in code points: what the offsets of the feed are made of. */
import assert from 'node:assert/strict';
import {test} from 'node:test';
import {dropFirst, lengthOf} from '../../static/js/store/text.js';

test('an emoji outside the basic plane counts once', () => {
  assert.equal(lengthOf('a😀b'), 3);
  assert.equal(lengthOf('👨‍👩‍👧‍👦'), 7); // four people and three joiners
});

test('dropping code points never leaves half of one', () => {
  assert.equal(dropFirst('😀😀x', 1), '😀x');
  assert.equal(dropFirst('ab', 5), '');
  assert.equal(dropFirst('ab', 0), 'ab');
});

test('for every cut the dropped and the kept part make the whole', () => {
  const text = 'naïve 文字 😀 𝕏 end';
  const points = [...text];
  for (let cut = 0; cut <= points.length; cut++) {
    assert.equal(dropFirst(text, cut), points.slice(cut).join(''));
    assert.equal(lengthOf(dropFirst(text, cut)), points.length - cut);
  }
});
