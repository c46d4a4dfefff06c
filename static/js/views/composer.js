/**
 * The field one writes in: grows with its text, keeps a draft per conversation, sends on Enter, turns Send into Stop.
 * Does not send: it wishes for it, and is told by `sent` or `failed` how it went. Called by main.js.
 */
import {html, nothing, render} from 'lit-html';
import {ICONS} from '../icons.js';
import {wish} from '../dom.js';
import {memoryOf} from '../prefs.js';
import {t} from '../words.js';
import {drawClip, pasteTo} from './file_ways.js';

const NEW = 'new'; // the draft of a conversation that does not exist yet
const DRAFT_EVERY_MS = 300;
const MOST_BESIDE = 5; // models beside the chosen one
const hasFieldSizing = CSS.supports('field-sizing', 'content');

/**
 * @param {HTMLElement} el
 * @returns {{update: (state: {conversation: string|null, modelName: string, modelId: string, also: string[],
 *   nameOf: Function, isRunning: boolean, mustWait: boolean, isSending: boolean, isReady: boolean, isCut: boolean}) => void,
 *   sent: (text: string, from: string|null) => void, failed: (sentence: string, content: string) => void, focus: () => void, adopt: (id: string) => void}}
 */
export function mountComposer(el) {
  const drafts = memoryOf('drafts');
  let state = {};
  let timer = 0;
  let unsent = null; // what the server may not have got
  let isEager = false; // Enter came before the page was ready
  let files = {ids: []};
  let isAdding = false; // a model has just been added, perhaps out of sight
  const take = added => wish(el, 'attachFiles', {files: added});

  render(html`<form class="composer" @submit=${submit}>
      <p class="say-trouble" role="alert"></p>
      <div class="tray"></div>
      <textarea id="say" rows="1" dir="auto" enterkeyhint="send" autocomplete="off" aria-label=${t('say.label')} placeholder=${t('say.hint')}
        @keydown=${onKey} @input=${onInput} @paste=${pasteTo(take)}></textarea>
      <div class="say-row">${drawClip(take)}<div class="say-chips"></div><div class="say-button"></div></div>
    </form>`, el);
  const field = el.querySelector('textarea');
  const trouble = el.querySelector('.say-trouble');

  el.querySelector('form').addEventListener('pointerdown', event => {
    if (event.target === event.currentTarget || event.target.matches('.say-row, .say-chips')) {
      event.preventDefault(); // the whole field invites writing, not only its first line
      field.focus();
    }
  });

  function onKey(event) {
    // 229: browsers that end a composition before the key that ended it
    if (event.key !== 'Enter' || event.shiftKey || event.isComposing || event.keyCode === 229) return;
    event.preventDefault();
    if (!event.repeat) submit(event);
  }

  function submit(event) {
    event.preventDefault();
    send();
  }

  function send() {
    const content = field.value.trim();
    if (state.isSending || state.isCut || !(content || files.ids.length)) return;
    if (files.trouble) return say(files.trouble);
    isEager = !state.isReady;
    if (isEager) return;
    // A text that failed to be sent may have arrived, and its answer be what runs: tried again it is the same wish.
    wish(el, state.mustWait && content !== unsent ? 'queueMessage' : 'sendMessage', {content});
  }

  const reason = () => (state.isCut ? t('say.offline') : ''); // why nothing can be sent

  function onInput() {
    isEager = false;
    say(reason());
    fit();
    drawButton();
    clearTimeout(timer);
    timer = setTimeout(keepDraft, DRAFT_EVERY_MS);
  }

  function keepDraft() {
    clearTimeout(timer);
    drafts.set(state.conversation ?? NEW, field.value || null);
  }

  function say(sentence) {
    if (trouble.textContent !== sentence) trouble.textContent = sentence;
  }

  /** Where `field-sizing` is unknown the height follows by hand. */
  function fit() {
    if (hasFieldSizing) return;
    field.style.height = 'auto';
    field.style.height = `${field.scrollHeight}px`;
  }

  function fill(text) {
    field.value = text;
    fit();
  }

  function drawButton() {
    // Stop keeps its place at the end: a button to send that came there would take its clicks.
    const isEmpty = !field.value.trim() && !files.ids.length;
    const word = t(state.mustWait ? 'say.queue' : 'say.send');
    render(html`${state.isRunning && isEmpty ? nothing : html`<button type="submit" class="round" aria-label=${word} title=${word}
        ?disabled=${isEmpty || state.isSending || state.isCut}>${ICONS.send}</button>`}${state.isRunning ? html`<button type="button" class="round is-stop"
        aria-label=${t('say.stop')} title=${t('say.stop')} @click=${() => wish(el, 'stopReply')}>${ICONS.stop}</button>` : nothing}`, el.querySelector('.say-button'));
  }

  function drawChips() {
    render(html`<div class="say-models"><button type="button" class="chip" id="model-chip" aria-haspopup="dialog" title=${state.modelId}
      aria-label=${t('model.choose', state.modelName)}
      @click=${e => wish(el, 'openPicker', {anchor: e.currentTarget})}><span>${state.modelName}</span>${ICONS.chevron}</button>
      ${state.also.map((model, i) => html`<button type="button" class="chip is-also" title=${model} aria-label=${t('say.without', state.nameOf(model))}
        @click=${() => compareWith(state.also.toSpliced(i, 1))}><span>${state.nameOf(model)}</span>${ICONS.close}</button>`)}</div>
      ${state.also.length < MOST_BESIDE ? html`<button type="button" class="chip is-add" aria-haspopup="dialog" aria-label=${t('say.compare')} title=${t('say.compare')}
        @click=${e => wish(el, 'openPicker', {anchor: e.currentTarget, pick: model => compareWith([...state.also, model])})}>${ICONS.plus}</button>` : nothing}<button
      type="button" class="chip is-aside" id="params-chip" data-count=${state.settings || nothing} aria-haspopup="dialog" title=${t('params.open')} aria-label=${`${t('params.open')}: ${t('params.count', state.settings)}`}
      @click=${() => wish(el, 'openParams')}>${ICONS.gear}${state.settings ? html`<span>${t('params.count', state.settings)}</span>` : nothing}</button>`,
    el.querySelector('.say-chips'));
    const models = el.querySelector('.say-models');
    if (isAdding) models.scrollLeft = models.scrollWidth;
    isAdding = false;
  }

  function compareWith(models) {
    isAdding = models.length > state.also.length;
    wish(el, 'compareWith', {models});
    const isFine = matchMedia('(pointer: fine)').matches; // else the keyboard of a phone would come unasked
    (isFine ? field : el.querySelector('#model-chip')).focus({preventScroll: true});
  }

  addEventListener('pagehide', keepDraft);

  return {
    update(next) {
      const isFirst = !('conversation' in state);
      const isMoved = isFirst || next.conversation !== state.conversation;
      if (isMoved && !isFirst) keepDraft();
      const isNews = next.isCut !== state.isCut || (!next.mustWait && state.mustWait);
      state = next;
      if (isNews) say(reason());
      if (isMoved) {
        if (!isFirst || !field.value) fill(drafts.get(state.conversation ?? NEW) ?? ''); // or it was quicker than the first frame
        say(reason());
      }
      field.closest('form').classList.toggle('is-sending', state.isSending);
      drawButton();
      drawChips();
      if (isMoved && !isFirst || state.isCut) isEager = false;
      if (isEager && state.isReady) send();
    },
    /** The message is kept by the server: what was typed after it stays. */
    sent(content) {
      unsent = null;
      const rest = field.value.trim() === content ? '' : field.value;
      fill(rest);
      keepDraft();
      drawButton();
    },
    failed(sentence, content) {
      unsent = content;
      say(sentence);
    },
    files: () => files,
    /** What is attached (attach.js): `ids`, and why it cannot be sent yet. @param {{ids: string[], trouble: string}} next */
    hold(next) {
      files = next;
      drawButton();
    },
    focus: () => field.focus({preventScroll: true}),
    /** A new conversation has got its id while its first message is on the way: the draft goes with it. */
    adopt(id) {
      drafts.set(NEW, null);
      state = {...state, conversation: id};
    },
  };
}
