/**
 * The palette: a field, and below it a list in sections that is moved through with the arrows; on phones a sheet over the whole
 * width. Knows nothing of what it lists: palette.js gives the sections anew for each query. Loaded when it is first opened.
 *
 * An item is {id, label, ranges: [number, number][] in code points, icon?, note?, keys?, run}; one that was found inside a message
 * also {snippet, matches, by}.
 */
import {html, nothing, render, svg} from 'lit-html';
import {repeat} from 'lit-html/directives/repeat.js';
import {icon, ICONS} from '../icons.js';
import {labelsOf, wishOf} from '../keys.js';
import {t} from '../words.js';

const PAGE_STEP = 8;
const OWN_ICONS = {
  chat: icon(svg`<path d="M4 4.5h12a1 1 0 0 1 1 1v7.500a1 1 0 0 1-1 1H9.500L6 17v-3H4a1 1 0 0 1-1-1v-7.500a1 1 0 0 1 1-1z"/>`),
  spark: icon(svg`<path d="M10 3l1.700 5.300L17 10l-5.300 1.700L10 17l-1.700-5.300L3 10l5.300-1.700z"/>`),
  contrast: icon(svg`<circle cx="10" cy="10" r="7"/><path d="M10 3a7 7 0 0 1 0 14z" fill="currentColor"/>`),
  keyboard: icon(svg`<rect x="2.750" y="5.250" width="14.500" height="9.500" rx="2"/><path d="M6 8.500h.01M10 8.500h.01M14 8.500h.01M7 12h6"/>`),
};

/** @param {string} text @param {[number, number][]} ranges in code points, in order */
export function marked(text, ranges) {
  if (!ranges.length) return text;
  const letters = Array.from(text);
  const cut = (from, to) => letters.slice(from, to).join('');
  let at = 0;
  const parts = ranges.map(([from, to]) => {
    const before = cut(at, from);
    at = to;
    return html`${before}<mark>${cut(from, to)}</mark>`;
  });
  return html`${parts}${cut(at)}`;
}

/**
 * @param {HTMLElement} el gets the dialog
 * @returns {{open: (options: {hint: string, none: string, onQuery: (query: string) => void, onEnd: () => void}) => void, query: () => string,
 *   show: (state: {sections: {id: string, title: string, items: object[]}[], note: string, isWaiting: boolean}) => void}} `onEnd`: the
 *   end of the list has come into view
 */
export function mountPalette(el) {
  const dialog = document.createElement('dialog');
  dialog.className = 'dialog palette';
  dialog.setAttribute('aria-label', t('pal.label'));
  dialog.addEventListener('click', event => event.target === dialog && dialog.close()); // the backdrop is its own
  dialog.addEventListener('keydown', onKey);
  el.append(dialog);
  let state = {sections: [], note: '', isWaiting: false};
  let query = '';
  let active = null; // an item's id: it stays the one when the list changes around it
  let hasMoved = false;
  let options = null;
  const endSeen = new IntersectionObserver(entries => entries.some(entry => entry.isIntersecting) && options.onEnd(), {rootMargin: '200px'});

  const items = () => state.sections.flatMap(section => section.items);
  const field = () => dialog.querySelector('input');

  function onKey(event) {
    if (event.isComposing) return;
    if (wishOf(event) === 'openPalette') {
      event.preventDefault();
      return dialog.close();
    }
    const all = items();
    const at = all.findIndex(item => item.id === active);
    const to = {ArrowDown: at + 1, ArrowUp: at - 1, PageDown: Math.min(all.length - 1, at + PAGE_STEP), PageUp: Math.max(0, at - PAGE_STEP)}[event.key];
    if (event.key === 'Enter' && event.target === field()) {
      event.preventDefault();
      if (all[at]) choose(all[at]);
    } else if (to !== undefined && all.length) {
      event.preventDefault();
      hasMoved = true;
      activate(all[(to + all.length) % all.length].id);
      dialog.querySelector('.is-active')?.scrollIntoView({block: 'nearest'});
    }
  }

  function onInput(event) {
    query = event.target.value.trim();
    hasMoved = false;
    options.onQuery(query);
    dialog.querySelector('.palette-list').scrollTop = 0;
  }

  function activate(id) {
    active = id;
    draw();
  }

  function choose(item) {
    dialog.close();
    item.run();
  }

  const drawItem = item => html`<div id="pal-${item.id}" role="option" class="pal-item ${item.snippet ? 'is-hit' : ''} ${item.id === active ? 'is-active' : ''}" aria-selected=${item.id === active}
      @click=${() => choose(item)} @pointermove=${() => item.id !== active && (hasMoved = true, activate(item.id))}>
    ${ICONS[item.icon] ?? OWN_ICONS[item.icon] ?? nothing}<span class="pal-label"><bdi>${marked(item.label, item.ranges)}</bdi>${item.snippet ? html`<span class="pal-snippet" dir="auto">${
      item.by ? html`<span class="pal-by">${item.by}</span>` : nothing}${marked(item.snippet, item.matches)}</span>` : nothing}</span>
    ${item.note ? html`<span class="pal-note">${item.note}</span>` : nothing}
    ${item.keys ? html`<span class="pal-keys" aria-hidden="true">${labelsOf(item.keys).map(key => html`<kbd>${key}</kbd>`)}</span>` : nothing}</div>`;

  const drawSection = ({id, title, items: own}) => html`<div role="group" aria-labelledby="pal-${id}"><div class="pal-title" id="pal-${id}" role="presentation">${title}</div>
    ${repeat(own, item => item.id, drawItem)}</div>`;

  function draw() {
    const all = items();
    const none = !all.length && query && !state.isWaiting ? t(options.none, query) : '';
    render(html`<div class="palette-field">${ICONS.search}<input type="text" role="combobox" aria-expanded="true" aria-controls="pal-list" aria-autocomplete="list"
        aria-activedescendant=${active === null ? nothing : `pal-${active}`} aria-label=${options.hint} placeholder=${options.hint}
        autocomplete="off" autocapitalize="off" spellcheck="false" enterkeyhint="go" autofocus .value=${query} @input=${onInput}>
        <button type="button" class="icon-button" aria-label=${t('pal.close')} title=${t('pal.close')} @click=${() => dialog.close()}>${ICONS.close}</button></div>
      <div class="palette-list" id="pal-list" role="listbox" tabindex="-1" aria-label=${t('pal.list')}>${repeat(state.sections, section => section.id, drawSection)}<div class="palette-end" role="presentation"></div></div>
      <p class="palette-none">${none}</p><p class="palette-note">${state.note}</p>
      <p class="off-screen" role="status">${query && all.length ? t('pal.count', all.length) : ''}${none}${state.note}</p>`, dialog);
    const end = dialog.querySelector('.palette-end');
    endSeen.unobserve(end);
    if (all.length) endSeen.observe(end); // anew, so that an end that is still in view tells again
  }

  return {
    query: () => query,
    open(next) {
      options = next;
      query = '';
      active = null;
      hasMoved = false;
      options.onQuery('');
      if (!dialog.open) dialog.showModal();
      field().value = '';
      dialog.querySelector('.palette-list').scrollTop = 0;
    },
    show(next) {
      state = next;
      const all = items();
      if (!hasMoved || !all.some(item => item.id === active)) active = all[0]?.id ?? null;
      draw();
    },
  };
}
