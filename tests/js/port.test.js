/** A tab's end of the shared worker: alive, dead, asked again, given up. The worker is played by hand. */
import assert from 'node:assert/strict';
import {test} from 'node:test';
import {createPort} from '../../static/js/port.js';
import {Clock} from './clock.js';

function cast({answers = () => ['here']} = {}) {
  const clock = new Clock();
  const told = {events: [], status: [], deaths: 0};
  const workers = [];
  const makeWorker = () => {
    const port = {
      said: [], isClosed: false,
      postMessage(words) {
        this.said.push(words);
        const answer = answers(words, workers.length);
        if (answer) port.say(...answer);
      },
      close() { this.isClosed = true; },
      say: (...data) => port.onmessage?.({currentTarget: port, data}),
    };
    workers.push({port});
    return workers.at(-1);
  };
  const shared = createPort({
    makeWorker, cursor: () => `m:${workers.length}:0`, onDead: () => told.deaths++,
    onEvent: (type, data) => told.events.push([type, data]), onStatus: (...status) => told.status.push(status),
  });
  shared.start();
  return {clock, told, workers, shared, last: () => workers.at(-1).port};
}

test('it joins with what the page holds, answers pings, and passes on what it hears', () => {
  const {told, last} = cast();
  last().say('hello', {revision: 1});
  last().say('ping', {});
  last().say('down', true);
  assert.deepEqual(last().said, [{join: 'm:1:0'}, 'here']);
  assert.deepEqual(told.events, [['hello', {revision: 1}], ['ping', {}]]);
  assert.deepEqual(told.status, [[true], [false, true]]);
});

test('a worker that is quiet but answers is alive', () => {
  const {clock, told, workers, last} = cast();
  clock.tick(120_000);
  assert.equal(workers.length, 1);
  assert.ok(last().said.includes('ask'));
  assert.equal(told.deaths, 0);
});

test('a dead worker is noticed within 8 s, replaced by a new one, and that one is enough', () => {
  let isDead = false;
  const {clock, told, workers, last} = cast({answers: (_words, nth) => (nth === 1 && isDead ? null : ['here'])});
  last().say('hello', {});
  isDead = true;
  clock.tick(8000);
  assert.equal(workers.length, 2);
  assert.ok(workers[0].port.isClosed);
  assert.deepEqual(last().said[0], {join: 'm:2:0'});
  clock.tick(60_000);
  assert.equal(told.deaths, 0);
});

test('where no worker ever answers the tab goes its own way after two tries', () => {
  const {clock, told, workers} = cast({answers: () => null});
  clock.tick(7000);
  assert.equal(workers.length, 2);
  assert.equal(told.deaths, 1);
});

test('a worker that cannot be made at all sends the tab its own way at once', () => {
  let deaths = 0;
  createPort({makeWorker: () => { throw new TypeError('none'); }, cursor: () => '-', onDead: () => deaths++}).start();
  assert.equal(deaths, 1);
});

test('a tab that the worker let go of joins again', () => {
  const {last, workers} = cast();
  last().say('gone');
  assert.equal(workers.length, 2);
  assert.deepEqual(last().said, [{join: 'm:2:0'}]);
});

test('a tab that leaves says so, and hears nothing more', () => {
  const {shared, told, last} = cast();
  shared.stop();
  last().say('hello', {});
  assert.equal(last().said.at(-1), 'bye');
  assert.ok(last().isClosed);
  assert.deepEqual(told.events, []);
});
