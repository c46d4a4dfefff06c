/**
 * The model picker: a searchable list of hundreds in a popover (a sheet on phones), grouped by owner, starred and recent ones
 * on top, also for ids that are in no list. Every row is made once; a query only hides rows, so a key costs the same at any size.
 * Fetches and keeps nothing: it wishes. Called by picker.js.
 */
import {html, nothing, render} from 'lit-html';
import {repeat} from 'lit-html/directives/repeat.js';
import {placeBy, wish} from '../dom.js';
import {ICONS} from '../icons.js';
import {sectionsOf, textOf, typedModel, wordsOf} from '../picker_rows.js';
import {ago} from '../ago.js';
import {compact, money} from '../time.js';
import {locale, t} from '../words.js';
import {STAR, TAKES} from './picker_icons.js';

const AGE_EVERY_MS = 30_000;
const TYPED = -1; // the place of the row for an id as typed: behind all others

/**
 * @param {HTMLElement} el
 * @returns {{open: (anchor: HTMLElement, options: {title: string, pick?: (id: string) => void}) => void, update: (state: object) => void}}
 *   `pick` gets the choice, when it is not for the open conversation
 */
export function mountPicker(el) {
  let state = {models: null, chosen: null, stale: false, failed: false, fetchedAt: null, isAsking: false, problem: '',
    preferred: {favourites: [], recents: [], default_model: null}};
  let query = '';
  let pick = null; // what is done with the model, when it is not the one to answer from now on
  let anchor = null;
  let rows = []; // {model, text, isExtra, el}: every row there is, in order
  let shown = []; // those that the query leaves, and the typed one
  let active = 0; // among the shown
  let isFresh = false; // just opened: nobody has moved anything yet
  let drawn = {};
  let clock = 0;

  el.setAttribute('role', 'dialog');
  el.addEventListener('toggle', event => {
    const isOpen = event.newState === 'open';
    anchor?.classList.toggle('is-open', isOpen);
    anchor?.setAttribute('aria-expanded', isOpen);
    clearInterval(clock);
    if (isOpen) clock = setInterval(drawFoot, AGE_EVERY_MS);
    else if (el.contains(document.activeElement)) anchor?.focus();
  });

  for (const hand of ['keydown', 'wheel', 'pointerdown', 'pointermove']) el.addEventListener(hand, () => { isFresh = false; }, {capture: true, passive: true});
  el.addEventListener('keydown', event => {
    if (event.key !== 'Tab') return;
    const stops = [input, ...foot.querySelectorAll('button:enabled')];
    const [first, last] = [stops[0], stops.at(-1)];
    if (document.activeElement !== (event.shiftKey ? first : last)) return;
    event.preventDefault(); // it stands at the end of the page: a step further leads out of the page, and it stays open
    (event.shiftKey ? last : first).focus();
  });

  render(html`<label class="picker-search">${ICONS.search}<input type="text" role="combobox" aria-expanded="true" aria-controls="model-list"
      aria-autocomplete="list" aria-label=${t('model.search')} placeholder=${t('model.search')} autocomplete="off" autocapitalize="off"
      spellcheck="false" enterkeyhint="go" @input=${onInput} @keydown=${onKey}></label>
    <div class="picker-list" id="model-list" role="listbox" tabindex="-1" aria-label=${t('model.label')} @click=${onClick}
      @pointermove=${onPointer}><div class="picker-rows"></div><div class="picker-typed"></div></div>
    <p class="picker-note" role="status"></p><div class="picker-foot"></div>`, el);
  const [input, list, rowsEl, typedEl, note, foot] = ['input', '.picker-list', '.picker-rows', '.picker-typed', '.picker-note', '.picker-foot']
    .map(name => el.querySelector(name));

  // ---- choosing

  const current = () => shown[active]?.model;
  const isStarred = id => state.preferred.favourites.includes(id);

  function choose(model) {
    el.hidePopover();
    if (pick) pick(model.id);
    else wish(el, 'chooseModel', {id: model.id});
    wish(el, 'modelChosen', {id: model.id});
  }

  const star = model => wish(el, 'starModel', {id: model.id, isStarred: !isStarred(model.id)});

  function onKey(event) {
    const step = {ArrowDown: 1, ArrowUp: -1, PageDown: 8, PageUp: -8}[event.key];
    const isCommand = event.ctrlKey || event.metaKey;
    if (event.isComposing) return;
    if (event.key === 'Enter' && current()) choose(current());
    else if (step) moveTo(Math.max(0, Math.min(shown.length - 1, active + step)));
    else if (isCommand && event.key === 'Home') moveTo(0);
    else if (isCommand && event.key === 'End') moveTo(shown.length - 1);
    else if (isCommand && !event.shiftKey && event.code === 'KeyD' && current()) star(current());
    else return;
    event.preventDefault();
  }

  function onInput() {
    query = input.value;
    find();
    moveTo(Math.max(0, shown.findIndex(row => row.model.id === query.trim())));
    list.scrollTop = active ? list.scrollTop : 0;
  }

  function onClick(event) {
    const row = rowAt(event);
    if (!row) return;
    if (event.target.closest('.model-star')) star(row.model);
    else choose(row.model);
  }

  /** The pointer moves the choice only by moving itself: rows that scroll under it change nothing. */
  function onPointer(event) {
    const at = shown.indexOf(rowAt(event));
    if (at >= 0 && at !== active) moveTo(at, {scroll: false});
  }

  function rowAt(event) {
    const found = event.target.closest('.model');
    return found && shown.find(row => row.el === found);
  }

  function moveTo(at, {scroll = true} = {}) {
    el.querySelector('.is-active')?.classList.remove('is-active');
    active = at;
    const row = shown[active]?.el;
    row?.classList.add('is-active');
    if (row) input.setAttribute('aria-activedescendant', row.id);
    else input.removeAttribute('aria-activedescendant');
    if (scroll) reveal('nearest');
    drawFoot();
  }

  /** Again in the next frames: rows that come into view get their real heights only then, and move this one. */
  function reveal(block, times = 3) {
    const row = shown[active]?.el;
    row?.scrollIntoView({block});
    if (row && times) requestAnimationFrame(() => row === shown[active]?.el && reveal(block, times - 1));
  }

  function toChosen() {
    moveTo(Math.max(0, shown.findIndex(row => row.model.id === state.chosen)), {scroll: false});
    reveal('center');
  }

  // ---- finding

  /** Hides what the query does not find. Starred and recent rows stand for themselves only while nothing is asked. */
  function find() {
    const words = wordsOf(query);
    shown = rows.filter(row => {
      row.el.hidden = words.length ? row.isExtra || !words.every(word => row.text.includes(word)) : false;
      return !row.el.hidden;
    });
    for (const section of rowsEl.children) section.hidden = !section.querySelector('.model:not([hidden])');
    const typed = query && typedModel(state.models ?? [], query, shown.length > 0);
    render(typed ? drawModel(typed, TYPED) : nothing, typedEl);
    if (typed) shown.push({model: typed, el: typedEl.querySelector('.model')});
    drawNote();
  }

  /** What its marks say, so that "free" or "images" finds those that are. */
  const marksOf = m => [...Object.keys(TAKES).filter(kind => m.input_modalities?.includes(kind)).map(kind => t(`model.takes.${kind}`)),
    m.reasoning && t('model.reasoning'), m.free && t('model.free')].filter(Boolean).join(' ');

  // ---- drawing

  const drawTakes = m => Object.entries(TAKES).filter(([kind]) => m.input_modalities?.includes(kind)).map(([kind, icon]) => html`<span
    class="model-takes" role="img" aria-label=${t(`model.takes.${kind}`)} title=${t(`model.takes.${kind}`)}>${icon}</span>`);

  const drawFacts = m => html`<span class="model-facts">
    ${m.context_length ? html`<span>${t('model.context', compact(m.context_length))}</span>` : nothing}
    ${m.pricing && !m.free ? html`<span title=${t('model.price.title')}>${t('model.price', money(m.pricing.input ?? 0), money(m.pricing.output ?? 0))}</span>` : nothing}
    ${drawTakes(m)}
    ${m.reasoning ? html`<span class="badge">${t('model.reasoning')}</span>` : nothing}
    ${m.free ? html`<span class="badge is-free">${t('model.free')}</span>` : nothing}
    ${m.id === state.preferred.default_model ? html`<span class="badge is-default">${t('model.default')}</span>` : nothing}</span>`;

  const drawModel = (m, at) => html`<div id="model-${at}" role="option" class="model ${isStarred(m.id) ? 'is-starred' : ''}" aria-selected=${m.id === state.chosen}>
    <span class="model-name"><bdi>${m.isTyped && m.isUnlisted ? t('model.use', m.id) : m.name || m.id}</bdi>${m.id === state.chosen ? ICONS.check : nothing}</span>
    ${m.isUnlisted ? nothing : html`<span class="model-id">${m.id}</span>`}${drawFacts(m)}
    <span class="model-star" aria-hidden="true" title=${t('model.star.key')}>${STAR}</span></div>`;

  function drawSection({key, label, models}, first) {
    return html`<div class="picker-section" role="group" aria-labelledby="models-${first}"><div class="picker-heading" id="models-${first}">${label}</div>${
      models.map((model, at) => drawModel(model, first + at))}</div>`;
  }

  /** Only when what it shows has changed: the one costly draw. */
  function drawRows() {
    const {models, chosen, preferred} = state;
    if (drawn.models === models && drawn.chosen === chosen && drawn.preferred === preferred) return;
    drawn = {models, chosen, preferred};
    const sections = sectionsOf(models ?? [], models ? preferred : {favourites: [], recents: []},
      {favourites: t('model.favourites'), recents: t('model.recents'), others: t('model.others')});
    let first = 0;
    const placed = sections.map(section => ({...section, first: (first += section.models.length) - section.models.length}));
    render(repeat(placed, one => one.key, one => drawSection(one, one.first)), rowsEl);
    const elements = rowsEl.querySelectorAll('.model');
    rows = placed.flatMap(({key, models: ones}) => ones.map(model => ({model, text: `${textOf(model)} ${marksOf(model)}`.toLowerCase(), isExtra: !key.startsWith('owner ')})));
    rows.forEach((row, at) => { row.el = elements[at]; });
  }

  function drawNote() {
    const words = state.problem || (state.failed && t('model.failed')) || (!state.models && t('model.loading'))
      || (!shown.length && t('model.none')) || (state.stale && t('model.stale')) || '';
    if (note.textContent !== words) note.textContent = words;
  }

  function drawFoot() {
    const model = current();
    const id = model?.id;
    const has = Boolean(model) && isStarred(id);
    const isDefault = Boolean(model) && id === state.preferred.default_model;
    // A button that takes the focus would close a phone's keyboard: the pointer leaves it in the field.
    render(html`<div class="picker-acts" @pointerdown=${e => e.preventDefault()}>
        <button type="button" class="foot-button ${has ? 'is-on' : ''}" ?disabled=${!model} aria-pressed=${has} @click=${() => star(current())}
          title=${t('model.star.key')}>${STAR}<span>${t(has ? 'model.starred' : 'model.star')}</span></button>
        <button type="button" class="foot-button" ?disabled=${!model} @click=${() => wish(el, 'defaultModel', {id: isDefault ? null : id})}
          title=${t('model.default.how')}>${t(isDefault ? 'model.default.drop' : 'model.default.make')}</button></div>
      <div class="picker-age">${state.fetchedAt ? html`<span>${t('model.age', ago(state.fetchedAt, Date.now(), locale))}</span>` : nothing}
        <button type="button" class="icon-button ${state.isAsking ? 'is-asking' : ''}" aria-label=${t('model.refresh')} title=${t('model.refresh')}
          aria-disabled=${state.isAsking} @click=${() => !state.isAsking && wish(el, 'refreshModels')}>${ICONS.again}</button></div>`, foot);
  }

  /** Anew, with the same row active: rows above it may have come or gone. */
  function draw() {
    const was = shown[active];
    drawRows();
    find();
    if (isFresh) return toChosen();
    const isIt = row => row.model.id === was?.model.id;
    const at = shown.findIndex(row => isIt(row) && row.isExtra === was.isExtra);
    moveTo(Math.max(0, at < 0 ? shown.findIndex(isIt) : at), {scroll: false});
  }

  return {
    update(next) {
      state = next;
      if (el.matches(':popover-open')) draw();
    },
    open(from, {pick: then, title}) {
      anchor = from;
      pick = then;
      query = input.value = '';
      el.setAttribute('aria-label', title);
      el.showPopover();
      drawRows();
      find();
      placeBy(el, anchor, 'start');
      input.focus();
      isFresh = true;
      toChosen();
    },
  };
}
