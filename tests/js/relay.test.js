/** One feed for many tabs: each is exact, whenever it joins or leaves and wherever the feed is cut. */
import assert from 'node:assert/strict';
import {test} from 'node:test';
import {createRelay} from '../../static/js/relay.js';
import {apply, EMPTY} from '../../static/js/store/apply.js';
import {cursorOf} from '../../static/js/store/select.js';
import {randomOf, ServerModel} from './server_model.js';

const SEED = Number(process.env.RILL_TEST_SEED ?? Date.now() % 1e9);
const ROUNDS = 150;
const STEPS = 150;
console.log(`seed ${SEED}`);

const CONVERSATION = {id: 'c', title: 'T', model: null, head_id: null, pinned: false, archived: false, updated_at: '2026-01-01T00:00:00.000Z'};

/** A tab as far as the rules go. It asks for what it wants only when the dice say so: answers come late. */
class Tab {
  constructor(server) {
    Object.assign(this, {server, state: EMPTY, shown: new Map(), wants: [], asked: 0, heard: [], isIn: false});
    this.take('opened', {id: 'c'});
    this.take('thread', this.thread());
  }

  postMessage([type, data]) {
    this.heard.push(type);
    if (type !== 'here' && type !== 'down' && type !== 'gone') this.take(type, structuredClone(data));
  }

  take(type, data) {
    const {state, wants} = apply(this.state, {type, data});
    this.state = state;
    this.wants.push(...wants);
    for (const [id, {content, reasoning}] of Object.entries(state.live)) {
      const before = this.shown.get(id) ?? {content: '', reasoning: ''};
      const truth = this.server.messages.get(id);
      assert.ok(content.startsWith(before.content) && reasoning.startsWith(before.reasoning), 'what was shown is never taken back');
      assert.ok(truth.content.startsWith(content) && truth.reasoning.startsWith(reasoning), 'what is shown is a prefix of the truth');
      this.shown.set(id, {content, reasoning});
    }
  }

  grant() {
    for (const want of this.wants.splice(0)) {
      this.asked++;
      if (want.kind === 'message') this.take('healed', {message: {...this.server.messages.get(want.id)}});
      else if (want.kind === 'thread') this.take('thread', this.thread());
      else this.take('list', {conversations: [CONVERSATION], next: null, revision: this.server.revision});
    }
  }

  thread() {
    return {conversation: CONVERSATION, messages: [...this.server.messages.values()].map(m => ({...m})), revision: this.server.revision};
  }
}

function cast(server) {
  let options;
  const feed = {isOpen: false, starts: 0, renewals: 0};
  const stream = {
    start: () => (feed.isOpen = true, feed.starts++, server?.connect(options.cursor())),
    stop: () => { feed.isOpen = false; },
    renew: () => { feed.renewals++; },
  };
  let now = 0;
  const relay = createRelay({makeStream: given => (options = given, stream), now: () => now});
  const say = (type, data) => (type === 'hello' && options.onStatus(true), options.onEvent(type, data, now));
  return {relay, feed, say, down: isSilent => options.onStatus(false, isSilent), reopen: () => server.connect(options.cursor()), cursor: () => options.cursor(), pass: ms => { now += ms; }};
}

function play(seed) {
  const random = randomOf(seed);
  const server = new ServerModel(random);
  const {relay, feed, say, down, reopen} = cast(server);
  const tabs = Array.from({length: 4}, () => new Tab(server));
  const deliver = () => server.out.splice(0).forEach(({type, data}) => feed.isOpen && say(type, data));
  const come = tab => (tab.isIn = true, relay.hear(tab, {join: cursorOf(tab.state)}));
  const go = tab => (tab.isIn = false, relay.hear(tab, 'bye'));
  for (let i = 0; i < STEPS; i++) {
    const dice = random();
    const tab = server.pick(tabs);
    const over = [...server.messages.values()].filter(m => m.finished_at);
    if (dice < 0.07 || !server.messages.size) server.start('c');
    else if (dice < 0.6 && server.unfinished.length) server.grow(server.pick(server.unfinished));
    else if (dice < 0.66 && server.unfinished.length) server.end(server.pick(server.unfinished));
    else if (dice < 0.7 && over.length) server.continue(server.pick(over));
    else if (dice < 0.82) tab.isIn ? go(tab) : come(tab);
    else if (dice < 0.87 && feed.isOpen) {
      server.out.splice(Math.floor(random() * (server.out.length + 1))); // the connection dies with the rest unread
      deliver();
      down(false);
      reopen();
    } else if (dice < 0.9) tabs[tabs.indexOf(tab)] = (tab.isIn && go(tab), new Tab(server)); // reloaded
    if (random() < 0.6) deliver();
    if (random() < 0.4) tab.grant();
  }
  tabs.filter(tab => !tab.isIn).forEach(come);
  deliver();
  server.unfinished.forEach(m => server.end(m));
  deliver();
  for (let i = 0; i < 5; i++) tabs.forEach(tab => tab.grant());
  return {server, tabs};
}

