/**
 * The page's one EventSource: opened with what the page holds, watched, closed and opened again.
 * It reopens by itself on every end, because EventSource gives up for good on an error status, and because the cursor
 * of the store is newer than any Last-Event-ID. Knows no messages: events go to `onEvent` as they are. Called by main.js.
 */

const WATCHDOG_MS = 35_000; // the server pings every 15 s
const BACKOFF_MS = {first: 1000, most: 30_000};
const HIDDEN_IDLE_MS = 20_000; // then a hidden tab in which nothing grows frees its connection
const NAMES = ['hello', 'message', 'delta', 'ready', 'conversation', 'conversation_deleted', 'ping', 'bye'];

/**
 * @param {{cursor: () => string, onEvent: (type: string, data: object) => void, onStatus: (up: boolean) => void,
 *   onTrouble: () => void, isIdle: () => boolean, makeSource?: (url: string) => EventSource, random?: () => number}} options
 *   `onTrouble` is told of each failed try, to learn why from GET /api/session.
 */
export function createStream({cursor, onEvent, onStatus, onTrouble, isIdle, makeSource = url => new EventSource(url), random = Math.random}) {
  let source = null;
  let failures = 0;
  let timer = 0;
  let watchdog = 0;
  let hiding = 0;
  let isWanted = false;

  function open() {
    clearTimeout(timer);
    if (source || !isWanted) return;
    source = makeSource(`/api/feed?have=${encodeURIComponent(cursor())}`);
    for (const name of NAMES) source.addEventListener(name, event => take(event.currentTarget, name, event.data));
    source.addEventListener('error', event => event.currentTarget === source && broke());
    watch();
  }

  function take(from, name, text) {
    if (from !== source) return; // a late event of a connection that was given up
    let data;
    try {
      data = JSON.parse(text);
    } catch {
      broke(); // half an event: a worker died in the middle of it
      return;
    }
    watch();
    if (name === 'hello') {
      failures = 0;
      onStatus(true);
    }
    if (name === 'bye') leave(data.reason);
    else if (name !== 'ping') onEvent(name, data);
  }

  /** The server ends this connection on purpose; after `age` there is nothing to wait for. */
  function leave(reason) {
    if (reason !== 'age') return broke();
    close();
    open();
  }

  function broke() {
    close();
    if (!isWanted) return;
    onStatus(false);
    onTrouble();
    const wait = Math.min(BACKOFF_MS.most, BACKOFF_MS.first * 2 ** failures++);
    timer = setTimeout(open, wait * (0.5 + random() / 2)); // jitter: a restarted server is not met by all tabs at once
  }

  function watch() {
    clearTimeout(watchdog);
    watchdog = setTimeout(broke, WATCHDOG_MS);
  }

  function close() {
    clearTimeout(watchdog);
    clearTimeout(timer);
    source?.close();
    source = null;
  }

  const stream = {
    start() {
      isWanted = true;
      open();
    },
    stop() {
      isWanted = false;
      close();
    },
    /** Try now: the network is back, the page is looked at, the person asked for it. */
    retry() {
      failures = 0;
      if (isWanted && !source) open();
    },
  };

  addEventListener('pagehide', stream.stop); // a page in the back/forward cache would hold a dead connection as open
  addEventListener('pageshow', event => event.persisted && stream.start());
  addEventListener('online', stream.retry);
  addEventListener('offline', () => source && broke());
  document.addEventListener('visibilitychange', () => {
    clearTimeout(hiding);
    if (!document.hidden) stream.start();
    else hiding = setTimeout(() => isIdle() && stream.stop(), HIDDEN_IDLE_MS);
  });
  return stream;
}
