/**
 * When to draw: at most once a frame, and never so often that drawing fills the frame.
 *
 * Gathers text between frames. Hidden pages get no frames: the text waits and is drawn at once
 * when the page is seen again. Knows nothing of Markdown; the page gives it what draws.
 */

const REST_FACTOR = 4; // drawing may take a quarter of the time, so that typing stays quick

const browser = {
  now: () => performance.now(),
  nextFrame: callback => requestAnimationFrame(callback),
  cancelFrame: id => cancelAnimationFrame(id),
  onVisible(callback) {
    const listener = () => document.visibilityState === 'visible' && callback();
    document.addEventListener('visibilitychange', listener);
    return () => document.removeEventListener('visibilitychange', listener);
  },
};

/**
 * @param {(text: string) => void} render
 * @param {typeof browser} [clock]
 * @returns {{add(text: string): void, flush(): void, stop(): void}} `flush` draws what is left now;
 *   `stop` forgets it
 */
export function createPacer(render, clock = browser) {
  let waiting = '';
  let frame = null;
  let restUntil = -Infinity;

  function flush() {
    if (frame !== null) clock.cancelFrame(frame);
    frame = null;
    if (!waiting) return;
    const text = waiting;
    const start = clock.now();
    waiting = '';
    render(text);
    restUntil = start + REST_FACTOR * (clock.now() - start);
  }

  function schedule() {
    frame = clock.nextFrame(() => {
      if (clock.now() < restUntil) return schedule();
      frame = null;
      flush();
    });
  }

  const unlisten = clock.onVisible(flush);
  return {
    add(text) {
      waiting += text;
      if (frame === null && waiting) schedule();
    },
    flush,
    stop() {
      if (frame !== null) clock.cancelFrame(frame);
      frame = null;
      waiting = '';
      unlisten();
    },
  };
}
