/** The sheet of keyboard shortcuts, in sections. Which there are is palette.js's business. Loaded when it is first opened. */
import {html, render} from 'lit-html';
import {labelsOf} from '../keys.js';
import {t} from '../words.js';

const drawKeys = keys => html`<dd>${labelsOf(keys).map(key => html`<kbd>${key}</kbd>`)}</dd>`;

/** @param {HTMLDialogElement} el @returns {(sections: {title: string, lines: {label: string, keys: string}[]}[]) => void} opens it */
export function mountKeySheet(el) {
  el.setAttribute('aria-labelledby', 'keys-title');
  return sections => {
    // The focus goes to its head: on its last button it would open at its end where it is longer than the window.
    render(html`<form method="dialog"><h2 id="keys-title" tabindex="-1" autofocus>${t('keys.title')}</h2>${sections.map(({title, lines}) => html`
      <h3>${title}</h3><dl class="keys">${lines.map(({label, keys}) => html`<div><dt>${label}</dt>${drawKeys(keys)}</div>`)}</dl>`)}
      <div class="dialog-buttons"><button class="button">${t('keys.close')}</button></div></form>`, el);
    if (!el.open) el.showModal();
  };
}
