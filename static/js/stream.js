/**
 * One EventSource: opened with what its reader holds, watched, closed and opened again.
 * It reopens by itself on every end, because EventSource gives up for good on an error status, and because the reader's
 * cursor is newer than any Last-Event-ID. Knows no messages: events go to `onEvent` as they are. It runs in the worker that
 * all tabs of a browser share (relay.js), or in the page where there is no such worker (feed.js).
 */

const TICK_MS = 1000;
const SLEPT_MS = 8000; // a tick that comes so late, or before its time, was not late but asleep, or the clock was set
const SILENT_MS = 18_000; // the server pings every 15 s
const FIRST_MS = [3000, 3000, 6000, 12_000, SILENT_MS]; // until the first event; a slow network is given longer by and by
const BACKOFF_MS = {first: 1000, most: 2500, patient: 30_000};
const SPARES = {count: 4, limit_ms: 3000};
const PATIENT_AFTER = 120; // failures, five minutes or so
const NAMES = ['hello', 'message', 'delta', 'ready', 'conversation', 'conversation_deleted', 'storage', 'ping', 'bye'];

/**
 * After a silence the connections that the browser keeps for later requests are as dead as the feed's, and it would send
 * the next ones on them in vain. So each gets a request that is given up, which closes it; the feed takes a new one.
 */
function dropSpares() {
  for (let i = 0; i < SPARES.count; i++) fetch('/healthz', {cache: 'no-store', signal: AbortSignal.timeout(SPARES.limit_ms)}).catch(() => {});
}

/**
 * @param {{cursor: () => string, onEvent: (type: string, data: object, at: number) => void,
 *   onStatus: (isUp: boolean, isSilent?: boolean) => void, isThrottled?: () => boolean,
 *   makeSource?: (url: string) => EventSource, random?: () => number, now?: () => number,
 *   onSilence?: () => void}} options
 *   `at`: when the event arrived, in ms since 1970. `isSilent`: nothing came, though nothing was refused or closed.
 *   `isThrottled`: timers are late by the browser's own doing, as in a hidden page.
 */
export function createStream({cursor, onEvent, onStatus, isThrottled = () => false, makeSource = url => new EventSource(url), random = Math.random, now = Date.now, onSilence = dropSpares}) {
  let source = null;
  let isGreeted = false; // the connection has said hello
  let failures = 0;
  let silences = 0;
  let timer = 0;
  let ticker = 0;
  let tickedAt = 0;
  let heardAt = 0;

  function open() {
    clearTimeout(timer);
    if (source || !ticker) return;
    isGreeted = false;
    heardAt = now();
    source = makeSource(`/api/feed?have=${encodeURIComponent(cursor())}`);
    for (const name of NAMES) source.addEventListener(name, event => take(event.currentTarget, name, event.data));
    source.addEventListener('error', event => event.currentTarget === source && broke());
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
    heardAt = now();
    if (name === 'hello') {
      isGreeted = true;
      failures = silences = 0;
      onStatus(true);
    }
    if (name === 'bye') leave(data.reason);
    else onEvent(name, data, heardAt);
  }

  /** The server ends this connection on purpose; after `age` there is nothing to wait for. */
  function leave(reason) {
    if (reason !== 'age') return broke();
    close();
    open();
  }

  function broke(isSilent = false) {
    close();
    if (!ticker) return;
    onStatus(false, isSilent);
    const most = failures < PATIENT_AFTER ? BACKOFF_MS.most : BACKOFF_MS.patient;
    const wait = Math.min(most, BACKOFF_MS.first * 2 ** failures++);
    timer = setTimeout(open, wait * (0.5 + random() / 2)); // jitter: a restarted server is not met by all at once
  }

  function tick() {
    const gap = now() - tickedAt;
    tickedAt += gap;
    if ((gap < 0 || gap > SLEPT_MS) && !isThrottled()) stream.renew();
    else if (source && now() - heardAt >= patience()) {
      if (!isGreeted) silences++;
      onSilence();
      broke(true);
    }
  }

  const patience = () => (isGreeted ? SILENT_MS : FIRST_MS[Math.min(silences, FIRST_MS.length - 1)]);

  function close() {
    clearTimeout(timer);
    source?.close();
    source = null;
  }

  const stream = {
    start() {
      if (ticker) return;
      tickedAt = now();
      ticker = setInterval(tick, TICK_MS);
      open();
    },
    stop() {
      clearInterval(ticker);
      ticker = 0;
      failures = silences = 0;
      close();
    },
    /** Start over now: after sleep, on another network, or because the person asked; the old connection may be dead. */
    renew() {
      failures = 0;
      close();
      open();
    },
  };
  return stream;
}
