/** Which models there are, what they are called, and which one the next message goes to. Called by main.js and wishes.js. */
import {computed, signal} from '@preact/signals-core';
import {recall, remember} from './prefs.js';

/**
 * @param {{api: object, session: import('@preact/signals-core').Signal, thread: import('@preact/signals-core').Signal}} parts
 *   `thread`: the open conversation, or null for a new one
 */
export function modelDesk({api, session, thread}) {
  const list = signal({models: null, stale: false, failed: false});
  const forNew = signal(recall('model'));
  let isFetching = false;

  const nameOf = computed(() => {
    const names = new Map((list.value.models ?? []).map(m => [m.id, m.name]));
    return slug => (slug ? names.get(slug) || slug.split('/').at(-1) : ''); // a person's message has no model
  });

  return {
    list,
    nameOf,
    chosen: computed(() => (thread.value ? thread.value.conversation.model : forNew.value) ?? session.value?.default_model ?? null),
    forNew,
    chooseForNew(id) {
      forNew.value = id;
      remember('model', id);
    },
    async fetchList() {
      if (isFetching || (list.value.models && !list.value.stale)) return;
      isFetching = true;
      try {
        const {models, stale} = await api.models();
        list.value = {models, stale: Boolean(stale), failed: false};
      } catch {
        list.value = {...list.value, failed: true};
      }
      isFetching = false;
    },
  };
}
