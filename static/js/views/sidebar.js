/**
 * The list of conversations: groups by date, what runs, what ended unseen; new, rename, delete, settings.
 * Knows nothing of the network: wishes go up as events. Called by main.js.
 */
import {html, nothing, render} from 'lit-html';
import {repeat} from 'lit-html/directives/repeat.js';
import {ICONS} from '../icons.js';
import {wish} from '../dom.js';
import {actOf} from '../keys.js';
import {locale, t} from '../words.js';
import {dateGroup} from '../time.js';

/**
 * @param {HTMLElement} el
 * @param {{now?: () => Date}} [options]
 * @returns {{update: (state: {conversations: object[], next: string|null, current: string|null, running: Set<string>,
 *   unseen: object, isLoaded: boolean}) => void, startRename: (conversation: object) => void, setList: Function}}
 */
export function mountSidebar(el, {now = () => new Date()} = {}) {
  let state = null;
  let renaming = null;
  let own = null; // what stands in place of the list: the archive, or boxes to choose by
  let wanted = null; // the `next` already asked for

  // An end of the list that comes into view asks for more of it.
  const endSeen = new IntersectionObserver(entries => entries.some(e => e.isIntersecting) && more(), {rootMargin: '200px'});

  function more() {
    if (own || !state.next || wanted === state.next) return;
    wanted = state.next;
    wish(el, 'moreConversations', {before: state.next});
  }

  function rename(id, title) {
    const hadFocus = document.activeElement?.className === 'side-rename';
    renaming = null;
    if (title?.trim()) wish(el, 'renameConversation', {id, title: title.trim()});
    draw();
    if (hadFocus) el.querySelector(`a[href="/c/${id}"]`)?.focus();
  }

  function startRename(conversation) {
    renaming = conversation.id;
    draw();
    const field = el.querySelector('.side-rename');
    field.focus();
    field.select();
  }

  function onItemKey(event, conversation) {
    const act = actOf(event);
    if (!act) return;
    event.preventDefault();
    if (act === 'rename') startRename(conversation);
    else wish(el, 'deleteConversation', {conversation});
  }

  const openMenu = ({currentTarget: anchor}, conversation) => wish(anchor, 'openConversationMenu', {anchor, conversation, rename: () => startRename(conversation)});

  const drawRename = conversation => html`<input class="side-rename" aria-label=${t('side.title')} .value=${titleOf(conversation)} maxlength="200"
    @keydown=${e => {
      if (e.key === 'Enter' && !e.isComposing) rename(conversation.id, e.target.value);
      if (e.key === 'Escape') rename(conversation.id, null);
      e.stopPropagation();
    }} @blur=${e => renaming === conversation.id && rename(conversation.id, e.target.value)}>`;

  function drawItem(conversation) {
    const {id} = conversation;
    if (renaming === id) return html`<li class="side-item is-renaming">${drawRename(conversation)}</li>`;
    const mark = state.running.has(id)
      ? html`<span class="side-running" role="img" aria-label=${t('side.running')}><i></i><i></i><i></i></span>`
      : state.unseen[id] ? html`<span class="side-unseen" role="img" aria-label=${t('side.unseen')}></span>` : nothing;
    return html`<li class="side-item" @keydown=${e => onItemKey(e, conversation)}>
      <a href="/c/${id}" aria-current=${id === state.current ? 'page' : nothing} title=${titleOf(conversation)}
        @dblclick=${() => startRename(conversation)}><span class="side-title">${titleOf(conversation)}</span>${mark}</a>
      <button type="button" class="side-more icon-button" aria-haspopup="menu" aria-label=${t('side.menu', titleOf(conversation))}
        @click=${e => openMenu(e, conversation)}>${ICONS.more}</button></li>`;
  }

  const drawGroup = ([key, {label, items}]) => html`<section class="side-group" aria-labelledby="group-${key}">
    <h2 id="group-${key}">${label}</h2><ul>${repeat(items, c => c.id, drawItem)}</ul></section>`;

  function drawList() {
    if (own) return own(state, drawItem);
    if (!state.isLoaded) return nothing;
    if (!state.conversations.length) return html`<p class="side-none">${t('side.none')}</p>`;
    return repeat(groupsOf(state.conversations, now()), ([key]) => key, drawGroup);
  }

  function draw() {
    render(html`
      <div class="side-top">
        <a class="brand" href="/">${ICONS.rill}<span>Rill</span></a>
        <button type="button" class="icon-button" aria-label=${t('side.close')} title=${t('side.close')}
          @click=${() => wish(el, 'toggleSidebar')}>${ICONS.panel}</button>
      </div>
      <a class="side-new" href="/" aria-current=${state.current === null ? 'page' : nothing}>${ICONS.pen}<span>${t('side.new')}</span></a>
      <button type="button" class="side-new side-search" aria-haspopup="dialog" @click=${() => wish(el, 'searchMessages')}>${ICONS.search}<span>${t('side.search')}</span></button>
      <div class="side-list">${drawList()}<div class="side-end"></div>
        ${state.next && !own ? html`<button type="button" class="quiet-button" @click=${more}>${t('side.more')}</button>` : nothing}</div>
      <div class="side-foot"><button type="button" class="side-settings" aria-haspopup="dialog"
        @click=${() => wish(el, 'openSettings')}>${ICONS.gear}<span>${t('side.settings')}</span></button>
        <button type="button" class="icon-button" aria-label=${t('side.archive.open')} title=${t('side.archive.open')} @click=${() => wish(el, 'openArchive')}>${ICONS.box}</button></div>
    `, el);
    for (const group of el.querySelectorAll('.side-group')) group.style.setProperty('--count', group.querySelector('ul').childElementCount);
    endSeen.observe(el.querySelector('.side-end'));
  }

  return {
    update(next) {
      state = next;
      draw();
    },
    startRename,
    /** @param {((state: object, drawItem: (conversation: object) => object) => object)|null} list in place of the usual one */
    setList(list) {
      own = list;
      draw();
    },
  };
}

const titleOf = conversation => conversation.title || t('side.untitled');

/** @returns {[string, {label: string, items: object[]}][]} groups in the order of the list */
function groupsOf(conversations, now) {
  const groups = new Map();
  for (const conversation of conversations) {
    const {key, month} = conversation.pinned ? {key: 'pinned'} : dateGroup(conversation.updated_at, now);
    if (!groups.has(key)) { // a month's name takes a while, and there may be thousands of conversations
      groups.set(key, {label: month ? month.toLocaleDateString(locale, {month: 'long', year: 'numeric'}) : t(`group.${key}`), items: []});
    }
    groups.get(key).items.push(conversation);
  }
  return [...groups];
}
