/** The rules of the feed: exact text for every order of events, every cut, every lost or doubled delta. */
import assert from 'node:assert/strict';
import {test} from 'node:test';
import {apply, EMPTY, isFinal} from '../../static/js/store/apply.js';
import {branchOf, childrenOf, cursorOf, leafUnder, runningReply} from '../../static/js/store/select.js';
import {randomOf, ServerModel} from './server_model.js';

const SEED = Number(process.env.RILL_TEST_SEED ?? Date.now() % 1e9);
const ROUNDS = 150;
const STEPS = 120;
console.log(`seed ${SEED}`);

const CONVERSATION = {id: 'c', title: 'T', model: null, head_id: null, pinned: false, archived: false, updated_at: '2026-01-01T00:00:00.000Z'};

/** A page as far as the rules go: the state, and wants that are granted at once. */
class Page {
  constructor(server) {
    Object.assign(this, {server, state: EMPTY, shown: new Map()});
  }

  take(type, data) {
    const {state, wants} = apply(this.state, {type, data});
    this.state = state;
    for (const [id, live] of Object.entries(state.live)) this.checkGrowth(id, live);
    for (const want of wants) this.grant(want);
  }

  grant(want) {
    if (want.kind === 'message') this.take('healed', {message: {...this.server.messages.get(want.id)}});
    else if (want.kind === 'thread') this.load();
    else this.take('list', {conversations: [CONVERSATION], next: null, revision: this.server.revision});
  }

  load() {
    const messages = [...this.server.messages.values()].map(m => ({...m}));
    this.take('thread', {conversation: CONVERSATION, messages, revision: this.server.revision});
  }

  checkGrowth(id, {content, reasoning}) {
    const before = this.shown.get(id) ?? {content: '', reasoning: ''};
    assert.ok(content.startsWith(before.content) && reasoning.startsWith(before.reasoning), 'what was shown is never taken back');
    const truth = this.server.messages.get(id);
    assert.ok(truth.content.startsWith(content) && truth.reasoning.startsWith(reasoning), 'what is shown is a prefix of the truth');
    this.shown.set(id, {content, reasoning});
  }
}

/** One random history: `lossy` connections lose deltas, which only healing can mend. */
function play(seed, {lossy}) {
  const random = randomOf(seed);
  const server = new ServerModel(random);
  const page = new Page(server);
  page.take('opened', {id: 'c'});
  page.load();
  server.connect(cursorOf(page.state));
  const deliver = () => {
    for (const event of server.out.splice(0)) if (!lossy || event.type !== 'delta' || random() > 0.1) page.take(event.type, event.data);
  };
  for (let i = 0; i < STEPS; i++) {
    const dice = random();
    const running = server.unfinished;
    const over = [...server.messages.values()].filter(m => m.finished_at);
    if (dice < 0.08 || !server.messages.size) server.start('c');
    else if (dice < 0.75 && running.length) server.grow(server.pick(running));
    else if (dice < 0.82 && running.length) server.end(server.pick(running));
    else if (dice < 0.86 && over.length) server.continue(server.pick(over));
    else if (dice < 0.92) {
      server.out.splice(Math.floor(random() * (server.out.length + 1))); // the connection dies with the rest unread
      deliver();
      server.connect(cursorOf(page.state));
    } else if (dice < 0.94) page.load();
    if (random() < 0.6) deliver();
  }
  server.unfinished.forEach(m => server.end(m));
  deliver();
  server.connect(cursorOf(page.state));
  deliver();
  return {server, page};
}

for (const lossy of [false, true]) {
  test(`after any history ${lossy ? 'with lost deltas' : 'cut anywhere'} the page has every text exactly`, () => {
    for (let round = 0; round < ROUNDS; round++) {
      const {server, page} = play(SEED + round, {lossy});
      for (const truth of server.messages.values()) {
        const held = page.state.threads.c.messages[truth.id];
        assert.deepEqual([held.content, held.reasoning, held.status], [truth.content, truth.reasoning, truth.status], `seed ${SEED + round}`);
      }
      assert.deepEqual(page.state.live, {}, `seed ${SEED + round}: nothing is left running`);
    }
  });
}

