/** Messages that wait for the end of an answer: what waits, what is ready, what is held, and two tabs that see the same. */
import assert from 'node:assert/strict';
import {test} from 'node:test';
import {addItem, dropItem, editItem, followHead, itemSent, readiness, restoreItem, withoutFiles} from '../../static/js/store/queue.js';

const item = key => ({key, body: {content: `text of ${key}`}});
const two = addItem(addItem(null, item('a'), 'reply'), item('b'), 'another');
const keys = queue => queue.items.map(i => i.key);

test('a queue follows the reply that ran when it began, and keeps its order', () => {
  assert.deepEqual([two.after, keys(two)], ['reply', ['a', 'b']]);
});

test('when the first was sent the next one waits for its reply', () => {
  assert.deepEqual(itemSent(two, 'a', 'next'), {after: 'next', items: [item('b')]});
});

test('two tabs that are told of one sending move the queue on once', () => {
  const once = itemSent(two, 'a', 'next');
  assert.equal(itemSent(once, 'a', 'next'), once);
  assert.equal(itemSent(null, 'a', 'next'), null);
});

test('an empty queue is none', () => {
  assert.equal(dropItem(dropItem(two, 'a'), 'b'), null);
  assert.equal(itemSent(addItem(null, item('a'), 'r'), 'a', 'next'), null);
});

test('changed words have a key of their own; what has gone stays gone', () => {
  const edited = editItem(two, 'a', 'other', 'c');
  assert.deepEqual([keys(edited), edited.items[0].body.content], [['c', 'b'], 'other']);
  assert.deepEqual(keys(editItem(dropItem(two, 'a'), 'a', 'other', 'c')), ['b']);
});

test('what was taken out comes back to its place, once, also when it was the last', () => {
  assert.deepEqual(keys(restoreItem(dropItem(two, 'a'), item('a'), 0, 'reply')), ['a', 'b']);
  assert.deepEqual(restoreItem(null, item('a'), 0, 'reply'), {after: 'reply', items: [item('a')]});
  assert.equal(restoreItem(two, item('a'), 0, 'reply'), two);
});

test('without its files a message is another one', () => {
  const filed = addItem(null, {key: 'a', body: {content: 'words', attachments: ['f']}}, 'reply');
  assert.deepEqual(withoutFiles(filed, 'a', 'c').items, [{key: 'c', body: {content: 'words'}}]);
});

test('only a complete answer lets the next message go', () => {
  const states = [undefined, 'queued', 'streaming', 'completed', 'stopped', 'failed', 'interrupted'].map(readiness);
  assert.deepEqual(states, ['waiting', 'waiting', 'waiting', 'ready', 'held', 'held', 'held']);
});

test('an answer that broke off and was asked for again is followed in its new try', () => {
  const reply = (id, parent_id, status) => ({id, parent_id, role: 'assistant', status});
  const thread = (status, head_id) => ({conversation: {head_id},
    messages: {reply: reply('reply', 'u', status), again: reply('again', 'u', 'streaming'), far: reply('far', 'u2', 'streaming')}});
  assert.equal(followHead(two, thread('failed', 'again')).after, 'again');
  assert.equal(followHead(two, thread('completed', 'again')), two, 'what is complete is followed where it is');
  assert.equal(followHead(two, thread('failed', 'far')), two);
  assert.equal(followHead(two, undefined), two);
});
