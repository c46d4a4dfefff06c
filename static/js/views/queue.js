/** What waits to be sent, above the message field: in its order, to be changed or taken back; and why it waits. Called by queue.js. */
import {html, nothing, render} from 'lit-html';
import {repeat} from 'lit-html/directives/repeat.js';
import {ICONS} from '../icons.js';
import {addWords, t} from '../words.js';

await addWords({en: () => import('../words/queue.en.js'), zh: () => import('../words/queue.zh.js')});

/**
 * @param {HTMLElement} composer the queue stands before it
 * @param {{edit: Function, drop: Function, sendNow: () => void, sendBare: () => void, editing: (key: string|null) => void}} does
 */
export function mountQueue(composer, does) {
  const el = document.createElement('section');
  el.className = 'queue';
  el.hidden = true;
  el.setAttribute('aria-label', t('queue.label'));
  composer.before(el);
  let state = {items: [], state: 'waiting', status: null, trouble: null};
  let edited = null;

  function startEdit(item) {
    edited = item.key;
    does.editing(edited);
    draw();
    const field = el.querySelector('textarea');
    field.value = item.body.content;
    field.focus();
  }

  function endEdit(content) {
    const key = edited;
    if (key === null) return;
    edited = null;
    const {attachments} = state.items.find(item => item.key === key).body;
    if (content !== null && (content.trim() || attachments)) does.edit(key, content.trim());
    does.editing(null);
    draw();
    composer.querySelector('textarea').focus({preventScroll: true});
  }

  function onKey(event) {
    if (event.key === 'Enter' && !event.shiftKey && !event.isComposing && event.keyCode !== 229) {
      event.preventDefault();
      endEdit(event.target.value);
    } else if (event.key === 'Escape') {
      event.stopPropagation(); // here it does not stop the answer
      event.preventDefault();
      endEdit(null);
    }
  }

  const drawEditor = () => html`<textarea class="queue-edit" rows="1" dir="auto" aria-label=${t('queue.edit')} @keydown=${onKey}></textarea>
    <button type="button" class="icon-button" aria-label=${t('queue.save')} title=${t('queue.save')} @click=${() => endEdit(el.querySelector('textarea').value)}>${ICONS.check}</button>`;

  const drawFiles = ({attachments}) => (attachments ? html`<span class="queue-files">${ICONS.clip}${t('queue.files', attachments.length)}</span>` : nothing);

  const drawWords = item => html`<span class="queue-text" dir="auto">${item.body.content}</span>${drawFiles(item.body)}
    <button type="button" class="icon-button" aria-label=${t('queue.edit')} title=${t('queue.edit')} @click=${() => startEdit(item)}>${ICONS.pen}</button>
    <button type="button" class="icon-button" aria-label=${t('queue.drop')} title=${t('queue.drop')} @click=${() => does.drop(item.key)}>${ICONS.close}</button>`;

  function reason() {
    if (state.trouble?.areFilesGone) return t(state.items[0].body.content ? 'queue.gone' : 'queue.gone.all');
    if (state.trouble) return state.trouble.sentence;
    return t(state.state === 'held' ? `queue.${state.status}` : 'queue.waiting');
  }

  function draw() {
    const {items} = state;
    el.hidden = !items.length;
    const isHeld = state.state === 'held' || state.trouble;
    const offer = (label, run) => html`<button type="button" class="link-button" @click=${run}>${label}</button>`;
    // Asked again, files that are gone would still be gone; and without words nothing is left to send.
    const offers = !isHeld || !items.length ? nothing : !state.trouble?.areFilesGone ? offer(t('queue.now'), does.sendNow)
      : items[0].body.content ? offer(t('queue.bare'), does.sendBare) : nothing;
    el.classList.toggle('is-held', Boolean(isHeld));
    render(html`<div class="queue-why"><span role="status">${items.length ? reason() : nothing}</span>${offers}</div>
      <ol>${repeat(items, item => item.key, item => html`<li>${item.key === edited ? drawEditor() : drawWords(item)}</li>`)}</ol>`, el);
  }

  return {
    update(next) {
      state = next;
      if (edited && !state.items.some(item => item.key === edited)) {
        edited = null; // sent by another tab, or this is another conversation
        does.editing(null);
      }
      draw();
    },
  };
}
