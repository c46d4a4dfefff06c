/** Which replies stand side by side, their order, and the numbers over them while they grow. */
import assert from 'node:assert/strict';
import {test} from 'node:test';
import {runningBeside} from '../../static/js/store/select.js';
import {CLOSED, columnsOf, estimateTokens, isSideBySide, KEPT_OPEN, numbersOf, OPENED, readMeter, startMeter} from '../../static/js/store/sides.js';

const at = ms => new Date(Date.UTC(2026, 0, 1) + ms).toISOString();
const reply = (id, ms, rest = {}) => ({id, created_at: at(ms), role: 'assistant', model: `m/${id}`, status: 'completed', content: 'x', reasoning: '', ...rest});
const together = [reply('a', 0), reply('b', 3), reply('c', 9)];
const apart = [reply('a', 0), reply('b', 5000)];

test('replies asked for together stand side by side until the conversation has gone on', () => {
  assert.equal(isSideBySide(together, true, null), true);
  assert.equal(isSideBySide(together, false, null), false);
});

test('a reply asked for again later stands beside the first only when a person opens them', () => {
  assert.equal(isSideBySide(apart, true, null), false);
  assert.equal(isSideBySide(apart, true, OPENED), true);
  assert.equal(isSideBySide(apart, false, OPENED), false, 'and no longer when the conversation has gone on');
  assert.equal(isSideBySide(apart, false, KEPT_OPEN), true, 'unless it had gone on when they were opened');
});

test('closed is closed, and one reply alone has no side', () => {
  assert.equal(isSideBySide(together, true, CLOSED), false);
  assert.equal(isSideBySide([together[0]], true, KEPT_OPEN), false);
});

test('the next try takes the place of one that failed without a word', () => {
  const failed = reply('f', 3, {status: 'failed', content: ''});
  const columns = columnsOf([reply('a', 0), failed, reply('c', 9), reply('again', 4000, {model: failed.model})]);
  assert.deepEqual(columns.map(r => r.id), ['a', 'again', 'c']);
});

test('of the same model asked twice at once both are shown, also when one failed', () => {
  const columns = columnsOf([reply('a', 0, {model: 'm', status: 'failed', content: ''}), reply('b', 2, {model: 'm'})]);
  assert.deepEqual(columns.map(r => r.id), ['a', 'b']);
});

test('a failed one that has words keeps its column', () => {
  const columns = columnsOf([reply('a', 0, {model: 'm', status: 'failed'}), reply('b', 9000, {model: 'm'})]);
  assert.deepEqual(columns.map(r => r.id), ['a', 'b']);
});

test('a Chinese character counts more than a Latin one', () => {
  assert.equal(estimateTokens('abcd'), 1);
  assert.ok(Math.abs(estimateTokens('中文字') - 2.1) < 1e-9);
});

const live = (content, reasoning = '') => ({content, reasoning});
const running = reply('a', 0, {status: 'streaming', content: '', timings: {}, usage: null, cost: null});

test('while a reply grows its first word, pace and tokens come from our own clock', () => {
  let meter = startMeter(1000, true);
  const see = now => numbersOf({message: running, meter, pricing: {input: 1, output: 2}, inputTokens: 100, now});
  assert.deepEqual(see(1500), {first: null, rate: null, tokens: null, cost: null, isAbout: true});
  meter = readMeter(meter, live('', 'xxxx'), 1500);
  assert.equal(see(1500).first, null, 'a thought is no word');
  meter = readMeter(meter, live('x'.repeat(396), 'xxxx'), 2000);
  const seen = see(2500);
  assert.deepEqual([seen.first, seen.rate, seen.tokens], [1000, 100, 100]);
  assert.ok(Math.abs(seen.cost.amount - (100 + 200) / 1e6) < 1e-12);
});

test('a reply found under way has no known first word, and its pace counts from there', () => {
  let meter = readMeter(startMeter(0, false), live('x'.repeat(4000)), 10);
  meter = readMeter(meter, live('x'.repeat(4400)), 900);
  const {first, rate, tokens} = numbersOf({message: running, meter, pricing: null, inputTokens: 0, now: 1010});
  assert.deepEqual([first, rate, tokens], [null, 100, 1100]);
});

test('no pace is told over less than a moment', () => {
  const meter = readMeter(startMeter(0, true), live('xxxx'), 100);
  assert.equal(numbersOf({message: running, meter, pricing: null, inputTokens: 0, now: 200}).rate, null);
});

test('at the end the numbers are the server\u2019s', () => {
  const message = reply('a', 0, {timings: {first_content_ms: 400, output_tokens_per_second: 62.1}, usage: {output_tokens: 812}, cost: {amount: 0.01, currency: 'USD', kind: 'estimate'}});
  assert.deepEqual(numbersOf({message, meter: null, pricing: null, inputTokens: 0, now: 0}),
    {first: 400, rate: 62.1, tokens: 812, isAbout: false, cost: {amount: 0.01, currency: 'USD', isAbout: true}});
});

test('what the server could not count is estimated from the text, and said to be', () => {
  const message = reply('a', 0, {status: 'stopped', content: 'x'.repeat(400), timings: {first_content_ms: 0, total_ms: 2000}, usage: null, cost: null});
  const {rate, tokens, isAbout, cost} = numbersOf({message, meter: null, pricing: null, inputTokens: 0, now: 0});
  assert.deepEqual([rate, tokens, isAbout, cost], [50, 100, true, null]);
});

test('what runs beside the head is what Stop stops', () => {
  const message = (id, parent_id, status) => ({id, parent_id, role: 'assistant', status});
  const messages = [{id: 'u', parent_id: null, role: 'user', status: 'completed'}, message('a', 'u', 'completed'), message('b', 'u', 'streaming'), message('z', 'other', 'streaming')];
  const thread = {conversation: {head_id: 'a'}, messages: Object.fromEntries(messages.map(m => [m.id, m]))};
  assert.deepEqual(runningBeside(thread).map(m => m.id), ['b']);
});
