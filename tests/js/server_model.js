/**
 * A small server as PROTOCOL section 5 describes it, for the property tests: texts grow, connections die and come back,
 * deltas overlap or, to test healing, go missing. All chance comes from the generator it is given. Used by apply.test.js.
 */
import {lengthOf} from '../../static/js/store/text.js';

/** mulberry32 @param {number} seed @returns {() => number} */
export function randomOf(seed) {
  return () => {
    seed = (seed + 0x6d2b79f5) | 0;
    let t = Math.imul(seed ^ (seed >>> 15), 1 | seed);
    t = (t + Math.imul(t ^ (t >>> 7), 61 | t)) ^ t;
    return ((t ^ (t >>> 14)) >>> 0) / 4294967296;
  };
}

const PIECES = ['a', 'é', '文字', '😀', ' word', '\n', '𝕏y', '**bold** '];
const slice = (text, from, to) => [...text].slice(from, to).join('');

export class ServerModel {
  constructor(random) {
    Object.assign(this, {random, revision: 1, messages: new Map(), sent: null, out: []});
  }

  pick(list) {
    return list[Math.floor(this.random() * list.length)];
  }

  tell(type, data) {
    if (this.sent) this.out.push({type, data});
  }

  event(message, revision = this.revision) {
    const {content, reasoning, ...meta} = message;
    return {message: meta, content_length: lengthOf(content), reasoning_length: lengthOf(reasoning), revision};
  }

  start(conversation_id) {
    const id = `message-${this.messages.size}`.padEnd(24, 'x');
    const message = {id, conversation_id, parent_id: null, role: 'assistant', status: 'queued', content: '', reasoning: '', finished_at: null};
    this.messages.set(id, message);
    this.revision++;
    this.tell('message', this.event(message));
    this.sent?.set(id, {content: 0, reasoning: 0});
    return message;
  }

  grow(message) {
    const channel = this.random() < 0.3 ? 'reasoning' : 'content';
    message.status = 'streaming';
    message[channel] += this.pick(PIECES) + this.pick(PIECES);
    this.send(message, channel);
  }

  /** What is missing of a channel on this connection, sometimes with an overlap. */
  send(message, channel) {
    const sent = this.sent?.get(message.id);
    if (!sent) return;
    const offset = Math.max(0, sent[channel] - (this.random() < 0.2 ? 2 : 0));
    const text = slice(message[channel], offset);
    if (text) this.tell('delta', {message_id: message.id, channel, offset, text});
    sent[channel] = lengthOf(message[channel]);
  }

  end(message) {
    message.status = this.pick(['completed', 'stopped', 'failed', 'interrupted']);
    message.finished_at = String(this.revision);
    this.revision++;
    this.tell('message', this.event(message));
  }

  continue(message) {
    message.status = 'queued';
    message.finished_at = null;
    this.revision++;
    this.tell('message', this.event(message));
  }

  get unfinished() {
    return [...this.messages.values()].filter(m => !m.finished_at);
  }

  connect(cursor) {
    this.sent = new Map();
    this.out = [];
    const have = new Map(cursor === '-' ? [] : cursor.split(',').map(entry => entry.split(':')).map(([id, c, r]) => [id, {content: +c, reasoning: +r}]));
    this.tell('hello', {revision: this.revision, boot: 'b', server_time: ''});
    for (const message of this.messages.values()) {
      if (message.finished_at && !have.has(message.id)) continue;
      this.sent.set(message.id, have.get(message.id) ?? {content: 0, reasoning: 0});
      if (!message.finished_at) this.tell('message', this.event(message));
      this.send(message, 'content');
      this.send(message, 'reasoning');
      if (message.finished_at) this.tell('message', this.event(message));
    }
    this.tell('ready', {});
  }
}
