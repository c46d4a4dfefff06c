/**
 * How an answer came, as a line: the pace of its text, small enough for the foot of a reply. What opens from it is timing_sheet.js.
 * Fetches nothing: the events of the timeline are handed in. Called by reply_foot.js and timing_sheet.js.
 */
import {html, nothing, svg} from 'lit-html';

const BINS = 32;
const SPARK = {width: 64, height: 16};

/**
 * @param {{at_ms: number, kind: string, chars?: number}[]} events
 * @returns {{bins: number[], from: number, to: number} | null} characters in equal slices of the time between first and last text
 */
export function paceOf(events) {
  const texts = events.filter(e => e.chars);
  if (texts.length < 2) return null;
  const from = texts[0].at_ms;
  const to = Math.max(from + 1, texts.at(-1).at_ms);
  const bins = new Array(BINS).fill(0);
  for (const {at_ms, chars} of texts) bins[Math.min(BINS - 1, Math.floor((at_ms - from) / (to - from) * BINS))] += chars;
  return {bins, from, to};
}

/** @returns {string} the points of a line through the bins */
export function pointsOf(bins, {width, height}) {
  const most = Math.max(...bins);
  return bins.map((n, i) => `${(i / (bins.length - 1) * width).toFixed(1)},${(height - 1 - n / most * (height - 2)).toFixed(1)}`).join(' ');
}

/** @param {ReturnType<typeof paceOf>} pace its place is kept until it is known */
export const sparkline = pace => html`<svg class="sparkline" viewBox="0 0 ${SPARK.width} ${SPARK.height}" width=${SPARK.width} height=${SPARK.height}
  fill="none" stroke="currentColor" stroke-width="1.25" stroke-linejoin="round" aria-hidden="true">${pace ? svg`<polyline points=${pointsOf(pace.bins, SPARK)}/>` : nothing}</svg>`;
