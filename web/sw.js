// sw.js - keeps the site for use without a connection, and adds the headers that threads need.
//
// version.json, made by the build, names the version and has the hash of every file. It is fetched
// whenever a page is opened. Each version has a cache; what is used is put there if it has its
// hash, and is then served from there. Once a page runs and its files are kept, version.json is put
// there too, which completes the cache, and older ones are deleted. Without version.json nothing is
// kept.
//
// Every use of the storage may fail (full, forbidden, evicted, damaged) or never end: all go
// through `stored`, and what it does not give comes from the network.

const MOST = 100e6;             // bytes; larger files are fetched again
const MOST_CHECKED = 1e6;       // bytes; the page itself checks larger files
const NETWORK_PATIENCE = 5000;  // ms, where there is a kept answer to give instead
const STORAGE_PATIENCE = 5000;  // ms
const HURRY = 500;              // ms, once the storage has not answered
const here = new URL('./', self.location).href;
const VERSION = new URL('version.json', here).href;
const NAME = `attnscope ${here} `;  // copies in other folders have caches of their own

self.addEventListener('install', () => self.skipWaiting());
self.addEventListener('activate', (event) => {
  event.waitUntil(self.clients.claim().catch(() => {}));
});

self.addEventListener('message', (event) => {
  const {keep: urls} = event.data ?? {};
  if (!Array.isArray(urls)) return;
  event.waitUntil(keepAll([here, ...urls].filter(ours)).then((kept) => {
    event.source?.postMessage({kept});
  }));
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
  const {searchParams} = new URL(request.url);
  if (request.mode === 'navigate') {
    // Only the page's requests wait for the version, not the page itself.
    const newest = newestVersion();
    current = inTime(newest, NETWORK_PATIENCE).catch(keptVersion);
    event.waitUntil(newest);
    return isolated(await page(request), searchParams.get('isolate') !== '0');
  }
  if (request.url === VERSION) return isolated((await versionFile()).response, true);
  return file(event, request);
}

// ---- From the network, else from the cache

async function page(request) {
  const network = fetch(request);
  try {
    return await inTime(network, NETWORK_PATIENCE);
  } catch {
    return await keptFile(here) ?? network;
  }
}

async function versionFile() {
  let response;
  try {
    response = await fetch(VERSION, {cache: 'no-store'});
    if (response.status === 404) return {response, version: null};
    return {response, version: await parsed(response.clone())};
  } catch (error) {  // no connection, or an answer that is none
    const version = await keptVersion();
    const kept = version && await stored(() => version.cache.match(VERSION));
    if (kept) return {response: kept, version};
    if (response) return {response, version: null};
    throw error;
  }
}

// ---- From the cache, else from the network

// Cached responses already have their headers, and large ones come unchanged from the cache: a
// browser reuses the compiled code of a program only then.
async function file(event, request) {
  const {url} = request;
  const anew = request.cache === 'reload';  // the page found what it got to be damaged
  const kept = anew ? null : await keptFile(url);
  if (kept) return isolated(kept, true);
  // The browser's own cache may hold a file of the previous version.
  const cache = anew ? 'reload' : 'no-cache';
  const response = isolated(await fetch(url, {cache, credentials: 'same-origin'}), true);
  const version = await (current ??= keptVersion());
  if (keeps(version, url)) event.waitUntil(put(version, url, response.clone()));
  return response;
}

async function keptFile(url) {
  const version = await (current ??= keptVersion());
  if (!version) return null;
  const kept = await stored(() => version.cache.match(url));
  const {size, hash} = version.files.get(url) ?? {};
  if (!kept || !(size <= MOST_CHECKED)) return kept;
  const bytes = await kept.arrayBuffer().catch(() => new ArrayBuffer());
  if (await hashOf(bytes) === hash) return new Response(bytes, kept);
  await stored(() => version.cache.delete(url));
}

function keeps(version, url) {
  return version?.files.get(url)?.size <= MOST;
}

// Whether the response is the version's file; if so, it is kept.
async function put({cache, files}, url, response) {
  const copy = response.clone();
  try {
    if (response.ok && await hashOf(await response.arrayBuffer()) === files.get(url).hash) {
      await stored(() => cache.put(url, copy));
      return true;
    }
  } catch {
    // Cut short.
  }
  copy.body?.cancel().catch(() => {});
  return false;
}

async function hashOf(bytes) {
  const hash = await crypto.subtle.digest('SHA-256', bytes);
  return btoa(String.fromCharCode(...new Uint8Array(hash)));
}

// Whether `url` is the version's file and kept, if the storage took it.
async function keep(version, url) {
  if (!keeps(version, url) || await stored(() => version.cache.match(url))) return true;
  for (const cache of ['no-cache', 'reload']) {  // the browser's own copy may be damaged
    try {
      if (await put(version, url, isolated(await fetch(url, {cache}), true))) return true;
    } catch {
      // No connection.
    }
  }
  return false;
}

// Keeps what a page uses. False if the storage fails.
async function keepAll(urls) {
  const version = await (current = newestVersion());  // the page may be older than this worker
  if (!version) return true;
  for (const attempt of [1, 2]) {
    const before = failures;
    const all = (await Promise.all(urls.map((url) => keep(version, url)))).every(Boolean);
    if (all && failures === before) {
      if ((await keptVersion())?.id !== version.id) {
        await stored(() => version.cache.put(VERSION, version.response.clone()));
      }
      await forgetOthers(version);
      return failures === before;
    }
    if (failures === before) return true;            // the next visit tries again
    if (attempt === 1) await forgetOthers(version);  // makes room
  }
  return false;
}

// ---- Versions

let current = null;  // promise of the version that is in use, or of null

// {id, files: address -> {size, hash}, response} of a version.json; throws where it is none.
async function parsed(response) {
  const copy = response.clone();
  const {version: id, files: list} = await response.json();
  const files = new Map(list.map((one) => [new URL(one.path, here).href, one]));
  files.set(here, files.get(here + 'index.html'));
  if (!id || !files.get(here)?.hash) throw new Error('no version.json');
  return {id, files, response: copy};
}

// The version that the server has, with its cache; else the one that is kept, or null.
async function newestVersion() {
  try {
    const {version} = await versionFile();
    if (!version)
      await forgetOthers(null);
    else
      version.cache ??= await stored(() => caches.open(NAME + version.id));
    return version;
  } catch {
    return null;
  }
}

// The newest version whose cache is complete, or null.
async function keptVersion() {
  for (const name of (await cacheNames()).filter((one) => one.startsWith(NAME)).reverse()) {
    const cache = await stored(() => caches.open(name));
    const kept = await stored(() => cache.match(VERSION));
    try {
      if (kept) return {...await parsed(kept), cache};
    } catch {
      // Damaged.
    }
  }
  return null;
}

async function forgetOthers(version) {
  const old = (await cacheNames()).filter((name) => {
    if (/^attnscope[-:]/.test(name)) return true;  // of earlier workers
    return name.startsWith(NAME) && name !== NAME + version?.id;
  });
  await Promise.all(old.map((name) => stored(() => caches.delete(name))));
}

async function cacheNames() {
  return await stored(() => caches.keys()) ?? [];
}

// ---- Patience

let failures = 0;  // of the storage
let patience = STORAGE_PATIENCE;

// What a use of the storage gives; undefined if it fails, or does not end in time.
async function stored(use) {
  try {
    return await inTime(use(), patience);
  } catch (error) {
    ++failures;
    if (error === LATE) patience = HURRY;
  }
}

const LATE = new Error('no answer');

function inTime(promise, most) {
  let timer;
  const late = new Promise((_, reject) => timer = setTimeout(() => reject(LATE), most));
  return Promise.race([promise, late]).finally(() => clearTimeout(timer));
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
