/**
 * The usage page: what answers cost and how many tokens they took, in all, by day and by model. Charts first, with the same numbers in
 * a table for those who read tables. Fetches nothing: wishes `chooseSpan` and `loadUsage` go up. Called by usage_desk.js.
 */
import {html, nothing, render} from 'lit-html';
import {wish} from '../dom.js';
import {compact, money} from '../time.js';
import {locale, t} from '../words.js';
import {barChart} from './charts.js';

const HEIGHT = 168; // where text has its usual size
const WEEKLY_FROM = 120; // days: beyond, a bar is a week, else it would be a hair

/** @param {HTMLElement} el @param {{spans: number[]}} options @returns {{update: (state: {days: number, isLoading: boolean, told?: object, error?: string}) => void}} */
export function mountUsage(el, {spans}) {
  let state = {days: 0, isLoading: true};
  new ResizeObserver(() => state.told && draw()).observe(el);

  const drawSpans = () => html`<fieldset class="usage-spans"><legend class="off-screen">${t('usage.span')}</legend><div class="set-choices">${spans.map(span =>
    html`<label><input type="radio" name="usage-span" .checked=${span === state.days} @change=${() => wish(el, 'chooseSpan', {days: span})}>
      <span>${t('usage.days', span)}</span></label>`)}</div></fieldset>`;

  const width = () => Math.max(240, Math.min(el.querySelector('.usage')?.clientWidth ?? 0, 720) || el.clientWidth - 48);

  function drawChart(key, bars, format) {
    const scale = parseFloat(getComputedStyle(document.documentElement).fontSize) / 16;
    const span = t(state.told.days.length > WEEKLY_FROM ? 'usage.weekly' : 'usage.daily');
    return html`<figure class="usage-chart"><figcaption><h2>${t(`usage.${key}`, span)}</h2>${bars.some(bar => bar.part) ? html`<span><i class="hatched" aria-hidden="true"></i>${t('usage.hatched')}</span>` : nothing}</figcaption>
      ${barChart({width: width(), height: HEIGHT * scale, scale, bars, format, hatch: `hatch-${key}`, name: t('usage.chart', t(`usage.${key}`, span), format(Math.max(...bars.map(bar => bar.value))))})}</figure>`;
  }

  function drawTold({days, models, totals, currency}) {
    const dollars = amount => money(amount, currency);
    const bars = barsOf(days);
    const costs = bars.map(bar => ({label: bar.label, value: bar.amount, part: bar.estimated, title: t('usage.bar', bar.name, dollars(bar.amount), bar.calls)}));
    const tokens = bars.map(bar => ({label: bar.label, value: bar.tokens, title: t('usage.bar.tokens', bar.name, count(bar.tokens), bar.calls)}));
    return html`${drawTotals(totals, dollars)}${totals.amount ? drawChart('cost', costs, dollars) : nothing}${drawChart('tokens', tokens, compactly)}
      ${drawModels(models, totals, dollars)}${drawDays(days, dollars)}<p class="usage-note">${t('usage.note')}</p>`;
  }

  const drawTotals = (totals, dollars) => html`<dl class="usage-totals">
    <div><dt>${t('usage.total')}</dt><dd>${dollars(totals.amount)}</dd><dd class="aside">${certainty(totals, dollars).map((words, n) => html`${n ? ' · ' : ''}<span>${words}</span>`)}</dd></div>
    <div><dt>${t('usage.calls')}</dt><dd>${count(totals.calls)}</dd></div>
    <div><dt>${t('usage.read')}</dt><dd>${compactly(totals.input_tokens)}</dd>${totals.cached_tokens ? html`<dd class="aside">${t('usage.cached', compactly(totals.cached_tokens))}</dd>` : nothing}</div>
    <div><dt>${t('usage.written')}</dt><dd>${compactly(totals.output_tokens)}</dd>${totals.reasoning_tokens ? html`<dd class="aside">${t('usage.thought', compactly(totals.reasoning_tokens))}</dd>` : nothing}</div></dl>`;

  const drawModels = (models, totals, dollars) => html`<section class="usage-table"><h2 id="usage-models">${t('usage.models')}</h2>
    <table aria-labelledby="usage-models"><thead>${headOf('model')}</thead><tbody>${models.map(one => html`<tr>
      <th scope="row"><bdi>${one.model ?? t('usage.nameless')}</bdi>${one.purpose === 'title' ? html` <span class="tag">${t('usage.titles')}</span>` : nothing}
        <svg class="usage-part" viewBox="0 0 100 3" preserveAspectRatio="none" aria-hidden="true"><rect width=${(totals.amount ? 100 * one.amount / totals.amount : 0).toFixed(2)} height="3"/></svg></th>
      ${cellsOf(one, dollars)}</tr>`)}</tbody></table></section>`;

  const drawDays = (days, dollars) => html`<details class="usage-table"><summary>${t('usage.table')}</summary>
    <table aria-label=${t('usage.table')}><thead>${headOf('day')}</thead><tbody>${days.filter(one => one.calls).reverse().map(one => html`<tr>
      <th scope="row">${dateOf(one.day).toLocaleDateString(locale, {weekday: 'short', day: 'numeric', month: 'short', year: 'numeric'})}</th>${cellsOf(one, dollars)}</tr>`)}</tbody></table></details>`;

  const drawNothing = () => html`<p class="usage-nothing">${t('usage.nothing', state.days)} <a href="/">${t('usage.ask')}</a></p>`;

  function drawBody() {
    if (state.error) return html`<p class="usage-nothing" role="alert">${state.error} <button type="button" class="link-button" @click=${() => wish(el, 'loadUsage')}>${t('load.again')}</button></p>`;
    if (!state.told) return html`<div class="skeleton" aria-hidden="true"><i></i><i></i><i></i></div>`;
    return state.told.totals.calls ? drawTold(state.told) : drawNothing();
  }

  function draw() {
    render(html`<div class="usage" aria-busy=${state.isLoading}><div class="usage-top"><h1>${t('usage.title')}</h1>${drawSpans()}</div>${drawBody()}</div>`, el);
  }

  return {
    update(next) {
      state = {...state, error: undefined, ...next};
      draw();
    },
  };
}

