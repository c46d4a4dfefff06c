/**
 * The model picker: a searchable list in a popover (a sheet on phones), also for ids that are in no list.
 * Fetches nothing: it wishes for the list and is given it. Called by main.js.
 */
import {html, nothing, render} from 'lit-html';
import {repeat} from 'lit-html/directives/repeat.js';
import {placeBy, wish} from '../dom.js';
import {ICONS} from '../icons.js';
import {compact, money} from '../time.js';
import {t} from '../words.js';

const SLUG = /^[A-Za-z0-9][A-Za-z0-9._:/-]{0,199}$/;

/**
 * @param {object[]} models as GET /api/models gives them
 * @param {string} query
 * @returns {object[]} those that have every word of the query in name, id or owner; for an unlisted id one to take it as typed
 */
export function findModels(models, query) {
  const words = query.toLowerCase().split(/\s+/).filter(Boolean);
  const found = models.filter(m => words.every(w => `${m.id} ${m.name} ${m.owner}`.toLowerCase().includes(w)));
  const slug = query.trim();
  const isNew = SLUG.test(slug) && !models.some(m => m.id === slug);
  return isNew && (slug.includes('/') || !found.length) ? [...found, {id: slug, isTyped: true}] : found;
}

/** @param {HTMLElement} el @returns {{open: (anchor: HTMLElement, pick?: (id: string) => void) => void, update: (state: object) => void}} */
export function mountPicker(el) {
  let state = {models: null, chosen: null, stale: false, failed: false};
  let query = '';
  let active = 0;
  let anchor = null;
  let pick = null; // what is done with the model, when it is not the one to answer from now on

  el.popover = 'auto';
  el.setAttribute('role', 'dialog');
  el.setAttribute('aria-label', t('model.label'));
  el.addEventListener('toggle', event => {
    anchor?.classList.toggle('is-open', event.newState === 'open');
    anchor?.setAttribute('aria-expanded', event.newState === 'open');
    if (event.newState === 'closed' && el.contains(document.activeElement)) anchor?.focus();
  });

  const shown = () => findModels(state.models ?? [], query);

  function choose(model) {
    el.hidePopover();
    if (pick) pick(model.id);
    else wish(el, 'chooseModel', {id: model.id});
  }

  function onKey(event) {
    const models = shown();
    const step = {ArrowDown: 1, ArrowUp: -1, PageDown: 8, PageUp: -8}[event.key];
    if (event.key === 'Enter' && !event.isComposing && models[active]) {
      event.preventDefault();
      choose(models[active]);
    } else if (step) {
      event.preventDefault();
      active = Math.max(0, Math.min(models.length - 1, active + step));
      draw();
      el.querySelector('.is-active')?.scrollIntoView({block: 'nearest'});
    }
  }

  function onInput(event) {
    query = event.target.value;
    active = 0;
    draw();
  }

  const drawFacts = m => html`<span class="model-facts">
    ${m.context_length ? html`<span>${t('model.context', compact(m.context_length))}</span>` : nothing}
    ${m.pricing && !m.free ? html`<span title=${t('model.price.title')}>${t('model.price', money(m.pricing.input ?? 0), money(m.pricing.output ?? 0))}</span>` : nothing}
    ${m.free ? html`<span class="badge is-free">${t('model.free')}</span>` : nothing}
    ${m.reasoning ? html`<span class="badge">${t('model.reasoning')}</span>` : nothing}</span>`;

  const drawModel = (m, at) => html`<div id="model-${at}" role="option" class="model ${at === active ? 'is-active' : ''}"
      aria-selected=${m.id === state.chosen} @click=${() => choose(m)} @pointermove=${() => at !== active && (active = at, draw())}>
    ${m.isTyped ? html`<span class="model-name">${t('model.use', m.id)}</span>` : html`
      <span class="model-name"><bdi>${m.name || m.id}</bdi>${m.id === state.chosen ? ICONS.check : nothing}</span>
      <span class="model-id">${m.id}</span>${drawFacts(m)}`}</div>`;

  function drawNote(models) {
    if (state.failed) return t('model.failed');
    if (!state.models) return t('model.loading');
    if (!models.length) return t('model.none');
    return state.stale ? t('model.stale') : nothing;
  }

  function draw() {
    const models = shown();
    const note = drawNote(models);
    render(html`<label class="picker-search">${ICONS.search}<input type="text" role="combobox" aria-expanded="true" aria-controls="model-list"
        aria-autocomplete="list" aria-activedescendant=${models[active] ? `model-${active}` : nothing} aria-label=${t('model.search')}
        placeholder=${t('model.search')} autocomplete="off" spellcheck="false" .value=${query} @input=${onInput} @keydown=${onKey}></label>
      <div class="picker-list" id="model-list" role="listbox" tabindex="-1" aria-label=${t('model.label')}>${repeat(models, m => m.id, drawModel)}</div>
      <p class="picker-note" role="status">${note}</p>`, el);
  }

  return {
    update(next) {
      state = next;
      if (el.matches(':popover-open')) draw();
    },
    open(from, then) {
      anchor = from;
      pick = then;
      query = '';
      active = Math.max(0, (state.models ?? []).findIndex(m => m.id === state.chosen));
      draw();
      el.showPopover();
      placeBy(el, anchor, 'start');
      el.querySelector('input').focus();
      el.querySelector('.is-active')?.scrollIntoView({block: 'center'});
      wish(el, 'wantModels');
    },
  };
}
