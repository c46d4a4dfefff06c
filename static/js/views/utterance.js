/**
 * One message of the person: the words in a tinted block, copy, edit in place, branch arrows. Long words are folded, and stay
 * as the person left them. Called by thread.js.
 */
import {html, nothing, render} from 'lit-html';
import {ICONS} from '../icons.js';
import {copyByButton, wish} from '../dom.js';
import {memoryOf} from '../prefs.js';
import {t} from '../words.js';
import {drawBranches} from './branches.js';
import {drawClip, pasteTo} from './file_ways.js';
import {drawMore} from './more.js';
import {drawWhen} from './when.js';

const folds = memoryOf('folds');
const LONG = {lines: 20, chars: 1600}; // from here on it is folded, to half of it (thread.css)

const isLong = text => text.length > LONG.chars || text.split('\n', LONG.lines + 1).length > LONG.lines;

/** @returns {{el: HTMLElement, update: (state: {message: object, of: object[], reply: object|undefined}) => void, tick: () => void}} */
export function mountUtterance() {
  const el = document.createElement('article');
  el.className = 'utterance';
  el.setAttribute('aria-label', t('you.label'));
  let state = null;
  let isEditing = false;
  let editor = null; // where a message is being edited: attach.js keeps its files and tells of them by `hold`

  function edit(isOn) {
    editor?.files?.close();
    editor = null;
    isEditing = isOn;
    draw();
    const field = el.querySelector('textarea');
    if (!field) return el.querySelector('.edit-act')?.focus();
    field.value = state.message.content;
    field.focus();
    const attachments = state.message.attachments ?? [];
    const trouble = el.querySelector('.say-trouble');
    const say = sentence => { trouble.textContent = sentence; };
    const hold = files => {
      if (!files.trouble && trouble.textContent === opened.files?.trouble) say('');
      opened.files = files;
    };
    const opened = editor = {el: el.querySelector('.tray'), attachments, say, focus: () => field.focus(), hold};
    if (attachments.length) take([]);
  }

  const take = files => wish(el, 'attachFiles', {files, editor});

  /** Files that are dropped here are of this message, not of the next one. */
  function onDrop(event) {
    const {files} = event.dataTransfer;
    if (!files.length) return;
    event.preventDefault();
    event.stopPropagation();
    take([...files]);
  }

  function save() {
    const content = el.querySelector('textarea').value.trim();
    const {message} = state;
    const {files} = editor;
    const had = (message.attachments ?? []).map(one => one.id);
    const ids = files?.ids ?? had;
    if (files?.trouble) return editor.say(files.trouble);
    if (!content && !ids.length) return;
    if (content === message.content && ids.join() === had.join()) return edit(false);
    const done = () => {
      files?.clear();
      edit(false);
    };
    wish(el, 'editMessage', {message, content, attachments: ids.length || had.length ? ids : undefined, done});
  }

  function onKey(event) {
    if (event.key === 'Enter' && !event.shiftKey && !event.isComposing && event.keyCode !== 229) {
      event.preventDefault();
      save();
    } else if (event.key === 'Escape') {
      event.stopPropagation();
      edit(false);
    }
  }

  const copy = () => copyByButton(el, el.querySelector('.copy-act button'), state.message.content, t('act.copied'));

  const drawEditor = () => html`<div class="edit" @drop=${onDrop}><p class="say-trouble" role="alert"></p><div class="tray"></div>
    <textarea rows="2" dir="auto" aria-label=${t('act.edit')} @keydown=${onKey} @paste=${pasteTo(take)}></textarea>
    <div class="edit-buttons">${drawClip(take)}<button type="button" class="button" @click=${() => edit(false)}>${t('act.cancel')}</button>
    <button type="button" class="button is-main" @click=${save}>${t('act.save')}</button></div></div>`;

  function unfold(isOpen) {
    folds.set(state.message.id, isOpen || null);
    draw();
    if (!isOpen) el.scrollIntoView({block: 'nearest'}); // its end was on the screen: stay at the message
  }

  function drawText({id, content}) {
    if (!isLong(content)) return html`<div class="utterance-text" dir="auto">${content}</div>`;
    const isOpen = Boolean(folds.get(id));
    return html`<div class="utterance-text ${isOpen ? '' : 'is-folded'}" dir="auto" id="text-${id}">${content}</div>
      <button type="button" class="link-button unfold" aria-expanded=${isOpen} aria-controls="text-${id}"
        @click=${() => unfold(!isOpen)}>${t(isOpen ? 'you.fold' : 'you.unfold')}</button>`;
  }

  const drawFiles = () => (state.message.attachments?.length ? html`<div class="said-files"></div>` : nothing);

  const drawWords = ({message, of}) => html`${drawFiles()}${message.content ? drawText(message) : nothing}
    <div class="utterance-foot">${drawBranches(el, message, of)}<span class="acts">${drawWhen(message.created_at)}
      <span class="copy-act"><button type="button" class="icon-button act" aria-label=${t('act.copy')} title=${t('act.copy')} @click=${copy}>${ICONS.copy}${ICONS.check}</button></span>
      <button type="button" class="icon-button act edit-act" aria-label=${t('act.edit')} title=${t('act.edit')} @click=${() => edit(true)}>${ICONS.pen}</button>${drawMore(el, message, {copy, edit: () => edit(true)})}</span></div>`;

  function draw() {
    render(isEditing ? drawEditor() : drawWords(state), el);
    if (state.message.attachments?.length && !isEditing) fillFiles();
  }

  async function fillFiles() {
    const {showFiles} = await import('./attachments.js');
    const place = el.querySelector('.said-files');
    if (place) showFiles(place, state.message.attachments, state.reply?.sent_as);
  }

  return {
    el,
    update(next) {
      if (state && state.message === next.message && state.of === next.of && state.reply?.sent_as === next.reply?.sent_as) return;
      state = next;
      el.dataset.id = next.message.id;
      if (!isEditing) draw();
    },
    tick() {},
  };
}
