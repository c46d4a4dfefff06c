/**
 * A block of code: its element, and what its Wrap, Download and Copy do.
 *
 * One listener for a whole message, so that blocks can be compared and moved like any node. Whether lines are wrapped is the
 * state of a checkbox, which is no attribute: a block that is still being written keeps it. Colours come from highlight.js
 * of ours, and the file from code_file.js, which is loaded for the first download.
 */

import { el } from './dom.js';

const COPIED_MS = 2000;

/** @typedef {{wrap: string, download: string, copy: string, copied: string, copyFailed: string, code: string, done: string, todo: string, table: string}} Labels */

/** @type {Labels} */
export const LABELS = {
  wrap: 'Wrap', download: 'Download', copy: 'Copy', copied: 'Copied', copyFailed: 'Select and copy', code: 'Code', done: 'Done', todo: 'To do', table: 'Table',
};

/** @param {string} language may be empty @param {string} text @param {Labels} labels */
export function codeBlock(language, text, labels) {
  const code = el('code', language ? { class: `language-${language}` } : {}, ...(text ? [text] : []));
  return el('figure', { class: 'code', dir: 'ltr' },
    el('figcaption', {}, el('span', { class: 'language' }, language || labels.code),
      el('label', { class: 'wrap' }, el('input', { type: 'checkbox' }), labels.wrap),
      el('button', { type: 'button', class: 'download' }, labels.download),
      el('button', { type: 'button', class: 'copy', 'aria-live': 'polite' }, labels.copy)),
    el('pre', { tabindex: '0' }, code));
}

/** Plain http has no clipboard API: the old way still works inside a click. */
async function writeClipboard(text) {
  if (navigator.clipboard) return navigator.clipboard.writeText(text);
  const area = el('textarea', { readonly: '', class: 'copy-source' });
  area.value = text;
  document.body.append(area);
  area.select();
  const isCopied = document.execCommand('copy');
  area.remove();
  if (!isCopied) throw new Error('the browser refused to copy');
}

async function copyFrom(button, code, write, labels) {
  const isCopied = await Promise.resolve(write(code.textContent)).then(() => true, () => false);
  button.textContent = isCopied ? labels.copied : labels.copyFailed;
  button.classList.toggle('copied', isCopied);
  setTimeout(() => {
    button.textContent = labels.copy;
    button.classList.remove('copied');
  }, COPIED_MS);
}

/**
 * @param {HTMLElement} container of a whole message
 * @param {(text: string) => Promise<void>|void} [write] instead of the clipboard
 * @param {AbortSignal} signal ends the listening
 */
export function listenToButtons(container, labels, write, signal) {
  container.addEventListener('click', event => {
    const button = event.target.closest?.('button');
    const code = button?.closest('figure.code')?.querySelector('code');
    if (!code) return;
    if (button.matches('.copy')) copyFrom(button, code, write ?? writeClipboard, labels);
    else import('./code_file.js').then(({ saveCode }) => saveCode(code.textContent, code.className.replace(/^language-/, '')), () => {});
  }, { signal });
}
