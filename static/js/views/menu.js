/**
 * The one menu of the page: a popover beside its button, moved through with the arrows. What the items do is the caller's business. Called by main.js.
 */
import {html, nothing, render} from 'lit-html';
import {placeBy} from '../dom.js';
import {ICONS} from '../icons.js';
import {t} from '../words.js';

/**
 * @param {HTMLElement} el gets popover="auto" and role="menu"
 * @returns {{open: (options: {anchor: HTMLElement, label: string, items: {label: string, run?: () => void, icon?: object,
 *   isGrave?: boolean, checked?: boolean, heading?: boolean}[]}) => void}}
 */
export function mountMenu(el) {
  let anchor = null;
  el.popover = 'auto';
  el.setAttribute('role', 'menu');
  el.addEventListener('keydown', move);
  el.addEventListener('toggle', event => {
    anchor?.classList.toggle('is-open', event.newState === 'open');
    if (event.newState === 'closed' && el.contains(document.activeElement)) anchor?.focus();
  });

  const buttons = () => [...el.querySelectorAll('button')];

  function move(event) {
    const all = buttons();
    const at = all.indexOf(document.activeElement);
    const to = {ArrowDown: at + 1, ArrowUp: at - 1, Home: 0, End: all.length - 1}[event.key];
    if (event.key === 'Tab') el.hidePopover();
    if (to === undefined) return;
    event.preventDefault();
    all[(to + all.length) % all.length].focus();
  }

  function choose(item) {
    el.hidePopover();
    anchor?.focus();
    item.run();
  }

  const drawItem = item => item.heading
    ? html`<div class="menu-heading" role="presentation">${item.label}</div>`
    : html`<button type="button" role=${item.checked === undefined ? 'menuitem' : 'menuitemradio'} aria-checked=${item.checked ?? nothing}
        class=${item.isGrave ? 'is-grave' : ''} tabindex="-1" @click=${() => choose(item)}>
        <span class="menu-icon">${item.checked === undefined ? item.icon : item.checked ? ICONS.check : nothing}</span>${item.label}</button>`;

  return {
    open(options) {
      anchor?.classList.remove('is-open');
      anchor = options.anchor;
      anchor.closest('nav, main, header, aside')?.append(el); // all of a page lies in a landmark, so that one can go there by name
      el.setAttribute('aria-label', options.label);
      render(options.items.map(drawItem), el);
      el.showPopover();
      placeBy(el, anchor, 'start');
      (el.querySelector('[aria-checked="true"]') ?? buttons()[0]).focus();
    },
  };
}
