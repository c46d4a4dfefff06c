/** How files come into a field that one writes in: picked by a button, or pasted. Called by composer.js and utterance.js. */
import {html} from 'lit-html';
import {ICONS} from '../icons.js';
import {t} from '../words.js';

/** @param {(files: File[]) => void} take what is picked goes there */
export function drawClip(take) {
  const onPick = ({target}) => {
    take([...target.files]);
    target.value = ''; // so that the same file can be picked once more
  };
  return html`<label class="icon-button attach" title=${t('say.attach')}>${ICONS.clip}<input type="file" multiple aria-label=${t('say.attach')} @change=${onPick}></label>`;
}

/** @param {(files: File[]) => void} take @returns {(event: ClipboardEvent) => void} */
export const pasteTo = take => event => {
  const {files, types} = event.clipboardData;
  if (!files.length || types.includes('text/plain')) return; // office programs lay a picture of the text beside it
  event.preventDefault();
  take([...files]);
};
