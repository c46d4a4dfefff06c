/** Our own icons: 20 px, 1.5 px strokes, drawn with the text's colour. The label is the button's business. */
import {html, svg} from 'lit-html';

/** @param {object} paths of an icon that a view brings along */
export const icon = paths => html`<svg class="icon" viewBox="0 0 20 20" width="20" height="20" fill="none" stroke="currentColor"
  stroke-width="1.5" stroke-linecap="round" stroke-linejoin="round" aria-hidden="true" focusable="false">${paths}</svg>`;


export const ICONS = {
  panel: icon(svg`<rect x="2.75" y="3.75" width="14.5" height="12.5" rx="2.5"/><path d="M7.75 4v12"/>`),
  plus: icon(svg`<path d="M10 4.5v11M4.5 10h11"/>`),
  pen: icon(svg`<path d="M11.5 4.5l4 4L7 17H3v-4z"/>`),
  more: icon(svg`<path d="M5 10h.01M10 10h.01M15 10h.01" stroke-width="2.2"/>`),
  gear: icon(svg`<path d="M3 6h8M15 6h2M3 14h2M9 14h8"/><circle cx="13" cy="6" r="2"/><circle cx="7" cy="14" r="2"/>`),
  send: icon(svg`<path d="M10 16V4.5M5 9.25L10 4.25l5 5"/>`),
  stop: icon(svg`<rect x="5.75" y="5.75" width="8.5" height="8.5" rx="1.5" fill="currentColor"/>`),
  copy: icon(svg`<rect x="7" y="7" width="9.5" height="9.5" rx="2"/><path d="M13 7V5.5a2 2 0 0 0-2-2H5.5a2 2 0 0 0-2 2V11a2 2 0 0 0 2 2H7"/>`),
  check: icon(svg`<path d="M4.5 10.5l3.5 3.5 7.5-8"/>`),
  again: icon(svg`<path d="M16 10a6 6 0 1 1-1.8-4.3M16.2 3.2v3.2H13"/>`),
  go: icon(svg`<path d="M4 10h11M10.75 5.5L15.25 10l-4.5 4.5"/>`),
  left: icon(svg`<path d="M12 5l-5 5 5 5"/>`),
  right: icon(svg`<path d="M8 5l5 5-5 5"/>`),
  down: icon(svg`<path d="M10 4v11.5M5 10.75l5 5 5-5"/>`),
  chevron: icon(svg`<path d="M6 8l4 4 4-4"/>`),
  columns: icon(svg`<rect x="2.75" y="4" width="6" height="12" rx="1.5"/><rect x="11.25" y="4" width="6" height="12" rx="1.5"/>`),
  close: icon(svg`<path d="M5 5l10 10M15 5L5 15"/>`),
  search: icon(svg`<circle cx="9" cy="9" r="5.25"/><path d="M13 13l3.75 3.75"/>`),
  clip: icon(svg`<path d="M16 9l-6 6.2a3.6 3.6 0 0 1-5.2-5L11 3.9a2.4 2.4 0 0 1 3.5 3.4L8.3 13.6a1.2 1.2 0 0 1-1.7-1.7L12 6.5"/>`),
  warn: icon(svg`<circle cx="10" cy="10" r="7.25"/><path d="M10 6.25v4.5M10 13.6v.1"/>`),
  pin: icon(svg`<path d="M7 3.5h6l-.75 5L15 11.5H5L7.75 8.5zM10 11.5V17"/>`),
  box: icon(svg`<path d="M3.500 7.500v8a1 1 0 0 0 1 1h11a1 1 0 0 0 1-1v-8M2.750 4h14.500v3.500H2.750zM8 11h4"/>`),
  bin: icon(svg`<path d="M4 6h12M8 6V4h4v2M5.5 6l.75 10.25h7.5L14.5 6"/>`),
  rill: html`<svg class="icon rill" viewBox="0 0 20 20" width="20" height="20" fill="none" stroke="currentColor" stroke-width="1.7"
    stroke-linecap="round" aria-hidden="true" focusable="false"><path d="M2.5 6.5c2.5-2.2 5-2.2 7.5 0s5 2.2 7.5 0"/><path
    d="M2.5 10.5c2.5-2.2 5-2.2 7.5 0s5 2.2 7.5 0"/><path d="M5.5 14.5c1.6-1.4 3-1.4 4.5 0s3 1.4 4.5 0"/></svg>`,
};
