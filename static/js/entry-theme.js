/**
 * Sets the chosen theme, size of text, density and sidebar before the first paint, so that none of them flashes. Loaded in
 * <head>, blocking, alone. It shares nothing with the rest of the page: a shared chunk would make it wait.
 */
try {
  for (const name of ['theme', 'text', 'density', 'sidebar']) {
    const value = JSON.parse(localStorage.getItem(`rill.${name}`));
    if (value) document.documentElement.dataset[name] = value;
  }
  const {theme} = document.documentElement.dataset;
  for (const meta of theme ? document.querySelectorAll('meta[name="theme-color"]') : []) { // the browser's own bars; look.js has the same rule
    meta.media = meta.dataset.theme === theme ? 'all' : 'not all';
  }
} catch {
  // No storage: the system's theme.
}
