/** A proxy that collects the stream is told from a slow network, a stumble, and a clock that was set. */
import assert from 'node:assert/strict';
import {test} from 'node:test';
import {isCollected, notePing, noteSilence, PROMPT} from '../../static/js/lag.js';

const SKEW_MS = -7200_000; // the server's clock is two hours ahead
const hear = (pings, lag = PROMPT) => pings.reduce((held, [sentAt, at]) => notePing(held, sentAt, at + SKEW_MS), lag);
/** Pings every 15 s, each so late. */
const late = ages => ages.map((age, i) => [i * 15_000, i * 15_000 + age]);

test('pings that come at once are a clean line, whatever the clocks say', () => {
  assert.ok(!isCollected(hear(late(Array(50).fill(40)))));
});

test('a line that is slow all the time collects nothing', () => {
  assert.ok(!isCollected(hear(late([2000, 2600, 4400, 2100, 3900, 4900]))));
});

test('pings held back twice, each time by another age, are collected', () => {
  assert.ok(!isCollected(hear(late([40, 5000]))));
  assert.ok(isCollected(hear(late([40, 5000, 9000]))));
});

test('pings that arrive together count once: one stumble is no proxy', () => {
  const stumble = [[0, 40], [1000, 9000], [2000, 9010], [3000, 9020], [4000, 9030], [10_000, 10_040]];
  assert.ok(!isCollected(hear(stumble)));
  assert.ok(isCollected(hear([[11_000, 18_000], [12_000, 18_010]], hear(stumble))));
});

test('two stumbles far apart are forgotten', () => {
  assert.ok(!isCollected(hear([[0, 40], [15_000, 22_000], [30_000, 30_040], [300_000, 309_000]])));
});

test('a clock that was set makes pings old for good, and is no proxy', () => {
  const set = late([40, 45, 60_050, 60_045, 60_040, 60_055, 60_045]);
  assert.ok(!isCollected(hear(set)));
});

test('three silences of a server that answers are a proxy that holds all back', () => {
  const twice = noteSilence(noteSilence(PROMPT, 0), 8000);
  assert.ok(!isCollected(twice));
  assert.ok(isCollected(noteSilence(twice, 16_000)));
});
