/**
 * One feed for all tabs of a browser. It passes events on as they come, and keeps the text of unfinished messages, so that a
 * tab that joins late gets what the server would have sent it: hello, each such message with its text, ready. What a tab
 * holds beyond that it asks for by the reader's own rule. Runs in the shared worker (entry-worker.js); draws nothing.
 *
 * A tab says: {join: cursor}, 'here' (in answer to each ping), 'ask' (are you alive?), 'renew', 'bye'.
 * It hears: [type, data, at] of the feed, ['here'], ['down', isSilent], and ['gone'] when it must join again.
 */

const MISSED_PINGS = 4; // a tab that answered none of so many is frozen or has crashed
const RENEW_MS = 2000; // ten tabs wake up together
const CURSOR_ENTRIES = 200; // as in store/select.js: under the 16 kB the server takes
const CHANNELS = ['reasoning', 'content'];

/** @typedef {{from: number|null, end: number|null, text: string}} Held text of one channel from an offset on */

/** @param {{makeStream: (options: object) => object, now?: () => number}} options `makeStream` as in stream.js */
export function createRelay({makeStream, now = Date.now}) {
  const tabs = new Map(); // port -> pings it has not answered
  const texts = new Map(); // id of an unfinished message -> {data: its last event, content: Held, reasoning: Held}
  let hello = null; // of this connection; null while it is down
  let isReady = false;
  let isDown = false;
  let storage = null; // the server's trouble, while it stands
  let mentioned = new Set();
  let renewedAt = -Infinity;

  const stream = makeStream({cursor, onEvent, onStatus});

  function onStatus(isUp, isSilent) {
    isDown = !isUp;
    if (isUp) return; // hello follows
    hello = null;
    tell('down', isSilent);
  }

  function onEvent(type, data, at) {
    notes[type]?.(data);
    if (hello && data.revision > hello.revision) hello = {...hello, revision: data.revision};
    tell(type, data, at);
    if (type === 'ping') weed();
  }

  const notes = {
    hello(data) {
      hello = data;
      isReady = false;
      storage = null; // told again while it stands
      mentioned = new Set();
    },
    ready() {
      isReady = true;
      for (const id of texts.keys()) if (!mentioned.has(id)) texts.delete(id);
    },
    message(data) {
      const {id, role, finished_at} = data.message;
      if (role !== 'assistant') return;
      mentioned.add(id);
      if (finished_at) texts.delete(id);
      else texts.set(id, {...(texts.get(id) ?? emptyText()), data});
    },
    delta({message_id, channel, offset, text}) {
      const held = texts.get(message_id)?.[channel];
      if (!held) return;
      if (held.end !== offset) Object.assign(held, {from: offset, text: ''}); // the first one; or a hole, which each tab heals
      held.text += text;
      held.end = offset + countOf(text);
    },
    conversation_deleted({id}) {
      for (const [message, {data}] of texts) if (data?.message.conversation_id === id) texts.delete(message);
    },
    storage(data) {
      storage = data.ok ? null : data;
    },
  };

  function cursor() {
    const entries = [...texts].slice(-CURSOR_ENTRIES);
    return entries.map(([id, {content, reasoning}]) => `${id}:${content.end ?? 0}:${reasoning.end ?? 0}`).join() || '-';
  }

  function tell(...words) {
    for (const port of tabs.keys()) port.postMessage(words);
  }

  function weed() {
    for (const [port, missed] of tabs) {
      if (missed >= MISSED_PINGS) leave(port);
      else tabs.set(port, missed + 1);
    }
  }

  function join(port, have) {
    port.postMessage(['here']);
    const isFirst = !tabs.size;
    tabs.set(port, 0);
    if (isFirst) begin(have);
    else if (hello) catchUp(port);
    else if (isDown) port.postMessage(['down', false]);
  }

  /** Nobody was here: the feed goes on from what the first tab has. */
  function begin(have) {
    if (have !== '-') {
      for (const [id, content, reasoning] of have.split(',').map(entry => entry.split(':'))) {
        texts.set(id, {data: null, content: emptyFrom(Number(content)), reasoning: emptyFrom(Number(reasoning))});
      }
    }
    stream.start();
  }

  function catchUp(port) {
    const at = now();
    port.postMessage(['hello', hello, at]);
    for (const [message_id, held] of texts) {
      if (!held.data) continue;
      port.postMessage(['message', held.data, at]);
      for (const channel of CHANNELS) {
        const {from, text} = held[channel];
        if (text) port.postMessage(['delta', {message_id, channel, offset: from, text}, at]);
      }
    }
    if (isReady) port.postMessage(['ready', {}, at]);
    if (storage) port.postMessage(['storage', storage, at]);
  }

  function leave(port) {
    if (!tabs.delete(port) || tabs.size) return;
    stream.stop();
    texts.clear();
    hello = storage = null;
    isDown = false;
  }

  function renew() {
    if (now() - renewedAt < RENEW_MS) return;
    renewedAt = now();
    stream.renew();
  }

  return {
    /** @param {MessagePort} port @param {string | {join: string}} words */
    hear(port, words) {
      if (words.join) join(port, words.join);
      else if (words === 'bye') leave(port);
      else if (!tabs.has(port)) port.postMessage(['gone']);
      else if (words === 'here') tabs.set(port, 0);
      else if (words === 'ask') port.postMessage(['here']);
      else if (words === 'renew') renew();
    },
  };
}

const emptyFrom = end => ({from: end, end, text: ''});
const emptyText = () => ({content: emptyFrom(null), reasoning: emptyFrom(null)});

/** Code points, as offsets count them. */
function countOf(text) {
  let count = 0;
  for (const _ of text) count++;
  return count;
}
