/**
 * The settings of a conversation: a dialog (a sheet on phones) of a system prompt, numbers, thinking and search; beside them,
 * as a second tab, the presets. Follows what it is given, except in a field that somebody is writing in. Keeps nothing: it
 * wishes `changeSetup` when a field is left. Called by params.js.
 */
import {html, nothing, render} from 'lit-html';
import {wish} from '../dom.js';
import {ICONS} from '../icons.js';
import {EFFORTS, notesFor, numbersOf, parseNumber} from '../params_rules.js';
import {locale, t} from '../words.js';

const NUMBERS = ['temperature', 'top_p', 'max_completion_tokens'];
const TABS = ['settings', 'presets'];

/** @param {HTMLElement} el gets the dialog */
export function mountParams(el) {
  let state = null;
  let tab = 'settings';
  let dropped = null; // what "back to default" took away, until something else is changed

  const dialog = document.createElement('dialog');
  dialog.className = 'dialog params';
  dialog.setAttribute('aria-labelledby', 'params-title');
  dialog.addEventListener('click', event => event.target === dialog && close());
  dialog.addEventListener('cancel', leaveField);
  el.append(dialog);

  render(html`<div class="params-top"><div><h2 id="params-title"></h2><p class="params-model"></p></div>
      <button type="button" class="icon-button" aria-label=${t('params.close')} title=${t('params.close')} @click=${close}>${ICONS.close}</button></div>
    <div class="params-tabs" role="tablist" aria-label=${t('params.open')} @keydown=${onTabKey}>${TABS.map(name => html`<button type="button" role="tab"
      id="tab-${name}" aria-controls="panel-${name}" @click=${() => showTab(name)}>${t(`params.tab.${name}`)}<span class="tab-count"></span></button>`)}</div>
    <div class="params-panel" id="panel-settings" role="tabpanel" aria-labelledby="tab-settings">
      <div class="param"><label for="param-system_prompt">${t('params.system_prompt')}</label>
        <textarea id="param-system_prompt" rows="3" dir="auto" aria-describedby="hint-system_prompt" placeholder=${t('params.system_prompt.none')}
          @change=${e => change({system_prompt: e.target.value.trim() ? e.target.value : ''})}></textarea>
        <p class="param-hint" id="hint-system_prompt">${t('params.system_prompt.hint')}</p></div>
      <div class="param-row">${NUMBERS.map(drawNumber)}</div>
      <div class="param"><label for="param-reasoning_effort">${t('params.reasoning_effort')}</label>
        <select id="param-reasoning_effort" aria-describedby="hint-reasoning_effort note-reasoning_effort"
          @change=${e => change({params: {reasoning_effort: e.target.value || undefined}})}>
          <option value="">${t('params.default')}</option>${EFFORTS.map(effort => html`<option value=${effort}>${t(`params.effort.${effort}`)}</option>`)}</select>
        <p class="param-hint" id="hint-reasoning_effort">${t('params.reasoning_effort.hint')}</p><p class="param-note" id="note-reasoning_effort"></p></div>
      <div class="param"><label class="set-switch param-switch"><span>${t('params.web_search')}</span><input type="checkbox" role="switch" id="param-web_search"
          aria-describedby="hint-web_search note-web_search" @change=${e => change({params: {web_search: e.target.checked || undefined}})}></label>
        <p class="param-hint" id="hint-web_search">${t('params.web_search.hint')}</p><p class="param-note" id="note-web_search"></p></div>
    </div>
    <div class="params-panel" id="panel-presets" role="tabpanel" tabindex="-1" aria-labelledby="tab-presets"></div>
    <div class="params-foot"><p class="params-status" role="status"></p><span class="params-acts"></span></div>`, dialog);

  const at = selector => dialog.querySelector(selector);
  const field = name => at(`#param-${name}`);
  const presetsEl = at('#panel-presets');

  function drawNumber(name) {
    return html`<div class="param"><label for="param-${name}">${t(`params.${name}`)}</label>
      <input type="text" inputmode=${name === 'max_completion_tokens' ? 'numeric' : 'decimal'} id="param-${name}" autocomplete="off"
        placeholder=${t('params.default')} aria-describedby="hint-${name} note-${name}" @change=${() => takeNumber(name)} @input=${() => explain(name, '')}
        @keydown=${e => e.key === 'Enter' && takeNumber(name)}>
      <p class="param-hint" id="hint-${name}"></p><p class="param-note" id="note-${name}"></p></div>`;
  }

  // ---- what a person does

  function change(wanted) {
    dropped = null;
    wish(dialog, 'changeSetup', wanted);
  }

  function takeNumber(name) {
    const found = parseNumber(field(name).value, numbersOf(state.limits)[name]);
    if (found.problem) explain(name, t(`params.problem.${found.problem}`, rangeOf(name)));
    else if (found.value !== state.setup.params[name]) change({params: {[name]: found.value}});
    else follow();
  }

  /** A field that is wrong keeps what was written, and says why it is not kept. */
  function explain(name, problem) {
    field(name).setAttribute('aria-invalid', Boolean(problem));
    const note = at(`#note-${name}`);
    note.classList.toggle('is-problem', Boolean(problem));
    note.textContent = problem || noteOf(name);
  }

  function dropAll() {
    const {system_prompt, params} = state.setup;
    const nothingOf = Object.fromEntries(Object.keys(params).map(name => [name, undefined]));
    for (const name of NUMBERS) explain(name, '');
    change({system_prompt: '', params: nothingOf});
    dropped = {system_prompt, params};
    drawFoot();
  }

  const bringBack = () => change(dropped);

  /** Before it closes, what is being written is taken: Esc takes no focus away by itself. */
  function leaveField() {
    if (dialog.contains(document.activeElement)) document.activeElement.blur();
  }

  function close() {
    leaveField();
    dialog.close();
  }

  function showTab(name) {
    if (name !== tab) wish(dialog, 'changeTab');
    tab = name;
    for (const one of TABS) {
      at(`#tab-${one}`).setAttribute('aria-selected', one === tab);
      at(`#tab-${one}`).tabIndex = one === tab ? 0 : -1;
      at(`#panel-${one}`).hidden = one !== tab;
    }
    drawFoot();
  }

  function onTabKey(event) {
    if (!['ArrowLeft', 'ArrowRight'].includes(event.key)) return;
    showTab(tab === TABS[0] ? TABS[1] : TABS[0]);
    at(`#tab-${tab}`).focus();
  }

  // ---- what is shown

  const rangeOf = name => {
    const {low, high} = numbersOf(state.limits)[name];
    return [low, high].map(n => n.toLocaleString(locale));
  };

  function noteOf(name) {
    const notes = state.isListed ? notesFor(state.model, state.setup.params) : {};
    return notes[name] ? t(notes[name], state.modelName, state.model?.web_search_price) : '';
  }

  function follow() {
    const {system_prompt, params} = state.setup;
    const follows = name => document.activeElement !== field(name) && field(name).getAttribute('aria-invalid') !== 'true';
    const put = (name, value) => follows(name) && field(name).value !== value && (field(name).value = value);
    put('system_prompt', system_prompt);
    for (const name of NUMBERS) put(name, params[name] === undefined ? '' : String(params[name]));
    put('reasoning_effort', params.reasoning_effort ?? '');
    field('web_search').checked = Boolean(params.web_search);
    for (const name of [...NUMBERS, 'reasoning_effort', 'web_search']) {
      const note = at(`#note-${name}`);
      if (field(name).getAttribute('aria-invalid') !== 'true') note.textContent = noteOf(name);
      note.classList.toggle('is-set', params[name] !== undefined); // what is chosen and may not be taken is told louder
    }
  }
  dialog.addEventListener('focusout', () => queueMicrotask(() => state && follow()));

  function drawHead() {
    at('#params-title').textContent = t(state.isNew ? 'params.title.new' : 'params.title');
    render(html`${state.modelName} <button type="button" class="link-button" @click=${() => { close(); wish(el, 'openPicker'); }}>${t('params.model.change')}</button>`,
      at('.params-model'));
    at('#hint-temperature').textContent = t('params.temperature.hint', rangeOf('temperature'));
    at('#hint-top_p').textContent = t('params.top_p.hint', rangeOf('top_p'));
    at('#hint-max_completion_tokens').textContent = t('params.max_completion_tokens.hint', (state.limits.default_completion_tokens ?? 0).toLocaleString(locale));
    at('#tab-presets .tab-count').textContent = state.presetCount || '';
  }

  function drawFoot() {
    const {words, isTrouble} = state.status;
    const line = at('.params-status');
    line.classList.toggle('is-trouble', isTrouble);
    if (line.textContent !== words) line.textContent = words;
    const isDefault = !state.setup.system_prompt && !Object.keys(state.setup.params).length;
    const back = dropped && isDefault ? html`<button type="button" class="link-button" @click=${bringBack}>${t('params.undo')}</button>`
      : html`<button type="button" class="link-button" @click=${dropAll}>${t('params.reset')}</button>`;
    render(tab === 'settings' && (dropped || !isDefault) ? back : nothing, at('.params-acts'));
  }

  return {
    dialog,
    presetsEl,
    close,
    update(next) {
      state = next;
      if (!dialog.open) return;
      drawHead();
      follow();
      drawFoot();
    },
    open(wanted) {
      dropped = null;
      for (const name of NUMBERS) explain(name, '');
      drawHead();
      if (!dialog.open) dialog.showModal();
      showTab(wanted);
      follow();
      (matchMedia('(pointer: fine)').matches && wanted === 'settings' ? field('system_prompt') : at(`#tab-${wanted}`)).focus();
    },
  };
}
