/** How long ago, as a person says it. Pure: the time now and the locale are passed in. Called by views that are loaded on demand. */

const UNITS = [['day', 86_400], ['hour', 3600], ['minute', 60], ['second', 1]];

/** @param {string} iso @param {number} now in ms @param {string} locale @returns {string} "12 min ago", "now" */
export function ago(iso, now, locale) {
  const seconds = Math.max(0, Math.round((now - Date.parse(iso)) / 1000));
  const [unit, size] = UNITS.find(([, size]) => seconds >= size) ?? UNITS.at(-1);
  const isJustNow = seconds < 10;
  return new Intl.RelativeTimeFormat(locale, {numeric: 'auto', style: 'short'}).format(isJustNow ? 0 : -Math.floor(seconds / size), isJustNow ? 'second' : unit);
}
