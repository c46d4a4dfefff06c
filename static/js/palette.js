/**
 * What the palette offers: actions, conversations, models, and what was said; and the sheet of shortcuts, from the same registry (commands.js).
 * views/palette.js draws it and knows none of this. Loaded when one of them is first opened. Called by wishes.js.
 */
import {COMMANDS, FIELD_KEYS, LIST_KEYS, keysOf} from './commands.js';
import {wish} from './dom.js';
import {match} from './fuzzy.js';
import {KEYS} from './keys.js';
import {recall, remember} from './prefs.js';
import {dateGroup} from './time.js';
import {mountKeySheet} from './views/key_sheet.js';
import {mountPalette} from './views/palette.js';
import {addWords, locale, t} from './words.js';

const ASK_MS = 120; // after the last key, before the server is asked
const PAGE = 20; // messages found, asked for at once
const SHOWN = {recent: 6, conversations: 8, models: 6};
const USED_KEPT = 12;
const NOTHING = {query: '', conversations: [], hits: [], next: null, failed: false};

let view = null;
let openSheet = null;

const loadWords = () => addWords({en: () => import('./words/palette.en.js'), zh: () => import('./words/palette.zh.js')});

/**
 * @param {object} parts everything that main.js has made
 * @param {'all' | 'search'} [mode] everything, or only what was said
 */
export async function openPalette(parts, mode = 'all') {
  await loadWords();
  view ??= mountPalette(document.body);
  let found = NOTHING;
  let timer = 0;
  let isAsking = false;

  const show = query => view.show(sectionsFor(parts, mode, query, found));

  /** The first page, or with `before` the next one. What comes for a query that was changed since is dropped. */
  async function ask(query, before) {
    isAsking = true;
    try {
      const page = await parts.api.search(before ? {q: query, limit: PAGE, before} : {q: query, limit: PAGE});
      if (view.query() !== query) return;
      found = {query, conversations: before ? found.conversations : page.conversations, hits: before ? [...found.hits, ...page.hits] : page.hits, next: page.next, failed: false};
    } catch {
      if (view.query() !== query) return;
      found = {...(before ? found : NOTHING), query, next: null, failed: true};
    } finally {
      isAsking = false;
    }
    show(query);
    if (found.next && found.hits.length < PAGE) ask(query, found.next); // the server looked only so far in one go
  }

  parts.models.fetchList();
  view.open({
    hint: t(mode === 'search' ? 'pal.search.hint' : 'pal.hint'),
    none: mode === 'search' ? 'pal.search.none' : 'pal.none',
    onQuery(query) {
      clearTimeout(timer);
      if (query) timer = setTimeout(ask, ASK_MS, query);
      show(query);
    },
    onEnd() {
      if (found.next && found.query === view.query() && !isAsking) ask(found.query, found.next);
    },
  });
}

/** @param {object} parts everything that main.js has made */
export async function openKeySheet() {
  await loadWords();
  openSheet ??= mountKeySheet(document.getElementById('sheet'));
  const withKeys = COMMANDS.filter(keysOf).map(command => ({label: t(`cmd.${command.id}`), keys: keysOf(command)}));
  openSheet([
    {title: t('keys.everywhere'), lines: [{label: t('keys.palette'), keys: KEYS.openPalette}, ...withKeys]},
    ...[['keys.field', FIELD_KEYS], ['keys.list', LIST_KEYS]].map(([title, keys]) => ({title: t(title), lines: keys.map(([id, one]) => ({label: t(`cmd.${id}`), keys: one}))})),
  ]);
}

/** @returns {{sections: {id: string, title: string, items: object[]}[], note: string, isWaiting: boolean}} what to show for what is typed */
function sectionsFor(parts, mode, query, found) {
  const conversations = {id: 'conversations', title: t(query ? 'pal.conversations' : 'pal.recent'), items: conversationsFor(parts, query, found)};
  const hits = {id: 'hits', title: t('pal.hits'), items: query ? found.hits.map(hit => hitItem(hit)) : []};
  const all = mode === 'search' ? [conversations] : query
    ? [{id: 'actions', title: t('pal.actions'), items: actionsFor(parts, query)}, conversations, {id: 'models', title: t('pal.models'), items: modelsFor(parts, query)}]
    : [conversations, {id: 'actions', title: t('pal.actions'), items: actionsFor(parts, query)}];
  // What is called so comes before what only has it inside; what was said comes last, it has no end.
  if (query) all.sort((a, b) => (b.items[0]?.score ?? -1) - (a.items[0]?.score ?? -1));
  const note = found.failed && query ? t('pal.failed') : mode === 'search' && !query ? t('pal.search.how') : '';
  const isWaiting = Boolean(query) && !found.failed && (found.query !== query || (found.next !== null && !found.hits.length));
  return {sections: [...all, hits].filter(section => section.items.length), note, isWaiting};
}

