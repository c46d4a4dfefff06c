/**
 * What the page makes of its line to the server: the banner, a server that cannot store, a proxy that collects the stream.
 * While there is no feed it asks why, and has asked for what a feed would have told. Called by main.js.
 */
import {signal} from '@preact/signals-core';
import {isCollected, notePing, noteSilence, PROMPT} from './lag.js';
import {createNetWatch} from './net.js';

const HIDDEN = 'rill.lag-hidden'; // for this visit only: another network is another proxy

/** @param {{askSession: () => Promise, hasSession: () => boolean, follow: () => void}} options */
export function createLine({askSession, hasSession, follow}) {
  const line = {net: signal('up'), storage: signal(null), isCollected: signal(false)};
  const watch = createNetWatch(next => { line.net.value = next; });
  let lag = PROMPT;
  let failures = 0;
  let isAsking = false;

  function judge(next) {
    lag = next;
    if (isCollected(lag) && !sessionStorage.getItem(HIDDEN)) line.isCollected.value = true;
  }

  /** A refusal shows itself in the answer; silence means: away. */
  async function askWhy(isSilent) {
    if (isAsking) return;
    isAsking = true;
    try {
      await askSession();
      if (isSilent) judge(noteSilence(lag, Date.now()));
      if (failures > 1) follow(); // the server is there, but its feed does not come through
    } catch {
      // The next failure asks again.
    }
    isAsking = false;
  }

  return {
    ...line,
    onStatus(isUp, isSilent = false) {
      watch(isUp, isSilent);
      failures = isUp ? 0 : failures + 1;
      if ((!isUp && !document.hidden) || !hasSession()) askWhy(isSilent); // ten tabs have six connections
    },
    onEvent(type, data, at) {
      if (type === 'hello') line.storage.value = null; // told again while it stands
      else if (type === 'storage') line.storage.value = data.ok ? null : data;
      else if (type === 'ping') judge(notePing(lag, Date.parse(data.server_time), at));
    },
    hideCollected() {
      line.isCollected.value = false;
      sessionStorage.setItem(HIDDEN, '1');
    },
  };
}
