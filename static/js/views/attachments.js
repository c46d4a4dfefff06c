/**
 * Files as they are shown: a small picture or a sheet with its ending, and below a message of the person's the row of its
 * files; a picture opens large, anything else is downloaded. Loaded when there is a file to show. Called by utterance.js, tray.js.
 */
import {html, nothing, render} from 'lit-html';
import {ICONS} from '../icons.js';
import {locale, addWords, t} from '../words.js';

const address = id => `/api/attachments/${encodeURIComponent(id)}`;
const bytes = new Intl.NumberFormat(locale, {maximumSignificantDigits: 2});
let dialog = null;

/** @returns {string} "1.2 MB", and for text its length */
export function sizeOf({size, kind, pages}) {
  const words = size < 1e6 ? t('attach.kb', bytes.format(Math.max(0.1, size / 1000))) : t('attach.mb', bytes.format(size / 1e6));
  return kind === 'pdf' && pages ? `${words} · ${t('attach.pages', pages)}` : words;
}

/** A small picture of an image, else a sheet with the file's ending. */
export function drawFile({name, kind, url, id}) {
  const ending = name.includes('.') ? name.split('.').at(-1).slice(0, 4) : '';
  if (kind === 'image') {
    return html`<span class="file-picture"><img src=${url ?? `${address(id)}?thumb=1`} alt="" loading="lazy"
      @error=${e => e.target.replaceWith(url ? ending.toUpperCase() : t('attach.broken'))}></span>`;
  }
  return html`<span class="file-picture is-sheet" aria-hidden="true">${ending.toUpperCase() || '…'}</span>`;
}

/**
 * @param {HTMLElement} el
 * @param {object[]} attachments descriptions
 * @param {object} sentAs how the reply's model got each
 */
export async function showFiles(el, attachments, sentAs = {}) {
  await addWords({en: () => import('../words/attach.en.js'), zh: () => import('../words/attach.zh.js')});

  const drawWay = one => {
    const way = sentAs[one.id];
    const word = way === 'missing' ? 'attach.way.missing' : one.kind === 'pdf' && way ? `attach.way.${way === 'text' && !one.text_length ? 'none' : way}` : null;
    return word ? html`<span class="file-note">${t(word)}</span>` : nothing;
  };
  const drawWords = one => html`<span class="file-words"><span class="file-name"><bdi>${one.name}</bdi></span><span class="file-note">${sizeOf(one)}</span>${drawWay(one)}</span>`;
  const drawOne = one => {
    if (one.kind === 'image') {
      return html`<li><button type="button" class="file-open" aria-label=${t('attach.open', one.name)} @click=${() => openLarge(one)}>${drawFile(one)}</button></li>`;
    }
    return html`<li><a class="file" href=${address(one.id)} download=${one.name} title=${t('attach.download', one.name)}>${drawFile(one)}${drawWords(one)}</a></li>`;
  };
  render(html`<ul class="files is-said" aria-label=${t('attach.list')}>${attachments.map(drawOne)}</ul>`, el);
}

function openLarge(one) {
  if (!dialog) {
    dialog = document.createElement('dialog');
    dialog.className = 'lightbox';
    dialog.addEventListener('click', event => { if (!event.target.closest('a, button, figcaption')) dialog.close(); });
    dialog.addEventListener('close', () => render(nothing, dialog));
    document.body.append(dialog);
  }
  dialog.setAttribute('aria-label', one.name);
  render(html`<form method="dialog" class="lightbox-bar"><span class="file-name"><bdi>${one.name}</bdi></span>
      <a class="icon-button" href=${address(one.id)} download=${one.name} aria-label=${t('attach.download', one.name)} title=${t('attach.download', one.name)}>${ICONS.down}</a>
      <button class="icon-button" aria-label=${t('attach.close')} title=${t('attach.close')}>${ICONS.close}</button></form>
    <div class="lightbox-picture"><img src=${address(one.id)} width=${one.width} height=${one.height} alt=${one.name}></div>`, dialog);
  dialog.showModal();
}
