/**
 * What the palette offers: actions, conversations, models; and the sheet of shortcuts, from the same registry (commands.js).
 * views/palette.js draws it and knows none of this. Loaded when one of them is first opened. Called by wishes.js.
 */
import {COMMANDS, FIELD_KEYS, keysOf} from './commands.js';
import {wish} from './dom.js';
import {match} from './fuzzy.js';
import {KEYS} from './keys.js';
import {recall, remember} from './prefs.js';
import {dateGroup} from './time.js';
import {mountKeySheet} from './views/key_sheet.js';
import {mountPalette} from './views/palette.js';
import {addWords, locale, t} from './words.js';

const ASK_MS = 120; // after the last key, before the server is asked
const SHOWN = {recent: 6, conversations: 8, models: 6};
const USED_KEPT = 12;

let view = null;
let openSheet = null;

const loadWords = () => addWords({en: () => import('./words/palette.en.js'), zh: () => import('./words/palette.zh.js')});

/** @param {object} parts everything that main.js has made */
export async function openPalette(parts) {
  await loadWords();
  view ??= mountPalette(document.body);
  let found = {query: '', conversations: [], failed: false};
  let timer = 0;

  const show = query => view.show(sectionsFor(parts, query, found));

  async function ask(query) {
    try {
      found = {query, conversations: (await parts.api.conversations({q: query, limit: SHOWN.conversations})).conversations, failed: false};
    } catch {
      found = {query, conversations: [], failed: true};
    }
    if (view.query() === query) show(query);
  }

  parts.models.fetchList();
  view.open({
    onQuery(query) {
      clearTimeout(timer);
      if (query) timer = setTimeout(ask, ASK_MS, query);
      show(query);
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
    {title: t('keys.field'), lines: FIELD_KEYS.map(([id, keys]) => ({label: t(`cmd.${id}`), keys}))},
  ]);
}

/** @returns {{sections: {id: string, title: string, items: object[]}[], note: string}} what to show for what is typed */
function sectionsFor(parts, query, found) {
  const actions = {id: 'actions', title: t('pal.actions'), items: actionsFor(parts, query)};
  const conversations = {id: 'conversations', title: t(query ? 'pal.conversations' : 'pal.recent'), items: conversationsFor(parts, query, found)};
  const all = query ? [actions, conversations, {id: 'models', title: t('pal.models'), items: modelsFor(parts, query)}] : [conversations, actions];
  // What is called so comes before what only has it inside.
  if (query) all.sort((a, b) => (b.items[0]?.score ?? -1) - (a.items[0]?.score ?? -1));
  return {sections: all.filter(section => section.items.length), note: found.failed && query ? t('pal.failed') : ''};
}

function actionsFor(parts, query) {
  const used = recall('used-actions', []);
  const place = ({id}) => (used.includes(id) ? used.indexOf(id) : USED_KEPT);
  const items = COMMANDS.filter(command => command.when?.(parts) ?? true).map(command => {
    const label = t(`cmd.${command.id}`);
    const inLabel = match(query, label);
    const found = inLabel ?? match(query, `${label} ${t(`cmd.${command.id}.also`) ?? ''}`);
    return found && {id: `action-${command.id}`, icon: command.icon, label, ranges: inLabel?.ranges ?? [], keys: keysOf(command),
      score: found.score - (inLabel ? 0 : 1), place: place(command), run: () => runCommand(command)};
  }).filter(Boolean);
  return items.sort(query ? (a, b) => b.score - a.score || a.place - b.place : (a, b) => a.place - b.place);
}

function runCommand({id, run, detail}) {
  remember('used-actions', [id, ...recall('used-actions', []).filter(other => other !== id)].slice(0, USED_KEPT));
  wish(document.body, run, detail);
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
  // The server also knows those that are not listed yet, and those that have it in their text.
  const others = found.conversations.filter(c => !ids.has(c.id)).map(c => [c, match(query, c.title) ?? {score: 0.5, ranges: []}]);
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