test('however tabs come and go and the feed is cut, each has every text exactly', () => {
  for (let round = 0; round < ROUNDS; round++) {
    const {server, tabs} = play(SEED + round);
    for (const tab of tabs) {
      for (const truth of server.messages.values()) {
        const held = tab.state.threads.c.messages[truth.id];
        assert.deepEqual([held?.content, held?.reasoning, held?.status], [truth.content, truth.reasoning, truth.status], `seed ${SEED + round}`);
      }
      assert.deepEqual(tab.state.live, {}, `seed ${SEED + round}: nothing is left running`);
    }
  }
});

const ear = () => ({words: [], postMessage(words) { this.words.push(words); }, of(type) { return this.words.filter(([name]) => name === type).map(([, data]) => data); }});
const started = (id, revision) => ['message', {message: {id, role: 'assistant', conversation_id: 'c', finished_at: null}, content_length: 0, reasoning_length: 0, revision}];

test('a tab that joins late gets hello, the text of what is unfinished, and ready; the server is not asked', () => {
  const {relay, feed, say} = cast();
  const [first, second] = [ear(), ear()];
  relay.hear(first, {join: '-'});
  say('hello', {revision: 5, boot: 'b'});
  say('ready', {});
  say(...started('m', 6));
  say('delta', {message_id: 'm', channel: 'content', offset: 0, text: '😀a'});
  say('delta', {message_id: 'm', channel: 'content', offset: 2, text: 'b'});
  relay.hear(second, {join: '-'});
  assert.deepEqual(second.words.map(([type]) => type), ['here', 'hello', 'message', 'delta', 'ready']);
  assert.equal(second.of('hello')[0].revision, 6);
  assert.deepEqual(second.of('delta'), [{message_id: 'm', channel: 'content', offset: 0, text: '😀ab'}]);
  assert.equal(feed.starts, 1);
});

test('the feed is opened with what the first tab has, and opened again with what came since', () => {
  const {relay, say, cursor} = cast();
  relay.hear(ear(), {join: 'm:4:2,n:1:0'});
  assert.equal(cursor(), 'm:4:2,n:1:0');
  say('hello', {revision: 5});
  say(...started('m', 5));
  say('delta', {message_id: 'm', channel: 'content', offset: 4, text: '文字'});
  say('ready', {});
  assert.equal(cursor(), 'm:6:2', 'what the server did not mention is asked for by those who hold it');
});

test('the feed is closed when the last tab has gone, and nothing of it is kept', () => {
  const {relay, feed, say, cursor} = cast();
  const [first, second] = [ear(), ear()];
  relay.hear(first, {join: '-'});
  relay.hear(second, {join: '-'});
  say('hello', {revision: 5});
  say(...started('m', 6));
  relay.hear(first, 'bye');
  assert.ok(feed.isOpen);
  relay.hear(second, 'bye');
  assert.ok(!feed.isOpen);
  assert.equal(cursor(), '-');
});

test('a tab that answers no ping is let go of, and told to join again when it speaks', () => {
  const {relay, feed, say} = cast();
  const frozen = ear();
  relay.hear(frozen, {join: '-'});
  say('hello', {revision: 5});
  for (let i = 0; i < 4; i++) say('ping', {});
  assert.ok(feed.isOpen);
  relay.hear(frozen, 'here');
  for (let i = 0; i < 5; i++) say('ping', {});
  assert.ok(!feed.isOpen);
  relay.hear(frozen, 'ask');
  assert.deepEqual(frozen.words.at(-1), ['gone']);
});

test('a tab that joins while the feed is down is told so, and gets no stale catch-up', () => {
  const {relay, say, down} = cast();
  const [first, second] = [ear(), ear()];
  relay.hear(first, {join: '-'});
  say('hello', {revision: 5});
  down(true);
  relay.hear(second, {join: '-'});
  assert.deepEqual(first.words.at(-1), ['down', true]);
  assert.deepEqual(second.words, [['here'], ['down', false]]);
});

test('the trouble of a server that cannot store is told to who comes later, while it stands', () => {
  const {relay, say} = cast();
  relay.hear(ear(), {join: '-'});
  say('hello', {revision: 5});
  say('storage', {ok: false, type: 'disk_full'});
  const [during, after] = [ear(), ear()];
  relay.hear(during, {join: '-'});
  say('storage', {ok: true});
  relay.hear(after, {join: '-'});
  assert.deepEqual([during.of('storage'), after.of('storage')], [[{ok: false, type: 'disk_full'}, {ok: true}], []]);
});

test('ten tabs that wake up together start the feed over once', () => {
  const {relay, feed, pass} = cast();
  const tabs = Array.from({length: 10}, ear);
  tabs.forEach(tab => relay.hear(tab, {join: '-'}));
  tabs.forEach(tab => relay.hear(tab, 'renew'));
  assert.equal(feed.renewals, 1);
  pass(3000);
  relay.hear(tabs[0], 'renew');
  assert.equal(feed.renewals, 2);
});
