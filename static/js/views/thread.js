/**
 * The branch on screen, message by message, keyed by id. A long one is built from its end; older messages come when the
 * reader nears them. Passes deltas only to the replies they belong to. Called by main.js.
 */
import {branchOf, childrenOf} from '../store/select.js';
import {memoryOf} from '../prefs.js';
import {mountReply} from './reply.js';
import {mountUtterance} from './utterance.js';
import {ScrollKeeper} from './scroll.js';

const WINDOW = 30; // messages built at once
const TICK_MS = 100;
const NO_SIBLINGS = [];
const ALL_ALONE = {isOpen: () => false, grow() {}, tick() {}}; // replies one at a time, when the other view cannot be had

/**
 * @param {HTMLElement} el
 * @param {{scroller: HTMLElement, onFar: (isFar: boolean) => void, timeline: (id: string) => Promise<object>, pricingOf: Function}} tools
 */
export function mountThread(el, {scroller, onFar, timeline, pricingOf}) {
  const places = memoryOf('places');
  const keeper = new ScrollKeeper(scroller, el, {onFar, places});
  const choices = memoryOf('sides'); // by the person's message: whether its replies stand side by side
  const tools = {timeline, pricingOf, choices, isPinned: () => keeper.isPinned};
  const views = new Map();
  const siblings = new Map(); // parent -> list, kept while equal, so that a view sees no change where there is none
  const top = document.createElement('div');
  top.className = 'thread-top';
  let branch = [];
  let state = {thread: null, live: {}, nameOf: null};
  let first = 0; // index of the oldest message that is built
  let shownId; // undefined: nothing has been drawn yet
  let sides = null; // replies side by side, loaded when one first has a sibling
  let areSidesAsked = false;
  let isFocusLost = false; // until there is an heir

  new IntersectionObserver(entries => entries.some(e => e.isIntersecting) && older(), {root: scroller, rootMargin: '800px'}).observe(top);
  setInterval(() => { for (const id in state.live) (views.get(id) ?? sides)?.tick(id); }, TICK_MS);
  el.addEventListener('sideBySide', ({detail: {question, choice}}) => {
    choices.set(question, choice);
    requestAnimationFrame(() => state.thread && drawBranch()); // after the frame in which a new head is drawn
  });
  // Paper does not scroll: all of the branch is built before it is laid out.
  addEventListener('beforeprint', () => {
    if (!first) return;
    first = 0;
    drawBranch();
  });

  function older() {
    if (!first) return;
    const before = scroller.scrollHeight - scroller.scrollTop;
    first = Math.max(0, first - WINDOW);
    drawBranch();
    // Scroll anchoring would do this where it exists; measured by hand it is the same everywhere.
    scroller.scrollTop = scroller.scrollHeight - before;
  }

  function siblingsOf(children, message) {
    const now = (children.get(message.parent_id) ?? NO_SIBLINGS).filter(m => m.role === message.role);
    const held = siblings.get(message.id);
    if (held && held.length === now.length && held.every((m, i) => m.id === now[i].id)) return held;
    siblings.set(message.id, now);
    return now;
  }

  function drawBranch() {
    const {thread, live} = state;
    const children = childrenOf(thread);
    const shown = branch.slice(first).map((message, i, all) => ({...placeOf(message, siblingsOf(children, message), i === all.length - 1), reply: all[i + 1]}));
    const ids = new Set(shown.map(place => place.key));
    const hadFocus = el.contains(document.activeElement);
    const refocus = keepArrow();
    let made = null;
    for (const [id, view] of views) {
      if (ids.has(id)) continue;
      remove(view);
      views.delete(id);
      siblings.delete(id);
    }
    if (el.firstChild !== top) el.prepend(top);
    let before = top;
    for (const {key, isOpen, isAwaited, message, of, reply, isLast} of shown) {
      if (isAwaited && !views.has(key)) continue; // for a moment: nothing is drawn that would be drawn otherwise at once
      const view = views.get(key) ?? (made = make(key, message, isOpen));
      if (before.nextSibling !== view.el) before.after(view.el);
      before = view.el;
      view.update(isOpen ? {message, of, live, isLast, thread, nameOf: state.nameOf}
        : {message, live: live[message.id], of, reply, isLast, name: state.nameOf(message.model)});
    }
    refocus();
    isFocusLost ||= hadFocus && !el.contains(document.activeElement);
    if (isFocusLost && made) passFocus(made.el);
    el.classList.toggle('is-cut', first > 0); // the browser finds nothing in what is not built
  }

  /** What had the focus has given way: what came in its place gets it, in a part that can have it, else as a whole. */
  function passFocus(heir) {
    isFocusLost = false;
    if (document.activeElement !== document.body) return;
    heir.querySelector('.sides-strip, .branches button:enabled, button')?.focus({preventScroll: true});
    if (heir.contains(document.activeElement)) return;
    heir.tabIndex = -1;
    heir.focus({preventScroll: true});
  }

  /** Who walks through versions by keyboard stays at the arrow, though each version has its own. */
  function keepArrow() {
    const arrow = el.contains(document.activeElement) ? document.activeElement.closest('.branches button') : null;
    const place = arrow && [...el.children].indexOf(arrow.closest('article'));
    const isOlder = arrow && !arrow.previousElementSibling;
    return () => {
      if (arrow && !arrow.isConnected) [...el.children[place]?.querySelectorAll('.branches button:enabled') ?? []].at(isOlder ? 0 : -1)?.focus();
    };
  }

  /** What stands for a message of the branch: itself, or all replies of its question side by side. */
  function placeOf(message, of, isLast) {
    const hasOthers = message.role === 'assistant' && of.length > 1;
    if (hasOthers) wantSides();
    const isOpen = hasOthers && Boolean(sides?.isOpen(of, isLast));
    return {message, of, isLast, isOpen, isAwaited: hasOthers && !sides, key: isOpen ? `sides ${message.parent_id}` : message.id};
  }

  async function wantSides() {
    if (areSidesAsked) return;
    areSidesAsked = true;
    sides = await import('./sides.js').then(module => module.createSides(tools), () => ALL_ALONE);
    if (state.thread) drawBranch();
  }

  function make(key, message, isOpen) {
    const view = isOpen ? sides.mount() : message.role === 'assistant' ? mountReply(tools) : mountUtterance();
    views.set(key, view);
    return view;
  }

  const remove = view => (view.remove ? view.remove() : view.el.remove());

  function clear() {
    views.forEach(remove);
    views.clear();
    siblings.clear();
    branch = [];
  }

  function openThread(thread) {
    keeper.keep();
    clear();
    shownId = thread.conversation.id;
    branch = branchOf(thread);
    const place = places.get(shownId);
    const kept = place ? branch.findIndex(m => m.id === place.id) : -1;
    first = Math.max(0, kept < 0 ? branch.length - WINDOW : Math.min(branch.length - WINDOW, kept - 3));
    drawBranch();
    keeper.open(shownId);
  }

  return {
    /** @param {{thread: object|null, live: object, nameOf: (slug: string) => string}} next */
    update(next) {
      const isSameThread = next.thread === state.thread && next.nameOf === state.nameOf;
      const held = state;
      state = next;
      if (!next.thread) {
        if (shownId) keeper.keep();
        clear();
        if (shownId !== null) keeper.leave();
        shownId = keeper.name = null;
      } else if (next.thread.conversation.id !== shownId) openThread(next.thread);
      else if (!isSameThread) {
        branch = branchOf(next.thread);
        first = Math.min(first, Math.max(0, branch.length - 1));
        drawBranch();
      } else if (next.live !== held.live) drawGrowth(next.live, held.live);
    },
    toEnd: () => keeper.toEnd(),
    /** A message of the branch, built if it was not: nobody but the caller scrolls now. @returns {HTMLElement|null} */
    reveal(id) {
      const at = branch.findIndex(m => m.id === id);
      if (at >= 0 && at < first) {
        first = Math.max(0, at - 3);
        drawBranch();
      }
      return views.get(id)?.el ?? el.querySelector(`[data-id="${CSS.escape(id)}"]`); // or among replies side by side
    },
    hold() {
      keeper.release();
      keeper.pin(false);
    },
  };

  function drawGrowth(live, held) {
    for (const id in live) {
      if (live[id] === held[id]) continue;
      const view = views.get(id);
      if (view) view.update({...viewState(id), live: live[id]});
      else sides?.grow(id, live[id]);
    }
  }

  function viewState(id) {
    const message = state.thread.messages[id];
    return {message, of: siblings.get(id), isLast: state.thread.conversation.head_id === id, name: state.nameOf(message.model)};
  }
}
