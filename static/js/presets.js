/**
 * The presets, joined with what they show: kept by the server for all of a person's devices, fetched when they are looked at.
 * A preset that is applied changes the conversation as if its settings had been typed. Called by params.js.
 */
import {effect, signal} from '@preact/signals-core';
import {makeKey} from './api.js';
import {mountMenu} from './views/menu.js';
import {mountPresets} from './views/presets.js';
import {t} from './words.js';

const PATH = '/api/presets';

/**
 * @param {object} parts main.js's, and of params.js: `el` to draw in, `menuIn` for the menu, the `setup` as a signal, `save`,
 *   `say` and `close`
 */
export function joinPresets({api, models, session, views, el, menuIn, setup, save, say, close}) {
  const list = signal(null);
  const menuEl = document.createElement('div');
  menuEl.className = 'menu';
  menuIn.append(menuEl);
  const menu = mountMenu(menuEl);
  const view = mountPresets(el, {openMenu: menu.open});
  const present = () => ({model: models.chosen.value, system_prompt: setup.value.system_prompt, params: setup.value.params});
  const pathOf = preset => `${PATH}/${encodeURIComponent(preset.id)}`;
  const shared = ({name, model, system_prompt, params}) => ({name, model, system_prompt, params});

  effect(() => view.update({presets: list.value, setup: setup.value, modelId: models.chosen.value, nameOf: models.nameOf.value}));

  async function fetchList() {
    list.value = (await api.ask('GET', PATH)).presets;
  }

  async function remove(preset) {
    await api.ask('DELETE', pathOf(preset));
    await fetchList();
    say('');
    view.offer(t('presets.deleted', preset.name), () => grants.bringBack({preset}));
  }

  async function apply(preset) {
    const before = present();
    if (!await save(asChange(preset, setup.value))) return;
    close();
    views.notices.offer(t('presets.applied', preset.name), {label: t('params.undo'), run: () => save(asChange(before, setup.value))});
  }

  const grants = {
    savePreset: async ({name, done}) => {
      await api.ask('POST', PATH, {body: {name, ...present()}, key: makeKey()});
      done();
      await fetchList();
      say(t('presets.saved', name));
    },
    renamePreset: async ({preset, name, done}) => {
      await api.ask('PATCH', pathOf(preset), {body: {name}});
      done();
      await fetchList();
    },
    replacePreset: async ({preset}) => {
      await api.ask('PATCH', pathOf(preset), {body: present()});
      await fetchList();
      say(t('presets.replaced', preset.name));
    },
    deletePreset: ({preset}) => remove(preset),
    bringBack: async ({preset}) => {
      await api.ask('POST', PATH, {body: shared(preset), key: makeKey()});
      await fetchList();
    },
    applyPreset: ({preset}) => apply(preset),
    importPresets: async ({text, done}) => {
      const {presets} = await api.ask('POST', `${PATH}/import`, {body: parseFile(text), key: makeKey()});
      done();
      await fetchList();
      say(t('presets.imported', presets.length));
    },
  };

  for (const [name, grant] of Object.entries(grants)) {
    el.addEventListener(name, async event => {
      try {
        await grant(event.detail);
      } catch (error) {
        say(name === 'importPresets' ? `${t('presets.import.failed')} ${error.message}` : error.message, true);
      }
    });
  }

  return {
    count: { get value() { return list.value?.length ?? 0; } },
    fetch: () => fetchList().catch(error => say(error.message, true)),
  };
}

/** A preset as a change of a setup: what it does not name goes back to the default. A preset without a model leaves the model. */
function asChange({model, system_prompt, params}, now) {
  const cleared = Object.fromEntries(Object.keys(now.params).map(name => [name, undefined]));
  return {...(model ? {model} : {}), system_prompt, params: {...cleared, ...params}};
}

/** What a person pasted or opened, as a document for the server, which checks it. Throws a sentence for what it can tell itself. */
function parseFile(text) {
  let document;
  try {
    document = JSON.parse(text);
  } catch {
    throw new Error(t('presets.import.notJson'));
  }
  if (!document || typeof document !== 'object' || !('rill_presets' in document)) throw new Error(t('presets.import.foreign'));
  return document;
}
