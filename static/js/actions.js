/**
 * What a person can do to conversations and replies: each wish becomes one request, however often it is clicked.
 * The Idempotency-Key belongs to the wish, not to the click: a failed wish tried again carries the same one.
 * Shows nothing: it answers with a promise, and the store learns what the server said. Called by main.js.
 */
import {makeKey} from './api.js';

/** @param {{api: object, dispatch: (type: string, data: object) => void, makeKey?: () => string}} options */
export function createActions({api, dispatch, newKey = makeKey}) {
  const keys = new Map(); // wish -> key, until it succeeds
  const inFlight = new Map(); // wish -> promise

  /** @param {any[]} wish what is asked for, as JSON it is the wish's name @param {(key: string) => Promise<any>} run */
  function once(wish, run) {
    const name = JSON.stringify(wish);
    if (inFlight.has(name)) return inFlight.get(name);
    if (!keys.has(name)) keys.set(name, newKey());
    const promise = run(keys.get(name)).then(answer => {
      keys.delete(name);
      return answer;
    }).finally(() => inFlight.delete(name));
    inFlight.set(name, promise);
    return promise;
  }

  function posted(conversation_id, {user_message, replies}) {
    const messages = user_message ? [user_message, ...replies] : replies;
    dispatch('posted', {conversation_id, messages, head_id: replies[0].id});
  }

  return {
    /** @param {{model?: string, draft: string}} wanted `draft` tells one wish for a conversation from the next */
    createConversation: ({model, draft}) => once(['create', model, draft], async key => {
      const conversation = await api.createConversation(model ? {model} : {}, key);
      dispatch('patched', {conversation});
      dispatch('thread', {conversation, messages: [], revision: Infinity}); // nothing can be in it yet
      return conversation;
    }),
    send: (conversation, parent_id, content, models) => once(['send', conversation, parent_id, content, models], async key => {
      posted(conversation, await api.send(conversation, models ? {content, parent_id, models} : {content, parent_id}, key));
    }),
    regenerate: (reply, models) => once(['regenerate', reply.parent_id, models], async key => {
      posted(reply.conversation_id, await api.regenerate(reply.parent_id, {models}, key));
    }),
    edit: (message, content, models) => once(['edit', message.id, content, models], async key => {
      posted(message.conversation_id, await api.edit(message.id, {content, models}, key));
    }),
    continue: reply => once(['continue', reply.id, reply.finished_at], key => api.continue(reply.id, key)),
    stop: reply => once(['stop', reply.id], key => api.stop(reply.id, key)),
    patch: (id, body) => once(['patch', id, body], async () => {
      dispatch('patched', {conversation: await api.patchConversation(id, body)});
    }),
    /** Seen at once, kept by the server after it. */
    switchTo(conversation_id, head_id) {
      dispatch('head', {conversation_id, head_id});
      return api.patchConversation(conversation_id, {head_id});
    },
    async remove(id) {
      await api.deleteConversation(id);
      dispatch('gone', {id});
    },
  };
}
