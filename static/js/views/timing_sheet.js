/**
 * How an answer came, in a popover: the chart of its pace, every number, and what the conversation took in all. Loaded when it is first
 * opened. Fetches nothing: what it shows is handed in. Called by main.js.
 */
import {html, nothing, render} from 'lit-html';
import {placeBy} from '../dom.js';
import {duration, money, rate} from '../time.js';
import {addWords, locale, t} from '../words.js';
import {paceOf, pointsOf} from './timing.js';

const CHART = {width: 280, height: 72};

await addWords({en: () => import('../words/timing.en.js'), zh: () => import('../words/timing.zh.js')});

/** @param {HTMLElement} el @param {{anchor: HTMLElement, message: object, events: object[], thread: object|null}} detail */
export function openTiming(el, {anchor, message, events, thread}) {
  el.popover = 'auto';
  el.setAttribute('role', 'dialog');
  el.setAttribute('aria-label', t('num.title'));
  const pace = paceOf(events);
  const all = thread && sumOf(Object.values(thread.messages));
  render(html`<h2>${t('num.title')}</h2>${pace ? drawChart(pace) : nothing}${drawTable(rowsOf(message))}
    ${all?.answers > 1 ? html`<h2>${t('num.all')}</h2>${drawTable(rowsOfAll(all))}` : nothing}
    <p><a href="/usage" @click=${() => el.hidePopover()}>${t('num.usage')}</a></p>`, el);
  el.showPopover();
  placeBy(el, anchor, 'start');
  el.tabIndex = -1;
  el.focus();
}

const drawTable = rows => html`<table><tbody>${rows.filter(([, value]) => value !== null && value !== undefined).map(([key, value]) =>
  html`<tr><th scope="row">${t(key)}</th><td>${value}</td></tr>`)}</tbody></table>`;

function drawChart({bins, from, to}) {
  const points = pointsOf(bins, CHART);
  return html`<figure class="pace"><svg viewBox="0 0 ${CHART.width} ${CHART.height}" role="img" aria-label=${t('num.chart')}>
      <polygon points="0,${CHART.height} ${points} ${CHART.width},${CHART.height}"/><polyline points=${points}/></svg>
    <figcaption><span>${duration(from)}</span><span>${t('num.chart')}</span><span>${duration(to)}</span></figcaption></figure>`;
}

const ms = value => (value == null ? null : duration(value));
const count = value => (value == null ? null : value.toLocaleString(locale));

/** @returns {string} an amount with how sure it is */
const costOf = cost => (cost?.amount == null ? t('num.unknown') : `${money(cost.amount, cost.currency)} (${t(cost.kind === 'actual' ? 'num.billed' : 'num.estimate')})`);

/** @returns {[string, string|null][]} */
const rowsOf = ({model, timings, usage, cost, finish_reason, request_id}) => [
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
  ['num.cost', costOf(cost)],
  ['num.finish', finish_reason],
  ['num.request', request_id],
];

const rowsOfAll = ({answers, input, output, cost, unknown}) => [
  ['num.answers', count(answers)],
  ['num.input', count(input)],
  ['num.output', count(output)],
  ['num.cost', costOf(cost)],
  ['num.without', unknown ? count(unknown) : null],
];

/** All branches of a conversation: what was thrown away was paid for too. */
function sumOf(messages) {
  const over = messages.filter(one => one.role === 'assistant' && one.finished_at);
  const paid = over.filter(one => one.cost?.amount != null);
  const add = pick => over.reduce((sum, one) => sum + (pick(one) ?? 0), 0);
  const kind = paid.every(one => one.cost.kind === 'actual') ? 'actual' : 'estimate';
  const cost = paid.length ? {amount: add(one => one.cost?.amount), currency: paid[0].cost.currency, kind} : null;
  return {answers: over.length, input: add(one => one.usage?.input_tokens), output: add(one => one.usage?.output_tokens), cost, unknown: over.length - paid.length};
}
