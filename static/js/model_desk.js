/**
 * Which models there are, what they are called, which one the next message goes to, and how it is asked: the conversation's
 * own choice, or for one that is not begun yet what was chosen for it in this browser. Called by main.js and wishes.js.
 */
import {computed, signal} from '@preact/signals-core';
import {memoryOf, recall, remember} from './prefs.js';
import {t} from './words.js';

const NEW = 'new'; // a conversation that does not exist yet
const NONE = [];

const NO_SETUP = {system_prompt: '', params: {}};
const NOTHING_PREFERRED = {default_model: null, favourites: [], recents: []};

/**
 * @param {{api: object, session: import('@preact/signals-core').Signal, thread: import('@preact/signals-core').Signal,
 *   current: import('@preact/signals-core').Signal}} parts `thread`: the open conversation, or null for a new one; `current`: its id
 */
export function modelDesk({api, session, thread, current}) {
  const compared = memoryOf('compare'); // by conversation: the models that answer beside the chosen one
  const turn = signal(0); // of that memory
  const list = signal({models: null, stale: false, failed: false, fetchedAt: null});
  const chosenForNew = signal(recall('model')); // {id, over}: good while the user's default is still the one it was chosen over
  const setupForNew = signal(recall('setup', NO_SETUP));
  const preferred = computed(() => session.value?.preferences ?? NOTHING_PREFERRED);
  let isFetching = false;

  const nameOf = computed(() => {
    const names = new Map((list.value.models ?? []).map(m => [m.id, m.name]));
    return slug => {
      if (!slug) return slug === '' ? '' : t('model.unknown'); // '': none is chosen yet; null: of a reply that came from a file
      const [base, provider] = slug.split(/:(.*)/s);
      return names.get(slug) || (provider && names.has(base) ? `${names.get(base)} · ${provider}` : slug.split('/').at(-1));
    };
  });

  const forNew = computed(() => (chosenForNew.value?.over === preferred.value.default_model ? chosenForNew.value.id : null));
  const chosen = computed(() => (thread.value ? thread.value.conversation.model : forNew.value) ?? session.value?.default_model ?? null);
  const also = computed(() => (turn.value, compared.get(current.value ?? NEW) ?? NONE));

  function setAlso(models, id = current.value ?? NEW) {
    compared.set(id, models.length ? models : null);
    turn.value++;
  }

  const keepList = ({models, stale, fetched_at}) => {
    list.value = {models, stale: Boolean(stale), failed: false, fetchedAt: fetched_at};
  };
  const keepForNew = choice => remember('model', chosenForNew.value = choice);
  const keepSetup = setup => remember('setup', setupForNew.value = setup);

  return {
    list,
    keepList,
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
    preferred,
    chooseForNew: id => keepForNew({id, over: preferred.value.default_model}),
    /** How the open conversation, or the next one, asks: {system_prompt, params}. */
    setup: computed(() => thread.value?.conversation ?? setupForNew.value),
    setupForNew,
    keepSetup,
    /** A new conversation has begun with what was chosen for it; without a default the last model stays chosen. */
    begun() {
      keepSetup(NO_SETUP);
      if (preferred.value.default_model) keepForNew(null);
    },
    async makeDefault(id) {
      await api.ask('PATCH', '/api/preferences', {body: {default_model: id}});
      if (!thread.value) keepForNew(null);
      session.value = await api.session();
    },
    async fetchPreferred() {
      const preferences = await api.ask('GET', '/api/preferences').catch(() => null);
      if (preferences && JSON.stringify(preferences) !== JSON.stringify(preferred.value)) session.value = {...session.value, preferences};
    },
    async fetchList() {
      if (isFetching || (list.value.models && !list.value.stale)) return;
      isFetching = true;
      try {
        keepList(await api.models());
      } catch {
        list.value = {...list.value, failed: true};
      }
      isFetching = false;
    },
  };
}

/** @param {{system_prompt: string, params: object}} setup @returns {number} how many settings are not the default */
export const countSettings = ({system_prompt, params}) => Boolean(system_prompt) + Object.values(params).filter(value => value !== false).length;
