/**
 * The files of messages that are not sent yet, a list for each conversation: taken, uploaded two at a time, kept over a
 * reload by their ids, handed to the message that is sent. Loaded with the first file. Called by wishes.js.
 *
 * @typedef {{key: string, name: string, size: number, status: 'waiting'|'sending'|'ready'|'failed', progress: number,
 *   error: string, canRetry: boolean, file?: File, url?: string, attachment?: object, abort: AbortController}} Item
 */
import {effect} from '@preact/signals-core';
import {makeKey} from './api.js';
import {memoryOf} from './prefs.js';
import {MAX_BYTES, nameFor, prepare, send} from './upload.js';
import {mountTray} from './views/tray.js';
import {addWords, t} from './words.js';

const NEW = 'new'; // of a conversation that does not exist yet
const AT_ONCE = 2;
const MAX_FILES = 10; // of one message, as on the server

let desk = null;

/** @param {object} parts everything that main.js has made @returns {Promise<object>} the one desk */
export function openDesk(parts) {
  desk ??= addWords({en: () => import('./words/attach.en.js'), zh: () => import('./words/attach.zh.js')}).then(() => makeDesk(parts));
  return desk;
}

function makeDesk({api, models, store, views}) {
  const kept = memoryOf('files');
  const lists = new Map();
  let sending = 0;
  const place = () => store.current.value ?? NEW;
  const listOf = where => lists.get(where) ?? lists.set(where, restored(where)).get(where);
  const tray = mountTray(document.querySelector('.tray'), {remove, retry});

  function restored(where) {
    const items = (kept.get(where) ?? []).map(attachment => ({key: attachment.id, name: attachment.name, size: attachment.size, status: 'ready', attachment}));
    items.forEach(item => check(where, item));
    return items;
  }

  /** What was attached days ago is gone at the server. */
  async function check(where, item) {
    const answer = await fetch(`/api/attachments/${item.key}`, {method: 'HEAD'}).catch(() => null);
    if (answer?.status !== 404) return;
    drop(where, item);
    views.announcer.say(t('attach.gone', item.name));
  }

  function add(files) {
    const where = place();
    const list = listOf(where);
    const room = MAX_FILES - list.length;
    if (files.length > room) views.composer.failed(t('attach.many', MAX_FILES));
    for (const file of files.slice(0, Math.max(0, room))) {
      const isLarge = file.size > MAX_BYTES && !file.type.startsWith('image/');
      const item = {key: makeKey(), name: file.name || t('attach.unnamed'), size: file.size, file, progress: 0, abort: new AbortController(),
        status: isLarge || !file.size ? 'failed' : 'waiting', error: isLarge ? t('attach.large', MAX_BYTES / 1e6) : file.size ? '' : t('attach.empty')};
      if (file.type.startsWith('image/') && file.type !== 'image/svg+xml') item.url = URL.createObjectURL(file);
      list.push(item);
    }
    changed(where);
    next();
    views.composer.focus();
  }

  function next() {
    for (const [where, list] of lists) {
      for (const item of list) if (item.status === 'waiting' && sending < AT_ONCE) upload(where, item);
    }
  }

  async function upload(where, item) {
    sending += 1;
    Object.assign(item, {status: 'sending', error: '', canRetry: false});
    changed(where);
    try {
      item.blob ??= await prepare(item.file);
      item.attachment = await send({api, blob: item.blob, name: nameFor(item.name, item.blob), key: item.key, signal: item.abort.signal,
        onProgress: share => { item.progress = share; changed(where); }});
      item.status = 'ready';
      if (item.abort.signal.aborted) api.deleteAttachment(item.attachment.id).catch(() => {});
    } catch (error) {
      const isSure = error.status >= 400 && error.status < 500 && error.status !== 429;
      Object.assign(item, {status: 'failed', error: error.message, canRetry: !isSure});
    }
    sending -= 1;
    changed(where);
    next();
  }

  function retry(item) {
    item.status = 'waiting';
    changed(place());
    next();
  }

  function remove(item) {
    drop(place(), item);
    item.abort?.abort();
    if (item.attachment) api.deleteAttachment(item.attachment.id).catch(() => {}); // unsent ones go after a day anyway
    views.announcer.say(t('attach.removed', item.name));
    views.composer.focus();
  }

  function drop(where, item) {
    lists.set(where, listOf(where).filter(one => one !== item));
    if (item.url) URL.revokeObjectURL(item.url);
    changed(where);
    next();
  }

  function changed(where) {
    const ready = listOf(where).filter(item => item.status === 'ready').map(item => item.attachment);
    const held = kept.get(where);
    if (JSON.stringify(held ?? []) !== JSON.stringify(ready)) kept.set(where, ready.length ? ready : null);
    if (where === place()) draw();
  }

  function draw() {
    const where = place();
    const list = listOf(where);
    const asked = [...new Set(models.asked() ?? [models.chosen.value ?? ''])].map(slug => (
      {name: models.nameOf.value(slug), model: (models.list.value.models ?? []).find(m => m.id === slug)}));
    tray.update({items: [...list], asked});
    const ready = list.filter(item => item.status === 'ready');
    views.composer.hold({
      ids: ready.map(item => item.attachment.id),
      trouble: list.some(item => item.status === 'failed') ? t('attach.failed') : list.length > ready.length ? t('attach.wait') : '',
      /** A new conversation has got its id while its first message is on the way. */
      adopt(id) {
        lists.set(id, list);
        lists.delete(NEW);
        kept.set(NEW, null);
        changed(id);
      },
      clear() {
        for (const [name, one] of lists) {
          if (one !== list) continue;
          list.filter(item => item.url).forEach(item => URL.revokeObjectURL(item.url));
          lists.set(name, []);
          changed(name);
        }
      },
    });
  }

  effect(draw);

  return {
    add,
    /** A file over the page. */
    drag(type, files) {
      tray.target(type !== 'drop');
      if (type === 'drop') add(files);
    },
  };
}
