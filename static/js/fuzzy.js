/**
 * How well a text answers what was typed: every word must be in it, as a piece or as letters in order that begin at a word.
 * Pure. Called by palette.js.
 */

const isBreak = letter => letter === undefined || /[\s\p{P}\p{S}]/u.test(letter);

/** Lower case, one for one, so that places in it are places in the text. */
const letters = text => Array.from(text, letter => (letter.toLowerCase().length === letter.length ? letter.toLowerCase() : letter));

/**
 * @param {string} query
 * @param {string} text
 * @returns {{score: number, ranges: [number, number][]}|null} ranges in code points, in order; a higher score is better
 */
export function match(query, text) {
  const inside = letters(text);
  let score = -inside.length / 1000; // of two that match alike the shorter one
  const ranges = [];
  for (const word of query.trim().split(/\s+/)) {
    const found = word && (piece(letters(word), inside) ?? scattered(letters(word), inside));
    if (found === null) return null;
    if (!found) continue;
    score += found.score;
    ranges.push(...found.ranges);
  }
  return {score, ranges: joined(ranges)};
}

function piece(word, inside) {
  let best = null;
  for (let at = 0; at + word.length <= inside.length; at++) {
    if (!word.every((letter, i) => inside[at + i] === letter)) continue;
    const score = at === 0 ? 3 : isBreak(inside[at - 1]) ? 2.5 : 1.5;
    if (!best || score > best.score) best = {score, ranges: [[at, at + word.length]]};
  }
  return best;
}

/** "nc" in "New conversation": each run of letters begins at a word or goes on from the last. */
function scattered(word, inside) {
  const ranges = [];
  let at = 0;
  for (const letter of word) {
    while (at < inside.length && !(inside[at] === letter && (ranges.at(-1)?.[1] === at || isBreak(inside[at - 1])))) at++;
    if (at === inside.length) return null;
    ranges.push([at, ++at]);
  }
  return {score: 1, ranges};
}

function joined(ranges) {
  const all = [];
  for (const [from, to] of ranges.sort((a, b) => a[0] - b[0])) {
    if (all.length && from <= all.at(-1)[1]) all.at(-1)[1] = Math.max(all.at(-1)[1], to);
    else all.push([from, to]);
  }
  return all;
}
