/**
 * The frame around the views: the sidebar as a column or, on narrow screens, a drawer; and the keys that work
 * everywhere. Knows no data: it wishes like a view. Called by main.js.
 */
import {isTyping, wish} from './dom.js';
import {wishOf} from './keys.js';
import {remember} from './prefs.js';

const NARROW = '(max-width: 56.24rem)'; // as in sidebar.css

/** @param {{sidebar: HTMLElement, stage: HTMLElement, scrim: HTMLElement, onChange: (isOpen: boolean) => void}} parts */
export function createSidebarSwitch({sidebar, stage, scrim, onChange}) {
  const root = document.documentElement;
  const narrow = matchMedia(NARROW);
  let isDrawerOpen = false;
  let opener = null;

  const isOpen = () => (narrow.matches ? isDrawerOpen : root.dataset.sidebar !== 'closed');

  function show() {
    root.classList.toggle('has-drawer', narrow.matches && isDrawerOpen);
    sidebar.inert = !isOpen();
    stage.inert = narrow.matches && isDrawerOpen; // the drawer is all there is while it is open
    onChange(isOpen());
  }

  function set(open) {
    if (open === isOpen()) return;
    if (narrow.matches) isDrawerOpen = open;
    else {
      root.dataset.sidebar = open ? 'open' : 'closed';
      remember('sidebar', root.dataset.sidebar);
    }
    if (open) opener = document.activeElement;
    show();
    if (open && narrow.matches) sidebar.querySelector('.side-new')?.focus();
    else if (!open && (sidebar.contains(document.activeElement) || document.activeElement === document.body)) focusBack();
  }

  function focusBack() {
    const button = stage.querySelector('.side-open');
    (opener?.isConnected && stage.contains(opener) ? opener : button)?.focus();
  }

  narrow.addEventListener('change', () => {
    isDrawerOpen = false;
    show();
  });
  scrim.addEventListener('click', () => set(false));
  show();
  return {toggle: () => set(!isOpen()), closeDrawer: () => narrow.matches && set(false), isDrawerOpen: () => narrow.matches && isDrawerOpen};
}

/** Keys that work everywhere (keys.js); those of a field or a list are theirs. @param {{isDrawerOpen: () => boolean}} sidebar */
export function listenToKeys(sidebar) {
  document.addEventListener('keydown', event => {
    if (event.defaultPrevented || event.isComposing || event.altKey) return;
    const isPlain = !event.ctrlKey && !event.metaKey;
    let name = isPlain && isTyping(event.target) ? null : wishOf(event);
    if (isPlain && event.key === 'Escape') name = escape(sidebar);
    // The browser finds what is built; ours is for the rest, and pressed once more it gives way.
    if (name === 'findInConversation' && (event.target.closest('.find') || !document.querySelector('.thread.is-cut'))) return;
    if (!name || (name !== 'toggleSidebar' && document.querySelector('dialog[open]'))) return;
    event.preventDefault();
    wish(document.body, name);
  });
}

/** Esc closes what floats (the browser does that), then the drawer; with nothing open it stops the answer. */
function escape(sidebar) {
  if (document.querySelector(':popover-open, dialog[open]')) return null;
  return sidebar.isDrawerOpen() ? 'toggleSidebar' : 'stopReply';
}