const reply = (id, rest = {}) => ({id, conversation_id: 'c', parent_id: null, role: 'assistant', status: 'streaming', finished_at: null, ...rest});
const run = (events, state = EMPTY) => events.reduce((s, [type, data]) => {
  const result = apply(s.state, {type, data});
  return {state: result.state, wants: [...s.wants, ...result.wants]};
}, {state, wants: []});
const hello = ['hello', {revision: 5, boot: 'b', server_time: ''}];
const ready = ['ready', {}];
const started = (id, revision) => ['message', {message: reply(id), content_length: 0, reasoning_length: 0, revision}];
const delta = (id, offset, text, channel = 'content') => ['delta', {message_id: id, channel, offset, text}];

test('a delta that overlaps adds only what is new', () => {
  const {state} = run([hello, ready, started('m', 6), delta('m', 0, 'abc'), delta('m', 1, 'bcd😀'), delta('m', 2, 'cd')]);
  assert.equal(state.live.m.content, 'abcd😀');
  assert.equal(cursorOf(state), 'm:5:0');
});

test('a hole is asked for, and what came after it is kept until it is filled', () => {
  const {state, wants} = run([hello, ready, started('m', 6), delta('m', 0, 'ab'), delta('m', 4, 'ef')]);
  assert.deepEqual(wants, [{kind: 'message', id: 'm'}]);
  assert.equal(state.live.m.content, 'ab');
  const healed = run([['healed', {message: reply('m', {content: 'abcd', reasoning: ''})}]], state);
  assert.equal(healed.state.live.m.content, 'abcdef');
});

test('an unfinished message that the catch-up does not mention is asked for', () => {
  const {state} = run([hello, ready, started('m', 6), started('n', 7)]);
  const {wants} = run([['hello', {revision: 7}], started('n', 7), ready], state);
  assert.deepEqual(wants, [{kind: 'message', id: 'm'}]);
});

test('a missed revision has the lists and the open conversation fetched once', () => {
  const {state} = run([['opened', {id: 'c'}], hello, ready]);
  assert.deepEqual(run([started('m', 8)], state).wants, [{kind: 'lists'}, {kind: 'thread', id: 'c'}]);
  assert.deepEqual(run([started('m', 6)], state).wants, []);
});

test('an event that is not news changes nothing', () => {
  const {state} = run([hello, ready, started('m', 6)]);
  const old = ['conversation', {conversation: {...CONVERSATION, title: 'old'}, revision: 6}];
  assert.equal(run([old], state).state, state);
});

test('a late word that a running message has ended is checked, not believed', () => {
  const {state} = run([hello, ready, started('m', 6)]);
  const ended = ['message', {message: reply('m', {status: 'completed'}), content_length: 0, reasoning_length: 0, revision: 6}];
  const result = run([ended], state);
  assert.ok(result.state.live.m);
  assert.deepEqual(result.wants, [{kind: 'message', id: 'm'}]);
});

test('a conversation that changed while it was loaded is loaded again', () => {
  const {state} = run([['opened', {id: 'c'}], hello, ready, started('m', 6)]);
  const loaded = ['thread', {conversation: CONVERSATION, messages: [], revision: 5}];
  assert.deepEqual(run([loaded], state).wants, [{kind: 'thread', id: 'c'}]);
});

test('what was loaded before the feed began is loaded again when something happened in between', () => {
  const [thread, list] = [['thread', {conversation: CONVERSATION, messages: [], revision: 4}], ['list', {conversations: [], next: null, revision: 4}]];
  assert.deepEqual(run([['opened', {id: 'c'}], thread, hello, ready]).wants, [{kind: 'thread', id: 'c'}]);
  assert.deepEqual(run([['opened', {id: 'c'}], hello, ready, thread, list]).wants, [{kind: 'thread', id: 'c'}, {kind: 'lists'}]);
  const inTime = ['thread', {...thread[1], revision: 5}];
  assert.deepEqual(run([['opened', {id: 'c'}], inTime, hello, ready]).wants, []);
});

test('a copy that was fetched before the newest words takes none of them back', () => {
  const {state} = run([hello, ready, started('m', 6), delta('m', 0, 'abcd')]);
  const loaded = ['thread', {conversation: CONVERSATION, messages: [reply('m', {content: 'ab', reasoning: ''})], revision: 6}];
  assert.equal(run([loaded], state).state.live.m.content, 'abcd');
});

test('after a deletion nothing of the conversation is left', () => {
  const {state} = run([['thread', {conversation: CONVERSATION, messages: [], revision: 5}], hello, ready, started('m', 6),
    ['conversation', {conversation: CONVERSATION, revision: 7}], ['conversation_deleted', {id: 'c', revision: 8}]]);
  assert.deepEqual([state.conversations, state.threads, state.live], [[], {}, {}]);
});

