/**
 * How a conversation asks its model: what each setting may hold, what is sent of it, and what is to be said where the model
 * may not take it. Pure: values in, values and keys of words out. Called by params.js and its views.
 *
 * @typedef {{system_prompt: string, params: Object<string, any>}} Setup
 */

export const EFFORTS = ['none', 'minimal', 'low', 'medium', 'high', 'xhigh'];

/** @param {{max_completion_tokens?: number}} limits of the session */
export const numbersOf = limits => ({
  temperature: {low: 0, high: 2},
  top_p: {low: 0, high: 1},
  max_completion_tokens: {low: 1, high: limits?.max_completion_tokens ?? 1_000_000, isWhole: true},
});

/**
 * @param {string} text as typed; empty is the default. A comma counts as the point, spaces and apostrophes group digits.
 * @param {{low: number, high: number, isWhole?: boolean}} rule
 * @returns {{value: number|undefined} | {problem: 'number' | 'whole' | 'range'}}
 */
export function parseNumber(text, {low, high, isWhole}) {
  const plain = text.replace(/[\s'’_]/g, '');
  if (!plain) return {value: undefined};
  const ungrouped = isWhole ? plain.replace(/[,.](?=\d{3}(\D|$))/g, '') : plain.replace(',', '.');
  if (!/^-?(\d+\.?\d*|\.\d+)$/.test(ungrouped)) return {problem: 'number'};
  const value = Number(ungrouped);
  if (isWhole && !Number.isInteger(value)) return {problem: 'whole'};
  return value < low || value > high ? {problem: 'range'} : {value};
}

/**
 * @param {Setup} setup
 * @param {{system_prompt?: string, params?: object}} change a param that is undefined or false goes back to the default
 * @returns {Setup}
 */
export function changed({system_prompt, params}, change) {
  const merged = Object.entries({...params, ...change.params}).filter(([, value]) => value !== undefined && value !== null && value !== false);
  return {system_prompt: change.system_prompt ?? system_prompt, params: Object.fromEntries(merged)};
}

/** @returns {boolean} whether two setups ask alike */
export function isSameSetup(one, other) {
  const names = new Set([...Object.keys(one.params), ...Object.keys(other.params)]);
  return one.system_prompt === other.system_prompt && [...names].every(name => (one.params[name] || undefined) === (other.params[name] || undefined));
}

/**
 * What is to be said below a setting, for this model. Never more than the list of models tells.
 * @param {object|null} model as the list has it; null: it is in no list
 * @param {object} params
 * @returns {{reasoning_effort?: string, web_search?: string, temperature?: string}} keys of words
 */
export function notesFor(model, params) {
  if (!model) return {reasoning_effort: 'params.note.unknown', web_search: 'params.note.unknown'};
  const isNarrow = model.reasoning && (params.temperature !== undefined || params.top_p !== undefined);
  return {
    reasoning_effort: model.reasoning ? undefined : 'params.note.noThinking',
    web_search: typeof model.web_search_price === 'number' ? 'params.note.search' : 'params.note.noSearch',
    temperature: isNarrow ? 'params.note.narrow' : undefined,
  };
}
