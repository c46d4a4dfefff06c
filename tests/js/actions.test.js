/** One wish, one request: double clicks, and tries after a failure. */
import assert from 'node:assert/strict';
import {test} from 'node:test';
import {createActions} from '../../static/js/actions.js';

function cast(send) {
  const calls = [];
  const api = {send: (id, body, key) => (calls.push({body, key}), send(calls.length))};
  let made = 0;
  return {calls, actions: createActions({api, dispatch() {}, newKey: () => `key-${++made}`})};
}
const accepted = {user_message: {id: 'u'}, replies: [{id: 'a'}]};

test('two quick sends of one text are one request', async () => {
  const {calls, actions} = cast(async () => accepted);
  await Promise.all([actions.send('c', null, 'hi'), actions.send('c', null, 'hi')]);
  assert.equal(calls.length, 1);
});

test('a failed send tried again carries the same key, a later one a new key', async () => {
  const {calls, actions} = cast(async n => {
    if (n === 1) throw new Error('away');
    return accepted;
  });
  await assert.rejects(actions.send('c', 'a', 'hi'), /away/);
  await actions.send('c', 'b', 'hi'); // the first did arrive, and the feed has moved the head
  await actions.send('c', 'b', 'hi');
  assert.deepEqual(calls.map(c => [c.key, c.body.parent_id]), [['key-1', 'a'], ['key-1', 'a'], ['key-2', 'b']]);
});

test('a send that was refused for certain is a new one when tried again', async () => {
  const {calls, actions} = cast(async n => {
    if (n === 1) throw Object.assign(new Error('busy'), {status: 409});
    return accepted;
  });
  await assert.rejects(actions.send('c', 'a', 'hi'), /busy/);
  await actions.send('c', 'b', 'hi');
  assert.deepEqual(calls.map(c => [c.key, c.body.parent_id]), [['key-1', 'a'], ['key-2', 'b']]);
});

test('a failed send is forgotten when another text goes the same way', async () => {
  const {calls, actions} = cast(async n => {
    if (n === 1) throw new Error('away');
    return accepted;
  });
  await assert.rejects(actions.send('c', 'a', 'hi'), /away/);
  await actions.send('c', 'a', 'ho');
  await actions.send('c', 'b', 'hi');
  assert.deepEqual(calls.map(c => [c.key, c.body.parent_id]), [['key-1', 'a'], ['key-2', 'a'], ['key-3', 'b']]);
});

test('another text is another wish', async () => {
  const {calls, actions} = cast(async () => accepted);
  await Promise.all([actions.send('c', null, 'hi'), actions.send('c', null, 'ho')]);
  assert.deepEqual(calls.map(c => c.key), ['key-1', 'key-2']);
});
