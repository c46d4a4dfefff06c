/** The field that finds words in the open conversation: how many there are, next, previous. Knows no text. Called by find.js. */
import {html, render} from 'lit-html';
import {ICONS} from '../icons.js';
import {t} from '../words.js';

/**
 * @param {HTMLElement} el gets the bar
 * @returns {{open: (options: {onQuery: (query: string) => void, onStep: (by: 1 | -1) => void, onClose: () => void}) => void,
 *   show: (state: {at: number, of: number, isAsked: boolean}) => void, close: () => void}}
 */
export function mountFindBar(el) {
  const bar = document.createElement('div');
  bar.className = 'find';
  bar.setAttribute('role', 'search');
  bar.setAttribute('aria-label', t('find.label'));
  bar.hidden = true;
  bar.addEventListener('keydown', onKey);
  el.prepend(bar);
  let options = null;
  let state = {at: 0, of: 0, isAsked: false};

  const field = () => bar.querySelector('input');

  function onKey(event) {
    if (event.isComposing) return;
    if (event.key === 'Escape') close();
    else if (event.key === 'Enter' && event.target === field()) options.onStep(event.shiftKey ? -1 : 1);
    else return;
    event.preventDefault();
    event.stopPropagation();
  }

  function close() {
    if (bar.hidden) return;
    bar.hidden = true;
    options.onClose();
  }

  function draw() {
    const {at, of, isAsked} = state;
    const [count, short] = !isAsked ? ['', ''] : of ? [t('find.count', at, of), `${at}/${of}`] : [t('find.none'), t('find.none')];
    render(html`${ICONS.search}<input type="text" aria-label=${t('find.label')} placeholder=${t('find.hint')} autocomplete="off" spellcheck="false"
        enterkeyhint="search" @input=${e => options.onQuery(e.target.value)}>
      <span class="find-count" aria-hidden="true">${short}</span><span class="off-screen" role="status">${count}</span>
      <button type="button" class="icon-button is-up" aria-label=${t('find.older')} title=${t('find.older')} ?disabled=${!of} @click=${() => options.onStep(-1)}>${ICONS.chevron}</button>
      <button type="button" class="icon-button" aria-label=${t('find.newer')} title=${t('find.newer')} ?disabled=${!of} @click=${() => options.onStep(1)}>${ICONS.chevron}</button>
      <button type="button" class="icon-button" aria-label=${t('find.close')} title=${t('find.close')} @click=${close}>${ICONS.close}</button>`, bar);
  }

  return {
    open(next) {
      options = next;
      bar.hidden = false;
      draw();
      field().focus();
      field().select();
      if (field().value) options.onQuery(field().value); // what was looked for last time
    },
    show(next) {
      state = next;
      draw();
    },
    close,
  };
}
