// sw.js - keeps the site for use without a connection, and adds the headers that threads need.
//
// version.json, made by the build, names the version. Whenever a page is opened it is asked for
// first; a new one starts a new cache and the old is thrown away. Files of a version come from its
// cache, and get there when they are first used. Without version.json nothing is kept.

const NAME = 'attnscope-';
const META = 'attnscope:version';  // the cache that remembers the last version.json
const MOST = 100e6;                // bytes; larger files are fetched again
const here = new URL('./', self.location).href;

self.addEventListener('install', () => self.skipWaiting());
self.addEventListener('activate', (event) => event.waitUntil(self.clients.claim()));

self.addEventListener('message', (event) => {
  const {keep: urls} = event.data ?? {};
  if (!Array.isArray(urls)) return;
  // A page that was open before this worker has not asked it for version.json.
  event.waitUntil(newestVersion()
                      .then(() => Promise.all([here, ...urls].filter(ours).map(keep)))
                      .catch(() => {}));
});

self.addEventListener('fetch', (event) => {
  const {request} = event;
  if (request.method !== 'GET' || !ours(request.url) || request.headers.has('Range')) return;
  event.respondWith(answer(request));
});

function ours(url) {
  return url.startsWith(here);
}

async function answer(request) {
  const {searchParams, pathname} = new URL(request.url);
  if (request.mode === 'navigate') {
    const [response] = await Promise.all([fresh(request, here), newestVersion()]);
    return isolated(response, searchParams.get('isolate') !== '0');
  }
  if (pathname.endsWith('/version.json')) return isolated(await versionFile(), true);
  return isolated(await cached(request), true);
}

// ---- From the network, else from the cache

async function fresh(request, key) {
  try {
    const response = await fetch(request);
    if (response.ok) await put(key, response.clone());
    return response;
  } catch (error) {
    const kept = await (await currentCache())?.match(key);
    if (kept) return kept;
    throw error;
  }
}

// ---- From the cache, else from the network

async function cached(request) {
  const cache = await currentCache();
  const kept = await cache?.match(request.url);
  if (kept) return kept;
  // The browser's own cache may hold a file of the version before.
  const response = await fetch(request.url, {cache: 'no-cache', credentials: 'same-origin'});
  if (response.ok) await put(request.url, response.clone());
  return response;
}

async function keep(url) {
  const cache = await currentCache();
  if (!cache || await cache.match(url)) return;
  const response = await fetch(url, {cache: 'no-cache'});
  if (response.ok && !isLarge(response)) return put(url, response);
  await response.body?.cancel();  // or all of it would come a second time
}

function isLarge(response) {
  return Number(response.headers.get('Content-Length')) > MOST;
}

async function put(key, response) {
  if (isLarge(response)) return;
  const cache = await currentCache();
  await cache?.put(key, response).catch(() => {});  // no room left: it will be fetched again
}

// ---- Versions

async function versionFile() {
  const url = new URL('version.json', here).href;
  const meta = await caches.open(META);
  try {
    const response = await fetch(url, {cache: 'no-store'});
    if (response.ok)
      await meta.put(url, response.clone());
    else if (response.status === 404)
      await meta.delete(url);
    return response;
  } catch (error) {
    const kept = await meta.match(url);
    if (kept) return kept;
    throw error;
  }
}

async function currentCache() {
  const meta = await caches.open(META);
  const file = await meta.match(new URL('version.json', here).href);
  const version = (await file?.json().catch(() => null))?.version;
  return version ? caches.open(NAME + version) : null;
}

async function newestVersion() {
  const version = (await (await versionFile()).json().catch(() => null))?.version;
  const old =
      (await caches.keys()).filter((name) => name.startsWith(NAME) && name !== NAME + version);
  await Promise.all(old.map((name) => caches.delete(name)));
}

// ---- Headers

// Workers need the embedder policy on their own script as well.
function isolated(response, on) {
  if (!on || response.type === 'opaque' || response.type === 'opaqueredirect' ||
      response.status === 0) {
    return response;
  }
  const headers = new Headers(response.headers);
  headers.set('Cross-Origin-Opener-Policy', 'same-origin');
  headers.set('Cross-Origin-Embedder-Policy', 'require-corp');
  headers.set('Cross-Origin-Resource-Policy', 'same-origin');
  const {status, statusText} = response;
  return new Response(response.body, {status, statusText, headers});
}
