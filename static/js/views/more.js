/** The button for what else can be done with a message; the menu comes on demand. Called by reply_foot.js and utterance.js. */
import {html} from 'lit-html';
import {ICONS} from '../icons.js';
import {wish} from '../dom.js';
import {t} from '../words.js';

/** @param {Element} el @param {object} message @param {{copy: () => void, edit?: () => void}} own what only its view can do */
export const drawMore = (el, message, own) => html`<button type="button" class="icon-button act" aria-haspopup="menu" aria-label=${t('act.more')} title=${t('act.more')}
  @click=${({currentTarget: anchor}) => wish(el, 'openMessageMenu', {anchor, message, ...own})}>${ICONS.more}</button>`;
