/** One write pass a frame, and a rest after a slow one. */
import assert from 'node:assert/strict';
import {test} from 'node:test';
import {createFrame} from '../../static/js/frame.js';

function byHand() {
  const clock = {time: 0, frames: [], drawn: []};
  clock.frame = createFrame({raf: callback => clock.frames.push(callback), now: () => clock.time});
  clock.at = time => {
    clock.time = time;
    for (const callback of clock.frames.splice(0)) callback();
  };
  clock.view = (name, took = 0) => () => {
    clock.drawn.push(name);
    clock.time += took;
  };
  return clock;
}

test('what changes several times before a frame is drawn once in it', () => {
  const clock = byHand();
  const [one, other] = [clock.view('one'), clock.view('other')];
  for (const draw of [one, other, one, one]) clock.frame(draw);
  assert.deepEqual([clock.drawn, clock.frames.length], [[], 1]);
  clock.at(16);
  assert.deepEqual(clock.drawn, ['one', 'other']);
  clock.at(33);
  assert.deepEqual(clock.drawn, ['one', 'other'], 'nothing changed, nothing is drawn');
});

test('a slow pass is followed by a rest of four times its length, a quick one by none', () => {
  const clock = byHand();
  const [slow, quick] = [clock.view('slow', 10), clock.view('quick', 2)];
  clock.frame(slow);
  clock.at(16); // done at 26: not again before 66
  clock.frame(quick);
  for (const time of [33, 50, 65]) clock.at(time);
  assert.deepEqual(clock.drawn, ['slow']);
  clock.at(66);
  assert.deepEqual(clock.drawn, ['slow', 'quick']);
  clock.frame(quick);
  clock.at(69);
  assert.deepEqual(clock.drawn, ['slow', 'quick', 'quick']);
});

test('a view that asks to be drawn while others are drawn has the next frame', () => {
  const clock = byHand();
  const late = clock.view('late');
  clock.frame(() => clock.frame(late));
  clock.at(16);
  assert.deepEqual(clock.drawn, []);
  clock.at(33);
  assert.deepEqual(clock.drawn, ['late']);
});
