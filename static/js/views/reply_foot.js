/**
 * The foot of a reply: branch arrows and actions, and the thin line of numbers with a sparkline that opens the timing.
 * Its height is kept while the reply runs, so that its coming moves nothing. Called by reply.js.
 */
import {html, nothing, render} from 'lit-html';
import {ICONS} from '../icons.js';
import {copyByButton, wish} from '../dom.js';
import {isFinal} from '../store/apply.js';
import {duration, money, rate} from '../time.js';
import {t} from '../words.js';
import {drawBranches} from './branches.js';
import {drawMore} from './more.js';
import {drawWhen} from './when.js';
import {paceOf, sparkline} from './timing.js';

const timelines = new Map(); // id and end -> promise; a reply that went on has another end

const footSeen = new IntersectionObserver(entries => {
  for (const entry of entries) {
    if (!entry.isIntersecting) continue;
    footSeen.unobserve(entry.target);
    entry.target.dispatchEvent(new Event('seen'));
  }
});

/** @param {HTMLElement} el @param {{timeline: (id: string) => Promise<object>}} tools */
export function mountReplyFoot(el, {timeline}) {
  let state = null;
  let pace = null;
  el.addEventListener('seen', loadPace);

  const keyOf = message => `${message.id} ${message.finished_at}`;

  function eventsOf(message) {
    const key = keyOf(message);
    if (!timelines.has(key)) timelines.set(key, timeline(message.id).then(answer => answer.events ?? []).catch(() => []));
    return timelines.get(key);
  }

  async function loadPace() {
    const {message} = state;
    if (!isFinal(message) || !message.content) return;
    const events = await eventsOf(message);
    if (message !== state.message) return;
    pace = paceOf(events);
    draw();
  }

  async function openTiming(event) {
    const anchor = event.currentTarget;
    const {message} = state;
    wish(el, 'openTiming', {anchor, message, events: await eventsOf(message)});
  }

  const copy = () => copyByButton(el, el.querySelector('.copy-act button'), state.message.content, t('act.copied'));

  const action = (name, icon, run) => html`<button type="button" class="icon-button act" aria-label=${t(`act.${name}`)} title=${t(`act.${name}`)}
    @click=${run}>${icon}</button>`;

  function drawNumbers(message) {
    const {timings, usage, cost} = message;
    const words = [
      timings?.first_content_ms != null && t('num.first', duration(timings.first_content_ms)),
      timings?.output_tokens_per_second != null && t('num.rate', rate(timings.output_tokens_per_second)),
      usage?.output_tokens != null && t('num.tokens', usage.output_tokens),
      cost?.amount != null && `${cost.kind === 'estimate' ? '≈ ' : ''}${money(cost.amount, cost.currency)}`,
    ].filter(Boolean);
    return html`<button type="button" class="numbers" aria-haspopup="dialog" title=${t('num.label')} @click=${openTiming}>
      <span class="numbers-model">${message.model}</span>${words.map(w => html`<span>${w}</span>`)}${sparkline(pace)}</button>`;
  }

  /** Beside its siblings; one without gets another model's answer beside it. */
  function compare(event) {
    const {message, of, isLast} = state;
    const open = () => wish(el, 'sideBySide', {question: message.parent_id, choice: isLast ? 1 : 2});
    if (of.length > 1) return open();
    wish(el, 'openPicker', {anchor: event.currentTarget, pick: model => {
      open();
      wish(el, 'addReply', {question: {id: message.parent_id, conversation_id: message.conversation_id}, model});
    }});
  }

  function draw() {
    const {message, of, isLast} = state;
    const isOver = isFinal(message);
    el.classList.toggle('is-last', isLast);
    render(html`${drawBranches(el, message, of)}
      ${isOver ? html`<span class="acts">
        ${message.content ? html`<span class="copy-act">${action('copy', html`${ICONS.copy}${ICONS.check}`, copy)}</span>` : nothing}
        ${action('regenerate', ICONS.again, () => wish(el, 'regenerateReply', {message}))}
        ${action(of.length > 1 ? 'sides' : 'compare', ICONS.columns, compare)}${drawMore(el, message, {copy})}${drawWhen(message.created_at)}</span>${drawNumbers(message)}` : nothing}`, el);
    if (isOver && !pace) footSeen.observe(el);
  }

  return {
    update(next) {
      if (state && keyOf(state.message) !== keyOf(next.message)) pace = null;
      state = next;
      draw();
    },
  };
}
