// files.js - dropping, choosing, fetching and saving files. Bytes go straight into the program's
// memory as they arrive; nothing is uploaded.

const GB = 1e9;
const MOST = 3 * GB;  // leaves room for the computation in a tab with 4 GB of memory
const MOST_OF_ONE = 2 ** 31 - 1;
const MOST_HASHED = 2e8;
const SLOW_MS = 300;  // reading that takes longer shows its progress
const SHOW_MS = 300;  // between updates: a software-drawn frame takes as long as reading megabytes
// In a folder only files that a model may consist of are read; a file dropped by itself always is.
const OF_A_MODEL =
    /(\.(json|safetensors|bin|pth?|ckpt|txt|model|jinja|npz|npy|gguf)|(^|\/)meta\.pkl)$/i;

class Trouble extends Error {}

export class Files {
  listed = new Map();  // path -> {size, hash}, from version.json
  #page;
  #expected = new Map();  // path -> promise of a response, used once
  #asked = new Set();     // what the program has asked for
  #turn = 0;              // a newer request cancels an older read

  constructor(page) {
    this.#page = page;
  }

  // ---- Dropped

  watchDrops(target) {
    const veil = target.querySelector('#drop');
    let depth = 0;  // enter and leave come for every element on the way
    const show = (on) => {
      if (!on) depth = 0;
      veil.hidden = !on;
    };
    const hasFiles = (event) => event.dataTransfer?.types.includes('Files');
    addEventListener('dragenter', (event) => {
      if (!hasFiles(event)) return;
      veil.textContent = this.#page.tr('Drop to open', '松开以打开');
      ++depth;
      show(true);
    });
    addEventListener('dragleave', () => --depth <= 0 && show(false));
    addEventListener('dragover', (event) => hasFiles(event) && event.preventDefault());
    addEventListener('drop', (event) => {
      show(false);
      if (!hasFiles(event)) return;  // text goes into the box it is dropped on
      event.preventDefault();
      this.#take(this.#dropped(event.dataTransfer), false);
    });
  }

