/**
 * Tells a proxy that collects the stream from a slow network: what was sent at different times arrives together, again and
 * again. Judged by the pings, which carry the server's time. Pure: moments are passed in, in ms. Called by line.js.
 *
 * @typedef {{best: number, last: number, late: number[]}} Lag  the least age of a ping, the last one's, when late ones came
 */

const LATE_MS = 3000; // older than the best one by so much: held back on the way
const STEADY_MS = 300; // two equal ages: a clock was set, nothing is collected
const TOGETHER_MS = 1000; // what arrives within it was held together and counts once
const MEMORY_MS = 180_000;
const TIMES = 2;

/** @type {Lag} */
export const PROMPT = Object.freeze({best: Infinity, last: Infinity, late: []});

/** @param {Lag} lag @param {number} sentAt by the server's clock @param {number} at by ours @returns {Lag} */
export function notePing(lag, sentAt, at) {
  const age = at - sentAt;
  if (age - lag.best <= LATE_MS) return {...lag, best: Math.min(lag.best, age), last: age};
  if (Math.abs(age - lag.last) < STEADY_MS) return {best: age, last: age, late: []};
  return {...noteLate(lag, at), last: age};
}

/** Nothing came for as long as a feed is waited for, though the server answers other requests. @returns {Lag} */
export const noteSilence = (lag, at) => noteLate(lag, at);

function noteLate(lag, at) {
  const late = lag.late.filter(moment => at - moment < MEMORY_MS);
  return at - (late.at(-1) ?? -Infinity) < TOGETHER_MS ? {...lag, late} : {...lag, late: [...late, at]};
}

/** @param {Lag} lag @returns {boolean} */
export const isCollected = lag => lag.late.length >= TIMES;
