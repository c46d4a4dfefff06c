/** Which models there are, what they are called, and which one the next message goes to. Called by main.js and wishes.js. */
import {computed, signal} from '@preact/signals-core';
import {memoryOf, recall, remember} from './prefs.js';

const NEW = 'new'; // a conversation that does not exist yet
const NONE = [];

/**
 * @param {{api: object, session: import('@preact/signals-core').Signal, thread: import('@preact/signals-core').Signal,
 *   current: import('@preact/signals-core').Signal}} parts `thread`: the open conversation, or null for a new one; `current`: its id
 */
export function modelDesk({api, session, thread, current}) {
  const compared = memoryOf('compare'); // by conversation: the models that answer beside the chosen one
  const turn = signal(0); // of that memory
  const list = signal({models: null, stale: false, failed: false});
  const forNew = signal(recall('model'));
  let isFetching = false;

  const nameOf = computed(() => {
    const names = new Map((list.value.models ?? []).map(m => [m.id, m.name]));
    return slug => (slug ? names.get(slug) || slug.split('/').at(-1) : ''); // a person's message has no model
  });

  const chosen = computed(() => (thread.value ? thread.value.conversation.model : forNew.value) ?? session.value?.default_model ?? null);
  const also = computed(() => (turn.value, compared.get(current.value ?? NEW) ?? NONE));

  function setAlso(models, id = current.value ?? NEW) {
    compared.set(id, models.length ? models : null);
    turn.value++;
  }

  return {
    list,
    nameOf,
    chosen,
    forNew,
    also,
    setAlso,
    pricingOf: slug => list.value.models?.find(m => m.id === slug)?.pricing ?? null,
    /** @returns {string[]|undefined} all that are to answer the next message; undefined: the conversation's own */
    asked: () => (also.value.length ? [chosen.value, ...also.value] : undefined),
    /** A new conversation has got its id. */
    adopt(id) {
      setAlso(also.value, id);
      setAlso(NONE, NEW);
    },
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
