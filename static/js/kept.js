/**
 * The page's end of the service worker (entry-sw.js): brings it in once the page is at rest, and tells it when an answer has
 * ended, so that what this browser keeps to be read without the server has the answer. Loaded by main.js after the start.
 */
import {effect} from '@preact/signals-core';

const ADDRESS = '/sw.js';
const LONGEST_KEPT = 400; // messages; beyond that a conversation is not fetched again only to be kept

/** @returns {Promise<ServiceWorkerRegistration|null>} null where there is none: plain http, private windows */
export async function bringIn() {
  try {
    const policy = globalThis.trustedTypes?.createPolicy('rill-kept', {createScriptURL: () => ADDRESS});
    return await navigator.serviceWorker.register(policy ? policy.createScriptURL('') : ADDRESS, {updateViaCache: 'none'});
  } catch {
    return null;
  }
}

/** @param {object} store */
export function keepWhatEnds(store) {
  let running = null;
  effect(() => {
    const reply = store.replyRunning.value;
    if (running && running.id !== reply?.id) keep(running.conversation_id);
    running = reply;
  });

  function keep(id) {
    const thread = store.state.peek().threads[id];
    if (thread && Object.keys(thread.messages).length <= LONGEST_KEPT) navigator.serviceWorker?.controller?.postMessage({keep: id});
  }
}
