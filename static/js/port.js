/**
 * A tab's end of the shared worker: joins, answers its pings, and notices when the worker is no more. A worker that does not
 * answer is asked for anew once; then `onDead` is told, and the tab is on its own. Called by feed.js.
 */

const QUIET_MS = 5000; // then the worker is asked whether it lives
const ANSWER_MS = 3000; // a worker that says nothing for so long is dead
const TRIES = 2;

/**
 * @param {{makeWorker: () => SharedWorker, cursor: () => string, onEvent: (type: string, data: object, at: number) => void,
 *   onStatus: (isUp: boolean, isSilent?: boolean) => void, onDead: () => void}} options
 */
export function createPort({makeWorker, cursor, onEvent, onStatus, onDead}) {
  let port = null;
  let timer = 0;
  let deaths = 0;

  function hear([type, data, at]) {
    deaths = 0;
    clearTimeout(timer);
    timer = setTimeout(ask, QUIET_MS);
    if (type === 'here') return;
    if (type === 'down') return onStatus(false, data);
    if (type === 'gone') return rejoin();
    if (type === 'ping') port.postMessage('here');
    if (type === 'hello') onStatus(true);
    onEvent(type, data, at);
  }

  function ask() {
    timer = setTimeout(lost, ANSWER_MS);
    port.postMessage('ask');
  }

  function lost() {
    shared.stop();
    if (++deaths < TRIES) shared.start();
    else onDead();
  }

  function rejoin() {
    shared.stop();
    shared.start();
  }

  const shared = {
    start() {
      if (port) return;
      try {
        const worker = makeWorker();
        worker.onerror = () => port === worker.port && lost();
        port = worker.port;
      } catch {
        return onDead(); // the browser has none, or its policy forbids it
      }
      port.onmessage = event => event.currentTarget === port && hear(event.data);
      timer = setTimeout(lost, ANSWER_MS);
      port.postMessage({join: cursor()});
    },
    stop() {
      clearTimeout(timer);
      port?.postMessage('bye');
      port?.close();
      port = null;
    },
    renew: () => port?.postMessage('renew'),
  };
  return shared;
}
