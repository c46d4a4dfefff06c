/** Icons of the menus that keep order; loaded with them. Used by organise.js and views/keep.js. */
import {svg} from 'lit-html';
import {icon} from '../icons.js';

export const OWN_ICONS = {
  fork: icon(svg`<circle cx="5.500" cy="4.750" r="1.750"/><circle cx="14.500" cy="4.750" r="1.750"/><circle cx="5.500" cy="15.250" r="1.750"/><path d="M5.500 6.500v7M14.500 6.500c0 3.500-9 2-9 7"/>`),
  select: icon(svg`<rect x="3.250" y="3.250" width="13.500" height="13.500" rx="2.500"/><path d="M6.750 10.250l2.250 2.250 4.500-5"/>`),
};
