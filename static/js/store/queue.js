/**
 * Messages that wait for the end of an answer: the transitions of one conversation's queue. Pure. Called by queue.js.
 *
 * @typedef {{key: string, body: {content: string, models?: string[], attachments?: string[]}}} Item  `key`: the Idempotency-Key, so that however many
 *   tabs send it, the server makes one message
 * @typedef {{after: string, items: Item[]}} Queue  `after`: the reply whose end the first item waits for, and which it follows
 */
import {isFinal} from './apply.js';

/** @param {Queue|null} queue @param {Item} item @param {string} after for a queue that begins with it @returns {Queue} */
export const addItem = (queue, item, after) => (queue ? {...queue, items: [...queue.items, item]} : {after, items: [item]});

/** @returns {Queue|null} null: nothing is left */
export function dropItem(queue, key) {
  const items = queue?.items.filter(item => item.key !== key) ?? [];
  return items.length ? {...queue, items} : null;
}

/** What was taken out comes back to its place. @param {string} after for a queue that has ended meanwhile */
export function restoreItem(queue, item, at, after) {
  if (!queue) return {after, items: [item]};
  return queue.items.some(({key}) => key === item.key) ? queue : {...queue, items: queue.items.toSpliced(at, 0, item)};
}

/** Without its files, which have gone meanwhile: another wish, as other words are. */
export function withoutFiles(queue, key, newKey) {
  const bare = ({attachments, ...body}) => body;
  return queue && {...queue, items: queue.items.map(item => (item.key === key ? {key: newKey, body: bare(item.body)} : item))};
}

/** Other words are another wish: they get a key of their own. An item that has gone meanwhile stays gone. */
export function editItem(queue, key, content, newKey) {
  return queue && {...queue, items: queue.items.map(item => (item.key === key ? {key: newKey, body: {...item.body, content}} : item))};
}

/** The server has it: the next one waits for its reply. Told twice, as by two tabs, it counts once. */
export function itemSent(queue, key, reply) {
  if (!queue?.items.some(item => item.key === key)) return queue;
  const rest = dropItem(queue, key);
  return rest && {...rest, after: reply};
}

/** @param {string|undefined} status of the reply it follows @returns {'waiting'|'ready'|'held'} */
export function readiness(status) {
  if (!status || !isFinal({status})) return 'waiting';
  return status === 'completed' ? 'ready' : 'held';
}

/**
 * A reply that broke off was asked for again: what waits follows the new one.
 * @param {Queue} queue @param {{messages: object, conversation: object}|undefined} thread @returns {Queue} the same one where nothing changes
 */
export function followHead(queue, thread) {
  const [held, head] = [thread?.messages[queue.after], thread?.messages[thread.conversation.head_id]];
  const isNext = held && head && head.id !== held.id && head.role === 'assistant' && head.parent_id === held.parent_id;
  return isNext && readiness(held.status) === 'held' ? {...queue, after: head.id} : queue;
}
