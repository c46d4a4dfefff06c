/** What the usage page shows: asks the server for a span of days, again when another is chosen, and remembers the choice. Called by pages.js. */
import {recall, remember} from './prefs.js';
import {mountUsage} from './views/usage.js';
import {addWords, t} from './words.js';

export const SPANS = [7, 30, 90, 365];

let view = null;
let days = 0;
let asked = 0;

/** @param {HTMLElement} el @param {object} api @returns {Promise<string>} the page's title */
export async function openUsage(el, api) {
  if (!view) {
    await addWords({en: () => import('./words/usage.en.js'), zh: () => import('./words/usage.zh.js')});
    days = SPANS.find(span => span === recall('usage-days', 30)) ?? 30;
    view = mountUsage(el, {spans: SPANS});
    el.addEventListener('chooseSpan', ({detail}) => {
      days = detail.days;
      remember('usage-days', days);
      show(api);
    });
    el.addEventListener('loadUsage', () => show(api));
  }
  show(api);
  return t('usage.title');
}

/** What was shown stays until the new numbers are here. */
async function show(api) {
  const mine = ++asked;
  view.update({days, isLoading: true});
  const next = await api.usage(days).then(told => ({told}), error => ({error: error.type === 'offline' ? t('usage.offline') : error.message}));
  if (mine === asked) view.update({days, isLoading: false, ...next});
}
