/** The one EventSource: what ends it, and how it comes back. The far end of the wire is a source made by hand. */
import assert from 'node:assert/strict';
import {test} from 'node:test';

let hidden, page, clock;

/** Time by hand: due timers run in their order, each at its own moment. */
class Clock {
  constructor() {
    Object.assign(this, {now: 0, timers: new Map(), count: 0});
    globalThis.setTimeout = (run, ms, ...args) => (this.timers.set(++this.count, {at: this.now + ms, run: () => run(...args)}), this.count);
    globalThis.clearTimeout = id => this.timers.delete(id);
  }

  tick(ms) {
    const end = this.now + ms;
    for (;;) {
      const [id, next] = [...this.timers].sort((a, b) => a[1].at - b[1].at)[0] ?? [];
      if (!next || next.at > end) break;
      this.timers.delete(id);
      this.now = next.at;
      next.run();
    }
    this.now = end;
  }
}

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
  hidden = false;
  page = new EventTarget();
  clock = new Clock();
  globalThis.addEventListener = page.addEventListener.bind(page);
  globalThis.document = Object.defineProperty(new EventTarget(), 'hidden', {get: () => hidden});
  sources = [];
  told = {events: [], status: [], trouble: 0};
  const stream = createStream({
    cursor: () => `m:${sources.length}:0`, isIdle: () => true, random: () => 1,
    makeSource: url => (sources.push(new Source(url)), last()),
    onEvent: (type, data) => told.events.push([type, data]), onStatus: isUp => told.status.push(isUp), onTrouble: () => told.trouble++, ...options,
  });
  stream.start();
  return stream;
}

test('it opens with what the page holds, and passes events on but for pings', () => {
  open();
  assert.equal(last().url, '/api/feed?have=m%3A0%3A0');
  last().say('hello', {revision: 1});
  last().say('ping', {});
  last().say('delta', {text: 'x'});
  assert.deepEqual(told.events, [['hello', {revision: 1}], ['delta', {text: 'x'}]]);
});

test('a broken connection is opened again with the newer cursor, ever more slowly, and asks why', () => {
  open();
  for (const wait of [1000, 2000, 4000, 8000, 16_000, 30_000, 30_000]) {
    const count = sources.length;
    last().say('error', '');
    clock.tick(wait - 1);
    assert.equal(sources.length, count, `not before ${wait} ms`);
    clock.tick(1);
    assert.equal(sources.length, count + 1);
  }
  assert.equal(told.trouble, 7);
  assert.equal(last().url, '/api/feed?have=m%3A7%3A0');
});

test('a hello makes the next trouble a first one', () => {
  open();
  last().say('error', '');
  clock.tick(1000);
  last().say('hello', {});
  last().say('error', '');
  clock.tick(1000);
  assert.equal(sources.length, 3);
  assert.deepEqual(told.status, [false, true, false]);
});

test('an event that cannot be parsed is a broken connection', () => {
  open();
  const first = last();
  first.say('delta', '{"text": "ha');
  assert.ok(first.isClosed);
  first.say('delta', {text: 'late'});
  assert.deepEqual(told.events, [], 'a late event of a given-up connection is not taken');
});

test('35 s without any event is a dead connection; a ping keeps it', () => {
  open();
  const first = last();
  clock.tick(30_000);
  first.say('ping', {});
  clock.tick(34_999);
  assert.ok(!first.isClosed);
  clock.tick(1);
  assert.ok(first.isClosed);
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

test('a page that goes into the back/forward cache closes, and opens when it comes back', () => {
  open();
  page.dispatchEvent(new Event('pagehide'));
  assert.ok(last().isClosed);
  page.dispatchEvent(Object.assign(new Event('pageshow'), {persisted: true}));
  assert.equal(sources.length, 2);
});

test('a hidden tab frees its connection only when nothing grows', () => {
  for (const isIdle of [true, false]) {
    open({isIdle: () => isIdle});
    hidden = true;
    document.dispatchEvent(new Event('visibilitychange'));
    clock.tick(20_000);
    assert.equal(last().isClosed, isIdle);
    hidden = false;
    document.dispatchEvent(new Event('visibilitychange'));
    assert.equal(sources.length, isIdle ? 2 : 1);
  }
});