function hitItem({conversation, message_id, role, created_at, snippet, matches}) {
  const letters = Array.from(snippet);
  const words = [...new Set(matches.map(([from, to]) => letters.slice(from, to).join('').toLowerCase()))];
  return {
    id: `hit-${message_id}`, icon: 'chat', label: conversation.title || t('side.untitled'), ranges: [], snippet, matches, by: role === 'user' ? t('pal.you') : '',
    note: conversation.archived ? `${t('pal.archived')} · ${dayOf(created_at)}` : dayOf(created_at),
    run: () => wish(document.body, 'openMessage', {conversation: conversation.id, message: message_id, words}),
  };
}

function actionsFor(parts, query) {
  const used = recall('used-actions', []);
  const place = ({id}) => (used.includes(id) ? used.indexOf(id) : USED_KEPT);
  const items = COMMANDS.filter(command => command.when?.(parts) ?? true).map(command => {
    const label = t(`cmd.${command.id}`);
    const inLabel = match(query, label);
    const found = inLabel ?? match(query, `${label} ${t(`cmd.${command.id}.also`) ?? ''}`);
    return found && {id: `action-${command.id}`, icon: command.icon, label, ranges: inLabel?.ranges ?? [], keys: keysOf(command),
      score: found.score - (inLabel ? 0 : 1), place: place(command), run: () => runCommand(parts, command)};
  }).filter(Boolean);
  return items.sort(query ? (a, b) => b.score - a.score || a.place - b.place : (a, b) => a.place - b.place);
}

function runCommand(parts, {id, run, detail}) {
  remember('used-actions', [id, ...recall('used-actions', []).filter(other => other !== id)].slice(0, USED_KEPT));
  wish(document.body, run, typeof detail === 'function' ? detail(parts) : detail);
}

function conversationsFor({store, router}, query, found) {
  const known = store.conversations.value;
  const item = (conversation, {score, ranges}) => ({
    id: `conversation-${conversation.id}`, icon: 'chat', label: conversation.title || t('side.untitled'), ranges, score,
    note: dayOf(conversation.updated_at), run: () => router.go(conversation.id),
  });
  if (!query) {
    const recent = [...known].sort((a, b) => (a.updated_at < b.updated_at ? 1 : -1)).filter(c => c.id !== store.current.value);
    return recent.slice(0, SHOWN.recent).map(conversation => item(conversation, {score: 0, ranges: []}));
  }
  const called = known.map(conversation => [conversation, match(query, conversation.title)]).filter(([, m]) => m);
  called.sort((a, b) => b[1].score - a[1].score);
  const ids = new Set(called.map(([conversation]) => conversation.id));
  // The server also knows those that are not listed yet.
  const others = found.conversations.filter(c => !ids.has(c.id)).map(c => [c, match(query, c.title) ?? {score: 0.5, ranges: c.matches}]);
  return [...called, ...others].slice(0, SHOWN.conversations).map(([conversation, m]) => item(conversation, m));
}

function modelsFor({models}, query) {
  const chosen = models.chosen.value;
  return (models.list.value.models ?? []).map(model => {
    const inName = match(query, model.name || model.id);
    const found = inName ?? match(query, `${model.name} ${model.id}`);
    return found && {id: `model-${model.id}`, icon: model.id === chosen ? 'check' : 'spark', label: model.name || model.id, ranges: inName?.ranges ?? [], note: model.id,
      score: found.score - 0.6, run: () => wish(document.body, 'chooseModel', {id: model.id})}; // there are many: an action or a conversation that is called so comes first
  }).filter(Boolean).sort((a, b) => b.score - a.score).slice(0, SHOWN.models);
}

/** A day as short as can be: in the last week by its name. */
function dayOf(time, now = new Date()) {
  const {key} = dateGroup(time, now);
  if (key === 'today' || key === 'yesterday') return t(`group.${key}`);
  const day = new Date(time);
  if (key === 'week') return day.toLocaleDateString(locale, {weekday: 'long'});
  const isThisYear = day.getFullYear() === now.getFullYear();
  return day.toLocaleDateString(locale, {day: 'numeric', month: 'short', year: isThisYear ? undefined : 'numeric'});
}
