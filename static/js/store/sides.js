/**
 * Which replies of one message stand side by side, in which order, and the numbers over each while it grows.
 * Pure: time is passed in. What tokens are is the model's business: ours are estimates until the server says. Called by views/sides.js.
 */

const TOGETHER_MS = 500; // replies of one request are made within a moment; a person needs longer for the next click
const SETTLED_MS = 400; // a pace measured over less is noise
const WIDE = /[\u1100-\u11ff\u2e80-\ua4cf\uac00-\ud7ff\uf900-\ufaff]/g;
const WIDE_TOKENS = 0.7; // of one Chinese, Japanese or Korean character
const NARROW_TOKENS = 0.25; // of any other

export const OPENED = 1; // by a person, until the conversation has gone on
export const KEPT_OPEN = 2; // by a person, where the conversation had gone on already
export const CLOSED = 0;

/** @param {{created_at: string}[]} replies siblings, oldest first @returns {boolean} whether some were asked for at once */
export const areTogether = replies => replies.some((reply, i) => i > 0 && Date.parse(reply.created_at) - Date.parse(replies[i - 1].created_at) < TOGETHER_MS);

/**
 * Replies asked for together stand side by side until the conversation has gone on from one of them; a person's choice wins.
 * @param {object[]} replies siblings @param {boolean} isLast nothing follows the one on the branch @param {number|null} choice
 */
export function isSideBySide(replies, isLast, choice) {
  if (replies.length < 2 || choice === CLOSED) return false;
  return choice === KEPT_OPEN || (isLast && (choice === OPENED || areTogether(replies)));
}

/**
 * The columns: one a reply, oldest first. A failed one that was asked for again gives its place to the next try.
 * @param {object[]} replies siblings, oldest first
 */
export function columnsOf(replies) {
  const rest = [...replies];
  const columns = [];
  while (rest.length) {
    let reply = rest.shift();
    for (let again = nextTry(reply, rest); again >= 0; again = nextTry(reply, rest)) [reply] = rest.splice(again, 1);
    columns.push(reply);
  }
  return columns;
}

function nextTry(failed, rest) {
  if (failed.status !== 'failed' || failed.content) return -1;
  return rest.findIndex(r => r.model === failed.model && Date.parse(r.created_at) - Date.parse(failed.created_at) >= TOGETHER_MS);
}

/** @param {string} text @returns {number} about how many tokens it is */
export function estimateTokens(text) {
  const wide = text.match(WIDE)?.length ?? 0;
  return wide * WIDE_TOKENS + (text.length - wide) * NARROW_TOKENS;
}

/**
 * @typedef {{start: number, from: number|null, base: number, firstWord: number|null, isFresh: boolean, read: {content: number,
 *   reasoning: number}, tokens: number}} Meter  `from`: when the first text came, or when a run under way was found
 */

/** @param {number} now ms @param {boolean} isFresh whether the run was seen from its start @returns {Meter} */
export const startMeter = (now, isFresh) => ({start: now, from: null, base: 0, firstWord: null, isFresh, read: {content: 0, reasoning: 0}, tokens: 0});

/** @param {Meter} meter @param {{content: string, reasoning: string}} live @param {number} now @returns {Meter} */
export function readMeter(meter, {content, reasoning}, now) {
  const fresh = content.slice(meter.read.content) + reasoning.slice(meter.read.reasoning);
  if (!fresh) return meter;
  const tokens = meter.tokens + estimateTokens(fresh);
  const next = {...meter, tokens, read: {content: content.length, reasoning: reasoning.length}};
  if (meter.from === null) Object.assign(next, {from: now, base: meter.isFresh ? 0 : tokens});
  if (content && meter.firstWord === null && meter.isFresh) next.firstWord = now - meter.start;
  return next;
}

/**
 * The numbers over a column: while it grows by our own clock, at its end as the server says. Null: not known (yet).
 * @param {{message: object, meter: Meter|null, pricing: {input?: number, output?: number}|null, inputTokens: number, now: number}} seen
 * @returns {{first: number|null, rate: number|null, tokens: number|null, cost: {amount: number, currency: string, isAbout: boolean}|null, isAbout: boolean}}
 */
export function numbersOf({message, meter, pricing, inputTokens, now}) {
  const {timings, usage, cost, content, reasoning} = message;
  const first = timings?.first_content_ms ?? meter?.firstWord ?? null;
  if (!meter) {
    const counted = usage?.output_tokens ?? null;
    const about = counted === null && (content || reasoning) ? Math.round(estimateTokens(`${content}${reasoning ?? ''}`)) : null;
    const from = timings?.first_reasoning_ms ?? timings?.first_content_ms;
    const pace = about && from != null && timings.total_ms > from ? about / (timings.total_ms - from) * 1000 : null;
    return {first, rate: timings?.output_tokens_per_second ?? pace, tokens: counted ?? about, isAbout: counted === null,
      cost: cost?.amount == null ? null : {amount: cost.amount, currency: cost.currency, isAbout: cost.kind === 'estimate' && cost.amount > 0}};
  }
  const ms = meter.from === null ? 0 : now - meter.from;
  const amount = pricing && meter.tokens ? (inputTokens * (pricing.input ?? 0) + meter.tokens * (pricing.output ?? 0)) / 1e6 : null;
  return {
    first, isAbout: true,
    rate: ms >= SETTLED_MS ? (meter.tokens - meter.base) / ms * 1000 : null,
    tokens: meter.tokens ? Math.round(meter.tokens) : null,
    cost: amount === null ? null : {amount, currency: 'USD', isAbout: amount > 0},
  };
}
