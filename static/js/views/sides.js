/**
 * Replies of one message side by side: a bar that says with which one the conversation goes on, a strip of columns that is
 * swiped or moved through with the arrows, and dots that say where one is. Loaded by thread.js when a reply first has a sibling.
 */
import {html, nothing, render} from 'lit-html';
import {ICONS} from '../icons.js';
import {wish} from '../dom.js';
import {isFinal} from '../store/apply.js';
import {CLOSED, columnsOf, estimateTokens, isSideBySide} from '../store/sides.js';
import {addWords, t} from '../words.js';
import {mountColumn} from './side_column.js';

await addWords({en: () => import('../words/sides.en.js'), zh: () => import('../words/sides.zh.js')});

const MOST = 6; // replies the server makes at once

/**
 * @param {{timeline: Function, pricingOf: (slug: string) => object|null, choices: {get: Function, set: Function}}} tools
 * @returns what thread.js needs: whether siblings are open, a view for them, and deltas to the column they belong to
 */
export function createSides(tools) {
  const columns = new Map(); // reply id -> column, of all groups
  return {
    isOpen: (replies, isLast) => isSideBySide(replies, isLast, tools.choices.get(replies[0].parent_id)),
    mount: () => mountSides(tools, columns),
    grow: (id, live) => columns.get(id)?.grow(live),
    tick: id => columns.get(id)?.tick(),
  };
}

