/**
 * The service worker: what this browser has kept can be read without the server. Served as /sw.js by the page routes, which put
 * the list of built files before it (self.SHELL), so that a new build is a new worker. Shares nothing with the page.
 *
 * - The frame of the page: from the server whenever it answers; the kept one only when no connection comes about. So an update
 *   is seen at once, and the worker can take over at once (skipWaiting).
 * - Built files: their names hold a hash of their content, a kept one is never stale. The files of the build before stay too,
 *   for pages that are still open.
 * - The list of conversations, and conversations as they are opened: from the server; the kept ones when no connection comes
 *   about and the page says that it has nothing yet. At most KEPT of MOST_BYTES each; gone with a sign-out or a lost session.
 * - All else passes by untouched: the feed, whatever changes something, the session and its token, searches, exports, files.
 */

const SHELL = `shell-${hashOf(self.SHELL.join())}`;
const DATA = 'data';
const KEPT = 60;
const MOST_BYTES = 1_500_000;
const MAY_BE_KEPT = 'X-Rill-May-Be-Kept'; // asked by a page that has nothing yet: what it has is never older
const CONVERSATION = /^\/api\/conversations\/[\w-]{22,64}$/;

function hashOf(text) {
  let hash = 5381;
  for (let i = 0; i < text.length; i++) hash = Math.imul(hash, 33) ^ text.charCodeAt(i);
  return (hash >>> 0).toString(36);
}

self.addEventListener('install', event => {
  self.skipWaiting();
  event.waitUntil(fillShell());
});

self.addEventListener('activate', event => event.waitUntil(takeOver()));

async function fillShell() {
  const shell = await caches.open(SHELL);
  const page = await fetch('/', {cache: 'no-store'});
  if (!page.ok || page.redirected) throw new Error('no page to keep'); // signed out: the next visit tries again
  await shell.put('/', page);
  await shell.addAll(self.SHELL);
}

async function takeOver() {
  const shells = (await caches.keys()).filter(name => name.startsWith('shell-') && name !== SHELL);
  await Promise.all(shells.slice(0, -1).map(name => caches.delete(name)));
  await self.clients.claim();
}

self.addEventListener('fetch', event => {
  const {request} = event;
  const url = new URL(request.url);
  if (url.origin !== location.origin) return;
  if (request.method !== 'GET') return void forgetAfter(event, url);
  if (request.mode === 'navigate') {
    if (/^\/($|c\/|usage\/?$)/.test(url.pathname)) event.respondWith(pageFor(request));
  } else if (url.pathname.startsWith('/static/dist/')) event.respondWith(builtFile(request));
  else if (isKept(url)) event.respondWith(freshOrKept(event, url));
});

async function pageFor(request) {
  try {
    return await fetch(request);
  } catch (error) {
    const kept = await caches.match('/', {cacheName: SHELL, ignoreVary: true});
    if (!kept) throw error;
    return kept;
  }
}

async function builtFile(request) {
  const kept = await caches.match(request, {ignoreVary: true});
  if (kept) return kept;
  const response = await fetch(request);
  if (response.ok) {
    const copy = response.clone();
    caches.open(SHELL).then(shell => shell.put(request, copy)).catch(() => {});
  }
  return response;
}

/** The plain list, the models' names, and whole conversations; neither a search nor the archive. */
function isKept({pathname, searchParams}) {
  if (pathname === '/api/conversations') return [...searchParams.keys()].every(name => name === 'limit');
  return pathname === '/api/models' || CONVERSATION.test(pathname);
}

/** Kept under the path alone: a list of any length replaces the last one. */
async function freshOrKept(event, {pathname}) {
  let response;
  try {
    response = await fetch(event.request);
  } catch (error) {
    const kept = event.request.headers.has(MAY_BE_KEPT) && await caches.match(pathname, {cacheName: DATA});
    if (!kept) throw error;
    return kept;
  }
  if (response.status === 401) event.waitUntil(caches.delete(DATA));
  else if (response.status === 404) event.waitUntil(forget(pathname));
  else if (response.ok) event.waitUntil((isLarge(response) ? forget(pathname) : keep(pathname, response.clone())).catch(() => {})); // a full disk keeps nothing
  return response;
}

const isLarge = response => Number(response.headers.get('Content-Length')) > MOST_BYTES;

async function keep(name, response) {
  const body = await response.blob(); // a proxy that compresses tells no length
  if (body.size > MOST_BYTES) return forget(name);
  const data = await caches.open(DATA);
  await data.delete(name); // the newest go to the end
  await data.put(name, new Response(body, {headers: {'Content-Type': 'application/json'}}));
  const names = await data.keys();
  await Promise.all(names.slice(0, -KEPT).map(one => data.delete(one)));
}

const forget = async name => (await caches.open(DATA)).delete(name);

/** A sign-out takes everything along, a deleted conversation itself; the requests pass by untouched. */
function forgetAfter(event, url) {
  if (url.pathname === '/api/logout' || url.pathname === '/api/login') event.waitUntil(caches.delete(DATA));
  else if (event.request.method === 'DELETE' && CONVERSATION.test(url.pathname)) event.waitUntil(forget(url.pathname));
}

self.addEventListener('message', event => {
  const {keep: id, notify} = event.data ?? {};
  if (id) event.waitUntil(keepAgain(`/api/conversations/${id}`).catch(() => {}));
  if (notify) event.waitUntil(notifyOnce(notify).catch(() => {}));
});

/** The page says when an answer has ended, so that what is kept has it. */
async function keepAgain(path) {
  if (!CONVERSATION.test(path)) return;
  await Promise.all([path, '/api/conversations?limit=50'].map(async address => {
    const response = await fetch(address);
    if (response.ok) await keep(address.split('?')[0], response);
  }));
}

/** Every hidden tab tells of the same answer: one tag is one notification. */
async function notifyOnce({title, body, tag, conversation}) {
  const tabs = await self.clients.matchAll({type: 'window', includeUncontrolled: true});
  if (tabs.some(tab => tab.visibilityState === 'visible')) return;
  await self.registration.showNotification(title, {body, tag, icon: '/static/icon-192.png', data: {conversation}});
}

/** A click on a notification leads to its conversation, in a tab that is open if there is one. */
self.addEventListener('notificationclick', event => {
  event.notification.close();
  event.waitUntil(lead(event.notification.data.conversation));
});

async function lead(conversation) {
  const path = `/c/${conversation}`;
  const tabs = await self.clients.matchAll({type: 'window', includeUncontrolled: true});
  const tab = tabs.find(one => new URL(one.url).pathname === path) ?? tabs[0];
  if (!tab) return self.clients.openWindow(path);
  await tab.focus();
  tab.postMessage({open: conversation});
}
