/**
 * The files of messages that are not sent yet, a list for each conversation and for each message that is being edited: taken,
 * uploaded two at a time, handed to the message that is sent; those of a conversation are kept over a reload by their ids.
 * Loaded with the first file. Called by wishes.js.
 *
 * @typedef {{key: string, name: string, size: number, status: 'waiting'|'sending'|'ready'|'failed', progress: number,
 *   error: string, canRetry: boolean, file?: File, url?: string, attachment?: object, abort: AbortController, isOld?: boolean}} Item
 *   `isOld`: of the message as it was before it is edited, which keeps it
 * @typedef {{el: HTMLElement, attachments: object[], say: (sentence: string) => void, focus: () => void, hold: (files: object) => void}} Editor
 * @typedef {string|Editor} Place a conversation, by its id, or a message that is being edited
 */
import {effect} from '@preact/signals-core';
import {makeKey} from './api.js';
import {memoryOf} from './prefs.js';
import {MAX_BYTES, nameFor, prepare, send} from './upload.js';
import {mountDropTarget, mountTray} from './views/tray.js';
import {addWords, t} from './words.js';

const NEW = 'new'; // of a conversation that does not exist yet
const AT_ONCE = 2;
const MAX_FILES = 10; // of one message, as on the server
const isEditor = where => typeof where !== 'string';

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
  const composer = {el: document.querySelector('#composer .tray'), say: sentence => views.composer.failed(sentence), focus: views.composer.focus, hold: views.composer.hold};
  const showTarget = mountDropTarget();
  const trays = new Map();

  const fieldOf = where => (isEditor(where) ? where : composer);

  function trayOf(where) {
    const field = fieldOf(where);
    const here = () => (isEditor(where) ? where : place());
    if (!trays.has(field)) trays.set(field, mountTray(field.el, {remove: item => remove(here(), item), retry: item => retry(here(), item)}));
    return trays.get(field);
  }

  function restored(where) {
    if (isEditor(where)) return where.attachments.map(attachment => ({...itemOf(attachment), isOld: true}));
    const items = (kept.get(where) ?? []).map(itemOf);
    items.forEach(item => check(where, item));
    return items;
  }

  const itemOf = attachment => ({key: attachment.id, name: attachment.name, size: attachment.size, status: 'ready', attachment});

  /** What was attached days ago is gone at the server. */
  async function check(where, item) {
    const answer = await fetch(`/api/attachments/${item.key}`, {method: 'HEAD'}).catch(() => null);
    if (answer?.status !== 404) return;
    drop(where, item);
    views.announcer.say(t('attach.gone', item.name));
  }

  /** @param {File[]} files none: only to show what there is @param {Editor} [editor] */
  function add(files, editor) {
    const where = editor ?? place();
    const list = listOf(where);
    const room = MAX_FILES - list.length;
    for (const file of files.slice(0, Math.max(0, room))) {
      const isLarge = file.size > MAX_BYTES && !file.type.startsWith('image/');
      const item = {key: makeKey(), name: file.name || t('attach.unnamed'), size: file.size, file, progress: 0, abort: new AbortController(),
        status: isLarge || !file.size ? 'failed' : 'waiting', error: isLarge ? t('attach.large', MAX_BYTES / 1e6) : file.size ? '' : t('attach.empty')};
      if (file.type.startsWith('image/') && file.type !== 'image/svg+xml') item.url = URL.createObjectURL(file);
      list.push(item);
    }
    changed(where);
    next();
    fieldOf(where).focus();
    if (files.length > room) fieldOf(where).say(t('attach.many', MAX_FILES));
  }

  function next() {
    for (const item of [...lists.values()].flat()) if (item.status === 'waiting' && sending < AT_ONCE) upload(item);
  }

  async function upload(item) {
    // A new conversation may get its id meanwhile; and what was removed is nowhere.
    const tell = () => [...lists].filter(([, list]) => list.includes(item)).forEach(([where]) => changed(where));
    sending += 1;
    Object.assign(item, {status: 'sending', error: '', canRetry: false});
    tell();
    try {
      item.blob ??= await prepare(item.file);
      item.attachment = await send({api, blob: item.blob, name: nameFor(item.name, item.blob), key: item.key, signal: item.abort.signal,
        onProgress: share => { item.progress = share; tell(); }});
      item.status = 'ready';
      if (item.abort.signal.aborted) api.deleteAttachment(item.attachment.id).catch(() => {});
    } catch (error) {
      const isSure = error.status >= 400 && error.status < 500 && error.status !== 429;
      Object.assign(item, {status: 'failed', error: error.message, canRetry: !isSure});
    }
    sending -= 1;
    tell();
    next();
  }

  function retry(where, item) {
    item.status = 'waiting';
    changed(where);
    next();
  }

  function remove(where, item) {
    drop(where, item);
    forget(item);
    views.announcer.say(t('attach.removed', item.name));
    fieldOf(where).focus();
  }

  function forget(item) {
    item.abort?.abort();
    if (item.attachment && !item.isOld) api.deleteAttachment(item.attachment.id).catch(() => {}); // unsent ones go after a day anyway
  }

  function drop(where, item) {
    lists.set(where, listOf(where).filter(one => one !== item));
    if (item.url) URL.revokeObjectURL(item.url);
    changed(where);
    next();
  }

  function changed(where) {
    if (isEditor(where)) {
      if (lists.has(where)) draw(where);
      return;
    }
    const ready = listOf(where).filter(item => item.status === 'ready').map(item => item.attachment);
    const held = kept.get(where);
    if (JSON.stringify(held ?? []) !== JSON.stringify(ready)) kept.set(where, ready.length ? ready : null);
    if (where === place()) draw(where);
  }

  function draw(where) {
    const list = listOf(where);
    const asked = [...new Set(models.asked() ?? [models.chosen.value ?? ''])].map(slug => (
      {name: models.nameOf.value(slug), model: (models.list.value.models ?? []).find(m => m.id === slug)}));
    trayOf(where).update({items: [...list], asked});
    const ready = list.filter(item => item.status === 'ready');
    fieldOf(where).hold({
      ids: ready.map(item => item.attachment.id),
      trouble: list.some(item => item.status === 'failed') ? t('attach.failed') : list.length > ready.length ? t('attach.wait') : '',
      /** A new conversation has got its id while its first message is on the way. */
      adopt(id) {
        lists.set(id, listOf(NEW));
        lists.delete(NEW);
        kept.set(NEW, null);
        changed(id);
      },
      /** These are sent; what was added meanwhile stays. */
      clear() {
        ready.filter(item => item.url).forEach(item => URL.revokeObjectURL(item.url));
        for (const [name, one] of lists) {
          if (!one.some(item => ready.includes(item))) continue;
          lists.set(name, one.filter(item => !ready.includes(item)));
          changed(name);
        }
      },
      /** What is edited was given up, or sent and cleared before. */
      close() {
        listOf(where).forEach(forget);
        lists.delete(where);
        trays.delete(where);
      },
    });
  }

  effect(() => {
    draw(place());
    for (const where of lists.keys()) if (isEditor(where)) draw(where);
  });

  return {
    add,
    /** A file over the page. */
    drag(type, files) {
      showTarget(type !== 'drop');
      if (type === 'drop') add(files);
    },
  };
}
