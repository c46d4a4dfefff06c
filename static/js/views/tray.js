/**
 * The files of the message one writes, above its words: pictures, names, progress, what is wrong, and what the models
 * that are asked will make of them; and the target that shows where a dragged file may be dropped. Uploads nothing. Called by attach.js.
 */
import {html, nothing, render} from 'lit-html';
import {repeat} from 'lit-html/directives/repeat.js';
import {ICONS} from '../icons.js';
import {t} from '../words.js';
import {drawFile, sizeOf} from './attachments.js';

const TARGET_MS = 400; // a drag that goes on says so several times a second

/**
 * @param {import('../attach.js').Item[]} items
 * @param {{name: string, model: object|undefined}[]} asked all that are to answer; `model` as GET /api/models gives it, undefined where it is
 *   not listed
 * @returns {string[]} sentences: what will not arrive as one may think, and at whom
 */
export function warningsFor(items, asked) {
  const kinds = items.map(item => item.attachment).filter(Boolean);
  const warnings = [];
  const namesOf = isSuch => asked.filter(({model}) => isSuch(model, model?.input_modalities ?? [])).map(({name}) => name);
  if (kinds.some(one => one.kind === 'image')) {
    const [blind, unknown] = [namesOf((_, takes) => takes.length && !takes.includes('image')), namesOf((_, takes) => !takes.length)];
    if (blind.length) warnings.push(t('attach.image.no', blind));
    if (unknown.length) warnings.push(t('attach.image.unknown', unknown));
  }
  const [whole, inWords] = [namesOf(model => model?.takes_pdf), namesOf(model => !model?.takes_pdf)];
  for (const one of kinds.filter(k => k.kind === 'pdf')) {
    if (whole.length) warnings.push(t('attach.pdf.file', one.name, inWords.length ? whole : null));
    if (!inWords.length) continue;
    if (!one.text_length) warnings.push(t('attach.pdf.none', one.name, inWords));
    else warnings.push(t(one.text_is_cut ? 'attach.pdf.cut' : 'attach.pdf.text', one.name, one.text_length, inWords));
  }
  return warnings;
}

/** @returns {(isOn: boolean) => void} shows the target for as long as a drag goes on */
export function mountDropTarget() {
  const target = document.createElement('div');
  target.className = 'drop-target';
  target.hidden = true;
  target.append(t('attach.drop'));
  document.body.append(target);
  let timer = 0;
  return isOn => {
    clearTimeout(timer);
    target.hidden = !isOn;
    if (isOn) timer = setTimeout(() => { target.hidden = true; }, TARGET_MS);
  };
}

/** @param {HTMLElement} el @param {{remove: (item: object) => void, retry: (item: object) => void}} act */
export function mountTray(el, act) {
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
    update({items, asked}) {
      const warnings = warningsFor(items, asked);
      render(html`${items.length ? html`<ul class="files" aria-label=${t('attach.list')}>${repeat(items, item => item.key, drawItem)}</ul>` : nothing}
        <div class="file-warnings" role="status">${warnings.map(words => html`<p>${words}</p>`)}</div>`, el);
    },
  };
}
