/**
 * Fetches what the store wants: lists after a missed revision, messages with a hole, a thread that changed while it loaded.
 * One request for one thing at a time; wanted again meanwhile, it is asked once more. Called by main.js.
 */

const PAGE = 50, MOST = 200; // conversations a page of the sidebar; more at once for who goes far down
const AGAIN_MS = 3000; // after a failed fetch

/**
 * @param {{api: object, dispatch: (type: string, data: object) => void, loaded: () => number, exists: (want: object) => boolean}} options
 */
export function createSync({api, dispatch, loaded, exists}) {
  const busy = new Map(); // want -> wanted again while it was fetched?
  let mayBeKept = true; // the first list, for a page without a server; a kept one must never replace what the page has

  const pageSize = () => Math.min(MOST, Math.max(PAGE, loaded()));

  const fetchers = {
    async lists() {
      dispatch('list', await api.conversations({limit: pageSize()}, {mayBeKept}));
      mayBeKept = false;
    },
    async thread({id}) {
      dispatch('thread', await api.conversation(id));
    },
    async message({id}) {
      const answer = await api.message(id);
      dispatch('healed', {message: answer.message ?? answer});
    },
  };

  async function want(wanted) {
    const name = `${wanted.kind}:${wanted.id ?? ''}`;
    if (busy.has(name)) return void busy.set(name, true);
    busy.set(name, false);
    let failed = false;
    try {
      await fetchers[wanted.kind](wanted);
    } catch (error) {
      if (error.status === 404) dispatch('gone', {id: wanted.id});
      else failed = true;
    }
    const again = busy.get(name);
    busy.delete(name);
    if (failed) setTimeout(() => exists(wanted) && want(wanted), AGAIN_MS);
    else if (again) want(wanted);
  }

  return {
    want,
    async more(before) {
      dispatch('list', {...(await api.conversations({limit: pageSize(), before})), more: true});
    },
  };
}
