/** What stands in the sidebar in place of the list: the archive, and boxes to choose many at once. Called by keep.js. */
import {html, nothing} from 'lit-html';
import {repeat} from 'lit-html/directives/repeat.js';
import {ICONS} from '../icons.js';
import {actOf} from '../keys.js';
import {t} from '../words.js';
import {OWN_ICONS} from './organise_icons.js';

/**
 * @param {{isArchive: boolean, chosen: Set<string>|null, items: object[]|null, next: string|null, isPinned: boolean}} state
 * @param {object} on what the buttons do; `drawItem` draws a conversation as the list does
 */
export function drawKeep({isArchive, chosen, items, next, isPinned}, on) {
  const iconButton = (word, icon, run) => html`<button type="button" class="icon-button" aria-label=${t(word)} title=${t(word)} @click=${run}>${icon}</button>`;

  const head = chosen
    ? html`${iconButton('keep.done', ICONS.close, on.leave)}<h2 aria-live="polite">${t('keep.chosen', chosen.size)}</h2>
      <button type="button" class="link-button" @click=${on.chooseAll}>${t('keep.all')}</button>`
    : html`${iconButton('keep.back', ICONS.left, on.leave)}<h2>${t('side.archived')}</h2>
      ${items?.length ? iconButton('side.select', OWN_ICONS.select, () => on.select()) : nothing}`;

  const drawChoice = ({id, title}) => html`<li class="side-item keep-item"><label><input type="checkbox" .checked=${chosen.has(id)}
    @click=${event => on.choose(id, event.target.checked, event.shiftKey)}><span class="side-title">${title || t('side.untitled')}</span></label></li>`;

  const action = (word, icon, what, isGrave) => html`<button type="button" class="keep-act ${isGrave ? 'is-grave' : ''}" ?disabled=${!chosen.size}
    @click=${() => on.act(what)}>${icon}<span>${t(word)}</span></button>`;

  const bar = () => html`<div class="keep-bar" role="group" aria-label=${t('keep.bar')}>
    ${isArchive ? nothing : action(isPinned && chosen.size ? 'keep.unpin' : 'keep.pin', ICONS.pin, 'pin')}
    ${action(isArchive ? 'keep.unarchive' : 'side.archive', ICONS.box, 'archive')}${action('side.delete', ICONS.bin, 'remove', true)}</div>`;

  const onKey = event => {
    if (chosen?.size && actOf(event) === 'remove') {
      event.preventDefault();
      on.act('remove');
    }
    if (event.key !== 'Escape' || event.defaultPrevented || document.querySelector(':popover-open')) return;
    event.stopPropagation(); // else it would stop the answer that runs
    event.preventDefault();
    on.leave();
  };

  return html`<div class="keep" @keydown=${onKey}><div class="keep-head">${head}</div>
    ${items && !items.length ? html`<p class="side-none">${t('keep.empty')}</p>` : nothing}
    <ul>${repeat(items ?? [], c => `${c.id} ${Boolean(chosen)}`, chosen ? drawChoice : on.drawItem)}</ul>
    ${next ? html`<button type="button" class="quiet-button" @click=${on.more}>${t('side.more')}</button>` : nothing}
    ${chosen ? bar() : nothing}</div>`;
}
