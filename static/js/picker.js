/**
 * Joins the model picker with what it shows and grants its own wishes: a star, the default model, a refreshed list, the last
 * chosen. All of it is the user's on every device (`/api/preferences`). Loaded when a model is first to be chosen.
 * Called by wishes.js.
 */
import {effect, signal} from '@preact/signals-core';
import {mountPicker} from './views/picker.js';
import {addWords, t} from './words.js';

const RECENTS_KEPT = 12; // as the server takes them

let picker = null;

/**
 * @param {object} parts everything that main.js has made
 * @param {{anchor?: HTMLElement, title?: string, pick?: (id: string) => void}} wanted `pick` gets the choice; without it the
 *   choice is for the conversation that is open
 */
export async function openPicker(parts, {anchor, title, pick = null}) {
  await addWords({en: () => import('./words/picker.en.js'), zh: () => import('./words/picker.zh.js')});
  picker ??= joinPicker(parts);
  picker.open(anchor ?? document.getElementById('model-chip'), {pick, title: title ?? t('model.label')});
}

function joinPicker({api, models, session, views}) {
  const el = document.getElementById('picker');
  const view = mountPicker(el);
  const asked = signal({isAsking: false, problem: ''});

  effect(() => view.update({
    ...models.list.value, ...asked.value, chosen: models.chosen.value, preferred: models.preferred.value,
  }));

  const grant = (name, run) => el.addEventListener(name, event => run(event.detail).catch(error => {
    asked.value = {isAsking: false, problem: error.message};
  }));

  async function keep(changes) {
    const before = session.value;
    session.value = {...before, preferences: {...models.preferred.value, ...changes}}; // seen at once, kept by the server after it
    try {
      const preferences = await api.ask('PATCH', '/api/preferences', {body: changes});
      session.value = {...session.value, preferences};
    } catch (error) {
      session.value = before;
      throw error;
    }
  }

  grant('starModel', ({id, isStarred}) => {
    const others = models.preferred.value.favourites.filter(one => one !== id);
    return keep({favourites: isStarred ? [...others, id] : others});
  });

  grant('defaultModel', async ({id}) => {
    await models.makeDefault(id);
    views.announcer.say(id ? t('model.default.done', models.nameOf.value(id)) : t('model.default.dropped'));
  });

  grant('modelChosen', ({id}) => {
    const recents = [id, ...models.preferred.value.recents.filter(one => one !== id)].slice(0, RECENTS_KEPT);
    return keep({recents});
  });

  grant('refreshModels', async () => {
    asked.value = {isAsking: true, problem: ''};
    models.keepList(await api.ask('POST', '/api/models/refresh', {body: {}}));
    asked.value = {isAsking: false, problem: ''};
    views.announcer.say(t('model.refreshed', models.list.value.models.length));
  });

  return {
    open(anchor, options) {
      asked.value = {...asked.value, problem: ''};
      view.open(anchor, options);
      models.fetchList();
      models.fetchPreferred();
    },
  };
}
