/** The time of a message, as short as the day allows; the full date is its title. Drawn the same for both roles. Called by reply_foot.js and utterance.js. */
import {html} from 'lit-html';
import {locale} from '../words.js';

const CLOCK = {hour: '2-digit', minute: '2-digit'};
const DAY = {...CLOCK, day: 'numeric', month: 'short'};
const formats = [CLOCK, DAY, {...DAY, year: 'numeric'}, {dateStyle: 'full', timeStyle: 'medium'}].map(options => new Intl.DateTimeFormat(locale, options));

/** @param {string} iso @param {Date} [now] */
export function drawWhen(iso, now = new Date()) {
  const date = new Date(iso);
  const [clock, day, year, full] = formats;
  const isToday = date.toDateString() === now.toDateString();
  const short = isToday ? clock : date.getFullYear() === now.getFullYear() ? day : year;
  return html`<time class="when" datetime=${iso} title=${full.format(date)}>${short.format(date)}</time>`;
}
