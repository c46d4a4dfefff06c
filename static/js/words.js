/**
 * Every string of the page, by key, in the person's language: `t(key, ...)`. English is in the first load, others come on demand.
 * The tables are words/en.js and words/zh.js, and a pair like them for each view that is loaded on demand; a missing word
 * falls back to English. What the server says is English until `said` has it. Called by everything that shows text.
 */
import en from './words/en.js';
import {recall, remember} from './prefs.js';

/** @returns {'en' | 'zh'} the chosen language, else the browser's */
function chooseLanguage() {
  const chosen = recall('language');
  if (chosen === 'en' || chosen === 'zh') return chosen;
  return globalThis.navigator?.language?.startsWith('zh') ? 'zh' : 'en';
}

export const language = chooseLanguage();
export const locale = language === 'zh' ? 'zh-CN' : 'en-GB';

let words = en;
if (language === 'zh') words = {...en, ...(await import('./words/zh.js').catch(() => ({}))).default};

/**
 * The words of a view that is loaded when it is first wanted: it awaits this before it draws. They may replace no others.
 * @param {Record<'en' | 'zh', () => Promise<{default: object}>>} tables the imports of words/NAME.en.js and words/NAME.zh.js
 */
export async function addWords(tables) {
  const english = (await tables.en()).default;
  const own = language === 'en' ? {} : (await tables[language]().catch(() => ({}))).default;
  words = {...words, ...english, ...own};
}

/** @param {string} key @param {...any} values for words that are functions @returns {string} */
export function t(key, ...values) {
  const word = words[key];
  return typeof word === 'function' ? word(...values) : word;
}

let saying = null;

/** @param {string} sentence one of the server's, English @returns {Promise<string>} it in the person's language, where it is known (said.js) */
export async function said(sentence) {
  if (language === 'en') return sentence;
  saying ??= Promise.all([import('./said.js'), import('./words/server.zh.json')]).then(([{translator}, table]) => translator(table.default));
  return saying.then(say => say(sentence), () => { saying = null; return sentence; });
}

/** A language is a fresh start: every view was drawn in the old one, and nothing is lost by a reload. */
export function changeLanguage(code) {
  remember('language', code);
  document.cookie = `rill_language=${code}; path=/; max-age=31536000; samesite=lax`; // for what the server words itself: rill/routes/language.py
  location.reload();
}
