/**
 * The HTTP side of PROTOCOL.md: one function a route, errors as sentences. Keeps nothing but the CSRF token.
 * Does not retry on its own, except once with a fresh token. Called by actions.js, sync.js and main.js.
 */
import {said, t} from './words.js';

const HEADERS_MS = 20_000; // a request that hangs on a dead line holds one of the browser's six connections for good
const SESSION_MS = 4000; // asked to learn whether anybody is there

/** A refusal, or no answer at all; `message` is a sentence for a person, in that person's language. */
export class ApiError extends Error {
  constructor(message, {status = 0, type = 'offline'} = {}) {
    super(message);
    this.status = status;
    this.type = type;
  }
}

/** @returns {string} 128 random bits, for Idempotency-Key */
export const makeKey = () => crypto.randomUUID();

/** @param {{onLoginRequired: () => void}} options */
export function createApi({onLoginRequired}) {
  let token = '';

  async function ask(method, path, {body, key, limit = HEADERS_MS, mayBeKept} = {}, mayRetry = true) {
    const headers = {Accept: 'application/json'};
    if (method !== 'GET') headers['X-CSRF-Token'] = token;
    if (body !== undefined) headers['Content-Type'] = 'application/json';
    if (key) headers['Idempotency-Key'] = key;
    if (mayBeKept) headers['X-Rill-May-Be-Kept'] = '1'; // to entry-sw.js: without a server, what this browser has kept will do
    let response, answer;
    const patience = new AbortController();
    const timer = setTimeout(() => patience.abort(), limit);
    try {
      response = await fetch(path, {method, headers, signal: patience.signal, body: body === undefined ? undefined : JSON.stringify(body)});
      clearTimeout(timer);
      answer = response.status === 204 ? null : await response.json().catch(() => null);
    } catch {
      clearTimeout(timer);
      throw new ApiError(t('error.offline'));
    }
    if (response.ok) return answer;
    const {type = 'http', message = t('error.unknown', response.status)} = answer?.error ?? {};
    if (type === 'csrf' && mayRetry) {
      await api.session();
      return ask(method, path, {body, key, limit}, false);
    }
    if (response.status === 401) onLoginRequired();
    throw new ApiError(await said(message), {status: response.status, type});
  }

  const conversation = id => `/api/conversations/${encodeURIComponent(id)}`;
  const message = id => `/api/messages/${encodeURIComponent(id)}`;

  const api = {
    ask, // for the routes of what is loaded on demand
    async session() {
      const session = await ask('GET', '/api/session', {limit: SESSION_MS});
      token = session.csrf_token;
      return session;
    },
    logout: () => ask('POST', '/api/logout'),
    models: () => ask('GET', '/api/models', {mayBeKept: true}),
    conversations: (query, options) => ask('GET', `/api/conversations?${new URLSearchParams(query)}`, options),
    search: query => ask('GET', `/api/search?${new URLSearchParams(query)}`),
    conversation: (id, options) => ask('GET', conversation(id), options),
    createConversation: (body, key) => ask('POST', '/api/conversations', {body, key}),
    patchConversation: (id, body) => ask('PATCH', conversation(id), {body}),
    deleteConversation: id => ask('DELETE', conversation(id)),
    send: (id, body, key) => ask('POST', `${conversation(id)}/messages`, {body, key}),
    regenerate: (id, body, key) => ask('POST', `${message(id)}/replies`, {body, key}),
    edit: (id, body, key) => ask('POST', `${message(id)}/edit`, {body, key}),
    continue: (id, key) => ask('POST', `${message(id)}/continue`, {body: {}, key}),
    stop: (id, key) => ask('POST', `${message(id)}/stop`, {body: {}, key}),
    token: () => token,
    deleteAttachment: id => ask('DELETE', `/api/attachments/${encodeURIComponent(id)}`),
    message: id => ask('GET', message(id)),
    usage: days => ask('GET', `/api/usage?days=${days}&tz_offset=${-new Date().getTimezoneOffset()}`),
    timeline: id => ask('GET', `${message(id)}/timeline`),
  };
  return api;
}