function mountSides(tools, columns) {
  const el = document.createElement('section');
  el.className = 'sides';
  el.setAttribute('aria-label', t('sides.label'));
  const [bar, strip, dots] = ['sides-bar', 'sides-strip', 'sides-dots'].map(name => {
    const part = document.createElement('div');
    part.className = name;
    el.append(part);
    return part;
  });
  strip.tabIndex = 0;
  strip.setAttribute('role', 'group');
  strip.setAttribute('aria-label', t('sides.strip'));
  const mine = new Map();
  let state = null;
  let order = [];
  let at = 0; // index of the column one looks at
  let inputTokens = 0;

  strip.addEventListener('keydown', move);
  strip.addEventListener('scroll', look, {passive: true});
  el.addEventListener('regenerateReply', event => {
    event.stopPropagation(); // here a new try stands beside the others, whatever the conversation goes on with
    wish(el.parentNode, 'addReply', {question: question(), model: event.detail.message.model});
  });
  const fits = new ResizeObserver(() => drawDots());
  fits.observe(strip);

  const question = () => state.thread.messages[state.message.parent_id];
  const articles = () => order.map(reply => mine.get(reply.id).el);

  function move(event) {
    const step = {ArrowRight: at + 1, ArrowLeft: at - 1, Home: 0, End: order.length - 1}[event.key];
    if (step === undefined || event.target.closest('button, summary, a, textarea') || event.ctrlKey || event.metaKey || event.altKey) return;
    event.preventDefault();
    show(Math.max(0, Math.min(order.length - 1, step)));
    articles()[at].focus({preventScroll: true});
  }

  function show(index) {
    at = index;
    const column = articles()[index];
    strip.scrollTo({left: column.offsetLeft - strip.offsetLeft - (strip.clientWidth - column.offsetWidth) / 2, behavior: 'smooth'});
    drawDots();
  }

  /** Swiped: the column nearest to the middle is the one that is looked at. */
  function look() {
    if (!isOverflowing()) return;
    const middle = strip.scrollLeft + strip.clientWidth / 2;
    const distances = articles().map(a => Math.abs(a.offsetLeft - strip.offsetLeft + a.offsetWidth / 2 - middle));
    const nearest = distances.indexOf(Math.min(...distances));
    if (nearest === at) return;
    at = nearest;
    drawDots();
  }

  const isOverflowing = () => strip.scrollWidth > strip.clientWidth + 1;

  function drawDots() {
    if (!order.length || !state) return;
    dots.hidden = !isOverflowing();
    render(dots.hidden ? nothing : html`<span class="sides-dot-row">${order.map((reply, i) => html`<button type="button" class="sides-dot"
        aria-label=${t('sides.show', state.nameOf(reply.model), i + 1, order.length)} aria-current=${i === at ? 'true' : 'false'} @click=${() => show(i)}></button>`)}</span>
      <span class="sides-at" aria-hidden="true">${at + 1} / ${order.length}<span> · ${state.nameOf(order[at].model)}</span></span>`, dots);
  }

  function drawBar() {
    const running = order.filter(reply => !isFinal(reply));
    const name = state.nameOf(state.message.model);
    const add = event => wish(event.currentTarget, 'openPicker', {anchor: event.currentTarget, pick: model => wish(el.parentNode, 'addReply', {question: question(), model})});
    render(html`<p>${t('sides.count', order.length)} <span>${t(state.isLast ? 'sides.next' : 'sides.on', name)}</span></p>
      <span class="sides-tools">
        ${running.length > 1 ? html`<button type="button" class="button" @click=${() => running.forEach(message => wish(el, 'stopReply', {message}))}>${ICONS.stop}${t('sides.stop')}</button>` : nothing}
        ${order.length < MOST ? html`<button type="button" class="button" aria-haspopup="dialog" @click=${add}>${ICONS.plus}${t('sides.add')}</button>` : nothing}
        <button type="button" class="button" @click=${close}>${t('sides.close')}</button></span>`, bar);
  }

  function close() {
    wish(el, 'sideBySide', {question: state.message.parent_id, choice: CLOSED});
  }

  function pick(reply) {
    const name = state.nameOf(reply.model);
    const parent = el.parentNode;
    if (reply.id !== state.message.id) wish(el, 'switchBranch', {id: reply.id});
    close();
    wish(parent, 'announce', {text: t('sides.picked', name)});
    if (matchMedia('(pointer: fine)').matches) wish(parent, 'focusComposer');
  }

  /** The one that the conversation goes on with is read out by the announcer; of the others their end is said. */
  function sayEnds(held) {
    for (const reply of order) {
      const before = held.find(r => r.id === reply.id);
      if (before && !isFinal(before) && isFinal(reply) && reply.id !== state.message.id) {
        wish(el, 'announce', {text: `${state.nameOf(reply.model)}: ${t(`live.${reply.status}`)}`});
      }
    }
  }

  function countInput() {
    inputTokens = 0;
    for (let m = question(); m; m = state.thread.messages[m.parent_id]) inputTokens += estimateTokens(m.content ?? '');
  }

  function drawColumns() {
    for (const [id, column] of mine) {
      if (order.some(reply => reply.id === id)) continue;
      column.remove();
      mine.delete(id);
      if (columns.get(id) === column) columns.delete(id);
    }
    let before = null;
    for (const reply of order) {
      if (!mine.has(reply.id)) {
        const column = mountColumn({...tools, pick});
        mine.set(reply.id, column);
        columns.set(reply.id, column);
      }
      const column = mine.get(reply.id);
      if (column.el.parentNode !== strip || column.el.previousSibling !== before) strip.insertBefore(column.el, before ? before.nextSibling : strip.firstChild);
      before = column.el;
      column.update({message: reply, live: state.live[reply.id], of: order, isLast: reply.id === state.message.id, name: state.nameOf(reply.model),
        pricing: tools.pricingOf(reply.model), inputTokens});
    }
  }

  return {
    el,
    /** @param {{message: object, of: object[], live: object, isLast: boolean, thread: object, nameOf: Function}} next `message`: the one on the branch */
    update(next) {
      const isFirst = !state;
      const held = order;
      state = next;
      el.dataset.id = `sides-${next.message.parent_id}`;
      const fresh = columnsOf(next.of.map(reply => next.thread.messages[reply.id]));
      order = fresh.length === held.length && fresh.every((reply, i) => reply === held[i]) ? held : fresh;
      at = Math.min(at, order.length - 1);
      if (isFirst) countInput();
      strip.style.setProperty('--count', order.length);
      drawColumns();
      drawBar();
      drawDots();
      if (held !== order) sayEnds(held);
    },
    remove() {
      fits.disconnect();
      for (const [id, column] of mine) {
        column.remove();
        if (columns.get(id) === column) columns.delete(id);
      }
      el.remove();
    },
  };
}
