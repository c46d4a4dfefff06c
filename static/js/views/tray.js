/**
 * The files of the message one writes, above its words: pictures, names, progress, what is wrong, and what the chosen model
 * will make of them; and the target that shows where a dragged file may be dropped. Uploads nothing. Called by attach.js.
 */
import {html, nothing, render} from 'lit-html';
import {repeat} from 'lit-html/directives/repeat.js';
import {ICONS} from '../icons.js';
import {t} from '../words.js';
import {drawFile, sizeOf} from './attachments.js';

const TARGET_MS = 400; // a drag that goes on says so several times a second

/**
 * @param {import('../attach.js').Item[]} items
 * @param {object|undefined} model as GET /api/models gives it; undefined where it is not listed
 * @returns {string[]} sentences: what will not arrive as one may think
 */
export function warningsFor(items, model, name) {
  const kinds = items.map(item => item.attachment).filter(Boolean);
  const warnings = [];
  const takes = model?.input_modalities ?? [];
  if (kinds.some(one => one.kind === 'image')) {
    if (!takes.length) warnings.push(t('attach.image.unknown', name));
    else if (!takes.includes('image')) warnings.push(t('attach.image.no', name));
  }
  for (const one of kinds.filter(k => k.kind === 'pdf')) {
    if (model?.takes_pdf) warnings.push(t('attach.pdf.file', one.name));
    else if (!one.text_length) warnings.push(t('attach.pdf.none', one.name, name));
    else warnings.push(t(one.text_is_cut ? 'attach.pdf.cut' : 'attach.pdf.text', one.name, one.text_length, name));
  }
  return warnings;
}

/** @param {HTMLElement} el @param {{remove: (item: object) => void, retry: (item: object) => void}} act */
export function mountTray(el, act) {
  const target = document.createElement('div');
  target.className = 'drop-target';
  target.hidden = true;
  target.append(t('attach.drop'));
  document.body.append(target);
  let timer = 0;

  function drawNote(item) {
    if (item.status === 'failed') return html`<span class="file-note is-bad">${item.error}</span>`;
    if (item.status === 'ready') return html`<span class="file-note">${sizeOf(item.attachment)}</span>`;
    const share = Math.round(item.progress * 100);
    return html`<progress class="file-progress" max="100" value=${share} aria-label=${t('attach.progress', item.name)}></progress>`;
  }

  const drawItem = item => html`<li class="file is-${item.status}">
    ${drawFile({name: item.name, kind: item.url ? 'image' : item.attachment?.kind, url: item.url ?? null, id: item.attachment?.id})}
    <span class="file-words"><span class="file-name"><bdi>${item.name}</bdi></span>${drawNote(item)}</span>
    ${item.canRetry ? html`<button type="button" class="icon-button" aria-label=${t('attach.retry', item.name)} title=${t('attach.retry', item.name)}
      @click=${() => act.retry(item)}>${ICONS.again}</button>` : nothing}
    <button type="button" class="icon-button" aria-label=${t('attach.remove', item.name)} title=${t('attach.remove', item.name)}
      @click=${() => act.remove(item)}>${ICONS.close}</button></li>`;

  return {
    update({items, model, modelName}) {
      const warnings = warningsFor(items, model, modelName);
      render(html`${items.length ? html`<ul class="files" aria-label=${t('attach.list')}>${repeat(items, item => item.key, drawItem)}</ul>` : nothing}
        <div class="file-warnings" role="status">${warnings.map(words => html`<p>${words}</p>`)}</div>`, el);
    },
    /** Shown for as long as a drag goes on. */
    target(isOn) {
      clearTimeout(timer);
      target.hidden = !isOn;
      if (isOn) timer = setTimeout(() => { target.hidden = true; }, TARGET_MS);
    },
  };
}
