/**
 * What was written while an answer ran: kept over a reload, sent in its order as each answer is complete, held when one is not.
 * Draws nothing: views/queue.js does. Loaded by wishes.js when something is queued first.
 */
import {effect, signal} from '@preact/signals-core';
import {makeKey} from './api.js';
import {memoryOf, recall} from './prefs.js';
import {addItem, dropItem, editItem, followHead, itemSent, readiness, restoreItem, withoutFiles} from './store/queue.js';
import {mountQueue} from './views/queue.js';
import {t} from './words.js';

const AGAIN_MS = 4000; // after a server that could not be reached

/** @param {{api: object, models: object, store: object, views: object}} parts */
export function createQueueDesk({api, models, store, views}) {
  const memory = memoryOf('queue');
  const queues = signal(recall('queue', {}));
  const asked = signal({}); // statuses of replies that are in no loaded conversation
  const troubles = signal({}); // by conversation: why its first item could not be sent, {sentence, areFilesGone}
  const inFlight = new Set();
  let edited = null; // the item that is being edited here
  const view = mountQueue(document.getElementById('composer'), {edit, drop, sendNow, sendBare, editing});

  /** The newest state of all tabs, then ours on it. */
  function change(id, transition) {
    const before = memory.get(id);
    const next = transition(before);
    memory.set(id, next);
    if (next?.items[0].key !== before?.items[0].key) tell(id, null); // the trouble was that one's
    queues.value = recall('queue', {});
  }

  function statusOf(id, reply) {
    const {live, threads} = store.state.value;
    return live[reply]?.status ?? threads[id]?.messages[reply]?.status ?? asked.value[reply];
  }

  async function ask(reply) {
    if (inFlight.has(reply)) return;
    inFlight.add(reply);
    const status = await api.message(reply).then(m => (m.message ?? m).status, error => (error.status === 404 ? 'failed' : undefined));
    if (status) asked.value = {...asked.value, [reply]: status};
    if (status && readiness(status) !== 'waiting') inFlight.delete(reply);
    else setTimeout(() => { inFlight.delete(reply); check(); }, AGAIN_MS);
  }

  function check() {
    for (const [id, queue] of Object.entries(queues.value)) {
      const thread = store.state.value.threads[id];
      const next = followHead(queue, thread);
      if (next !== queue) return change(id, held => held && {...held, after: next.after}); // which checks again
      const status = statusOf(id, queue.after);
      if (!store.state.value.live[queue.after] && !(thread?.messages[queue.after])) ask(queue.after);
      if (readiness(status) === 'ready' && !troubles.value[id]) send(id, queue);
    }
  }

  async function send(id, queue) {
    const [{key, body}] = queue.items;
    if (inFlight.has(key) || edited === key) return;
    inFlight.add(key);
    try {
      const {user_message, replies} = await api.send(id, {...body, parent_id: queue.after}, key);
      store.dispatch('posted', {conversation_id: id, messages: [user_message, ...replies], head_id: replies[0].id});
      inFlight.delete(key);
      tell(id, null);
      change(id, held => itemSent(held, key, replies[0].id));
    } catch (error) {
      tell(id, {sentence: error.message, areFilesGone: error.status === 404 && Boolean(body.attachments)});
      const isSure = error.status >= 400 && error.status < 500 && error.status !== 429;
      if (!isSure) setTimeout(() => { inFlight.delete(key); tell(id, null); check(); }, AGAIN_MS);
      else inFlight.delete(key);
    }
  }

  function tell(id, trouble) {
    if (trouble || troubles.value[id]) troubles.value = {...troubles.value, [id]: trouble};
  }

  function add({content, ...rest}) {
    const id = store.current.value;
    const all = models.asked();
    change(id, queue => addItem(queue, {key: makeKey(), body: {content, ...(all && {models: all}), ...rest}}, store.thread.value.conversation.head_id));
    views.composer.sent(content);
    views.announcer.say(t('queue.added'));
  }

  function edit(key, content) {
    change(store.current.value, queue => editItem(queue, key, content, makeKey()));
  }

  function drop(key) {
    const id = store.current.value;
    const {after, items} = queues.value[id];
    const at = items.findIndex(item => item.key === key);
    change(id, queue => dropItem(queue, key));
    views.notices.offer(t('queue.dropped'), {label: t('queue.undo'), run: () => {
      change(id, queue => restoreItem(queue, items[at], at, after));
      views.composer.focus();
    }});
    views.composer.focus();
  }

  /** The words of the first one, whose files are gone. */
  function sendBare() {
    change(store.current.value, queue => withoutFiles(queue, queue.items[0].key, makeKey()));
    sendNow();
  }

  function editing(key) {
    edited = key;
    if (!key) check();
  }

  /** After the conversation as it is now, however its last answer ended; one that runs is waited for. */
  function sendNow() {
    const id = store.current.value;
    const {conversation, messages} = store.thread.value;
    let head = messages[conversation.head_id];
    if (head?.role === 'user') head = messages[head.parent_id];
    if (!head) return;
    tell(id, null);
    change(id, queue => queue && {...queue, after: head.id});
    const queue = queues.value[id];
    if (queue && readiness(statusOf(id, head.id)) !== 'waiting') send(id, queue);
  }

  addEventListener('storage', event => { if (event.key === 'rill.queue') queues.value = recall('queue', {}); });
  effect(() => {
    const id = store.current.value;
    const queue = queues.value[id];
    view.update({items: queue?.items ?? [], state: queue ? readiness(statusOf(id, queue.after)) : 'waiting',
      status: queue && statusOf(id, queue.after), trouble: troubles.value[id] ?? null});
  });
  effect(check);
  return {add};
}
