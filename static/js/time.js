/**
 * Numbers and times as a person reads them. Pure: the time now and the locale are passed in. Called by the views.
 */

const DAY_MS = 86_400_000;

/** @param {number} ms @returns {string} "0.8 s", "12 s", "2 min 5 s" */
export function duration(ms) {
  if (ms < 0) return '0.0 s';
  if (ms < 9_950) return `${(ms / 1000).toFixed(1)} s`;
  const seconds = Math.round(ms / 1000);
  return seconds < 60 ? `${seconds} s` : `${Math.floor(seconds / 60)} min ${seconds % 60} s`;
}

/** @param {number} n @returns {string} "62", "8.4": as many digits as help */
export const rate = n => (n < 10 ? n.toFixed(1) : String(Math.round(n)));

/** @param {number} n tokens a model can read @returns {string} "128K", "1M" */
export function compact(n) {
  if (n >= 1_000_000) return `${trim((n / 1_000_000).toFixed(1))}M`;
  return n >= 1000 ? `${Math.round(n / 1000)}K` : String(n);
}

/** @param {number} amount @returns {string} "$0.0012": two digits that mean something, however small */
export function money(amount, currency = 'USD') {
  const sign = currency === 'USD' ? '$' : `${currency} `;
  if (amount === 0) return `${sign}0`;
  if (amount >= 1) return sign + amount.toFixed(2);
  const places = Math.min(8, 1 - Math.floor(Math.log10(amount)));
  return sign + amount.toFixed(Math.max(2, places));
}

const trim = text => text.replace(/\.0$/, '');

/** @param {Date} date @returns {number} midnight, local, in ms */
const midnight = date => new Date(date.getFullYear(), date.getMonth(), date.getDate()).getTime();

/**
 * @param {string} iso time of the last activity
 * @param {Date} now
 * @returns {{key: string, month?: Date}} the sidebar's group: today, yesterday, week, month, or a calendar month
 */
export function dateGroup(iso, now) {
  const date = new Date(iso);
  const days = Math.round((midnight(now) - midnight(date)) / DAY_MS); // rounded: a day may have 23 or 25 hours
  if (days <= 0) return {key: 'today'};
  if (days === 1) return {key: 'yesterday'};
  if (days < 7) return {key: 'week'};
  if (days < 30) return {key: 'month'};
  return {key: `${date.getFullYear()}-${date.getMonth()}`, month: new Date(date.getFullYear(), date.getMonth(), 1)};
}

/**
 * @param {string} text a text that grows
 * @param {number} from what was read out already, in UTF-16 units
 * @returns {number} the end of the last finished sentence after `from`, or `from`
 */
export function sentencesEnd(text, from) {
  let end = from;
  const ends = /[.!?…:](?=\s)|[。！？：]|\n/gu;
  ends.lastIndex = from;
  for (let found = ends.exec(text); found; found = ends.exec(text)) end = found.index + found[0].length;
  return end;
}

/** @param {string} text @returns {string} up to the first full stop that ends a sentence */
export const firstSentence = text => /^.*?[.。](?=\s|$)/su.exec(text)?.[0] ?? text;
