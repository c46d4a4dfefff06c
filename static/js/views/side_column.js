/**
 * One column of replies side by side: name and state, the numbers, what one can do, then the text in a pane of its own. All of
 * it but the text stands on the same lines in every column, from the first moment. Called by sides.js.
 */
import {html, nothing, render} from 'lit-html';
import {ICONS} from '../icons.js';
import {copyByButton, wish} from '../dom.js';
import {isFinal} from '../store/apply.js';
import {numbersOf, readMeter, startMeter} from '../store/sides.js';
import {duration, money, rate} from '../time.js';
import {t} from '../words.js';
import {mountReply} from './reply.js';
import {ScrollKeeper} from './scroll.js';

const FRESH_MS = 10_000; // a reply younger than this and without text was seen from its start
const CELLS = ['first', 'rate', 'tokens', 'cost'];
const UNKNOWN = '–';
const NO_PLACES = {get: () => null, set() {}};

/** @param {{timeline: Function, pick: (message: object) => void}} tools */
export function mountColumn(tools) {
  const gone = new AbortController();
  const pane = document.createElement('div');
  const text = document.createElement('div');
  const numbers = document.createElement('div');
  pane.className = 'column-pane';
  numbers.className = 'column-figures';
  pane.tabIndex = 0;
  pane.setAttribute('role', 'group');
  pane.append(text);
  const keeper = new ScrollKeeper(pane, text, {onFar() {}, places: NO_PLACES, signal: gone.signal});
  const reply = mountReply({...tools, isPinned: () => keeper.isPinned, mountFoot, ended});
  const {el} = reply;
  const [head, foot] = ['.reply-head', '.reply-foot'].map(name => el.querySelector(name));
  text.append(...[...el.children].filter(part => part !== head && part !== foot));
  el.append(head, numbers, foot, pane);
  el.classList.add('column');
  el.tabIndex = -1;
  let state = null;
  let meter = null;
  let values = [];
  let isOver = null;

  function drawNumbers() {
    const {message, pricing, inputTokens} = state;
    const n = numbersOf({message, meter, pricing, inputTokens, now: performance.now()});
    const about = n.isAbout ? '≈ ' : '';
    const words = [
      n.first === null ? UNKNOWN : duration(n.first),
      n.rate === null ? UNKNOWN : `${about}${rate(n.rate)}`,
      n.tokens === null ? UNKNOWN : `${about}${n.tokens.toLocaleString()}`,
      n.cost === null ? UNKNOWN : `${n.cost.isAbout ? '≈ ' : ''}${money(meter ? shorten(n.cost.amount) : n.cost.amount, n.cost.currency)}`,
    ];
    if (isOver !== isFinal(message)) drawCells(isFinal(message));
    words.forEach((word, i) => { if (values[i].textContent !== word) values[i].textContent = word; });
  }

  function drawCells(next) {
    isOver = next;
    render(html`<button type="button" class="column-numbers" ?disabled=${!isOver} aria-haspopup="dialog" title=${t('num.label')} @click=${openTiming}>${CELLS.map(name =>
      html`<span class="column-cell"><span class="column-cell-name">${t(`sides.${name}`)} </span><span class="column-value"></span></span>`)}</button>`, numbers);
    values = [...numbers.querySelectorAll('.column-value')];
  }

  async function openTiming(event) {
    const anchor = event.currentTarget;
    const {message} = state;
    const {events = []} = await tools.timeline(message.id).catch(() => ({}));
    wish(el, 'openTiming', {anchor, message, events});
  }

  function keepMeter({message, live}) {
    if (isFinal(message)) meter = null;
    else {
      const shown = live ?? message;
      const isFresh = !shown.content && !shown.reasoning && Date.now() - Date.parse(message.created_at) < FRESH_MS;
      meter ??= startMeter(performance.now(), isFresh);
      measure(shown);
    }
  }

  function fromStart() {
    keeper.pin(false);
    pane.scrollTop = 0;
  }

  const measure = live => { meter = readMeter(meter, {content: live.content ?? '', reasoning: live.reasoning ?? ''}, performance.now()); };

  function mountFoot(place) {
    let shown = null;
    const copy = event => copyByButton(place, event.currentTarget, shown.message.content, t('act.copied'));
    const act = (name, icon, run) => html`<button type="button" class="icon-button act" aria-label=${t(`act.${name}`)} title=${t(`act.${name}`)} @click=${run}>${icon}</button>`;
    return {
      update(next) {
        shown = next;
        const {message, isLast} = next;
        place.className = 'column-acts';
        render(html`<button type="button" class="button column-pick ${isLast ? 'is-picked' : ''}" aria-pressed=${isLast} title=${t('sides.pick.how')}
            @click=${() => tools.pick(shown.message)}>${isLast ? ICONS.check : ICONS.go}${t('sides.pick')}</button>
          ${isFinal(message) ? html`<span class="column-more">${message.content ? html`<span class="copy-act">${act('copy', html`${ICONS.copy}${ICONS.check}`, copy)}</span>` : nothing}
            ${act('regenerate', ICONS.again, () => wish(place, 'regenerateReply', {message: shown.message}))}</span>`
    : html`<button type="button" class="button" aria-label=${t('sides.stop.one', next.name)} @click=${() => wish(place, 'stopReply', {message: shown.message})}>${ICONS.stop}${t('sides.stop.word')}</button>`}`, place);
      },
    };
  }

  return {
    el,
    update(next) {
      const wasOver = state && isFinal(state.message);
      const isFirst = !state;
      state = next;
      keepMeter(next);
      reply.update(next);
      // Read from its beginning: an answer that one has not seen come, and why there is none.
      if (isFinal(next.message) && !wasOver && (isFirst || !next.message.content)) fromStart();
      el.classList.toggle('is-picked', next.isLast);
      pane.setAttribute('aria-label', t('sides.text', next.name));
      drawNumbers();
    },
    grow(live) {
      if (!state || isFinal(state.message)) return;
      state = {...state, live};
      measure(live);
      reply.update(state);
    },
    tick() {
      reply.tick();
      if (meter) drawNumbers();
    },
    remove() {
      gone.abort();
      el.remove();
    },
  };
}

/** How it ended, where the live line stood. */
function ended({status, timings}) {
  const time = timings?.total_ms;
  return html`<span class="column-end is-${status}">${status === 'completed' && time != null ? t('sides.done', duration(time)) : t(`sides.${status}`)}</span>`;
}

/** A live cost has two digits that do not flicker. */
const shorten = amount => Number(amount.toPrecision(2));
