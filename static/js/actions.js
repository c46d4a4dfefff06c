/**
 * What a person can do to conversations and replies: each wish becomes one request, however often it is clicked.
 * The Idempotency-Key belongs to the wish, not to the click: a failed wish tried again carries the same one.
 * Shows nothing: it answers with a promise, and the store learns what the server said. Called by main.js.
 */
import {makeKey} from './api.js';

/** @param {{api: object, dispatch: (type: string, data: object) => void, makeKey?: () => string}} options */
export function createActions({api, dispatch, newKey = makeKey}) {
  const attempts = new Map(); // what and where -> the last wish there that has not succeeded
  const inFlight = new Map(); // wish -> promise

  /**
   * @param {[string, ...any]} place what is asked for and where; a new wish in the same place replaces the old one
   * @param {any} wish
   * @param {object} body what would be sent now: a wish tried again is sent as it was, because the server may have it
   * @param {(body: object, key: string) => Promise<any>} run
   */
  function once(place, wish, body, run) {
    const slot = JSON.stringify(place);
    const name = JSON.stringify([place, wish]);
    if (inFlight.has(name)) return inFlight.get(name);
    const held = attempts.get(slot);
    const attempt = held?.name === name ? held : {name, body, key: newKey()};
    attempts.set(slot, attempt);
    const promise = run(attempt.body, attempt.key).then(answer => {
      attempts.delete(slot);
      return answer;
    }, error => {
      if (error.status >= 400 && error.status < 500) attempts.delete(slot); // refused for certain: the next try is a new one
      throw error;
    }).finally(() => inFlight.delete(name));
    inFlight.set(name, promise);
    return promise;
  }

  function posted(conversation_id, {user_message, replies}) {
    const messages = user_message ? [user_message, ...replies] : replies;
    dispatch('posted', {conversation_id, messages, head_id: replies[0].id});
  }

  return {
    once,
    /** @param {{model?: string, system_prompt?: string, params?: object, draft: string}} wanted `draft` tells one wish for a conversation from the next */
    createConversation: ({draft, ...setup}) => once(['create'], [setup, draft], setup, async (body, key) => {
      const conversation = await api.createConversation(body, key);
      dispatch('patched', {conversation});
      dispatch('thread', {conversation, messages: [], revision: Infinity}); // nothing can be in it yet
      return conversation;
    }),
    send: (conversation, parent_id, content, models, attachments) => once(['send', conversation], [content, models, attachments],
      {content, parent_id, models, attachments}, async (body, key) => posted(conversation, await api.send(conversation, body, key))),
    regenerate: (reply, models) => once(['regenerate', reply.parent_id], models, {models}, async (body, key) => {
      posted(reply.conversation_id, await api.regenerate(reply.parent_id, body, key));
    }),
    /** Beside the others: the conversation stays where it is. */
    addReply: (question, model) => once(['add', question.id], model, {models: [model], keep_head: true}, async (body, key) => {
      const {replies: messages} = await api.regenerate(question.id, body, key);
      dispatch('posted', {conversation_id: question.conversation_id, messages});
    }),
    edit: (message, content, models, attachments) => once(['edit', message.id], [content, models, attachments], {content, models, attachments}, async (body, key) => {
      posted(message.conversation_id, await api.edit(message.id, body, key));
    }),
    continue: reply => once(['continue', reply.id], reply.finished_at, {}, (body, key) => api.continue(reply.id, key)),
    stop: reply => once(['stop', reply.id], null, {}, (body, key) => api.stop(reply.id, key)),
    patch: (id, body) => once(['patch', id], body, body, async () => {
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
