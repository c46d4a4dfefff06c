/** What a page does once it is at rest after its start: brings in the service worker, watches for answers that end. Called by main.js. */
import {watchEnds} from './away.js';
import {bringIn, keepWhatEnds} from './kept.js';

/** @param {{mark: object, router: object, store: object}} parts */
export function onceAtRest({mark, router, store}) {
  watchEnds({store, mark});
  keepWhatEnds(store);
  navigator.serviceWorker?.addEventListener('message', ({data}) => data?.open && router.go(data.open));
  bringIn();
}
