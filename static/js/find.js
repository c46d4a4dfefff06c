/**
 * Finding words in the open conversation, also where its messages are not built yet, and going to a message that a search found.
 * The text is looked through in the store; a message is built when its turn comes, and its words are lit without touching it
 * (CSS Custom Highlight API; without one the whole message is). Loaded when it is first needed. Called by wishes.js.
 */
import {branchOf, childrenOf, leafUnder} from './store/select.js';
import {placesIn, plainOf, rangesIn} from './places.js';
import {memoryOf} from './prefs.js';
import {mountFindBar} from './views/find_bar.js';
import {addWords, t} from './words.js';

const WAIT_MS = 10_000; // for a conversation to load
const LIT_MS = 6000; // how long what a search found stays lit
const SETTLE_FRAMES = 12; // while estimates of heights give way to real ones
const MIN_CHARS = 1;

const canHighlight = () => 'highlights' in CSS && typeof Highlight === 'function';
const loadWords = () => addWords({en: () => import('./words/find.en.js'), zh: () => import('./words/find.zh.js')});
const frame = () => new Promise(resolve => { requestAnimationFrame(resolve); });
const textOf = article => article.querySelector(':scope > .md') ?? article.querySelector('.utterance-text') ?? article;

let bar = null;
let goal = 0; // the newest thing to go to; older ones give up
let unlight = 0;

/**
 * Opens the conversation on the branch that holds the message, and lights the words in it.
 * @param {object} parts everything that main.js has made
 * @param {{conversation: string, message: string, words: string[]}} place
 */
export async function openMessage(parts, {conversation, message, words}) {
  await loadWords();
  bar?.close();
  const mine = ++goal;
  const {store, router, actions, views} = parts;
  if (store.current.value !== conversation) {
    memoryOf('places').set(conversation, {id: message, path: [], offset: 0}); // opened there at once: its end is not built first
    router.go(conversation);
  }
  const isOpen = () => store.thread.value?.conversation.id === conversation;
  if (!await waitFor(isOpen, () => mine !== goal || store.current.value !== conversation)) return;
  const thread = store.thread.value;
  if (!thread.messages[message]) return views.notices.say(t('find.gone'));
  if (!branchOf(thread).some(m => m.id === message)) await actions.switchTo(conversation, leafUnder(childrenOf(thread), message));
  const article = await revealed(parts, message, () => mine !== goal);
  if (!article) return;
  const ranges = rangesIn(textOf(article), words.map(plainOf));
  light(ranges, null);
  await bringTo(parts, article, ranges[0], () => mine !== goal);
  article.classList.add('is-found');
  clearTimeout(unlight);
  unlight = setTimeout(() => {
    article.classList.remove('is-found');
    if (mine === goal) light([], null);
  }, LIT_MS);
  article.tabIndex = -1; // so that reading goes on from here
  article.focus({preventScroll: true});
}

async function waitFor(isSo, givesUp) {
  for (const end = performance.now() + WAIT_MS; performance.now() < end; await frame()) {
    if (givesUp()) return false;
    if (isSo()) return true;
  }
  return false;
}

/** The message's element, once the branch with it is drawn; unfolded where it was folded. */
async function revealed({views}, id, givesUp) {
  let article = null;
  await waitFor(() => (article = views.thread.reveal(id)), givesUp);
  article?.querySelector('.unfold[aria-expanded="false"]')?.click();
  return article;
}

async function bringTo({views}, article, range, givesUp) {
  for (let i = 0; i < SETTLE_FRAMES && !givesUp() && article.isConnected; i++) {
    views.thread.hold();
    (range?.startContainer.parentElement ?? article).scrollIntoView({block: range ? 'center' : 'start', behavior: 'instant'});
    await frame();
  }
}

/** @returns {string|undefined} the first message that is at least partly on the screen */
function inView() {
  const {top} = document.getElementById('scroller').getBoundingClientRect();
  return [...document.querySelectorAll('#thread > article')].find(el => el.getBoundingClientRect().bottom > top + 8)?.dataset.id;
}

function light(ranges, now) {
  if (!canHighlight()) return;
  const set = (name, some) => (some.length ? CSS.highlights.set(name, new Highlight(...some)) : CSS.highlights.delete(name));
  set('found', ranges.filter(range => range !== now));
  set('found-now', now ? [now] : []);
}

/** @param {object} parts everything that main.js has made */
export async function openFind(parts) {
  const {store, views} = parts;
  if (!store.thread.value) return;
  await loadWords();
  bar ??= mountFindBar(document.getElementById('conversation'));
  const mine = ++goal;
  const isOver = () => mine !== goal;
  let words = [];
  let places = []; // {id, nth}: every place in the branch, oldest first
  let at = -1;
  let shown = null; // the conversation it was opened in
  let step = 0;
  let from = inView();

  const plains = new Map(); // what a letter more needs not make again
  function plainOfMessage(id, content) {
    if (plains.get(id)?.content !== content) plains.set(id, {content, plain: plainOf(content)});
    return plains.get(id).plain;
  }

  function look(query) {
    const word = plainOf(query);
    words = word.length >= MIN_CHARS ? [word] : [];
    const thread = store.thread.value;
    shown = thread?.conversation.id;
    const live = store.live.value;
    places = !words.length || !thread ? [] : branchOf(thread).flatMap(m =>
      placesIn(plainOfMessage(m.id, live[m.id]?.content ?? m.content ?? ''), words).map((_, nth) => ({id: m.id, nth})));
    at = -1;
    if (places.length) go(nearest());
    else {
      light([], null);
      tell();
    }
  }

  /** The first place in or below the message the reader looked at, however far each letter typed has led from there. */
  function nearest() {
    const branch = branchOf(store.thread.value).map(m => m.id);
    const index = places.findIndex(place => branch.indexOf(place.id) >= branch.indexOf(from));
    return index < 0 ? places.length - 1 : index;
  }

  async function go(to) {
    if (store.thread.value?.conversation.id !== shown) return bar.close();
    if (!places.length) return;
    at = (to + places.length) % places.length;
    tell();
    const mineNow = ++step;
    const givesUp = () => isOver() || mineNow !== step;
    const {id, nth} = places[at];
    const article = await revealed(parts, id, givesUp);
    if (!article) return;
    const own = rangesIn(textOf(article), words);
    const now = own[Math.min(nth, own.length - 1)];
    lightAll(now, id, own);
    document.querySelector('#thread > .is-found')?.classList.remove('is-found');
    if (!now || !canHighlight()) article.classList.add('is-found');
    await bringTo(parts, article, now, givesUp);
  }

  /** Everything that is built and has the words; elements out of view are lit too, it costs nothing. */
  function lightAll(now, id, own) {
    const ids = new Set(places.map(place => place.id));
    const articles = [...document.querySelectorAll('#thread > article')].filter(el => ids.has(el.dataset.id));
    light(articles.flatMap(el => (el.dataset.id === id ? own : rangesIn(textOf(el), words))), now ?? null);
  }

  const tell = () => bar.show({at: at + 1, of: places.length, isAsked: words.length > 0});

  bar.open({
    onQuery: look,
    onStep(by) {
      go(at + by);
      from = places[at]?.id ?? from;
    },
    onClose() {
      goal++;
      light([], null);
      document.querySelector('#thread > .is-found')?.classList.remove('is-found');
      views.composer.focus();
    },
  });
}
