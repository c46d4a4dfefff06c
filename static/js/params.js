/**
 * The settings of a conversation and the presets, joined with what they show: what is changed is kept at once, by the server
 * for a conversation, in this browser for one that is not begun. Loaded when they are first opened. Called by wishes.js.
 */
import {computed, effect, signal} from '@preact/signals-core';
import {modelOf} from './picker_rows.js';
import {changed} from './params_rules.js';
import {joinPresets} from './presets.js';
import {mountParams} from './views/params.js';
import {addWords, t} from './words.js';

let panel = null;

/**
 * @param {object} parts everything that main.js has made
 * @param {{tab?: 'settings' | 'presets'}} wanted
 */
export async function openParams(parts, {tab = 'settings'} = {}) {
  await addWords({en: () => import('./words/params.en.js'), zh: () => import('./words/params.zh.js')});
  panel ??= joinParams(parts);
  panel.open(tab);
}

function joinParams(parts) {
  const {actions, models, session, store, views} = parts;
  const pending = signal([]); // changes on their way, newest last: shown as if they were kept
  const status = signal({words: '', isTrouble: false});
  let queue = Promise.resolve(); // one after the other, each made from what the one before left

  const setup = computed(() => pending.value.reduce(changed, models.setup.value));
  const say = (words, isTrouble = false) => { status.value = {words, isTrouble}; };

  /** @returns {Promise<boolean>} whether it is kept */
  function save(change) {
    const id = store.thread.value && store.current.value;
    pending.value = [...pending.value, change];
    queue = queue.then(async () => {
      try {
        await keep(id, change);
        say(t('params.saved'));
        return true;
      } catch (error) {
        say(error.message, true);
        return false;
      } finally {
        pending.value = pending.value.filter(one => one !== change);
      }
    });
    return queue;
  }

  async function keep(id, {model, ...change}) {
    if (!id) {
      models.keepSetup(changed(models.setupForNew.value, change));
      if (model) models.chooseForNew(model);
      return;
    }
    const {conversation} = store.state.value.threads[id];
    const next = changed(conversation, change);
    await actions.patch(id, {...(model ? {model} : {}), ...('system_prompt' in change ? {system_prompt: next.system_prompt} : {}),
      ...('params' in change ? {params: next.params} : {})});
  }

  const view = mountParams(document.body);
  const presets = joinPresets({...parts, el: view.presetsEl, menuIn: view.dialog, setup, save, say, close: view.close});

  effect(() => view.update({
    setup: setup.value, status: status.value, isNew: !store.thread.value, limits: session.value?.limits ?? {},
    modelId: models.chosen.value ?? '', modelName: models.nameOf.value(models.chosen.value ?? ''),
    model: models.list.value.models && modelOf(models.list.value.models, models.chosen.value ?? ''), isListed: Boolean(models.list.value.models),
    presetCount: presets.count.value,
  }));

  view.dialog.addEventListener('changeSetup', event => save(event.detail));
  view.dialog.addEventListener('changeTab', () => say('')); // what was kept on one is no news on the other
  // With a finger the focus goes back to where it was: the field would call up the keyboard.
  view.dialog.addEventListener('close', () => matchMedia('(pointer: fine)').matches && views.composer.focus());

  return {
    open(tab) {
      say('');
      models.fetchList();
      presets.fetch();
      view.open(tab);
    },
  };
}
