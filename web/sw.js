// sw.js - keeps the site for use without a connection, and adds the headers that threads need.
//
// version.json, made by the build, names the version. It is fetched whenever a page is opened; a
// new version starts a new cache and deletes the old one. Files are cached when first used, and
// then served from the cache. Without version.json nothing is kept.

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
  event.respondWith(answer(event, request));
});

function ours(url) {
  return url.startsWith(here);
}

async function answer(event, request) {
  const {searchParams, pathname} = new URL(request.url);
  if (request.mode === 'navigate') {
    // Only the page's requests wait for the version, not the page itself.
    const newest = newestVersion().catch(() => {});
    current = newest.then(openCurrent);
    event.waitUntil(current);
    return isolated(await fresh(event, request, here), searchParams.get('isolate') !== '0');
  }
  if (pathname.endsWith('/version.json')) return isolated(await versionFile(), true);
  return cached(event, request);
}

// ---- From the network, else from the cache

async function fresh(event, request, key) {
  try {
    const response = await fetch(request);
    if (response.ok) event.waitUntil(put(key, response.clone()));
    return response;
  } catch (error) {
    const kept = await (await currentCache())?.match(key);
    if (kept) return kept;
    throw error;
  }
}

// ---- From the cache, else from the network

// Cached responses already have their headers: a browser reuses compiled code only for a response
// that comes unchanged from the cache.
async function cached(event, request) {
  const cache = await currentCache();
  const kept = await cache?.match(request.url);
  if (kept) return isolated(kept, true);
  // The browser's own cache may hold a file of the previous version.
  const response =
      isolated(await fetch(request.url, {cache: 'no-cache', credentials: 'same-origin'}), true);
  if (response.ok) event.waitUntil(put(request.url, response.clone()));
  return response;
}

async function keep(url) {
  const cache = await currentCache();
  if (!cache || await cache.match(url)) return;
  const response = await fetch(url, {cache: 'no-cache'});
  if (response.ok && !isLarge(response)) return put(url, isolated(response, true));
  await response.body?.cancel();  // else all of it would be downloaded twice
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

let current = null;  // promise of the version's cache, or of null

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

function currentCache() {
  return current ??= openCurrent();
}

async function openCurrent() {
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
  current = null;
}

// ---- Headers

const POLICIES = {
  'Cross-Origin-Opener-Policy': 'same-origin',
  'Cross-Origin-Embedder-Policy': 'require-corp',
  'Cross-Origin-Resource-Policy': 'same-origin',
};

// Workers need the embedder policy on their own script as well.
function isolated(response, on) {
  if (!on || response.type === 'opaque' || response.type === 'opaqueredirect' ||
      response.status === 0) {
    return response;
  }
  if (Object.entries(POLICIES).every(([name, value]) => response.headers.get(name) === value)) {
    return response;
  }
  const headers = new Headers(response.headers);
  for (const [name, value] of Object.entries(POLICIES)) headers.set(name, value);
  const {status, statusText} = response;
  return new Response(response.body, {status, statusText, headers});
}
