/**
 * Keeping order: delete, archive, fork, and the menus that offer it. What is deleted goes at once, without a question, and can be
 * taken back: by the button beside the sentence, or by Ctrl Z. A new item of a menu is a line here and its word in
 * words/organise.*.js. Loaded when it is first wanted. Called by wishes.js.
 */
import {isTyping, wish} from './dom.js';
import {ICONS} from './icons.js';
import {addWords, t} from './words.js';
import {OWN_ICONS} from './views/organise_icons.js';

const UNDO_KEY_MS = 60_000; // the server keeps what was deleted for an hour; a key pressed much later means something else
const AT_ONCE = 4; // requests on their way; the feed needs a connection too

await addWords({en: () => import('./words/organise.en.js'), zh: () => import('./words/organise.zh.js')});

let undo = null; // what Ctrl Z would do

/** @param {object} parts everything that main.js has made */
export function organiser(parts) {
  const {actions, api, router, store, views} = parts;
  const titleOf = conversation => conversation.title || t('side.untitled');
  const path = {conversation: id => `/api/conversations/${encodeURIComponent(id)}`, message: id => `/api/messages/${encodeURIComponent(id)}`};

  /** Says what was done and offers to take it back. @param {() => Promise<void>} back */
  function offer(sentence, back) {
    const run = async () => {
      if (undo !== run) return;
      undo = null;
      views.notices.say('');
      try {
        await back();
        views.announcer.say(t('undo.done'));
      } catch (error) {
        views.notices.say(error.message);
      }
    };
    undo = run;
    setTimeout(() => { if (undo === run) undo = null; }, UNDO_KEY_MS);
    views.notices.offer(sentence, {label: t('undo'), run});
  }

  /** Leaves a conversation that goes out of sight; returns how to come back to it. */
  function leave(ids) {
    const open = store.current.value;
    if (!ids.includes(open)) return () => {};
    router.go(null, {replace: true});
    return () => router.go(open);
  }

  /** After its item is gone the keyboard goes on at the next one; who uses it stays in the list, whatever leaving does. */
  function leaveKeepingFocus(left, ids = left) {
    const isByKeys = document.activeElement.matches('.side-item :focus-visible');
    const items = [...document.querySelectorAll('.side-item')];
    const idOf = item => item.querySelector('a')?.getAttribute('href')?.slice(3);
    const first = items.findIndex(item => ids.includes(idOf(item)));
    const isLeft = item => !ids.includes(idOf(item));
    const next = items.slice(first).find(isLeft) ?? items.slice(0, Math.max(0, first)).findLast(isLeft);
    const toNext = () => (next?.isConnected ? next.querySelector('a, input') : document.querySelector('.side-new'))?.focus();
    const comeBack = leave(left);
    if (isByKeys) toNext();
    return {comeBack, refocus: () => requestAnimationFrame(() => first >= 0 && document.activeElement === document.body && toNext())};
  }

  async function removeAll(conversations) {
    const ids = conversations.map(c => c.id);
    const {comeBack, refocus} = leaveKeepingFocus(ids);
    const gone = [];
    const trouble = await each(ids, async id => {
      await actions.remove(id);
      gone.push(id);
    });
    refocus();
    if (gone.length) {
      offer(t('gone.conversations', gone.length), async () => {
        const stays = await each(gone, async id => store.dispatch('patched', {conversation: await api.ask('POST', `${path.conversation(id)}/restore`, {body: {}})}));
        comeBack();
        if (stays) throw stays;
      });
    }
    if (trouble) throw trouble;
  }

  async function archiveAll(conversations, archived) {
    const ids = conversations.map(c => c.id);
    const {comeBack, refocus} = leaveKeepingFocus(archived ? ids : [], ids);
    const trouble = await each(ids, id => actions.patch(id, {archived}));
    refocus();
    if (trouble) throw trouble;
    offer(t(archived ? 'archive.done' : 'archive.undone', ids.length), async () => {
      const stays = await each(ids, id => actions.patch(id, {archived: !archived}));
      comeBack();
      if (stays) throw stays;
    });
  }

  async function pinAll(conversations, pinned) {
    const trouble = await each(conversations.map(c => c.id), id => actions.patch(id, {pinned}));
    if (trouble) throw trouble;
  }

  async function deleteBranch({message: {id, conversation_id}}) {
    const {head_id} = store.thread.value.conversation;
    store.dispatch('patched', {conversation: await api.ask('DELETE', path.message(id))});
    requestAnimationFrame(() => document.activeElement === document.body && document.getElementById('scroller').focus());
    offer(t('gone.branch'), async () => {
      const back = await api.ask('POST', `${path.message(id)}/restore`, {body: {}});
      store.dispatch('thread', await api.conversation(conversation_id));
      if (back.head_id !== head_id) await actions.switchTo(conversation_id, head_id);
    });
  }

  const fork = ({message: {id}}) => actions.once(['fork', id], null, {title: t('fork.title', titleOf(store.thread.value.conversation)).slice(0, 200)}, async (body, key) => {
    const conversation = await api.ask('POST', `${path.message(id)}/fork`, {body, key});
    store.dispatch('patched', {conversation});
    router.go(conversation.id);
    views.announcer.say(t('fork.done'));
  });

  function openConversationMenu({anchor, conversation, rename}) {
    const {id, pinned, archived} = conversation;
    views.menu.open({anchor, label: t('side.menu', titleOf(conversation)), items: [
      {label: t('side.rename'), icon: ICONS.pen, run: rename},
      {label: t(pinned ? 'side.unpin' : 'side.pin'), icon: ICONS.pin, run: () => wish(anchor, 'pinConversation', {id, pinned: !pinned})},
      {label: t(archived ? 'side.unarchive' : 'side.archive'), icon: ICONS.box, run: () => wish(document.body, 'archiveConversation', {conversation, archived: !archived})},
      {label: t('side.share'), icon: ICONS.go, run: () => wish(document.body, 'useFiles', {what: 'openShare', conversation})},
      {label: t('side.export'), icon: ICONS.down, run: () => wish(document.body, 'useFiles', {what: 'openExport', conversation, anchor})},
      ...(anchor.closest('.side-list') ? [{label: t('side.select'), icon: OWN_ICONS.select, run: () => wish(document.body, 'selectConversations', {id})}] : []),
      {label: t('side.delete'), icon: ICONS.bin, isGrave: true, run: () => wish(document.body, 'deleteConversation', {conversation})},
    ]});
  }

  /** @param {{copy: () => void, edit?: () => void}} detail what only the message's own view can do */
  function openMessageMenu({anchor, message, copy, edit}) {
    const isReply = message.role === 'assistant';
    const asked = isReply ? message : {parent_id: message.id, conversation_id: message.conversation_id};
    views.menu.open({anchor, label: t('message.menu'), items: [
      ...(message.content ? [{label: t('act.copy'), icon: ICONS.copy, run: copy}] : []),
      ...(edit ? [{label: t('act.edit'), icon: ICONS.pen, run: edit}] : []),
      {label: t('act.regenerate'), icon: ICONS.again, run: () => wish(document.body, 'regenerateReply', {message: asked})},
      {label: t('act.fork'), icon: OWN_ICONS.fork, run: () => wish(document.body, 'forkMessage', {message})},
      {label: t('act.delete'), icon: ICONS.bin, isGrave: true, run: () => wish(document.body, 'deleteBranch', {message})},
    ]});
  }

  /** The one on the page, in its place in the list. */
  function renameHere() {
    if (document.getElementById('sidebar').inert) parts.sidebarSwitch.toggle();
    views.sidebar.startRename(store.thread.value.conversation);
  }

  return {
    undoLast: () => undo?.(),
    openConversationMenu, openMessageMenu, deleteBranch, fork, renameHere, removeAll, archiveAll, pinAll,
    remove: ({conversation}) => removeAll([conversation]),
    archive: ({conversation, archived}) => archiveAll([conversation], archived),
  };
}

/** A few at a time; all are tried. @returns {Promise<Error|null>} the first trouble */
async function each(ids, act) {
  const waiting = [...ids];
  let trouble = null;
  const work = async () => {
    for (let id = waiting.shift(); id !== undefined; id = waiting.shift()) await act(id).catch(error => { trouble ??= error; });
  };
  await Promise.all(Array.from({length: AT_ONCE}, work));
  return trouble;
}

document.addEventListener('keydown', event => {
  const isUndo = (event.ctrlKey || event.metaKey) && !event.shiftKey && !event.altKey && event.key.toLowerCase() === 'z';
  if (!isUndo || !undo || (isTyping(event.target) && event.target.type !== 'checkbox' && event.target.value)) return;
  event.preventDefault();
  undo();
});
