/** The address of the page and what it names: `/` a new conversation, `/c/<id>` one that exists, or a page of pages.js. Called by main.js. */

/** @param {string} path @returns {string|null} the conversation's id */
export function conversationIn(path) {
  const found = /^\/c\/([A-Za-z0-9_-]+)\/?$/.exec(path);
  return found ? found[1] : null;
}

/** @param {string} path @returns {string|null} the name of a page that is no conversation */
const pageIn = path => /^\/(usage)\/?$/.exec(path)?.[1] ?? null;

/** @param {(id: string|null, page: string|null) => void} onChange told of back, forward, and of clicks on links of the page itself */
export function createRouter(onChange) {
  const tell = () => onChange(conversationIn(location.pathname), pageIn(location.pathname));
  addEventListener('popstate', tell);
  document.addEventListener('click', event => {
    const link = event.target.closest?.('a[href]');
    const isPlain = event.button === 0 && !event.metaKey && !event.ctrlKey && !event.shiftKey && !event.altKey;
    if (!link || !isPlain || event.defaultPrevented || link.target || link.origin !== location.origin) return;
    if (link.pathname !== '/' && !conversationIn(link.pathname) && !pageIn(link.pathname)) return;
    if (link.hash) return;
    event.preventDefault();
    goTo(link.pathname);
  });

  /** @param {string} path @param {{replace?: boolean}} [how] */
  function goTo(path, {replace = false} = {}) {
    if (path !== location.pathname) history[replace ? 'replaceState' : 'pushState'](null, '', path);
    tell();
  }

  return {goTo, go: (id, how) => goTo(id ? `/c/${id}` : '/', how), tell};
}
