/** The icons that only the picker shows: the star, and what a model reads beside text. Called by views/picker.js. */
import {html, svg} from 'lit-html';

const small = paths => html`<svg class="icon" viewBox="0 0 20 20" width="16" height="16" fill="none" stroke="currentColor"
  stroke-width="1.5" stroke-linecap="round" stroke-linejoin="round" aria-hidden="true" focusable="false">${paths}</svg>`;

export const STAR = small(svg`<path d="M10 3l2.1 4.4 4.9.7-3.5 3.4.8 4.8L10 14l-4.3 2.3.8-4.8L3 8.1l4.9-.7z"/>`);

export const TAKES = {
  image: small(svg`<rect x="3" y="4" width="14" height="12" rx="2"/><circle cx="7.5" cy="8" r="1.2"/><path d="M3.5 14l4-3.5 3 2.5 3-3 3 3"/>`),
  file: small(svg`<path d="M5.5 3h6L15 6.5V17H5.5zM11.5 3v3.5H15"/>`),
  audio: small(svg`<path d="M3.5 8.5v3M6.75 6v8M10 3.5v13M13.25 6v8M16.5 8.5v3"/>`),
  video: small(svg`<rect x="2.5" y="5" width="10.5" height="10" rx="2"/><path d="M13 9l4.5-2.5v7L13 11z"/>`),
};
