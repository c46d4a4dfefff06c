/**
 * The Markdown renderer, which no first paint needs: a third of all code. It comes with the first conversation, or once a new
 * page is at rest; until it is here no message is drawn. Called by main.js; `createMarkdown` by the views of messages.
 */
import {signal} from '@preact/signals-core';

const AGAIN_MS = 3000;
let renderer = null;
let isComing = false;

export const isHere = signal(false);

/** As in markdown/index.js. */
export const createMarkdown = (...args) => renderer.createMarkdown(...args);

export async function fetchRenderer() {
  if (isComing) return;
  isComing = true;
  try {
    renderer = await import('./markdown/index.js');
    renderer.setMathsStylesheet(document.documentElement.dataset.maths);
    isHere.value = true;
  } catch {
    isComing = false;
    setTimeout(fetchRenderer, AGAIN_MS);
  }
}