const count = n => n.toLocaleString(locale);
const compactly = n => (n < 10_000 ? count(n) : compact(n));
const dateOf = day => new Date(`${day}T12:00`); // noon: no change of clocks makes it another day

/** How sure the sum is, in one part or two. */
function certainty({amount, estimated, unknown}, dollars) {
  const words = [];
  if (estimated) words.push(estimated >= amount ? t('usage.allEstimated') : t('usage.estimated', dollars(estimated)));
  else if (amount) words.push(t('usage.billed'));
  if (unknown) words.push(t('usage.unknown', unknown));
  return words;
}

const headOf = first => html`<tr><th scope="col">${t(`usage.${first}`)}</th>${['price', 'calls', 'read', 'written'].map(name => html`<th scope="col">${t(`usage.${name}`)}</th>`)}</tr>`;

/** On a narrow page there are no columns, so a number says what it counts. */
const cellsOf = (one, dollars) => html`<td>${one.unknown === one.calls ? t('usage.notKnown') : html`${one.estimated ? html`<span title=${t('usage.estimate')}>≈ </span>` : nothing}${dollars(one.amount)}`}</td>
  ${[['calls', count(one.calls), one.calls], ['read', compactly(one.input_tokens)], ['written', compactly(one.output_tokens)]].map(([name, words, n]) =>
    html`<td><span class="in-columns">${words}</span><span class="in-lines">${t(`usage.short.${name}`, words, n)}</span></td>`)}`;

/** A bar a day, or a week where there are too many days. */
function barsOf(days) {
  const size = days.length > WEEKLY_FROM ? 7 : 1;
  const bars = [];
  for (let end = days.length; end > 0; end -= size) {
    const some = days.slice(Math.max(0, end - size), end);
    const sum = name => some.reduce((all, one) => all + one[name], 0);
    const label = dateOf(some[0].day).toLocaleDateString(locale, {day: 'numeric', month: 'short'});
    const name = size === 1 ? label : t('usage.week', label);
    bars.unshift({label, name, amount: sum('amount'), estimated: sum('estimated'), calls: sum('calls'), tokens: sum('input_tokens') + sum('output_tokens')});
  }
  return bars;
}
