/** The line above the conversation: sidebar button, title, new conversation. Called by main.js. */
import {html, render} from 'lit-html';
import {ICONS} from '../icons.js';
import {wish} from '../dom.js';
import {t} from '../words.js';

/** @param {HTMLElement} el @returns {{update: (state: {title: string, isSidebarOpen: boolean}) => void}} */
export function mountTopbar(el) {
  return {
    update({title, isSidebarOpen}) {
      render(html`<button type="button" class="icon-button side-open" aria-label=${t('side.open')} title=${t('side.open')}
          aria-controls="sidebar" aria-expanded=${isSidebarOpen} @click=${() => wish(el, 'toggleSidebar')}>${ICONS.panel}</button>
        <h2 class="topbar-title"><bdi>${title}</bdi></h2>
        <a class="icon-button new-here" href="/" aria-label=${t('side.new')} title=${t('side.new')}>${ICONS.pen}</a>`, el);
    },
  };
}
