/**
 * The presets as a list: choose one, save the present settings under a name, rename, replace, delete, export, import.
 * Keeps nothing: it wishes. Called by presets.js.
 */
import {html, nothing, render} from 'lit-html';
import {repeat} from 'lit-html/directives/repeat.js';
import {wish} from '../dom.js';
import {ICONS} from '../icons.js';
import {isSameSetup} from '../params_rules.js';
import {t} from '../words.js';

const NAME_CHARS = 100;
const EXPORT = '/api/presets/export';

/** @param {HTMLElement} el @param {{openMenu: (options: object) => void}} tools */
export function mountPresets(el, {openMenu}) {
  let state = {presets: null, setup: {system_prompt: '', params: {}}, modelId: '', nameOf: String};
  let renaming = null; // the id of the preset whose name is being written
  let undo = null; // {sentence, run} after a deletion

  function saveNew(event) {
    event.preventDefault();
    const input = event.target.querySelector('input');
    const name = input.value.trim();
    if (!name) return input.focus();
    wish(el, 'savePreset', {name, done: () => { input.value = ''; }});
  }

  function saveName(event, preset) {
    event.preventDefault();
    const name = event.target.querySelector('input').value.trim();
    if (!name || name === preset.name) return endRenaming(preset);
    wish(el, 'renamePreset', {preset, name, done: () => endRenaming(preset)});
  }

  function endRenaming(preset) {
    renaming = null;
    draw();
    rowOf(preset)?.querySelector('.preset-more').focus();
  }

  function startRenaming(preset) {
    renaming = preset.id;
    draw();
    rowOf(preset).querySelector('input').select();
  }

  const rowOf = preset => el.querySelector(`[data-id="${preset.id}"]`);

  function openActions(event, preset) {
    openMenu({anchor: event.currentTarget, label: t('presets.menu', preset.name), items: [
      {label: t('presets.rename'), icon: ICONS.pen, run: () => startRenaming(preset)},
      {label: t('presets.replace'), icon: ICONS.again, run: () => wish(el, 'replacePreset', {preset})},
      {label: t('presets.export'), icon: ICONS.down, run: () => download(`${EXPORT}?id=${encodeURIComponent(preset.id)}`)},
      {label: t('presets.delete'), icon: ICONS.bin, isGrave: true, run: () => wish(el, 'deletePreset', {preset})},
    ]});
  }

  function download(address) {
    const link = document.createElement('a');
    link.href = address;
    link.download = '';
    link.click();
  }

  async function importFile(event) {
    const input = event.target;
    const [file] = input.files;
    if (file) wish(el, 'importPresets', {text: await file.text(), done: () => {}});
    input.value = ''; // the same file again is a change again
  }

  function importText(event) {
    event.preventDefault();
    const field = event.target.querySelector('textarea');
    if (field.value.trim()) wish(el, 'importPresets', {text: field.value, done: () => { field.value = ''; }});
    else field.focus();
  }

  function summaryOf({model, system_prompt, params}) {
    const facts = Object.entries(params).map(([name, value]) => t('presets.fact', t(`params.${name}`), value === true ? t('params.on') : t(`params.effort.${value}`) ?? value));
    return [model ? state.nameOf(model) : t('presets.anyModel'), ...facts, system_prompt && `“${system_prompt}”`].filter(Boolean).join(' · ');
  }

  const isPresent = preset => isSameSetup(preset, state.setup) && (!preset.model || preset.model === state.modelId);

  function drawPreset(preset) {
    if (preset.id === renaming) {
      return html`<li class="preset" data-id=${preset.id}><form class="preset-form" @submit=${e => saveName(e, preset)}>
        <input type="text" .value=${preset.name} maxlength=${NAME_CHARS} aria-label=${t('presets.name')} autocomplete="off"
          @keydown=${e => e.key === 'Escape' && (e.preventDefault(), e.stopPropagation(), endRenaming(preset))}>
        <button class="button">${t('presets.save')}</button></form></li>`;
    }
    return html`<li class="preset ${isPresent(preset) ? 'is-present' : ''}" data-id=${preset.id}><button type="button" class="preset-apply"
        aria-current=${isPresent(preset) ? 'true' : nothing} title=${t('presets.apply', preset.name)} @click=${() => wish(el, 'applyPreset', {preset})}>
        <span class="preset-name"><bdi>${preset.name}</bdi>${isPresent(preset) ? ICONS.check : nothing}</span><span class="preset-facts">${summaryOf(preset)}</span></button>
      <button type="button" class="icon-button preset-more" aria-haspopup="menu" aria-label=${t('presets.menu', preset.name)} title=${t('presets.menu', preset.name)}
        @click=${e => openActions(e, preset)}>${ICONS.more}</button></li>`;
  }

  /** What had the focus is gone: it stays in the panel, and calls up no keyboard. */
  function keepFocus(place) {
    if (!el.closest('dialog').contains(document.activeElement)) (place ? el.querySelector(place) : el).focus({preventScroll: true});
  }

  function takeBack() {
    undo.run();
    undo = null;
    draw();
    keepFocus();
  }

  const drawUndo = () => html`<p class="preset-undo"><span>${undo.sentence}</span> <button type="button" class="link-button"
    @click=${takeBack}>${t('params.undo')}</button></p>`;

  function draw() {
    const {presets} = state;
    render(html`<form class="preset-form" @submit=${saveNew}><input type="text" maxlength=${NAME_CHARS} autocomplete="off" aria-label=${t('presets.new')}
        placeholder=${t('presets.new')}><button class="button">${t('presets.save')}</button></form>
      <div role="status">${undo ? drawUndo() : nothing}</div>
      ${presets?.length ? html`<ul class="preset-list" aria-label=${t('params.tab.presets')}>${repeat(presets, one => one.id, drawPreset)}</ul>`
        : presets && html`<p class="preset-none">${t('presets.none')}</p>`}
      <details class="preset-files"><summary>${t('presets.share')}</summary>
        <p class="param-hint">${t('presets.share.how')}</p>
        <div class="preset-acts"><label class="button preset-file">${t('presets.import.file')}<input type="file" accept="application/json,.json"
            aria-label=${t('presets.import.file')} @change=${importFile}></label>
          ${presets?.length ? html`<a class="button" href=${EXPORT} download>${t('presets.export.all')}</a>` : nothing}</div>
        <form class="preset-paste" @submit=${importText}><label for="preset-text">${t('presets.import.text')}</label>
          <textarea id="preset-text" rows="3" spellcheck="false" autocomplete="off"></textarea><button class="button">${t('presets.import')}</button></form></details>`, el);
  }

  draw();
  return {
    update(next) {
      state = next;
      draw();
    },
    /** @param {string} sentence what was done @param {() => void} run takes it back */
    offer(sentence, run) {
      undo = {sentence, run};
      draw();
      keepFocus('.preset-undo button');
    },
  };
}
