/**
 * The rules of the feed as one pure function: (state, event) -> {state, wants}.
 * Events are those of the feed (PROTOCOL section 5) and those of our own answers (`list`, `thread`, `posted`, `healed`, ...).
 * No clock, no network, no DOM: what must be fetched is returned as `wants`, and sync.js does it. Called by store.js.
 *
 * @typedef {{conversation_id: string, content: string, content_length: number, reasoning: string,
 *   reasoning_length: number, status: string, ahead: object[]}} Live  text of an unfinished message
 * @typedef {{conversation: object, messages: Object<string, object>, revision: number}} Thread  a conversation as loaded
 *   at a revision, with all that was told since
 * @typedef {{kind: 'lists'} | {kind: 'thread', id: string} | {kind: 'message', id: string}} Want
 */
import {dropFirst, lengthOf} from './text.js';

const FINAL = new Set(['completed', 'stopped', 'failed', 'interrupted']);
const CHANNELS = ['content', 'reasoning'];
const THREADS_KEPT = 8; // loaded conversations held in memory; the open one is always among them

/** @param {{status: string}} message @returns {boolean} */
export const isFinal = message => FINAL.has(message.status);

export const EMPTY = Object.freeze({
  revision: null, // the feed's last; only the feed moves it, a list may be newer
  listRevision: null,
  since: 0, // from this revision on the feed has told everything; what was loaded before it may lack something
  listTouched: 0, // revision of the last event about the list, and (below) about each conversation
  touched: {},
  catchingUp: false,
  mentioned: {}, // unfinished messages named between hello and ready
  conversations: [], // newest activity first
  next: null,
  threads: {},
  live: {},
  unseen: {}, // conversations in which a reply ended while another was open
  current: null,
});

/**
 * @param {typeof EMPTY} state
 * @param {{type: string, data: object}} event
 * @returns {{state: typeof EMPTY, wants: Want[]}}
 */
export function apply(state, event) {
  const handler = HANDLERS[event.type];
  const wants = [];
  return {state: handler ? handler(state, event.data, wants) : state, wants};
}

