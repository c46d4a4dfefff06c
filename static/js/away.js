/**
 * What tells a person who is elsewhere that an answer has ended: a mark in the page's title, and, where it was asked for, a
 * notification of an answer that took long. It names the conversation and never says a word of the answer. The service worker
 * shows it, once for all tabs, and not at all while one of them is in view. Loaded by main.js after the start.
 */
import {computed, effect} from '@preact/signals-core';
import {recall} from './prefs.js';
import {addWords, t} from './words.js';

const LONG_MS = 10_000;

/** Loads nothing until there is something to show. */
const words = () => addWords({en: () => import('./words/away.en.js'), zh: () => import('./words/away.zh.js')});

/** @param {{store: object, mark: import('@preact/signals-core').Signal<boolean>, now?: () => number}} parts */
export function watchEnds({store, mark, now = () => performance.now()}) {
  const ids = computed(() => Object.keys(store.live.value).join()); // stays equal while deltas pass
  const begun = new Map(); // unfinished message -> {at, conversation}

  effect(() => {
    const growing = new Set(ids.value ? ids.value.split(',') : []);
    const live = store.live.peek();
    for (const id of growing) if (!begun.has(id)) begun.set(id, {at: now(), conversation: live[id].conversation_id});
    for (const [id, answer] of begun) {
      if (growing.has(id)) continue;
      begun.delete(id);
      if (document.hidden) ended(id, answer);
    }
  });
  document.addEventListener('visibilitychange', () => { if (!document.hidden) mark.value = false; });

  async function ended(id, {at, conversation}) {
    const known = store.conversations.peek().find(one => one.id === conversation);
    if (!known) return; // deleted
    mark.value = true;
    if (now() - at < LONG_MS || !recall('notify') || globalThis.Notification?.permission !== 'granted') return;
    await words();
    navigator.serviceWorker?.controller?.postMessage({notify: {
      title: known.title || t('side.untitled'), body: t('away.ended'), tag: id, conversation,
    }});
  }
}
