// loader.js - loads and starts the best build that this browser can run, and shows the progress.
//
// In the address, before '#':  ?build=st  one thread, even where more are available
//                              ?isolate=0 leaves the page as its server sends it (then one thread,
//                                         unless the server isolates it itself)
//                              ?sw=0      no service worker: nothing is kept for offline use

const PATIENCE_MS = 3000;     // wait for a service worker, which may be blocked and never answer
const EXPECTED_BYTES = 64e6;  // larger models are not prefetched
const WASM = 'application/wasm';

const options = new URLSearchParams(location.search);
const chinese =
    (navigator.languages?.[0] ?? navigator.language ?? '').toLowerCase().startsWith('zh');
const tr = (en, zh) => (chinese ? zh : en);
const element = (id) => document.getElementById(id);

// `again`: another attempt, past all caches, may help.
class Missing extends Error {
  constructor(words, again = false) {
    super(words);
    this.again = again;
  }
}

// ---- What the browser can do

// A module with one function () -> v128 of this body.
function validates(...body) {
  return typeof WebAssembly === 'object' && WebAssembly.validate(new Uint8Array([
    0,   97,
    115, 109,
    1,   0,
    0,   0,  // "\0asm", version 1
    1,   5,
    1,   96,
    0,   1,
    123,  // type: () -> v128
    3,   2,
    1,   0,  // one function of it
    10,  body.length + 4,
    1,   body.length + 2,
    0,   ...body,
    11
  ]));
}
const ZEROS = [65, 0, 253, 15];  // i8x16.splat(0)
const hasSimd = () => validates(...ZEROS);
const hasRelaxedSimd = () => validates(...ZEROS, ...ZEROS, 253, 128, 2);  // i8x16.relaxed_swizzle

function demandFeatures() {
  const recent =
      tr('a recent Chrome, Edge, Firefox or Safari', '新版 Chrome、Edge、Firefox 或 Safari');
  if (typeof WebAssembly !== 'object') {
    throw new Missing(tr(
        'attnscope is a WebAssembly program, which this browser does not run; if a lockdown or ' +
            'strict security mode is on, make an exception for this page, or open it in another ' +
            'browser',
        'attnscope 是 WebAssembly 程序，而此浏览器无法运行；如已开启锁定模式或严格的安全模式，' +
            '请将此页面设为例外，或换用其他浏览器'));
  }
  if (!hasSimd()) {
    throw new Missing(
        tr(`attnscope computes with WebAssembly SIMD, which this browser lacks; open the page in ${
               recent}`,
           `attnscope 使用 WebAssembly SIMD 计算，而此浏览器不支持；请换用${recent}`));
  }
  if (!document.createElement('canvas').getContext('webgl2')) {
    throw new Missing(tr(
        'attnscope draws with WebGL2, which this browser lacks or has turned off; turn on ' +
            `graphics acceleration in its settings, or open the page in ${recent}`,
        'attnscope 使用 WebGL2 绘图，而此浏览器不支持或已将其关闭；请在浏览器设置中开启图形加速，' +
            `或换用${recent}`));
  }
}

// ---- Isolation and offline use

const wantsThreads = () => options.get('build') !== 'st' && hasRelaxedSimd();
const mayUseWorker = () =>
    'serviceWorker' in navigator && isSecureContext && options.get('sw') !== '0';

// Threads need headers that many hosts don't send; the service worker adds them, after one reload.
// True when that reload is on its way.
async function isolate() {
  if (crossOriginIsolated || !mayUseWorker() || !wantsThreads()) return false;
  if (options.get('isolate') === '0' || parent !== window || isReload()) return false;
  const ready =
      (async () => {
        await navigator.serviceWorker.register('sw.js');
        await navigator.serviceWorker.ready;
        if (!navigator.serviceWorker.controller) {
          await new Promise((resolve) => (navigator.serviceWorker.oncontrollerchange = resolve));
        }
        return true;
      })().catch(() => false);
  const patience = new Promise((resolve) => setTimeout(() => resolve(false), PATIENCE_MS));
  if (!await Promise.race([ready, patience])) return false;
  location.reload();
  return true;
}