const HANDLERS = {
  hello(state, {revision}, wants) {
    const known = state.revision ?? state.listRevision;
    const since = state.revision === revision ? state.since : revision;
    const next = {...state, revision, since, catchingUp: true, mentioned: {}};
    if (known !== null && known !== revision) return forgetLists(next, wants);
    if (state.threads[state.current]?.revision < since) wants.push({kind: 'thread', id: state.current});
    return next;
  },

  ready(state, _data, wants) {
    for (const id in state.live) if (!state.mentioned[id]) wants.push({kind: 'message', id});
    return {...state, catchingUp: false, mentioned: {}};
  },

  message(state, {message, content_length, reasoning_length, revision}, wants) {
    if (isOld(state, revision)) {
      // With several processes an old word may come late. If it could end a message that we think runs, ask for the truth.
      if (isFinal(message) && state.live[message.id]) wants.push({kind: 'message', id: message.id});
      return state;
    }
    let next = takeRevision(state, revision, wants);
    next = {...next, touched: {...next.touched, [message.conversation_id]: revision}};
    if (message.role !== 'assistant') return putMessage(next, message);
    if (next.catchingUp) next = {...next, mentioned: {...next.mentioned, [message.id]: true}};
    if (!isFinal(message)) return startLive(next, message);
    const text = textOf(next, message.id);
    const exact = text.content_length === content_length && text.reasoning_length === reasoning_length;
    if (!exact && next.threads[message.conversation_id]) wants.push({kind: 'message', id: message.id});
    return finish(next, message, text);
  },

  delta(state, delta, wants) {
    const live = state.live[delta.message_id];
    if (live && delta.offset <= live[`${delta.channel}_length`]) return putLive(state, delta.message_id, grow(live, delta));
    wants.push({kind: 'message', id: delta.message_id});
    if (!live) return state;
    return putLive(state, delta.message_id, {...live, ahead: [...live.ahead, delta]});
  },

  conversation(state, {conversation, revision, costs}, wants) {
    if (isOld(state, revision)) return state;
    const next = takeRevision(state, revision, wants);
    return putConversation(putCosts({...next, listTouched: revision}, conversation.id, costs), conversation, wants);
  },

  conversation_deleted(state, {id, revision}, wants) {
    const next = isOld(state, revision) ? state : {...takeRevision(state, revision, wants), listTouched: revision};
    return dropConversation(next, id);
  },

  /** The first page (or, with `more`, the next one) of conversations. */
  list(state, {conversations, next, revision, more}, wants) {
    if (!more && Math.max(state.listTouched, state.since) > revision) wants.push({kind: 'lists'});
    const known = more ? state.conversations : [];
    const fresh = conversations.filter(c => !known.some(k => k.id === c.id));
    return {...state, conversations: sorted([...known, ...fresh]), next, listRevision: more ? state.listRevision : revision};
  },

  /** A conversation as loaded: true for its revision or a newer one; never takes text back. */
  thread(state, {conversation, messages, revision}, wants) {
    if (Math.max(state.touched[conversation.id] ?? 0, state.since) > revision) wants.push({kind: 'thread', id: conversation.id});
    const thread = {conversation, revision, messages: Object.fromEntries(messages.map(m => [m.id, m]))};
    const next = {...state, threads: keepThreads({...state.threads, [conversation.id]: thread}, state.current, conversation.id)};
    // Finished ones that we were not reading need no merging; a long conversation is taken in one go.
    return messages.filter(m => m.role === 'assistant' && (!isFinal(m) || state.live[m.id])).reduce(takeWhole, next);
  },

  /** What a POST of ours answered. The feed may have told more by now: what is known stays. */
  posted(state, {conversation_id, messages, head_id}) {
    const thread = state.threads[conversation_id];
    if (!thread) return state;
    const fresh = messages.filter(m => !thread.messages[m.id]);
    const next = fresh.reduce((s, m) => (m.role === 'assistant' ? takeWhole(s, m) : putMessage(s, m)), state);
    return head_id ? putHead(next, conversation_id, head_id) : next;
  },

  healed(state, {message}) {
    return takeWhole(state, message);
  },

  /** A message, or a conversation, that the server says does not exist. */
  gone(state, {id}) {
    return dropConversation({...state, live: without(state.live, id)}, id);
  },

  head(state, {conversation_id, head_id}) {
    return putHead(state, conversation_id, head_id);
  },

  patched(state, {conversation}, wants) {
    return putConversation(state, conversation, wants);
  },

  opened(state, {id}) {
    return {...state, current: id, unseen: id ? without(state.unseen, id) : state.unseen};
  },
};

/** Events of a catch-up carry hello's revision and are always news. */
const isOld = (state, revision) => !state.catchingUp && state.revision !== null && revision <= state.revision;

function takeRevision(state, revision, wants) {
  const known = state.revision;
  const next = {...state, revision: Math.max(known ?? 0, revision)};
  return known !== null && revision > known + 1 ? forgetLists(next, wants) : next;
}

/** Something was missed: the lists and the open thread are asked for anew, other threads when they are opened. */
function forgetLists(state, wants) {
  wants.push({kind: 'lists'});
  if (state.current) wants.push({kind: 'thread', id: state.current});
  const kept = state.threads[state.current];
  return {...state, threads: kept ? {[state.current]: kept} : {}};
}

const NO_TEXT = {content: '', content_length: 0, reasoning: '', reasoning_length: 0};

/** @returns {{content: string, content_length: number, reasoning: string, reasoning_length: number}} what we hold of a reply */
function textOf(state, id) {
  if (state.live[id]) return state.live[id];
  for (const thread of Object.values(state.threads)) if (thread.messages[id]) return measured(thread.messages[id]);
  return NO_TEXT;
}

function measured({content, reasoning}) {
  const text = {content: content ?? '', reasoning: reasoning ?? ''};
  return {...text, content_length: lengthOf(text.content), reasoning_length: lengthOf(text.reasoning)};
}

function startLive(state, message) {
  const {content, content_length, reasoning, reasoning_length} = textOf(state, message.id);
  const ahead = state.live[message.id]?.ahead ?? [];
  const live = {conversation_id: message.conversation_id, status: message.status, content, content_length, reasoning, reasoning_length, ahead};
  return putLive(putMessage(state, {...message, content, reasoning}), message.id, live);
}