test('a reply that ends while another conversation is open is marked unseen until that one is opened', () => {
  const ended = ['message', {message: reply('m', {status: 'completed'}), content_length: 0, reasoning_length: 0, revision: 7}];
  const {state} = run([['opened', {id: 'other'}], hello, ready, started('m', 6), ended]);
  assert.deepEqual(state.unseen, {c: true});
  assert.deepEqual(run([['opened', {id: 'c'}]], state).state.unseen, {});
});

test('the answer to a POST does not undo what the feed has told already', () => {
  const whole = reply('m', {content: 'done', reasoning: '', status: 'completed'});
  const {state} = run([['thread', {conversation: CONVERSATION, messages: [whole], revision: 9}],
    ['posted', {conversation_id: 'c', messages: [reply('m', {status: 'queued', content: '', reasoning: ''})], head_id: 'm'}]]);
  assert.equal(state.threads.c.messages.m.content, 'done');
  assert.equal(state.threads.c.conversation.head_id, 'm');
  assert.ok(isFinal(state.threads.c.messages.m));
});

test('the branch on screen follows the head, and a sibling leads to its newest leaf', () => {
  const user = (id, parent_id) => ({id, parent_id, role: 'user', status: 'completed'});
  const messages = [user('u1', null), reply('a1', {parent_id: 'u1'}), reply('a2', {parent_id: 'u1'}), user('u2', 'a2'), reply('a3', {parent_id: 'u2'})];
  const thread = {conversation: {head_id: 'a1'}, messages: Object.fromEntries(messages.map(m => [m.id, m]))};
  assert.deepEqual(branchOf(thread).map(m => m.id), ['u1', 'a1']);
  assert.equal(leafUnder(childrenOf(thread), 'a2'), 'a3');
  assert.equal(runningReply(thread).id, 'a1');
});

test('what messages really cost comes with the event of their conversation and changes nothing else of them', () => {
  const message = {id: 'm', conversation_id: 'c', parent_id: null, role: 'assistant', status: 'completed', content: 'Hello', reasoning: '', cost: {amount: 2, currency: 'USD', kind: 'estimate'}};
  const loaded = apply(EMPTY, {type: 'thread', data: {conversation: CONVERSATION, messages: [message], revision: 5}}).state;
  const conversation = {...CONVERSATION, message_count: 1};
  const cost = {amount: 1.5, currency: 'USD', kind: 'actual'};
  const told = (state, data) => apply(state, {type: 'conversation', data: {conversation, ...data}});
  const {state, wants} = told({...loaded, revision: 5}, {revision: 6, costs: {m: cost, unknown: cost}});
  assert.deepEqual(state.threads.c.messages, {m: {...message, cost}});
  assert.deepEqual(wants, []);
  assert.equal(told(state, {revision: 7}).state.threads.c.messages.m, state.threads.c.messages.m, 'an event without costs leaves them');
  assert.deepEqual(told({...EMPTY, revision: 5}, {revision: 6, costs: {m: cost}}).state.threads, {}, 'a conversation that is not loaded stays so');
});

test('while the head of a conversation is not here yet, the branch on screen stays and the thread is asked for', () => {
  const conversation = {...CONVERSATION, head_id: 'a', message_count: 1};
  const message = {id: 'a', conversation_id: 'c', parent_id: null, role: 'user', content: 'x', status: 'completed'};
  const loaded = apply(EMPTY, {type: 'thread', data: {conversation, messages: [message], revision: 1}}).state;
  const back = apply(loaded, {type: 'patched', data: {conversation: {...conversation, head_id: 'b', message_count: 2}}});
  assert.equal(back.state.threads.c.conversation.head_id, 'a');
  assert.deepEqual(back.wants, [{kind: 'thread', id: 'c'}]);
});

test('a conversation with another number of messages than are here has its thread asked for, else not', () => {
  const conversation = {...CONVERSATION, head_id: 'a', message_count: 2};
  const messages = ['a', 'b'].map(id => ({id, conversation_id: 'c', parent_id: null, role: 'user', content: 'x', status: 'completed'}));
  const loaded = apply({...EMPTY, revision: 1}, {type: 'thread', data: {conversation, messages, revision: 1}}).state;
  const told = count => apply(loaded, {type: 'conversation', data: {conversation: {...conversation, message_count: count}, revision: 2}}).wants;
  assert.deepEqual(told(1), [{kind: 'thread', id: 'c'}]);
  assert.deepEqual(told(2), []);
});
