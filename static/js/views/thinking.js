/**
 * The thinking fold of a reply: open while the model thinks, closed when the answer starts, unless the person chose otherwise;
 * that choice is kept over a reload.
 * Its text is drawn only while it is open. Called by reply.js.
 */
import {createMarkdown} from '../renderer.js';
import {memoryOf} from '../prefs.js';
import {duration} from '../time.js';
import {t} from '../words.js';

/**
 * @param {HTMLElement} el
 * @param {{isPinned: () => boolean, labels: object}} tools
 * @returns {{update: (state: {text: string, isRunning: boolean, hasAnswer: boolean, timings: object, id: string}) => void, tick: (ms: number) => void}}
 */
export function mountThinking(el, {isPinned, labels}) {
  const folds = memoryOf('folds');
  let parts = null;
  let chosen = null; // open or closed by the person
  let markdown = null;
  let shown = 0;
  let state = {text: '', hasAnswer: false};
  let thoughtMs = null;

  function build() {
    const fold = document.createElement('details');
    const summary = document.createElement('summary');
    const body = document.createElement('div');
    body.className = 'md thinking-text';
    fold.append(summary, body);
    el.append(fold);
    summary.addEventListener('click', () => {
      chosen = !fold.open;
      folds.set(state.id, chosen);
    });
    fold.addEventListener('toggle', draw);
    chosen = folds.get(state.id);
    fold.open = chosen ?? false;
    parts = {fold, summary, body};
  }

  function draw() {
    if (!parts.fold.open) return;
    if (state.text.length > shown) {
      if (!markdown) {
        markdown = createMarkdown(parts.body, {labels});
        shown = 0;
      }
      markdown.push(state.text.slice(shown));
      shown = state.text.length;
    }
    if (markdown && !isGrowing()) {
      markdown.end();
      markdown = null;
    }
  }

  const isGrowing = () => state.isRunning && !state.hasAnswer;

  function title() {
    const {first_reasoning_ms: from, first_content_ms: to} = state.timings ?? {};
    const ms = from != null && to != null ? to - from : thoughtMs;
    return isGrowing() || ms == null ? t('reply.thoughts') : t('reply.thought', duration(ms));
  }

  function drawTitle() {
    const words = title();
    if (parts && parts.summary.textContent !== words) parts.summary.textContent = words;
  }

  return {
    update(next) {
      const wasGrowing = isGrowing();
      state = next;
      if (!state.text) return;
      if (!parts) build();
      if (isGrowing()) parts.fold.open = chosen ?? true;
      // A reader who has scrolled away is reading: nothing above the eye may collapse.
      else if (wasGrowing && chosen === null && isPinned()) parts.fold.open = false;
      draw();
      drawTitle();
    },
    tick(ms) {
      if (isGrowing()) thoughtMs = ms; // the running time stands in the live line above; here it is kept for the end
    },
  };
}
