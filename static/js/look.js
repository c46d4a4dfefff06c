/**
 * How the page looks to this person: theme, size of text, density. Each is a word on <html> that the stylesheets know, and is
 * remembered; entry-theme.js sets it again before the first paint. The usual choice is no word at all. Called by settings.js.
 */
import {recall, remember} from './prefs.js';

const root = document.documentElement;

/** name -> its choices, in the order to show them */
export const LOOKS = {theme: ['system', 'light', 'dark'], text: ['small', 'normal', 'large'], density: ['comfortable', 'compact']};
const USUAL = {theme: 'system', text: 'normal', density: 'comfortable'};

/** @param {keyof LOOKS} name @returns {string} */
export function lookOf(name) {
  const chosen = recall(name);
  return LOOKS[name].includes(chosen) ? chosen : USUAL[name];
}

/** @param {keyof LOOKS} name @param {string} choice one of its choices */
export function chooseLook(name, choice) {
  const isUsual = choice === USUAL[name];
  remember(name, isUsual ? null : choice);
  if (isUsual) delete root.dataset[name];
  else root.dataset[name] = choice;
  if (name === 'theme') colourBars(choice);
}

/** The browser's own bars take the colour of the theme that is shown. @param {string} theme */
function colourBars(theme) {
  for (const meta of document.querySelectorAll('meta[name="theme-color"]')) {
    const own = meta.dataset.theme;
    if (theme === 'system') meta.media = `(prefers-color-scheme: ${own})`;
    else meta.media = own === theme ? 'all' : 'not all';
  }
}
