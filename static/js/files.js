/**
 * What leaves and what comes: export, import and sharing, from the menu of a conversation and from the settings. It fetches and
 * tells; the dialogs are views/share.js and views/import.js. Loaded when one of them is first wanted. Called by wishes.js (`useFiles`)
 * and settings.js.
 */
import {makeKey} from './api.js';
import {copyText} from './dom.js';
import {ICONS} from './icons.js';
import {addWords, t} from './words.js';

const IMPORT_MS = 15 * 60_000; // a server with a slow disk and a long history

const loadWords = () => addWords({en: () => import('./words/files.en.js'), zh: () => import('./words/files.zh.js')});
const exportOf = (id, format) => `/api/conversations/${encodeURIComponent(id)}/export?format=${format}`;
const withFiles = id => `${exportOf(id, 'json')}&attachments=true`;
const sharesOf = id => `/api/conversations/${encodeURIComponent(id)}/shares`;

/** The second level of a conversation's menu. @param {object} parts @param {{conversation: object, anchor: HTMLElement}} detail */
export async function openExport({views}, {conversation: {id}, anchor}) {
  await loadWords();
  views.menu.open({anchor, label: t('export.label'), items: [
    {label: t('export.markdown'), icon: ICONS.down, run: () => download(exportOf(id, 'markdown'))},
    {label: t('export.json'), icon: ICONS.down, run: () => download(exportOf(id, 'json'))},
    {label: t('export.json.files'), icon: ICONS.down, run: () => download(withFiles(id))},
    {label: t('export.copy'), icon: ICONS.copy, run: () => copyMarkdown(views, id)},
  ]});
}

const shown = ({store}) => store.thread.value.conversation;

// What the palette offers for the conversation on the page.
export const exportMarkdown = parts => download(exportOf(shown(parts).id, 'markdown'));
export const exportJson = parts => download(exportOf(shown(parts).id, 'json'));
export const exportWithFiles = parts => download(withFiles(shown(parts).id));
export const exportEverything = () => download('/api/export');
export const exportEverythingWithFiles = () => download('/api/export?attachments=true');
export async function copyAsMarkdown(parts) {
  await loadWords();
  return copyMarkdown(parts.views, shown(parts).id);
}

/** The server names the file. */
function download(path) {
  const link = document.createElement('a');
  link.href = path;
  link.download = '';
  document.body.append(link);
  link.click();
  link.remove();
}

async function copyMarkdown(views, id) {
  const response = await fetch(exportOf(id, 'markdown')).catch(() => null);
  if (response?.ok && await copyText(await response.text())) views.announcer.say(t('export.copied'));
  else views.notices.say(t('export.failed'));
}

/** @param {object} parts everything that main.js has made @param {{conversation: object}} detail */
export async function openShare(parts, {conversation = shown(parts)}) {
  const {api, views} = parts;
  await loadWords();
  const {mountShare} = await import('./views/share.js');
  views.share ??= mountShare(document.body);
  const path = sharesOf(conversation.id);
  await views.share.open({
    title: conversation.title || t('side.untitled'),
    list: async () => (await api.ask('GET', path)).shares,
    make: options => api.ask('POST', path, {body: options, key: makeKey()}),
    revoke: id => api.ask('DELETE', `/api/shares/${encodeURIComponent(id)}`),
  });
}

/** Lines of the settings. @param {object} parts @returns {Promise<{title: string, lines: object[]}>} */
export async function dataSection(parts) {
  await loadWords();
  return {title: t('data.title'), lines: [
    {label: t('data.export'), note: t('data.export.note'), icon: ICONS.down, run: exportEverything},
    {label: t('data.export.files'), note: t('data.export.files.note'), icon: ICONS.down, run: exportEverythingWithFiles},
    {label: t('data.import'), note: t('data.import.note'), run: () => openImport(parts)},
  ]};
}

export async function openImport({api, router, views}) {
  await loadWords();
  const {mountImport} = await import('./views/import.js');
  const {documentsIn, batchesOf} = await import('./import_file.js');
  views.import ??= mountImport(document.body);
  views.import.open({
    read: async file => (await documentsIn(file)).flatMap(batchesOf),
    send: (batch, key) => api.ask('POST', '/api/import', {body: batch.body, key, limit: IMPORT_MS}),
    show: id => router.go(id),
  });
}
