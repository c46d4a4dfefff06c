/** When a page has a feed, and which way it comes. The browser around it is played by hand. */
import assert from 'node:assert/strict';
import {test} from 'node:test';
import {Clock} from './clock.js';

let clock, page, hidden, workers, sources;
const told = [];

class Source extends EventTarget {
  constructor(url) {
    super();
    Object.assign(this, {url, isClosed: false});
    sources.push(this);
  }

  close() { this.isClosed = true; }
}

function browser({worker = '/static/dist/entry-worker-ABC123.js', policy} = {}) {
  clock = new Clock();
  hidden = false;
  page = new EventTarget();
  workers = [];
  sources = [];
  told.length = 0;
  globalThis.addEventListener = page.addEventListener.bind(page);
  globalThis.document = Object.defineProperty(new EventTarget(), 'hidden', {get: () => hidden, configurable: true});
  document.documentElement = {dataset: {worker}};
  globalThis.trustedTypes = policy;
  globalThis.EventSource = Source;
  globalThis.SharedWorker = class {
    constructor(address, options) {
      const said = [];
      this.port = {said, close() {}, postMessage: words => said.push(words), hear: (...data) => this.port.onmessage?.({currentTarget: this.port, data})};
      workers.push({address, options, ...this});
    }
  };
}

const {createFeed} = await import('../../static/js/feed.js');
const open = (isIdle = () => true) => {
  const feed = createFeed({cursor: () => '-', isIdle, onEvent: type => told.push(type), onStatus: isUp => told.push(isUp)});
  feed.start();
  workers.at(-1)?.port.hear('here');
  return feed;
};
const said = () => workers.at(-1).port.said;
const turn = () => new Promise(resolve => setImmediate(resolve));
/** A deadline, not a number of turns: a module is read from a disk that others may be using. */
async function until(isSo) {
  for (const end = performance.now() + 10_000; performance.now() < end && !isSo();) await turn();
  assert.ok(isSo());
}
function hide(isHidden) {
  hidden = isHidden;
  document.dispatchEvent(new Event('visibilitychange'));
}

test('the only script address that the policy gives out is the worker’s, whatever is asked for', () => {
  browser({policy: {createPolicy: (_name, rules) => ({createScriptURL: asked => rules.createScriptURL(`https://example.org/${asked}`)})}});
  open();
  assert.equal(workers[0].address, '/static/dist/entry-worker-ABC123.js');
});

for (const worker of [undefined, 'https://example.org/entry-worker-A.js', '/static/dist/../x.js', 'blob:x']) {
  test(`an address like ${worker} is not taken for the worker's: the page has a feed of its own`, async () => {
    browser({worker: worker ?? ''});
    open();
    await until(() => sources.length === 1);
    assert.equal(workers.length, 0);
  });
}

test('a page that goes into the back/forward cache leaves, and joins again when it comes back', () => {
  browser();
  open();
  page.dispatchEvent(new Event('pagehide'));
  assert.equal(said().at(-1), 'bye');
  page.dispatchEvent(Object.assign(new Event('pageshow'), {persisted: true}));
  assert.equal(workers.length, 2);
});

test('a hidden tab leaves only when nothing grows, and joins when it is looked at', () => {
  for (const isIdle of [true, false]) {
    browser();
    open(() => isIdle);
    hide(true);
    clock.tick(3000);
    workers[0].port.hear('here');
    clock.tick(4000);
    workers[0].port.hear('here');
    hide(false);
    hide(true);
    for (let i = 0; i < 8 && workers[0].port.said.at(-1) !== 'bye'; i++) {
      clock.tick(2500);
      workers[0].port.hear('here');
    }
    assert.equal(workers[0].port.said.at(-1) === 'bye', isIdle);
    hide(false);
    assert.equal(workers.length, isIdle ? 2 : 1);
  }
});

test('another network, and a look at a page that is down, start the feed over at once', () => {
  browser();
  open();
  page.dispatchEvent(new Event('online'));
  assert.equal(said().at(-1), 'renew');
  workers[0].port.hear('hello', {});
  hide(true);
  hide(false);
  assert.equal(said().filter(words => words === 'renew').length, 1, 'what is up is left alone');
  workers[0].port.hear('down', false);
  hide(true);
  hide(false);
  assert.equal(said().filter(words => words === 'renew').length, 2);
});

test('when the worker is dead for good the page opens a feed of its own', async () => {
  browser();
  createFeed({cursor: () => '-', isIdle: () => true, onEvent() {}, onStatus() {}}).start();
  clock.tick(7000); // two workers that never answer
  await until(() => sources.length === 1);
  assert.equal(workers.length, 2);
  assert.equal(sources[0].url, '/api/feed?have=-');
});
