/** One message of the person: the words in a tinted block, copy, edit in place, branch arrows. Called by thread.js. */
import {html, render} from 'lit-html';
import {ICONS} from '../icons.js';
import {copyByButton, wish} from '../dom.js';
import {t} from '../words.js';
import {drawBranches} from './branches.js';

/** @returns {{el: HTMLElement, update: (state: {message: object, of: object[]}) => void, tick: () => void}} */
export function mountUtterance() {
  const el = document.createElement('article');
  el.className = 'utterance';
  el.setAttribute('aria-label', t('you.label'));
  let state = null;
  let isEditing = false;

  function edit(isOn) {
    isEditing = isOn;
    draw();
    const field = el.querySelector('textarea');
    if (!field) return el.querySelector('.edit-act')?.focus();
    field.value = state.message.content;
    field.focus();
  }

  function save() {
    const content = el.querySelector('textarea').value.trim();
    if (!content) return;
    if (content !== state.message.content) wish(el, 'editMessage', {message: state.message, content, done: () => edit(false)});
    else edit(false);
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

  const copy = event => copyByButton(el, event.currentTarget, state.message.content, t('act.copied'));

  const drawEditor = () => html`<div class="edit"><textarea rows="2" dir="auto" aria-label=${t('act.edit')} @keydown=${onKey}></textarea>
    <div class="edit-buttons"><button type="button" class="button" @click=${() => edit(false)}>${t('act.cancel')}</button>
    <button type="button" class="button is-main" @click=${save}>${t('act.save')}</button></div></div>`;

  const drawWords = ({message, of}) => html`<div class="utterance-text" dir="auto">${message.content}</div>
    <div class="utterance-foot">${drawBranches(el, message, of)}<span class="acts">
      <span class="copy-act"><button type="button" class="icon-button act" aria-label=${t('act.copy')} title=${t('act.copy')} @click=${copy}>${ICONS.copy}${ICONS.check}</button></span>
      <button type="button" class="icon-button act edit-act" aria-label=${t('act.edit')} title=${t('act.edit')} @click=${() => edit(true)}>${ICONS.pen}</button></span></div>`;

  function draw() {
    render(isEditing ? drawEditor() : drawWords(state), el);
  }

  return {
    el,
    update(next) {
      if (state && state.message === next.message && state.of === next.of) return;
      state = next;
      el.dataset.id = next.message.id;
      if (!isEditing) draw();
    },
    tick() {},
  };
}
