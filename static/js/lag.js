/**
 * Tells a proxy that collects the stream from a slow network: what was sent at different times arrives together, again and
 * again. Judged by the pings, which carry the server's time. Pure: moments are passed in, in ms. Called by line.js.
 *
 * @typedef {{best: number, last: number, late: number[], silences: number[]}} Lag  the least age of a ping, the last one's,
 *   when late ones came, when silences ended
 */

const LATE_MS = 3000; // older than the best one by so much: held back on the way
const STEADY_MS = 300; // two equal ages: a clock was set, nothing is collected
const TOGETHER_MS = 1000; // what arrives within it was held together and counts once
const MEMORY_MS = 180_000;
const LUMPS = 2;
const SILENCES = 3; // a server that is busy for a moment greets late, too

/** @type {Lag} */
export const PROMPT = Object.freeze({best: Infinity, last: Infinity, late: [], silences: []});

/** @param {Lag} lag @param {number} sentAt by the server's clock @param {number} at by ours @returns {Lag} */
export function notePing(lag, sentAt, at) {
  const age = at - sentAt;
  if (age - lag.best <= LATE_MS) return {...lag, best: Math.min(lag.best, age), last: age};
  if (Math.abs(age - lag.last) < STEADY_MS) return {...PROMPT, best: age, last: age};
  return {...lag, last: age, late: withMoment(lag.late, at)};
}

/** Nothing came for as long as a feed is waited for, though the server answers other requests. @returns {Lag} */
export const noteSilence = (lag, at) => ({...lag, silences: withMoment(lag.silences, at)});

function withMoment(moments, at) {
  const recent = moments.filter(moment => at - moment < MEMORY_MS);
  return at - (recent.at(-1) ?? -Infinity) < TOGETHER_MS ? recent : [...recent, at];
}

/** @param {Lag} lag @returns {boolean} */
export const isCollected = ({late, silences}) => late.length >= LUMPS || silences.length >= SILENCES;
