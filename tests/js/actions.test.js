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
  await assert.rejects(actions.send('c', null, 'hi'), /away/);
  await actions.send('c', null, 'hi');
  await actions.send('c', null, 'hi');
  assert.deepEqual(calls.map(c => c.key), ['key-1', 'key-1', 'key-2']);
});

test('another text is another wish', async () => {
  const {calls, actions} = cast(async () => accepted);
  await Promise.all([actions.send('c', null, 'hi'), actions.send('c', null, 'ho')]);
  assert.deepEqual(calls.map(c => c.key), ['key-1', 'key-2']);
});
