/** The words of the Markdown renderer, which knows no tables of words. Called by reply.js and entry-share.js. */
import {t} from '../words.js';

const NAMES = ['wrap', 'download', 'copy', 'copied', 'copyFailed', 'code', 'done', 'todo', 'table'];

export const labels = Object.fromEntries(NAMES.map(name => [name, t(`md.${name}`)]));
