/**
 * What a person can do, one line an action: the palette offers it, and the sheet of shortcuts shows those that have keys.
 * A new action is a line here, its words `cmd.ID` (and `cmd.ID.also`: other words it is looked for by) in words/palette.*.js
 * and, when it gets a key that works everywhere, a line in keys.js. Does nothing itself: `run` is a wish, granted in wishes.js.
 * Loaded with the palette. Called by palette.js.
 *
 * @typedef {{id: string, run: string, detail?: object | ((parts: object) => object), icon?: string, keys?: string, when?: (parts: object) => boolean}} Command
 *   `keys` where it is not the wish that has them (keys.js); `when` says whether it makes sense just now
 */
import {ITEM_KEYS, KEYS} from './keys.js';
import {recall} from './prefs.js';

const inConversation = ({store}) => Boolean(store.thread.value);
const current = ({store}) => store.thread.value.conversation;
const isListed = ({store}) => store.conversations.value.some(one => one.id === store.current.value) && !document.querySelector('.keep');
const theme = value => ({id: `theme.${value}`, run: 'chooseTheme', detail: {value}, icon: 'contrast', when: () => recall('theme', 'system') !== value});

/** @type {Command[]} in the order to show them until some were used */
export const COMMANDS = [
  {id: 'new', run: 'newConversation', icon: 'pen'},
  {id: 'search', run: 'searchMessages', icon: 'search'},
  {id: 'find', run: 'findInConversation', icon: 'search', when: inConversation},
  {id: 'model', run: 'openPicker', icon: 'spark'},
  {id: 'params', run: 'openParams', icon: 'gear'},
  {id: 'presets', run: 'openParams', detail: {tab: 'presets'}, icon: 'gear'},
  {id: 'stop', run: 'stopReply', icon: 'stop', keys: 'Esc', when: ({store}) => Boolean(store.replyRunning.value)},
  {id: 'focus', run: 'focusComposer', icon: 'go'},
  {id: 'end', run: 'jumpToEnd', icon: 'down', when: inConversation},
  {id: 'sidebar', run: 'toggleSidebar', icon: 'panel'},
  {id: 'rename', run: 'renameHere', icon: 'pen', when: isListed},
  {id: 'pin', run: 'pinConversation', detail: parts => ({...current(parts), pinned: !current(parts).pinned}), icon: 'pin', when: inConversation},
  {id: 'share', run: 'useFiles', detail: {what: 'openShare'}, icon: 'go', when: inConversation},
  {id: 'export.copy', run: 'useFiles', detail: {what: 'copyAsMarkdown'}, icon: 'copy', when: inConversation},
  {id: 'export.markdown', run: 'useFiles', detail: {what: 'exportMarkdown'}, icon: 'down', when: inConversation},
  {id: 'export.json', run: 'useFiles', detail: {what: 'exportJson'}, icon: 'down', when: inConversation},
  {id: 'export.files', run: 'useFiles', detail: {what: 'exportWithFiles'}, icon: 'down', when: inConversation},
  {id: 'archive', run: 'archiveConversation', detail: parts => ({conversation: current(parts), archived: !current(parts).archived}), icon: 'box', when: inConversation},
  {id: 'delete', run: 'deleteConversation', detail: parts => ({conversation: current(parts)}), icon: 'bin', when: inConversation},
  {id: 'undo', run: 'undoLast', icon: 'again', keys: 'Mod Z'},
  {id: 'select', run: 'selectConversations', icon: 'check'},
  {id: 'usage', run: 'openUsage', icon: 'spark'},
  {id: 'archived', run: 'openArchive', icon: 'box'},
  {id: 'settings', run: 'openSettings', icon: 'gear'},
  {id: 'export.all', run: 'useFiles', detail: {what: 'exportEverything'}, icon: 'down'},
  {id: 'export.all.files', run: 'useFiles', detail: {what: 'exportEverythingWithFiles'}, icon: 'down'},
  {id: 'import', run: 'useFiles', detail: {what: 'openImport'}, icon: 'plus'},
  ...['light', 'dark', 'system'].map(theme),
  {id: 'sheet', run: 'openKeySheet', icon: 'keyboard'},
];

/** Keys that belong to a field or a list: shown in the sheet, nothing to choose in the palette. */
export const FIELD_KEYS = [['send', 'Enter'], ['line', 'Shift Enter']];
export const LIST_KEYS = Object.entries(ITEM_KEYS).map(([act, keys]) => [`item.${act}`, keys]);

/** @param {Command} command @returns {string|undefined} its keys as keys.js writes them */
export const keysOf = command => command.keys ?? KEYS[command.run];
