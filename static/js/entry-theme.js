/**
 * Sets the chosen theme and sidebar before the first paint, so that neither flashes. Loaded in <head>, blocking, alone.
 * It shares nothing with the rest of the page: a shared chunk would make it wait.
 */
try {
  for (const [name, key] of [['theme', 'rill.theme'], ['sidebar', 'rill.sidebar']]) {
    const value = JSON.parse(localStorage.getItem(key));
    if (value) document.documentElement.dataset[name] = value;
  }
} catch {
  // No storage: the system's theme.
}
