/**
 * The page's feed, whichever way it comes: through the worker that all tabs share, so that ten tabs hold one connection of
 * the six that HTTP/1.1 has for them; or by a connection of its own where that worker is missing or dies.
 * Decides when a page needs a feed at all: not in the back/forward cache, not hidden with nothing growing. Called by main.js.
 */
import {createPort} from './port.js';

const HIDDEN_IDLE_MS = 20_000; // then a hidden tab in which nothing grows lets go
const AGAIN_MS = 3000;
const WORKER = /^\/static\/dist\/entry-worker-\w+\.js$/;
let policy = null;

/** The one script address that this page makes for a sink of Trusted Types, whatever it is asked for. */
function makeWorker() {
  const address = document.documentElement.dataset.worker;
  if (!WORKER.test(address)) throw new TypeError('no worker');
  policy ??= globalThis.trustedTypes?.createPolicy('rill-worker', {createScriptURL: () => address});
  return new SharedWorker(policy ? policy.createScriptURL('') : address, {type: 'module', name: 'rill'});
}

/** @param {{cursor: () => string, onEvent: Function, onStatus: Function, isIdle: () => boolean}} options as in stream.js */
export function createFeed({isIdle, ...options}) {
  let isWanted = false;
  let hiding = 0;
  let isUp = true;
  const onStatus = (isUpNow, isSilent) => options.onStatus(isUp = isUpNow, isSilent);
  let way = createPort({...options, onStatus, makeWorker, onDead: goAlone});

  async function goAlone() {
    way = null;
    try {
      const {createStream} = await import('./stream.js');
      way = createStream({...options, onStatus, isThrottled: () => document.hidden});
      if (isWanted) way.start();
    } catch {
      setTimeout(goAlone, AGAIN_MS);
    }
  }

  const feed = {
    start() {
      isWanted = true;
      way?.start();
    },
    stop() {
      isWanted = false;
      way?.stop();
    },
    /** The network may be another one, or the person asked: start over now. */
    renew: () => isWanted && way?.renew(),
  };

  addEventListener('pagehide', feed.stop); // a page in the back/forward cache would hold a dead connection as open
  addEventListener('pageshow', event => event.persisted && feed.start());
  addEventListener('online', feed.renew);
  addEventListener('offline', feed.renew); // a server on this very machine is still there
  document.addEventListener('visibilitychange', () => {
    clearTimeout(hiding);
    if (document.hidden) hiding = setTimeout(() => isIdle() && feed.stop(), HIDDEN_IDLE_MS);
    else {
      feed.start();
      if (!isUp) feed.renew();
    }
  });
  return feed;
}
