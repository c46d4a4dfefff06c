/**
 * Questions asked of the state: the branch on screen, the siblings of a message, the cursor, what runs.
 * Pure, like apply.js. Called by main.js and the views.
 */
import {isFinal} from './apply.js';

const CURSOR_ENTRIES = 200; // 64 + 22 characters each at most: under the 16 kB the server takes

/** @returns {string} what we have of every unfinished message, for `have=` */
export function cursorOf(state) {
  const entries = Object.entries(state.live).slice(-CURSOR_ENTRIES);
  return entries.map(([id, l]) => `${id}:${l.content_length}:${l.reasoning_length}`).join(',') || '-';
}

/** @returns {object[]} the messages from the root to the head, oldest first */
export function branchOf(thread) {
  const branch = [];
  for (let m = thread.messages[thread.conversation.head_id]; m; m = thread.messages[m.parent_id]) branch.push(m);
  return branch.reverse();
}

/** @returns {Map<string|null, object[]>} children of each message, oldest first */
export function childrenOf(thread) {
  const children = new Map();
  for (const message of Object.values(thread.messages)) {
    if (!children.has(message.parent_id)) children.set(message.parent_id, []);
    children.get(message.parent_id).push(message);
  }
  return children;
}

/** @returns {string} the end of the newest branch below a message: where choosing that message leads */
export function leafUnder(children, id) {
  for (let next = children.get(id); next; next = children.get(id)) id = next.at(-1).id;
  return id;
}

/** @returns {object|null} the unfinished reply on the branch that is shown, if any */
export function runningReply(thread) {
  const head = thread?.messages[thread.conversation.head_id];
  return head && head.role === 'assistant' && !isFinal(head) ? head : null;
}

/** @returns {object[]} the unfinished replies beside the head, itself included */
export function runningBeside(thread) {
  const head = thread?.messages[thread.conversation.head_id];
  return head?.role === 'assistant' ? Object.values(thread.messages).filter(m => m.parent_id === head.parent_id && m.role === 'assistant' && !isFinal(m)) : [];
}

/** @returns {string[]} ids of conversations in which a reply grows */
export const runningConversations = state => [...new Set(Object.values(state.live).map(l => l.conversation_id))].sort();
