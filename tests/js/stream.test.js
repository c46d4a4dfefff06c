/** The one EventSource: what ends it, and how it comes back. The far end of the wire is a source made by hand. */
import assert from 'node:assert/strict';
import {test} from 'node:test';
import {Clock} from './clock.js';

let clock;

const {createStream} = await import('../../static/js/stream.js');

class Source extends EventTarget {
  constructor(url) {
    super();
    this.url = url;
    this.isClosed = false;
  }

  close() {
    this.isClosed = true;
  }

  say(type, data) {
    this.dispatchEvent(Object.assign(new Event(type), {data: typeof data === 'string' ? data : JSON.stringify(data)}));
  }
}

let sources, told;
const last = () => sources.at(-1);
function open(options = {}) {
  clock = new Clock();
  sources = [];
  told = {events: [], status: [], silences: 0};
  const stream = createStream({
    cursor: () => `m:${sources.length}:0`, random: () => 1, now: () => clock.now,
    makeSource: url => (sources.push(new Source(url)), last()),
    onSilence: () => told.silences++, onEvent: (type, data, at) => told.events.push([type, data, at]), onStatus: (...status) => told.status.push(status), ...options,
  });
  stream.start();
  return stream;
}

test('it opens with what its reader holds, and passes events on with the moment they came', () => {
  open();
  assert.equal(last().url, '/api/feed?have=m%3A0%3A0');
  last().say('hello', {revision: 1});
  clock.tick(5);
  last().say('ping', {});
  assert.deepEqual(told.events, [['hello', {revision: 1}, 0], ['ping', {}, 5]]);
});

test('a broken connection is opened again with the newer cursor, within 2.5 s for the first minutes of trouble', () => {
  open();
  for (const wait of [1000, 2000, ...Array(118).fill(2500), 30_000, 30_000]) {
    const count = sources.length;
    last().say('error', '');
    clock.tick(wait - 1);
    assert.equal(sources.length, count, `not before ${wait} ms`);
    clock.tick(1);
    assert.equal(sources.length, count + 1);
  }
  assert.equal(last().url, '/api/feed?have=m%3A122%3A0');
});

test('a hello makes the next trouble a first one', () => {
  open();
  last().say('error', '');
  clock.tick(1000);
  last().say('hello', {});
  last().say('error', '');
  clock.tick(1000);
  assert.equal(sources.length, 3);
  assert.deepEqual(told.status, [[false, false], [true], [false, false]]);
});

test('an event that cannot be parsed is a broken connection', () => {
  open();
  const first = last();
  first.say('delta', '{"text": "ha');
  assert.ok(first.isClosed);
  first.say('delta', {text: 'late'});
  assert.deepEqual(told.events, [], 'a late event of a given-up connection is not taken');
});

test('18 s without any event is a dead connection, and told as silence; a ping keeps it', () => {
  open();
  const first = last();
  first.say('hello', {});
  clock.tick(15_500);
  first.say('ping', {});
  clock.tick(17_000);
  assert.ok(!first.isClosed);
  clock.tick(2000);
  assert.ok(first.isClosed);
  assert.deepEqual(told.status.at(-1), [false, true]);
  assert.equal(told.silences, 1);
});

test('a connection that never says hello is given up sooner, and later and later', () => {
  const stream = open();
  for (const patience of [3000, 3000, 6000, 12_000, 18_000, 18_000]) {
    const silent = last();
    clock.tick(patience - 1000);
    assert.ok(!silent.isClosed, `within ${patience} ms`);
    clock.tick(2000);
    assert.ok(silent.isClosed, `after ${patience} ms`);
    stream.renew();
  }
});

test('after sleep, or when the clock was set, it starts over at once and says nothing of it', () => {
  for (const jump of [600_000, -3_600_000]) {
    open();
    last().say('hello', {});
    clock.sleep(jump);
    clock.tick(1000);
    assert.equal(sources.length, 2);
    assert.ok(sources[0].isClosed);
    assert.deepEqual(told.status, [[true]]);
  }
});

test('timers that the browser slows down are not taken for sleep', () => {
  open({isThrottled: () => true});
  last().say('hello', {});
  clock.sleep(17_000);
  clock.tick(500);
  assert.equal(sources.length, 1);
});

test('started over while it waits, it opens now; stopped, it stays closed', () => {
  const stream = open();
  last().say('error', '');
  stream.renew();
  assert.equal(sources.length, 2);
  stream.stop();
  stream.renew();
  clock.tick(60_000);
  assert.equal(sources.length, 2);
  assert.ok(last().isClosed);
});

test('a connection that ends for its age is followed by the next at once', () => {
  open();
  last().say('bye', {reason: 'age'});
  assert.equal(sources.length, 2);
  last().say('bye', {reason: 'shutdown'});
  assert.equal(sources.length, 2);
  clock.tick(1000);
  assert.equal(sources.length, 3);
});