function finish(state, message, {content, reasoning}) {
  const next = putMessage({...state, live: without(state.live, message.id)}, {...message, content, reasoning});
  const isAway = message.conversation_id !== state.current;
  return isAway && state.live[message.id] ? {...next, unseen: {...next.unseen, [message.conversation_id]: true}} : next;
}

/** A whole message from the server, text included. Of two texts the longer one stays: both are prefixes of the same one. */
function takeWhole(state, message) {
  const fetched = measured(message);
  const held = textOf(state, message.id);
  const text = {};
  for (const channel of CHANNELS) {
    const longer = held[`${channel}_length`] > fetched[`${channel}_length`] ? held : fetched;
    text[channel] = longer[channel];
    text[`${channel}_length`] = longer[`${channel}_length`];
  }
  if (isFinal(message)) return finish(state, message, text);
  const ahead = state.live[message.id]?.ahead ?? [];
  const live = {conversation_id: message.conversation_id, status: message.status, ...text, ahead: []};
  const grown = ahead.reduce((l, d) => (d.offset <= l[`${d.channel}_length`] ? grow(l, d) : {...l, ahead: [...l.ahead, d]}), live);
  return putLive(putMessage(state, {...message, ...text}), message.id, grown);
}

/** The offset rule: append, or drop the overlap. */
function grow(live, {channel, offset, text}) {
  const length = live[`${channel}_length`];
  const fresh = dropFirst(text, length - offset);
  return fresh ? {...live, [channel]: live[channel] + fresh, [`${channel}_length`]: length + lengthOf(fresh)} : live;
}

const putLive = (state, id, live) => (state.live[id] === live ? state : {...state, live: {...state.live, [id]: live}});

function putMessage(state, message) {
  const thread = state.threads[message.conversation_id];
  if (!thread) return state;
  const messages = {...thread.messages, [message.id]: message};
  return {...state, threads: {...state.threads, [message.conversation_id]: {...thread, messages}}};
}

/** What messages really cost, known minutes after their last event. @param {Object<string, object>} [costs] by message id */
function putCosts(state, id, costs) {
  const held = state.threads[id]?.messages ?? {};
  return Object.keys(costs ?? {}).filter(one => held[one]).reduce((s, one) => putMessage(s, {...held[one], cost: costs[one]}), state);
}

function putConversation(state, conversation, wants) {
  const others = state.conversations.filter(c => c.id !== conversation.id);
  const conversations = conversation.archived ? others : sorted([conversation, ...others]);
  const thread = state.threads[conversation.id];
  if (!thread) return {...state, conversations};
  // With other messages than ours, some were deleted or brought back: until they are here, the branch on screen stays.
  const {head_id, message_count} = conversation;
  const isKnown = !head_id || thread.messages[head_id];
  if (!isKnown || message_count !== Object.keys(thread.messages).length) wants.push({kind: 'thread', id: conversation.id});
  const shown = isKnown ? conversation : {...conversation, head_id: thread.conversation.head_id};
  return {...state, conversations, threads: {...state.threads, [conversation.id]: {...thread, conversation: shown}}};
}

function putHead(state, id, head_id) {
  const thread = state.threads[id];
  return thread ? {...state, threads: {...state.threads, [id]: {...thread, conversation: {...thread.conversation, head_id}}}} : state;
}

function dropConversation(state, id) {
  const live = Object.fromEntries(Object.entries(state.live).filter(([, l]) => l.conversation_id !== id));
  const conversations = state.conversations.filter(c => c.id !== id);
  return {...state, live, conversations, threads: without(state.threads, id), unseen: without(state.unseen, id)};
}

/** Pinned first, then newest activity first. */
function sorted(conversations) {
  return conversations.sort((a, b) => b.pinned - a.pinned || (a.updated_at < b.updated_at ? 1 : a.updated_at > b.updated_at ? -1 : 0));
}

function keepThreads(threads, current, newest) {
  const ids = Object.keys(threads).filter(id => id !== current && id !== newest);
  return ids.slice(0, Math.max(0, ids.length - THREADS_KEPT)).reduce(without, threads);
}

function without(object, key) {
  if (!(key in object)) return object;
  const {[key]: _gone, ...rest} = object;
  return rest;
}
