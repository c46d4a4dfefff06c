/** What a setting may hold, what a change leaves, and what is told of a model that may not take it. */
import assert from 'node:assert/strict';
import {test} from 'node:test';
import {changed, isSameSetup, notesFor, numbersOf, parseNumber} from '../../static/js/params_rules.js';
import {countSettings} from '../../static/js/model_desk.js';

const rules = numbersOf({max_completion_tokens: 1_000_000});

test('a number may be written as people write numbers', () => {
  for (const [text, value] of [['0.7', 0.7], ['0,7', 0.7], [' .5 ', 0.5], ['2', 2], ['1.', 1], ['', undefined], ['  ', undefined]]) {
    assert.deepEqual(parseNumber(text, rules.temperature), {value}, text);
  }
  for (const [text, value] of [['32000', 32000], ['32,000', 32000], ['32.000', 32000], ['32 000', 32000], ['1’000’000', 1_000_000]]) {
    assert.deepEqual(parseNumber(text, rules.max_completion_tokens), {value}, text);
  }
});

test('what is no number, not whole or out of range is told apart', () => {
  assert.deepEqual(parseNumber('warm', rules.temperature), {problem: 'number'});
  assert.deepEqual(parseNumber('1e3', rules.max_completion_tokens), {problem: 'number'});
  assert.deepEqual(parseNumber('1.5', rules.max_completion_tokens), {problem: 'whole'});
  assert.deepEqual(parseNumber('2.1', rules.temperature), {problem: 'range'});
  assert.deepEqual(parseNumber('-1', rules.top_p), {problem: 'range'});
  assert.deepEqual(parseNumber('0', rules.max_completion_tokens), {problem: 'range'});
});

test('a change leaves the rest, and what is undefined or off goes back to the default', () => {
  const setup = {system_prompt: 'Be short.', params: {temperature: 0, web_search: true}};
  assert.deepEqual(changed(setup, {params: {top_p: 0.5}}), {system_prompt: 'Be short.', params: {temperature: 0, web_search: true, top_p: 0.5}});
  assert.deepEqual(changed(setup, {params: {web_search: undefined, temperature: 1}}), {system_prompt: 'Be short.', params: {temperature: 1}});
  assert.deepEqual(changed(setup, {system_prompt: ''}), {system_prompt: '', params: setup.params});
});

test('two setups are the same when they ask alike', () => {
  assert.ok(isSameSetup({system_prompt: '', params: {web_search: false}}, {system_prompt: '', params: {}}));
  assert.ok(!isSameSetup({system_prompt: '', params: {temperature: 1}}, {system_prompt: '', params: {}}));
  assert.ok(!isSameSetup({system_prompt: 'x', params: {}}, {system_prompt: '', params: {}}));
});

test('the chip counts what is not the default', () => {
  assert.equal(countSettings({system_prompt: '', params: {}}), 0);
  assert.equal(countSettings({system_prompt: 'x', params: {temperature: 0, web_search: false, top_p: 1}}), 3);
});

test('what a model may not take is told, and never more than the list tells', () => {
  assert.deepEqual(notesFor(null, {}), {reasoning_effort: 'params.note.unknown', web_search: 'params.note.unknown'});
  assert.equal(notesFor({reasoning: false, web_search_price: null}, {}).reasoning_effort, 'params.note.noThinking');
  assert.equal(notesFor({reasoning: false, web_search_price: 0}, {}).web_search, 'params.note.search');
  assert.equal(notesFor({reasoning: true, web_search_price: 0.01}, {}).temperature, undefined);
  assert.equal(notesFor({reasoning: true, web_search_price: 0.01}, {temperature: 1}).temperature, 'params.note.narrow');
});
