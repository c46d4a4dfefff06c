/**
 * Keeps the reader where the reader wants to be: at the end while pinned, unmoved otherwise; remembers the place.
 * Growth is seen by a ResizeObserver, which runs after layout and before paint: no frame shows the text unpinned, and late
 * growth (maths, highlighting, fonts) counts like any other. Draws nothing. Called by thread.js.
 */

const END_PX = 24; // this near to the end, moving down pins again
const FAR_PX = 160; // this far from it the way back is offered
const KEEP_EVERY_MS = 400;
const SETTLE_MS = 1500; // a restored place is held while late heights come in
const DEPTH = 4; // message, its part, section, block: below that a place is counted in pixels

export class ScrollKeeper {
  /**
   * @param {HTMLElement} scroller
   * @param {HTMLElement} content its only child that grows; its children carry data-id
   * @param {{onFar: (isFar: boolean) => void, places: {get: Function, set: Function}, signal?: AbortSignal}} options
   */
  constructor(scroller, content, {onFar, places, signal}) {
    Object.assign(this, {scroller, content, onFar, places, isPinned: true, isIdle: false, last: 0, height: 0, name: null, held: null, opened: new Set(), timer: 0});
    scroller.addEventListener('scroll', () => this.scrolled(), {passive: true});
    for (const hand of ['wheel', 'touchstart', 'keydown', 'pointerdown']) scroller.addEventListener(hand, () => this.release(), {passive: true});
    scroller.addEventListener('focusin', ({target}) => this.focused(target));
    const observer = new ResizeObserver(() => this.grew());
    observer.observe(scroller);
    observer.observe(content);
    addEventListener('pagehide', () => this.keep(), {signal});
    signal?.addEventListener('abort', () => observer.disconnect());
  }

  get rest() {
    return this.scroller.scrollHeight - this.scroller.scrollTop - this.scroller.clientHeight;
  }

  scrolled() {
    if (this.held) return; // our own doing, or the estimates of heights giving way to real ones
    // A layout between frames has changed heights and moved us: nobody has scrolled, and grew() is about to answer it.
    if (this.isPinned && this.scroller.scrollHeight !== this.height) return;
    const top = this.scroller.scrollTop;
    const rest = this.rest;
    if (rest <= 2 || (top > this.last && rest < END_PX)) this.pin(true);
    else if (top < this.last) this.pin(false);
    this.last = top;
    this.tell(rest);
    clearTimeout(this.timer);
    this.timer = setTimeout(() => this.keep(), KEEP_EVERY_MS);
  }

  /** The browser scrolls up to what takes the focus, before it tells or after; pinned, we would take it out of view again. */
  focused(target) {
    if (target === this.scroller) return;
    const hasMoved = this.scroller.scrollTop < this.last && this.rest > END_PX;
    if (!hasMoved && target.getBoundingClientRect().top >= this.scroller.getBoundingClientRect().top) return;
    this.release();
    this.pin(false);
  }

  /** Unpinned, the browser's scroll anchoring holds the place; pinned, it would work against us. */
  pin(isPinned) {
    this.isPinned = isPinned && !this.isIdle;
    this.scroller.style.overflowAnchor = this.isPinned ? 'none' : '';
  }

  /** Nothing is there that grows: what stands in its place is read from its beginning, and has no newest words. */
  leave() {
    this.isIdle = true;
    this.release();
    this.pin(false);
    this.scroller.scrollTop = 0;
    this.tell(0);
  }

  grew() {
    this.height = this.scroller.scrollHeight;
    if (this.held) this.restore();
    else if (this.isPinned) this.toEnd();
    else this.tell(this.rest);
  }

  tell(rest) {
    this.onFar(!this.isPinned && !this.isIdle && rest > FAR_PX);
  }

  toEnd() {
    this.pin(true);
    this.release();
    this.scroller.scrollTop = this.scroller.scrollHeight;
    this.last = this.scroller.scrollTop;
    this.height = this.scroller.scrollHeight;
    this.tell(0);
  }

  /** Another conversation is on the page: go where its reader was. @param {string|null} name */
  open(name) {
    this.name = name;
    this.isIdle = false;
    this.release();
    const place = name && this.places.get(name);
    if (!place) return this.toEnd();
    this.held = place;
    this.pin(false);
    this.restore();
    setTimeout(() => { if (this.held === place) this.release(); }, SETTLE_MS);
  }

  release() {
    this.held = null;
    for (const part of this.opened) part.style.contentVisibility = '';
    this.opened.clear();
  }

  restore() {
    const mark = this.content.querySelector(`[data-id="${CSS.escape(this.held.id)}"]`);
    if (!mark) return;
    const edge = this.scroller.getBoundingClientRect().top;
    this.scroller.scrollTop += this.descend(mark).getBoundingClientRect().top - edge + this.held.offset;
    this.last = this.scroller.scrollTop;
    this.tell(this.rest);
  }

  /** As far down as the path leads. What is on the way is laid out for real: inside an estimate nothing has its place. */
  descend(mark) {
    for (const index of [null, ...this.held.path]) {
      mark = (index === null ? mark : mark.children[index]) ?? mark;
      mark.style.contentVisibility = 'visible';
      this.opened.add(mark);
    }
    return mark;
  }

  /**
   * The block under the top edge, and how far into it. A height from the top would be worth nothing: what is out of view
   * is as high as an estimate until it has been seen once.
   */
  keep() {
    clearTimeout(this.timer);
    if (!this.name || this.held) return;
    if (this.isPinned) return this.places.set(this.name, null);
    const edge = this.scroller.getBoundingClientRect().top;
    const isBelow = child => child.getBoundingClientRect().bottom > edge;
    let mark = [...this.content.children].find(child => child.dataset.id && isBelow(child));
    if (!mark) return;
    const {id} = mark.dataset;
    const path = [];
    while (path.length < DEPTH - 1) {
      const at = [...mark.children].findIndex(isBelow);
      if (at < 0) break;
      path.push(at);
      mark = mark.children[at];
    }
    this.places.set(this.name, {id, path, offset: Math.round(edge - mark.getBoundingClientRect().top)});
  }
}
