/** The line above the conversation: sidebar button, title, new conversation. Called by main.js. */
import {html, nothing, render} from 'lit-html';
import {ICONS} from '../icons.js';
import {wish} from '../dom.js';
import {t} from '../words.js';

/** @param {HTMLElement} el @returns {{update: (state: {title: string, isSidebarOpen: boolean}) => void}} */
export function mountTopbar(el) {
  return {
    update({title, isSidebarOpen}) {
      render(html`<button type="button" class="icon-button side-open" aria-label=${t('side.open')} title=${t('side.open')}
          aria-controls="sidebar" aria-expanded=${isSidebarOpen} @click=${() => wish(el, 'toggleSidebar')}>${ICONS.panel}</button>
        <div class="topbar-title">${title ? html`<h1><bdi>${title}</bdi></h1>` : nothing}</div>
        <a class="icon-button new-here" href="/" aria-label=${t('side.new')} title=${t('side.new')}>${ICONS.pen}</a>`, el);
    },
  };
}
