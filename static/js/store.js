/**
 * The state as signals: `dispatch` applies an event, the slices change only when what they show changes.
 * Knows nothing of network or DOM; what `apply` wants fetched is handed to `onWant`. Called by main.js.
 */
import {computed, signal} from '@preact/signals-core';
import {apply, EMPTY} from './store/apply.js';
import {cursorOf, runningBeside, runningConversations, runningReply} from './store/select.js';

/** @param {{onWant: (want: import('./store/apply.js').Want) => void}} options */
export function createStore({onWant}) {
  const state = signal(EMPTY);
  const thread = computed(() => state.value.threads[state.value.current] ?? null);
  // A joined string stays equal while deltas pass: the sidebar is not redrawn for each of them.
  const runningIds = computed(() => runningConversations(state.value).join());

  return {
    state,
    current: computed(() => state.value.current),
    conversations: computed(() => state.value.conversations),
    isListed: computed(() => state.value.listRevision !== null),
    next: computed(() => state.value.next),
    unseen: computed(() => state.value.unseen),
    live: computed(() => state.value.live),
    running: computed(() => new Set(runningIds.value.split(','))),
    thread,
    replyRunning: computed(() => runningReply(thread.value)),
    repliesRunning: computed(() => runningBeside(thread.value)),
    cursor: () => cursorOf(state.value),
    isIdle: () => Object.keys(state.value.live).length === 0,
    dispatch(type, data) {
      const result = apply(state.value, {type, data});
      state.value = result.state;
      result.wants.forEach(onWant);
    },
  };
}
