/**
 * The archive, and choosing many conversations at once: both stand in the sidebar in place of the list. Fetches what the archive
 * shows and grants what is done to the chosen ones; views/keep.js draws. Loaded when first wanted. Called by wishes.js.
 */
import {effect} from '@preact/signals-core';
import {organiser} from './organise.js';
import {t} from './words.js';
import {drawKeep} from './views/keep.js';

const PAGE = 100;

let keeper = null;

/** @param {object} parts everything that main.js has made */
export const keeperOf = parts => (keeper ??= createKeeper(parts));

function createKeeper(parts) {
  const {api, store, views} = parts;
  const side = document.getElementById('sidebar');
  let isArchive = false;
  let chosen = null; // ids, while many are chosen
  let archived = null; // null: not loaded yet
  let next = null;
  let touched = null;
  let opener = null; // of the archive: where the focus goes back to
  let last = null; // the one clicked last: Shift chooses all between

  const listed = () => (isArchive ? archived ?? [] : store.conversations.value);
  const chosenOnes = () => listed().filter(c => chosen.has(c.id));

  function draw() {
    views.sidebar.setList(isArchive || chosen ? (state, drawItem) => drawKeep({
      isArchive, chosen, items: isArchive ? archived : state.conversations, next: isArchive ? next : state.next, isPinned: chosen && chosenOnes().every(c => c.pinned),
    }, {drawItem, choose, chooseAll, leave, select, more, act}) : null);
  }

  async function load(before) {
    try {
      const page = await api.conversations({archived: true, limit: PAGE, ...(before && {before})});
      archived = before ? [...archived, ...page.conversations] : page.conversations;
      next = page.next;
      draw();
    } catch (error) {
      views.notices.say(error.message);
    }
  }

  // What happens to conversations here or elsewhere is told by the feed; the archive follows while it is open.
  effect(() => {
    const {listTouched} = store.state.value;
    const isNews = isArchive && listTouched !== touched;
    touched = listTouched;
    if (isNews) load();
  });

  /** From the palette, the sidebar may be closed. */
  const show = () => side.inert && parts.sidebarSwitch.toggle();

  async function archive() {
    opener = document.activeElement;
    show();
    isArchive = true;
    chosen = null;
    draw();
    await load();
    side.querySelector('.keep-head button')?.focus();
  }

  function select({id} = {}) {
    show();
    chosen = new Set(id ? [id] : []);
    last = id ?? null;
    draw();
    (side.querySelector('.keep-item input:checked') ?? side.querySelector('.keep-item input'))?.focus();
  }

  /** One step back: from choosing to the list it began in, from the archive to all others. */
  function leave() {
    if (chosen) chosen = null;
    else isArchive = false;
    draw();
    const back = opener?.isConnected ? opener : side.querySelector('.side-new');
    (side.querySelector('.keep-head button') ?? side.querySelector(`a[href="/c/${last}"]`) ?? back)?.focus();
    last = null;
    if (!isArchive) opener = null;
  }

  function choose(id, isOn, isRange) {
    const ids = listed().map(c => c.id);
    const [from, to] = [ids.indexOf(isRange && last !== null ? last : id), ids.indexOf(id)];
    for (const one of from < 0 ? [id] : ids.slice(Math.min(from, to), Math.max(from, to) + 1)) chosen[isOn ? 'add' : 'delete'](one);
    last = id;
    draw();
  }

  function chooseAll() {
    const all = listed();
    chosen = new Set(chosenOnes().length === all.length ? [] : all.map(c => c.id));
    draw();
  }

  const more = () => (isArchive ? load(next) : parts.sync.more(store.next.value));

  /** @param {'remove' | 'archive' | 'pin'} what */
  async function act(what) {
    const ones = chosenOnes();
    if (!ones.length) return views.announcer.say(t('keep.none'));
    const order = organiser(parts);
    const isPinned = ones.every(c => c.pinned);
    chosen = null;
    draw();
    try {
      await {remove: () => order.removeAll(ones), archive: () => order.archiveAll(ones, !isArchive), pin: () => order.pinAll(ones, !isPinned)}[what]();
    } catch (error) {
      views.notices.say(error.message);
    }
    if (isArchive) await load();
  }

  return {archive, select};
}