// Whether this page is the result of a reload, which the page itself asks for only once. Unlike
// what is noted in sessionStorage, this cannot be refused or lost, which would repeat it for ever.
function isReload() {
  return performance.getEntriesByType('navigation')[0]?.type === 'reload';
}

// Once the program runs, its files are cached for offline use.
async function keepForOffline(page) {
  if (!mayUseWorker()) return;
  try {
    navigator.serviceWorker.addEventListener('message', ({data}) => {
      if (data?.kept === false) page.notKept('site');
    });
    await navigator.serviceWorker.register('sw.js');
    const {active} = await navigator.serviceWorker.ready;
    // Also what is still on its way, past the worker or through it before it knew the version.
    new PerformanceObserver(() => {
      const all = performance.getEntriesByType('resource');
      active.postMessage({keep: all.map(({name}) => name.split('#')[0])});
    }).observe({type: 'resource', buffered: true});
  } catch (error) {
    if (!(error instanceof TypeError)) page.notKept('site');  // else there is no sw.js
  }
}

// ---- Downloads, all in parallel

// The site's own list: path -> {size, hash}.
async function siteFiles() {
  try {
    const signal = AbortSignal.timeout(PATIENCE_MS);
    const {files} = await (await fetch('version.json', {cache: 'no-cache', signal})).json();
    return new Map(files.map((file) => [file.path, file]));
  } catch {
    return new Map();  // then sizes are guessed, and nothing is checked
  }
}

// {module, isWhole} of the program. If it arrives damaged, from a cache or on its way, it is
// fetched once more past all caches; what is still not what the site lists may be its next version.
async function compile(path, listed) {
  try {
    const first = await compileOnce(path, 'default', listed);
    if (first.isWhole) return first;
  } catch (error) {
    if (error instanceof Missing) throw error;
  }
  return compileOnce(path, 'reload', listed);
}

// Compiled while it arrives, and from the response itself: a browser caches machine code by
// address, not for bytes passed to it.
async function compileOnce(path, cache, listed) {
  const response = await fetch(path, {cache});
  if (!response.ok) {
    throw new Missing(
        tr(`${path} could not be fetched: the server answered ${response.status}`,
           `无法获取 ${path}：服务器返回 ${response.status}`));
  }
  const whole = showArrival(response.clone(), listed.then((all) => all.get(path)));
  // Some hosts do not send this type, which streaming requires.
  const streamed = response.headers.get('Content-Type') === WASM ?
      response :
      new Response(response.body, {headers: {'Content-Type': WASM}});
  const [module, isWhole] = await Promise.all([WebAssembly.compileStreaming(streamed), whole]);
  return {module, isWhole};
}

// False if what arrived is not what the site lists.
async function showArrival(response, expected) {
  const reader = response.body.getReader();
  const size = (await expected)?.size || 2e6;
  const parts = [];
  for (let done = 0;;) {
    const {done: end, value} = await reader.read();
    if (end) break;
    done += value.length;
    parts.push(value);
    element('bar').value = done / size;
  }
  const listed = await expected;
  if (!listed) return true;
  const {hashOf} = await import('./files.js');
  const hash = await hashOf(await new Blob(parts).arrayBuffer());
  return !hash || hash === listed.hash;
}

function addScript(src) {
  return new Promise((resolve, reject) => {
    const script = document.createElement('script');
    script.src = src;
    script.onload = resolve;
    script.onerror = () => reject(new Missing(
        tr(`${src} could not be fetched; check the connection and reload the page`,
           `无法获取 ${src}，请检查网络连接后重新加载页面`),
        true));
    document.head.append(script);
  });
}

// The script and the module of one build, separately: the script can start its threads while the
// module arrives.
function fetchProgram(build, listed) {
  const module = compile(`${build}/app.wasm`, listed);
  module.catch(() => {});  // reported when it is awaited
  return {script: addScript(`${build}/app.js`), module};
}