  // [{path, file}]. The dropped items can only be read during the event, so that comes first.
  #dropped(transfer) {
    const entries = [...transfer.items].map((item) => item.webkitGetAsEntry?.()).filter(Boolean);
    const plain = [...transfer.files].map((file) => ({path: file.name, file}));
    if (!entries.some((entry) => entry.isDirectory)) return Promise.resolve(plain);
    return Promise.all(entries.map((entry) => walk(entry, false))).then((found) => found.flat());
  }

  // ---- Chosen

  pick(folder) {
    const input = document.createElement('input');
    input.type = 'file';
    input.multiple = true;
    input.webkitdirectory = folder;
    input.addEventListener('change', () => {
      const found =
          [...input.files].map((file) => ({path: file.webkitRelativePath || file.name, file}));
      this.#take(Promise.resolve(folder ? found.filter(({path}) => wanted(path)) : found), true);
    });
    input.click();
  }

  // ---- Into memory

  async #take(promise, picked) {
    const turn = ++this.#turn;
    const {tr} = this.#bound();
    try {
      const found = this.#needed(await promise);
      if (!found.length) {
        throw new Trouble(
            tr('No model found in this folder: config.json and model.safetensors are required',
               '此文件夹中没有模型：需要 config.json 与 model.safetensors'));
      }
      const total = found.reduce((sum, {file}) => sum + file.size, 0);
      const large = found.find(({file}) => file.size > MOST_OF_ONE);
      if (large) throw new Trouble(this.#tooMuch(large.path, large.file.size, '2 GB'));
      if (total > MOST)
        throw new Trouble(this.#tooMuch(tr('All files together', '全部文件'), total, '3 GB'));
      await this.#read(found, total, turn);
      if (turn === this.#turn) this.#page.call('read_done', picked);
    } catch (error) {
      if (turn === this.#turn) this.#page.call('read_failed', picked, sentence(error, tr));
    } finally {
      if (turn === this.#turn) this.#page.progress('', null);
    }
  }

  // Without optimizers' states, older checkpoints and second copies of the weights, which may be
  // larger than the model.
  #needed(found) {
    if (found.length < 2) return found;
    const line = ({path}) => path.replaceAll('\n', ' ');
    const left = this.#page.callForText('read_left', found.map(line).join('\n'));
    const names = new Set(left?.split('\n'));
    return found.filter((one) => !names.has(line(one)));
  }

  async #read(found, total, turn) {
    const {tr} = this.#bound();
    const start = performance.now();
    let done = 0;
    this.#page.call('read_start', total);
    for (const {path, file} of found) {
      const room = this.#page.call('read_room', path, file.size) >>> 0;
      if (!room && file.size)
        throw new Trouble(this.#tooMuch(path, file.size, tr('free memory', '可用内存')));
      let at = 0;
      const reader = file.stream().getReader();
      for (;;) {
        const {done: end, value} = await reader.read();
        if (end || turn !== this.#turn) break;
        if (at + value.length > file.size) break;
        this.#page.memory(room + at, value.length).set(value);
        at += value.length;
        done += value.length;
        if (performance.now() - start > SLOW_MS) {
          this.#page.progress(tr(`Reading ${path}`, `正在读取 ${path}`), done / total);
        }
      }
      if (turn !== this.#turn) return reader.cancel();
      if (at !== file.size) {
        throw new Trouble(
            tr(`${path} changed while it was being read; open it again`,
               `${path} 在读取过程中发生了变化，请重新打开`));
      }
    }
  }

  #tooMuch(what, size, limit) {
    const gb = (size / GB).toFixed(1);
    return this.#page.tr(
        `${what}: ${gb} GB does not fit in a browser tab (limit: ${
            limit}); use the desktop program for larger models`,
        `${what}：${gb} GB 超出浏览器标签页的可用内存（上限：${
            limit}），请使用桌面程序打开更大的模型`);
  }

  // ---- Fetched

  // Starts a fetch that the program will soon ask for, and buffers the response.
  expect(path) {
    if (this.#asked.has(path)) return;
    this.#keep(path, fetch(path, {priority: 'low'}).then((response) => {
      const all = new ByteLengthQueuingStrategy({highWaterMark: GB});
      const kept = new TransformStream({}, undefined, all);
      return new Response(response.body?.pipeThrough(kept), response);
    }));
  }

  // The same as expect(), and returns the parsed JSON.
  async expectJson(path) {
    const response = fetch(path);
    this.#keep(path, response.then((one) => one.clone()));
    return (await response).json();
  }

  #keep(path, response) {
    response.catch(() => {});  // the program fetches it again
    this.#expected.set(path, response);
  }

  #response(path) {
    this.#asked.add(path);
    const expected = this.#expected.get(path);
    this.#expected.delete(path);
    return expected?.catch(() => fetch(path)) ?? fetch(path);
  }

  // The transfer may be compressed, so only the site's own list knows the size.
  async fetch(id, path) {
    const {tr} = this.#bound();
    let size = 0;
    let error = '';
    try {
      size = await this.#fetchInto(id, path);
    } catch (caught) {
      error = caught instanceof Trouble ?
          caught.message :
          tr(`${path} could not be fetched; check the connection and try again`,
             `无法获取 ${path}，请检查网络连接后重试`);
    }
    this.#page.call('fetch_done', id, error ? 0 : size, error);
  }

  // What was cut short or damaged, on its way or in a cache, is fetched once more past all caches.
  async #fetchInto(id, path) {
    const {tr} = this.#bound();
    const response = await this.#response(path);
    let first;
    try {
      first = await this.#receive(id, path, response);
      if (first.whole) return first.size;
    } catch (error) {
      if (error instanceof Trouble) throw error;
    }
    const second = await this.#receive(id, path, await fetch(path, {cache: 'reload'}));
    // What arrives twice is the server's own, and the list is outdated.
    if (second.whole || (second.size === first?.size && second.hash === first.hash)) {
      return second.size;
    }
    throw new Trouble(tr(
        `${path} arrived damaged twice; try again later`, `${path} 两次传输均已损坏，请稍后重试`));
  }

  // {size, hash, whole}: whether the bytes are those of the site's list.
  async #receive(id, path, response) {
    const {tr} = this.#bound();
    if (!response.ok) {
      const status = `${response.status} ${response.statusText}`.trim();
      throw new Trouble(
          tr(`${path} could not be fetched: the server answered ${status}`,
             `无法获取 ${path}：服务器返回 ${status}`));
    }
    const plain = !response.headers.get('Content-Encoding');
    const expected =
        this.listed.get(path)?.size ?? (plain ? Number(response.headers.get('Content-Length')) : 0);
    const reader = response.body.getReader();
    let room = 0;
    let start = 0;
    const reserve = (bytes) => {
      room = bytes;
      start = this.#page.call('fetch_room', id, bytes) >>> 0;
      if (start) return;
      reader.cancel().catch(() => {});  // nothing more is downloaded
      throw new Trouble(this.#tooMuch(path, bytes, tr('free memory', '可用内存')));
    };
    reserve(expected || 1 << 20);
    let at = 0;
    let told = 0;  // time of the last update: a frame for every chunk would slow the download
    for (;;) {
      const {done, value} = await reader.read();
      if (done) break;
      if (at + value.length > room) reserve(Math.max(2 * room, at + value.length));
      this.#page.memory(start + at, value.length).set(value);
      at += value.length;
      if (performance.now() - told < SHOW_MS) continue;
      told = performance.now();
      this.#page.call('fetch_progress', id, expected ? Math.min(1, at / expected) : 0);
    }
    const listed = this.listed.get(path);
    // A copy: memory that threads share cannot be hashed.
    const hash = at <= MOST_HASHED ? await hashOf(this.#page.memory(start, at).slice()) : '';
    const whole = !listed || (at === listed.size && (!hash || hash === listed.hash));
    return {size: at, hash, whole};
  }

  // ---- Saved

  save(name, bytes) {
    const link = document.createElement('a');
    link.href = URL.createObjectURL(new Blob([bytes]));
    link.download = name;
    link.click();
    setTimeout(() => URL.revokeObjectURL(link.href), 60000);
  }

  #bound() {
    return {tr: this.#page.tr.bind(this.#page)};
  }
}

// As in version.json; '' where the page is not secure, which hashes need.
export async function hashOf(bytes) {
  if (!globalThis.crypto?.subtle) return '';
  const hash = new Uint8Array(await crypto.subtle.digest('SHA-256', bytes));
  return btoa(String.fromCharCode(...hash));
}

function wanted(path) {
  return OF_A_MODEL.test(path) && !path.split('/').some((part) => part.startsWith('.'));
}

async function walk(entry, inside) {
  if (entry.isFile) {
    const path = entry.fullPath.replace(/^\//, '');
    if (inside && !wanted(path)) return [];
    return [{path, file: await new Promise((resolve, reject) => entry.file(resolve, reject))}];
  }
  const reader = entry.createReader();
  const found = [];
  for (;;) {  // a reader gives at most 100 entries at a time
    const some = await new Promise((resolve, reject) => reader.readEntries(resolve, reject));
    if (!some.length) return found;
    for (const child of some) found.push(...await walk(child, true));
  }
}

function sentence(error, tr) {
  if (error instanceof Trouble) return error.message;
  return tr(
      `The files could not be read (${error.name}); open them again`,
      `无法读取文件（${error.name}），请重新打开`);
}
