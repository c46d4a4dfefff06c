/** The address of the page and what it names: `/` a new conversation, `/c/<id>` one that exists. Called by main.js. */

/** @param {string} path @returns {string|null} the conversation's id */
export function conversationIn(path) {
  const found = /^\/c\/([A-Za-z0-9_-]+)\/?$/.exec(path);
  return found ? found[1] : null;
}

/** @param {(id: string|null) => void} onChange told of back, forward, and of clicks on links of the page itself */
export function createRouter(onChange) {
  addEventListener('popstate', () => onChange(conversationIn(location.pathname)));
  document.addEventListener('click', event => {
    const link = event.target.closest?.('a[href]');
    const isPlain = event.button === 0 && !event.metaKey && !event.ctrlKey && !event.shiftKey && !event.altKey;
    if (!link || !isPlain || event.defaultPrevented || link.target || link.origin !== location.origin) return;
    if (link.pathname !== '/' && !conversationIn(link.pathname)) return;
    if (link.hash) return;
    event.preventDefault();
    go(conversationIn(link.pathname));
  });

  /** @param {string|null} id @param {{replace?: boolean}} [how] */
  function go(id, {replace = false} = {}) {
    const path = id ? `/c/${id}` : '/';
    if (path !== location.pathname) history[replace ? 'replaceState' : 'pushState'](null, '', path);
    onChange(id);
  }

  return {go, current: () => conversationIn(location.pathname)};
}