// Prefetches the model that the address names (or the first one) while the program arrives.
async function expectModel(files) {
  const hash = location.hash.slice(1);
  const {models} = await files.expectJson('models/index.json');
  const named = new URLSearchParams(hash).get('model');
  const model = named ? models.find(({id}) => id === named) : hash ? null : models[0];
  if (!(model?.bytes < EXPECTED_BYTES)) return;
  for (const name of model.files) files.expect(`models/${model.folder ?? model.id}/${name}`);
}

// ---- Starting

async function start() {
  const listed = siteFiles();
  let program = fetchProgram(api.build, listed);
  const {Page} = await import('./page.js');
  const page = new Page(element('canvas'), element('main'), chinese);
  api.page = page;
  listed.then((all) => (page.files.listed = all));
  expectModel(page.files).catch(() => {});  // the program asks again, and tells
  try {
    await program.script;
  } catch (error) {
    const all = await listed;
    if (!all.size || all.has(`${api.build}/app.js`)) throw error;
    api.build = 'st';  // a site with one build
    program = fetchProgram('st', listed);
    await program.script;
  }
  let isWhole = true;
  await new Promise((resolve, reject) => {
    createAttnscope({
      canvas: page.canvas,
      page,
      locateFile: (name) => `${api.build}/${name}`,
      instantiateWasm(imports, receive) {
        program.module
            .then(async (arrived) => {
              ({isWhole} = arrived);
              receive(await WebAssembly.instantiate(arrived.module, imports), arrived.module);
            })
            .catch(reject);
        return {};
      },
    }).then(resolve, reject);
  });
  await page.started;
  element('loading').remove();
  if (!isWhole) {
    page.say(page.tr(
        'The program is not the one that the site lists, so its numbers may be wrong; ' +
            'reload the page later',
        '程序文件与网站清单不符，数值可能有误，请稍后重新加载页面'));
  }
  if (document.activeElement === document.body) page.canvas.focus({preventScroll: true});
}

function fail(error) {
  const words = error instanceof Missing ?
      error.message :
      tr(`attnscope could not start (${
             error?.message ?? error}); reload the page, or try another browser`,
         `attnscope 无法启动（${error?.message ?? error}），请重新加载页面或换用其他浏览器`);
  element('loading')?.classList.add('failed');
  const place = element('words');
  if (place) place.textContent = words;
}

// For pages that embed this one, and for tests.
const api = {
  build: crossOriginIsolated && typeof SharedArrayBuffer === 'function' && wantsThreads() ? 'mt' :
                                                                                            'st',
  get frames() {
    return this.page?.frames ?? 0;
  },
  ask(what) {
    return this.page.ask(what);
  },
};
Object.defineProperty(api, 'page', {writable: true, enumerable: false});
window.attnscope = api;

// Fetches the program once more, past all caches, and replaces what is kept of it: it may be
// damaged, or of two versions. The page is then reloaded, unless that did not help before.
async function startAnew(error) {
  if (!(error instanceof Missing) || error.again) {
    const addresses = [...document.querySelectorAll('script[src], link[rel=modulepreload]')].map(
        ({src, href}) => src || href);
    const renewed = [...addresses, `${api.build}/app.wasm`].map(
        async (address) => (await fetch(address, {cache: 'reload'})).arrayBuffer());
    const done = await Promise.all(renewed).then(() => true, () => false);
    if (done && !isReload()) {
      location.reload();
      return new Promise(() => {});
    }
  }
  throw error;
}

async function main() {
  if (chinese) {
    document.documentElement.lang = 'zh-CN';
    element('words').textContent = '在你自己的电脑上，看见 Transformer 的每一个注意力头';
  }
  const note = element('note');
  note.querySelector('button').onclick = () => {
    note.hidden = true;
    element('canvas').focus({preventScroll: true});
  };
  demandFeatures();
  if (await isolate()) return new Promise(() => {});
  await start();
  keepForOffline(api.page);
}

api.ready = main().catch(startAnew);
api.ready.catch(fail);
