/**
 * What the person is told of the connection: nothing for the first seconds of trouble, offline at once, "back" for a moment.
 * Called by line.js with the word of stream.js.
 */
const QUIET_MS = 3000;
const BACK_MS = 2500;

/** @param {(net: 'up'|'reconnecting'|'offline'|'back') => void} tell @returns {(isUp: boolean, isSilent?: boolean) => void} `isSilent`: it has been quiet for long */
export function createNetWatch(tell) {
  let shown = 'up';
  let timer = 0;
  let isDown = false;

  function show(next) {
    clearTimeout(timer);
    timer = 0;
    if (next !== shown) tell(shown = next);
  }

  return (isUp, isSilent = false) => {
    if (isUp) {
      isDown = false;
      if (shown === 'up' || shown === 'back') return clearTimeout(timer), void (timer = shown === 'back' ? setTimeout(show, BACK_MS, 'up') : 0);
      show('back');
      timer = setTimeout(show, BACK_MS, 'up');
    } else if (!navigator.onLine) {
      isDown = true;
      show('offline');
    } else if (isSilent) {
      isDown = true;
      show('reconnecting');
    } else if (!isDown || !timer) {
      isDown = true;
      if (shown === 'offline') show('reconnecting');
      else if (shown !== 'reconnecting') timer = setTimeout(show, QUIET_MS, 'reconnecting');
    }
  };
}
