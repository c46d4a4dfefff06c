/**
 * Joins views, store, api and feed: the only file that knows them all. Draws nothing and decides little: data goes down
 * in `update`, wishes come up as events (wishes.js), what the store wants is fetched by sync.js.
 */
import {computed, effect, signal} from '@preact/signals-core';
import {createActions} from './actions.js';
import {createApi} from './api.js';
import {createFeed} from './feed.js';
import {createFrame} from './frame.js';
import {createLine} from './line.js';
import {createRouter} from './router.js';
import {createSidebarSwitch, listenToKeys} from './shell.js';
import {createStore} from './store.js';
import {createSync} from './sync.js';
import {ICONS} from './icons.js';
import {countSettings, modelDesk} from './model_desk.js';
import {fetchRenderer, isHere} from './renderer.js';
import {mountAnnouncer} from './views/announcer.js';
import {mountComposer} from './views/composer.js';
import {mountEmpty} from './views/empty.js';
import {mountMenu} from './views/menu.js';
import {mountNotices} from './views/notices.js';
import {mountSidebar} from './views/sidebar.js';
import {mountThread} from './views/thread.js';
import {mountTopbar} from './views/topbar.js';
import {language, t} from './words.js';
import {listenToWishes} from './wishes.js';
import {recall} from './prefs.js';
import {render} from 'lit-html';

const REST_MS = 1500; // after the start: the first paint, the lists and the feed come first
const SKELETON_MS = 300; // what comes sooner needs no placeholder
const byId = id => document.getElementById(id);
const isStandin = () => document.documentElement.dataset.upstream === 'standin' && !hidesStandin.value; // the frame knows it before the session does

const session = signal(null);
const page = signal(null); // {name, title} of what stands in the conversation's place: pages.js
const screen = signal('loading'); // of the open conversation: loading, ready, missing, failed
const isSlow = signal(false);
const isSending = signal(false);
const isSidebarOpen = signal(true);
const mark = signal(false); // an answer has ended while nobody looked
const hidesStandin = signal(recall('standin-hidden', false));

const api = createApi({onLoginRequired: () => location.assign('/login')});
const store = createStore({onWant: want => sync.want(want)});
const {dispatch} = store;
const sync = createSync({
  api, dispatch,
  loaded: () => store.conversations.value.length,
  exists: want => want.kind === 'lists' || (want.kind === 'thread' ? store.current.value === want.id : want.id in store.live.value),
});
const actions = createActions({api, dispatch});
const models = modelDesk({api, session, thread: store.thread, current: store.current});
const router = createRouter(show);
const line = createLine({askSession: () => api.session().then(keepSession), hasSession: () => Boolean(session.value), follow});
const isCut = computed(() => line.net.value === 'offline' || (line.net.value === 'reconnecting' && !session.value)); // nothing can be sent
const feed = createFeed({
  cursor: store.cursor,
  isIdle: store.isIdle,
  onStatus: line.onStatus,
  onEvent(type, data, at) {
    line.onEvent(type, data, at);
    dispatch(type, data);
    if (type === 'hello' && screen.value === 'failed') load(store.current.value);
  },
});

const views = {
  topbar: mountTopbar(byId('topbar')),
  sidebar: mountSidebar(byId('sidebar')),
  notices: mountNotices(byId('notices'), {isStandin: isStandin()}),
  empty: mountEmpty(byId('empty')),
  thread: mountThread(byId('thread'), {scroller: byId('scroller'), timeline: api.timeline, pricingOf: models.pricingOf, onFar: isFar => { byId('jump').hidden = !isFar; }}),
  composer: mountComposer(byId('composer')),
  menu: mountMenu(byId('menu')),
  timing: {open: detail => import('./views/timing_sheet.js').then(sheet => sheet.openTiming(byId('timing'), {...detail, thread: store.thread.value}))},
  announcer: mountAnnouncer(byId('announcer')),
};
const sidebarSwitch = createSidebarSwitch({sidebar: byId('sidebar'), stage: byId('stage'), scrim: byId('scrim'), onChange: isOpen => { isSidebarOpen.value = isOpen; }});

/** @param {string|null} id the conversation to be on the page; null: a new one @param {string|null} [name] a page instead */
function show(id, name = null) {
  if (id) fetchRenderer();
  const isMove = id !== store.current.value || page.value;
  byId('conversation').hidden = Boolean(name);
  byId('page').hidden = !name;
  page.value = name && {name, title: ''};
  if (name) import('./pages.js').then(pages => pages.open(name, byId('page'), api)).then(title => { page.value = page.value?.name === name ? {name, title} : page.value; }, () => views.notices.say(t('error.offline')));
  dispatch('opened', {id});
  sidebarSwitch.closeDrawer();
  screen.value = !id || store.thread.value ? 'ready' : 'loading';
  if (screen.value === 'loading') load(id);
  if (isMove && !name && matchMedia('(pointer: fine)').matches) views.composer.focus();
}

