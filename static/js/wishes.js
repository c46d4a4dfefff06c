/**
 * What happens when a view wishes for something: each wish is a bubbling event of that name. A wish that fails becomes a
 * sentence where the person looks: under the text that was not sent, else above the conversation. Called by main.js.
 */
import {recall, remember} from './prefs.js';
import {t} from './words.js';
import {childrenOf, leafUnder} from './store/select.js';

/** @param {object} parts everything that main.js has made */
export function listenToWishes(parts) {
  const {actions, feed, hidesStandin, isSending, line, load, models, router, session, sidebarSwitch, store, sync, views} = parts;
  const say = error => views.notices.say(error.message);
  const isStandin = () => session.value?.upstream.kind === 'standin';

  /** A conversation's own choice wins; else the reply's model answers again. */
  const modelsFor = reply => [store.thread.value.conversation.model ?? reply?.model ?? models.chosen.value];

  async function sendMessage({content, demo}) {
    if (isSending.value) return;
    isSending.value = true;
    try {
      const files = demo ? {} : views.composer.files();
      const id = store.current.value ?? await begin(content, files);
      const {conversation, messages} = store.state.value.threads[id];
      let head = messages[conversation.head_id];
      if (head?.role === 'user') head = messages[head.parent_id]; // its answer was deleted: say it anew, beside it
      await actions.send(id, head?.id ?? null, content, demo && isStandin() ? [demo] : models.asked(), files.ids?.length ? files.ids : undefined);
      files.clear?.();
      views.composer.sent(content);
      views.thread.toEnd();
    } catch (error) {
      if (demo) say(error);
      else views.composer.failed(error.message, content);
    } finally {
      isSending.value = false;
    }
  }

  /** The conversation is made with its first message; the text on its way stays in the field until it is kept. */
  async function begin(content, files) {
    const conversation = await actions.createConversation({model: models.forNew.value ?? undefined, ...models.setupForNew.value, draft: content});
    models.begun();
    views.composer.adopt(conversation.id);
    models.adopt(conversation.id);
    files.adopt?.(conversation.id);
    router.go(conversation.id);
    return conversation.id;
  }

  /** Menus and what they do to conversations and messages come with the first of them. */
  const organise = name => async detail => (await import('./organise.js')).organiser(parts)[name](detail);
  const keep = name => async detail => (await import('./keep.js')).keeperOf(parts)[name](detail);

  let queue = null;
  const queueDesk = () => (queue ??= import('./queue.js').then(module => module.createQueueDesk(parts)));
  const lookForQueue = () => { if (Object.keys(recall('queue', {})).length) queueDesk(); };

  const desk = async () => (await import('./attach.js')).openDesk(parts);

  /** A file that is dropped anywhere is attached; left alone, the browser would leave the page for it. */
  async function onDrag(event) {
    if (!event.dataTransfer.types.includes('Files')) return;
    event.preventDefault();
    const files = [...event.dataTransfer.files]; // gone after this turn
    (await desk()).drag(event.type, files);
  }
  for (const type of ['dragover', 'drop']) addEventListener(type, onDrag);
  if (recall('files')) desk();

  const wishes = {
    attachFiles: async ({files, editor}) => (await desk()).add(files, editor),
    sendMessage,
    async queueMessage({content}) {
      if (isSending.value) return; // the queue is still being loaded for the first Enter
      isSending.value = true;
      const {ids, clear} = views.composer.files();
      try {
        (await queueDesk()).add(ids.length ? {content, attachments: ids} : {content});
        clear?.();
      } finally {
        isSending.value = false;
      }
    },
    deleteConversation: organise('remove'),
    archiveConversation: organise('archive'),
    renameHere: organise('renameHere'),
    openConversationMenu: organise('openConversationMenu'),
    openMessageMenu: organise('openMessageMenu'),
    undoLast: organise('undoLast'),
    openArchive: keep('archive'),
    selectConversations: keep('select'),
    deleteBranch: organise('deleteBranch'),
    forkMessage: organise('fork'),
    openSettings: async () => (await import('./settings.js')).openSettings(parts),
    useFiles: async ({what, ...detail}) => (await import('./files.js'))[what](parts, detail),
    newConversation: () => router.go(null),
    openUsage: () => router.goTo('/usage'),
    toggleSidebar: () => sidebarSwitch.toggle(),
    focusComposer: () => views.composer.focus(),
    openKeySheet: async () => (await import('./palette.js')).openKeySheet(),
    openPalette: async () => (await import('./palette.js')).openPalette(parts),
    searchMessages: async () => (await import('./palette.js')).openPalette(parts, 'search'),
    findInConversation: async () => (await import('./find.js')).openFind(parts),
    openMessage: async place => (await import('./find.js')).openMessage(parts, place),
    chooseTheme: async ({value}) => (await import('./look.js')).chooseLook('theme', value),
    jumpToEnd: () => views.thread.toEnd(),
    openMenu: options => views.menu.open(options),
    openTiming: detail => views.timing.open(detail),
    openPicker: async wanted => (await import('./picker.js')).openPicker(parts, wanted),
    openParams: async wanted => (await import('./params.js')).openParams(parts, wanted),
    announce: ({text}) => views.announcer.say(text),
    reconnect: () => feed.renew(),
    hideCollected: () => line.hideCollected(),
    loadAgain: () => load(store.current.value),
    moreConversations: ({before}) => sync.more(before),
    renameConversation: ({id, title}) => actions.patch(id, {title}),
    pinConversation: ({id, pinned}) => actions.patch(id, {pinned}),
    chooseModel({id}) {
      models.chooseForNew(id);
      if (matchMedia('(pointer: fine)').matches) views.composer.focus(); // what one does next is to write
      return store.thread.value ? actions.patch(store.current.value, {model: id}) : undefined;
    },
    hideStandin() {
      hidesStandin.value = true;
      remember('standin-hidden', true);
    },
    async regenerateReply({message}) {
      await actions.regenerate(message, modelsFor(message));
      views.thread.toEnd();
    },
    async editMessage({message, content, attachments, done}) {
      const {thread} = store;
      const reply = childrenOf(thread.value).get(message.id)?.at(-1);
      await actions.edit(message, content, models.asked() ?? modelsFor(reply), attachments);
      done();
      views.thread.toEnd();
    },
    continueReply: ({message}) => actions.continue(message),
    stopReply: ({message}) => Promise.all((message ? [message] : store.repliesRunning.value).map(actions.stop)),
    compareWith: ({models: list}) => models.setAlso(list),
    addReply: ({question, model}) => actions.addReply(question, model),
    switchBranch({id}) {
      const thread = store.thread.value;
      return actions.switchTo(thread.conversation.id, leafUnder(childrenOf(thread), id)).catch(error => {
        sync.want({kind: 'thread', id: thread.conversation.id}); // back to what the server has
        throw error;
      });
    },
  };

  lookForQueue();
  addEventListener('storage', event => { if (event.key === 'rill.queue') lookForQueue(); }); // another tab has begun one

  for (const [name, grant] of Object.entries(wishes)) {
    document.addEventListener(name, async event => {
      try {
        await grant(event.detail);
      } catch (error) {
        say(error);
      }
    });
  }
}
