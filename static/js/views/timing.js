/**
 * How an answer came: the sparkline of its pace, and the popover with the chart and every number.
 * Fetches nothing: the events of the timeline are handed in. Called by reply_foot.js (sparkline) and main.js (popover).
 */
import {html, nothing, render, svg} from 'lit-html';
import {placeBy} from '../dom.js';
import {duration, money, rate} from '../time.js';
import {t} from '../words.js';

const BINS = 32;
const SPARK = {width: 64, height: 16};
const CHART = {width: 280, height: 72};

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
function pointsOf(bins, {width, height}) {
  const most = Math.max(...bins);
  return bins.map((n, i) => `${(i / (bins.length - 1) * width).toFixed(1)},${(height - 1 - n / most * (height - 2)).toFixed(1)}`).join(' ');
}

/** @param {ReturnType<typeof paceOf>} pace its place is kept until it is known */
export const sparkline = pace => html`<svg class="sparkline" viewBox="0 0 ${SPARK.width} ${SPARK.height}" width=${SPARK.width} height=${SPARK.height}
  fill="none" stroke="currentColor" stroke-width="1.25" stroke-linejoin="round" aria-hidden="true">${pace ? svg`<polyline points=${pointsOf(pace.bins, SPARK)}/>` : nothing}</svg>`;

/** @param {HTMLElement} el @returns {{open: (detail: {anchor: HTMLElement, message: object, events: object[]}) => void}} */
export function mountTiming(el) {
  el.popover = 'auto';
  el.setAttribute('role', 'dialog');
  el.setAttribute('aria-label', t('num.title'));

  return {
    open({anchor, message, events}) {
      const pace = paceOf(events);
      render(html`<h2>${t('num.title')}</h2>${pace ? drawChart(pace) : nothing}<table><tbody>${rowsOf(message).map(([name, value]) =>
        html`<tr><th scope="row">${name}</th><td>${value}</td></tr>`)}</tbody></table>`, el);
      el.showPopover();
      placeBy(el, anchor, 'start');
      el.tabIndex = -1;
      el.focus();
    },
  };
}

function drawChart({bins, from, to}) {
  const points = pointsOf(bins, CHART);
  return html`<figure class="pace"><svg viewBox="0 0 ${CHART.width} ${CHART.height}" role="img" aria-label=${t('num.chart')}>
      <polygon points="0,${CHART.height} ${points} ${CHART.width},${CHART.height}"/><polyline points=${points}/></svg>
    <figcaption><span>${duration(from)}</span><span>${t('num.chart')}</span><span>${duration(to)}</span></figcaption></figure>`;
}

/** @returns {[string, string][]} */
function rowsOf({model, timings, usage, cost, finish_reason, request_id}) {
  const ms = value => (value == null ? null : duration(value));
  const count = value => (value == null ? null : value.toLocaleString());
  const rows = [
    ['num.model', model],
    ['num.connect', ms(timings?.connect_ms)],
    ['num.byte', ms(timings?.first_byte_ms)],
    ['num.reasoning', ms(timings?.first_reasoning_ms)],
    ['num.content', ms(timings?.first_content_ms)],
    ['num.total', ms(timings?.total_ms)],
    ['num.pace', timings?.output_tokens_per_second == null ? null : t('num.rate', rate(timings.output_tokens_per_second))],
    ['num.input', count(usage?.input_tokens)],
    ['num.cached', count(usage?.cached_tokens)],
    ['num.output', count(usage?.output_tokens)],
    ['num.thought', count(usage?.reasoning_tokens)],
    ['num.cost', cost?.amount == null ? t('num.unknown') : `${money(cost.amount, cost.currency)}${cost.kind === 'estimate' ? ` (${t('num.estimate')})` : ''}`],
    ['num.finish', finish_reason],
    ['num.request', request_id],
  ];
  return rows.filter(([, value]) => value !== null && value !== undefined).map(([key, value]) => [t(key), value]);
}