async function load(id) {
  isSlow.value = false;
  const timer = setTimeout(() => { isSlow.value = true; }, SKELETON_MS);
  screen.value = 'loading';
  try {
    dispatch('thread', await api.conversation(id, {mayBeKept: true}));
    if (store.current.value === id) screen.value = 'ready';
  } catch (error) {
    if (store.current.value === id) screen.value = error.status === 404 ? 'missing' : 'failed';
  }
  clearTimeout(timer);
}

/** What a feed would have told, while there is none. */
function follow() {
  sync.want({kind: 'lists'});
  if (store.thread.value) sync.want({kind: 'thread', id: store.current.value});
}

function keepSession(next) {
  if (next.mode === 'accounts' && !next.user) location.assign('/login');
  session.value = next;
}

/** What a view is to show, recomputed when a signal in it changes and drawn with the next frame. */
const frame = createFrame();
function keepDrawn(view, stateOf) {
  let state;
  const draw = () => view.update(state);
  effect(() => {
    state = stateOf();
    frame(draw);
  });
}

function emptyKind() {
  if (!store.current.value) return 'greeting';
  if (screen.value === 'missing' || screen.value === 'failed') return screen.value;
  if (screen.value === 'ready' && !store.thread.value) return 'missing'; // deleted meanwhile
  if (screen.value === 'ready' && isHere.value) return 'none';
  return isSlow.value ? 'loading' : 'none';
}

function keepViewsDrawn() {
  const title = () => store.thread.value?.conversation.title ?? '';
  keepDrawn(views.topbar, () => ({title: title(), isSidebarOpen: isSidebarOpen.value}));
  keepDrawn(views.sidebar, () => ({
    conversations: store.conversations.value, next: store.next.value, current: page.value ? undefined : store.current.value, running: store.running.value,
    unseen: store.unseen.value, isLoaded: store.isListed.value,
  }));
  keepDrawn(views.notices, () => ({
    net: line.net.value, storage: line.storage.value, isCollected: line.isCollected.value,
    isStandin: isStandin(),
  }));
  keepDrawn(views.empty, () => ({kind: emptyKind(), isBusy: isSending.value || !session.value}));
  keepDrawn(views.thread, () => ({thread: isHere.value ? store.thread.value : null, live: store.live.value, nameOf: models.nameOf.value}));
  keepDrawn(views.composer, () => ({
    conversation: store.current.value, modelId: models.chosen.value ?? '', modelName: models.nameOf.value(models.chosen.value ?? ''),
    settings: countSettings(models.setup.value), also: models.also.value, nameOf: models.nameOf.value, isCut: isCut.value,
    isRunning: store.repliesRunning.value.length > 0, mustWait: Boolean(store.replyRunning.value), isSending: isSending.value, isReady: Boolean(session.value && (!store.current.value || store.thread.value)),
  }));
  keepDrawn(views.announcer, () => {
    const reply = store.replyRunning.value;
    return {reply, live: reply && store.live.value[reply.id], name: reply ? models.nameOf.value(reply.model) : '', messages: store.thread.value?.messages ?? {}};
  });
  effect(() => { document.title = (mark.value ? '● ' : '') + [page.value?.title || title(), 'Rill'].filter(Boolean).join(' · '); });
  effect(() => { byId('composer').hidden = emptyKind() === 'missing'; });
}

function fillFrame() {
  document.documentElement.lang = language === 'zh' ? 'zh-CN' : 'en';
  byId('skip').textContent = t('page.skip');
  byId('sidebar').setAttribute('aria-label', t('side.label'));
  byId('notices').setAttribute('aria-label', t('page.notices'));
  byId('scroller').setAttribute('aria-label', t('page.conversation'));
  const jump = byId('jump');
  jump.setAttribute('aria-label', t('act.jump'));
  jump.title = t('act.jump');
  render(ICONS.down, jump);
  jump.addEventListener('click', () => views.thread.toEnd());
}

async function start() {
  fillFrame();
  listenToWishes({actions, api, hidesStandin, isSending, feed, line, load, models, router, session, sidebarSwitch, store, sync, views});
  listenToKeys(sidebarSwitch);
  keepViewsDrawn();
  router.tell();
  views.composer.focus();
  models.fetchList();
  sync.want({kind: 'lists'});
  await api.session().then(keepSession, () => {}); // the feed tells what is wrong
  feed.start();
  setTimeout(() => {
    fetchRenderer();
    import('./rest.js').then(({onceAtRest}) => onceAtRest({mark, router, store}), () => {});
  }, REST_MS);
}

start();
