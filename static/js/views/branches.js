/** The arrows between siblings: "2 / 3". Drawn the same for replies and for edited messages. Called by reply_foot.js and utterance.js. */
import {html, nothing} from 'lit-html';
import {ICONS} from '../icons.js';
import {wish} from '../dom.js';
import {t} from '../words.js';

/**
 * @param {Element} el where the wish starts
 * @param {object} message the one shown
 * @param {object[]} of it and its siblings, oldest first
 */
export function drawBranches(el, message, of) {
  if (of.length < 2) return nothing;
  const at = of.findIndex(m => m.id === message.id);
  const arrow = (to, icon, word) => html`<button type="button" class="icon-button" aria-label=${t(word)} title=${t(word)} ?disabled=${!of[to]}
    @click=${() => wish(el, 'switchBranch', {id: of[to].id})}>${icon}</button>`;
  return html`<span class="branches">${arrow(at - 1, ICONS.left, 'act.older')}<span class="branch-count" role="img" aria-label=${
    t('act.branch', at + 1, of.length)}>${at + 1} / ${of.length}</span>${arrow(at + 1, ICONS.right, 'act.newer')}</span>`;
}
