/**
 * At most one write pass a frame: views that changed are drawn together. A hidden tab gets no frames, so what came
 * meanwhile is drawn once when it is looked at. A slow pass makes the next one wait, so that input stays quick. Called by main.js.
 */

const REST = 4; // a pass is followed by at least this many times its own length, once it is long
const LONG_MS = 8;

/** @param {{raf?: (draw: () => void) => void, now?: () => number}} [options] @returns {(draw: () => void) => void} */
export function createFrame({raf = requestAnimationFrame.bind(globalThis), now = () => performance.now()} = {}) {
  const dirty = new Set();
  let isAsked = false;
  let notBefore = 0;

  function pass() {
    const start = now();
    if (start < notBefore) return raf(pass);
    isAsked = false;
    const draws = [...dirty];
    dirty.clear();
    for (const draw of draws) draw();
    const took = now() - start;
    notBefore = took > LONG_MS ? now() + took * REST : 0;
  }

  return draw => {
    dirty.add(draw);
    if (isAsked) return;
    isAsked = true;
    raf(pass);
  };
}
