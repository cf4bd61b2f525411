// page.js - services of the page for the program in the canvas: frames, text boxes, the address,
// settings. src/platform/*_web.cpp calls the methods of `page` by name.

import {Files} from './files.js';
import * as glyphs from './glyphs.js';

// In the order of BoxKey in platform.h.
const kBoxKeys = ['', 'ArrowUp', 'ArrowDown', 'Enter', 'Shift+Enter', 'Tab', 'Escape'];

// What the browser keeps for the page, if it lets it.
const kKept = {
  settings: ['settings', '设置'],
  site: ['the files for use without a connection', '离线使用所需的文件'],
};
const QUIET_MS = 15000;

export class Page {
  glyphs = glyphs;
  files = new Files(this);
  frames = 0;  // drawn so far
  #module = null;
  #buffer = null;  // () => the program's memory; growing replaces it
  #chinese = false;
  #browserIsChinese = false;
  #pending = 0;  // the next frame, or the timer that asks for it
  #timer = 0;
  #lost = false;        // the graphics context
  #pixels = null;       // exact size of the canvas in device pixels, where the browser tells
  #boxes = new Map();   // id -> <textarea>
  #placed = new Set();  // ids of this frame
  #query = this.#hash();
  #queryTimer = 0;
  #announceTimers = [];
  #unkept = new Set();  // of kKept
  #quietTimer = 0;
  #mirror = null;  // the text version of the screen, once it is loaded

  constructor(canvas, main, chinese) {
    this.canvas = canvas;
    this.main = main;
    this.live = main.querySelector('#live');
    this.#chinese = this.#browserIsChinese = chinese;
    this.dark = matchMedia('(prefers-color-scheme: dark)');
    this.started = new Promise((resolve) => (this.#started = resolve));
    this.started.then(() => import('./mirror.js')).then(({Mirror}) => {
      this.#mirror = new Mirror(this, main.querySelector('#mirror'));
    }, () => {});  // the canvas works without it
  }
  #started;

  // ---- The program

  attach(module, buffer) {
    this.#module = module;
    this.#buffer = buffer;
    this.#watchSize();
    this.#watchKeys();
    this.#watchContext();
    this.files.watchDrops(this.main);
    this.dark.addEventListener('change', () => this.requestFrame());
    for (const name of ['hashchange', 'popstate']) {
      addEventListener(name, () => this.#queryChanged());
    }
  }

  // Calls an exported function; strings become pointers for the duration of the call.
  call(name, ...args) {
    const texts = [];
    const values = args.map((arg) => {
      if (typeof arg !== 'string') return arg;
      const bytes = new TextEncoder().encode(arg);
      const at = this.#module._malloc(bytes.length + 1) >>> 0;
      texts.push(at);
      const memory = this.memory(at, bytes.length + 1);
      memory.set(bytes);
      memory[bytes.length] = 0;
      return at;
    });
    const result = this.#module['_attn_' + name](...values);
    for (const at of texts) this.#module._free(at);
    return result;
  }

  memory(start, size) {
    return new Uint8Array(this.#buffer(), start, size);
  }

  // Of a function that returns a text: the text, or null.
  callForText(name, ...args) {
    const at = this.call(name, ...args) >>> 0;
    if (!at) return null;
    const text = this.#module.UTF8ToString(at);
    this.#module._free(at);
    return text;
  }

  ask(what) {
    const text = this.callForText('ask', String(what));
    if (text === null) return null;
    try {
      return JSON.parse(text);
    } catch {
      return text;
    }
  }

  tr(en, zh) {
    return this.#chinese ? zh : en;
  }

  // ---- Frames

  requestFrame() {
    if (this.#pending || !this.#module) return;
    clearTimeout(this.#timer);
    this.#pending = requestAnimationFrame(() => this.#frame());
  }

  #frame() {
    this.#pending = 0;
    if (this.#lost) return;
    let wait;
    try {
      wait = this.call('frame');
    } catch (error) {
      this.#module = null;  // its memory can no longer be trusted
      const what = error?.message ?? error;
      this.say(this.tr(
          `attnscope stopped (${what}); reload the page to continue`,
          `attnscope 已停止运行（${what}），请重新加载页面`));
      throw error;
    }
    ++this.frames;
    this.#mirror?.changed();
    if (this.#started && this.call('frames_shown') > 0) {
      this.#started();
      this.#started = null;
    }
    if (wait === 0)
      this.requestFrame();
    else if (wait > 0)
      this.#timer = setTimeout(() => this.requestFrame(), wait);
  }

  // ---- The canvas

  // Width and height in CSS pixels, and device pixels per CSS pixel.
  fitCanvas() {
    const {canvas} = this;
    const ratio = devicePixelRatio || 1;
    const pixels = this.#pixels ?? {
      width: Math.round(canvas.clientWidth * ratio),
      height: Math.round(canvas.clientHeight * ratio),
    };
    const width = Math.max(1, pixels.width);
    const height = Math.max(1, pixels.height);
    if (canvas.width !== width || canvas.height !== height) Object.assign(canvas, {width, height});
    return [width / ratio, height / ratio, ratio];
  }

  #watchSize() {
    const observer = new ResizeObserver(([entry]) => {
      const box = entry.devicePixelContentBoxSize?.[0];
      // Only where it agrees with the ratio up to rounding: emulated screens report it unscaled.
      const near = (pixels, units) => Math.abs(pixels - units * (devicePixelRatio || 1)) < 2;
      const agrees = box && near(box.inlineSize, this.canvas.clientWidth) &&
          near(box.blockSize, this.canvas.clientHeight);
      this.#pixels = agrees ? {width: box.inlineSize, height: box.blockSize} : null;
      dispatchEvent(new Event('resize'));  // SDL scales the mouse by what it knows of the canvas
      this.requestFrame();
    });
    try {
      observer.observe(this.canvas, {box: 'device-pixel-content-box'});
    } catch {
      observer.observe(this.canvas);
    }
    // A drag continues when it leaves the canvas or crosses a text box.
    this.canvas.addEventListener('pointerdown', (e) => {
      if (e.pointerType === 'mouse') this.canvas.setPointerCapture(e.pointerId);
    });
  }

  #watchContext() {
    this.canvas.addEventListener('webglcontextlost', (event) => {
      event.preventDefault();  // else it would never come back
      this.#lost = true;
      this.say(this.tr('Graphics context lost; restoring…', '图形上下文已丢失，正在恢复…'));
    });
    this.canvas.addEventListener('webglcontextrestored', () => {
      this.#lost = false;
      this.say('');
      this.call('restore');
      this.requestFrame();
    });
  }

  // SDL takes every key that reaches the canvas, so the browser's own shortcuts must not reach it.
  #watchKeys() {
    const {canvas} = this;
    const ours = new Set([
      'z',      'y',         'a',       'c',         'x',          'Enter',   'Home',
      'End',    'Backspace', 'Delete',  'ArrowLeft', 'ArrowRight', 'ArrowUp', 'ArrowDown',
      'PageUp', 'PageDown',  'Control', 'Meta',      'Alt',        'Shift'
    ]);
    let leaving = false;  // after Escape, Tab leaves the canvas: the keyboard is not trapped
    addEventListener('keydown', (event) => {
      // From a text box, too; the browser would lead to the address, or search the page in vain.
      if ((event.ctrlKey || event.metaKey) && !event.shiftKey && !event.altKey &&
          /^[fk]$/i.test(event.key)) {
        event.stopPropagation();
        return this.#passKey(event, event.key.toLowerCase(), true);
      }
      if (event.target !== canvas) return;
      const {key} = event;
      const command = event.ctrlKey || event.metaKey;
      const name = key.length === 1 ? key.toLowerCase() : key;
      const theirs = /^F\d+$/.test(key) || (command && !ours.has(name)) ||
          (event.altKey && key.startsWith('Arrow')) || (leaving && key === 'Tab');
      if (key !== 'Shift') leaving = key === 'Escape';  // Shift+Tab leaves too
      if (theirs) event.stopPropagation();
    }, true);
    canvas.addEventListener('blur', () => {
      this.call('blur');
      this.requestFrame();
    });
    addEventListener('paste', (event) => {
      if (document.activeElement !== canvas) return;
      event.preventDefault();
      this.call('paste', event.clipboardData.getData('text'));
      this.requestFrame();
    });
  }

  #passKey(event, name, command) {
    event.preventDefault();
    this.call('key', name, command);
    this.requestFrame();
  }

  // ---- Text boxes

  // Keys of a list below the box go to the program while it is typed in.
  placeBox(id, x, y, width, height, label, dark, overList) {
    const box = this.#boxes.get(id) ?? this.#makeBox(id);
    this.#placed.add(id);
    const style = `left:${x}px;top:${y}px;width:${width}px;height:${height}px`;
    if (box.getAttribute('style') !== style) box.setAttribute('style', style);
    if (box.ariaLabel !== label) box.placeholder = box.ariaLabel = label;
    box.classList.toggle('dark', dark);
    box.classList.toggle('line', height < 40);
    box.overList = overList;
    box.hidden = false;
  }

  // Hides boxes that this frame did not place.
  endBoxes() {
    for (const [id, box] of this.#boxes) {
      if (this.#placed.has(id) || box.hidden) continue;
      if (document.activeElement === box) this.canvas.focus({preventScroll: true});
      box.hidden = true;
    }
    this.#placed.clear();
  }

  setBox(id, text) {
    const box = this.#boxes.get(id);
    if (!box || box.value === text) return;
    const {selectionStart, selectionEnd, value} = box;
    box.value = text;
    if (document.activeElement !== box || selectionStart === value.length) return;
    box.setSelectionRange(selectionStart, selectionEnd);
  }

  focusBox(id) {
    const box = this.#boxes.get(id);
    if (box && !box.hidden) box.focus({preventScroll: true});
  }

  // Whether the box leaves keys to the program (BoxKey in platform.h).
  leaveKeys(id, leaves) {
    const box = this.#boxes.get(id);
    if (box) box.leavesKeys = leaves;
  }

  #makeBox(id) {
    const box = document.createElement('textarea');
    box.id = 'box-' + id;
    box.className = 'box';
    Object.assign(box, {spellcheck: false, autocapitalize: 'off', autocomplete: 'off'});
    box.addEventListener('input', () => {
      if (box.classList.contains('line') && box.value.includes('\n')) {
        box.value = box.value.replace(/\s*\n\s*/g, ' ');
      }
      this.call('typed', id, box.value);  // also while an input method composes
    });
    box.addEventListener('keydown', (event) => {
      if (event.isComposing || event.keyCode === 229) return;  // the input method's
      if (box.overList) {
        if (event.key === 'Tab') return event.preventDefault();
        if (/^(Arrow(Up|Down)|Page(Up|Down)|Enter|Escape)$/.test(event.key)) {
          this.#passKey(event, event.key, false);
        }
        return;
      }
      const left =
          box.leavesKeys ? kBoxKeys.indexOf((event.shiftKey ? 'Shift+' : '') + event.key) : 0;
      if (left > 0) {
        event.preventDefault();
        this.call('box_key', id, left);
        return;
      }
      const enter = event.key === 'Enter' && box.classList.contains('line');
      if (event.key === 'Escape' || enter || (event.key === 'Tab' && !event.shiftKey)) {
        event.preventDefault();
        this.canvas.focus({preventScroll: true});
      }
    });
    for (const name of ['focus', 'blur']) box.addEventListener(name, () => this.requestFrame());
    this.#boxes.set(id, box);
    this.canvas.before(box);  // so that Shift+Tab on the canvas leads back to it
    return box;
  }

  // ---- The address

  #hash() {
    const {href} = location;  // location.hash would decode it in some browsers
    const at = href.indexOf('#');
    return at < 0 ? '' : href.slice(at + 1);
  }

  query() {
    return this.#query;
  }

  // Browsers limit the rate of changes, so only the last of a burst is written.
  setQuery(query, push) {
    if (query === this.#query) return;
    this.#query = query;
    clearTimeout(this.#queryTimer);
    if (push)
      this.#writeQuery('pushState');
    else
      this.#queryTimer = setTimeout(() => this.#writeQuery('replaceState'), 200);
  }

  #writeQuery(how) {
    if (this.#hash() !== this.#query) history[how](null, '', this.link());
  }

  link() {
    return location.href.split('#')[0] + (this.#query ? '#' + this.#query : '');
  }

  #queryChanged() {
    if (this.#hash() === this.#query) return;
    clearTimeout(this.#queryTimer);
    this.#query = this.#hash();
    this.call('query', this.#query);
    this.requestFrame();
  }

  // ---- What a browser offers

  prefersDark() {
    return this.dark.matches;
  }

  prefersTouch() {
    return matchMedia('(pointer: coarse)').matches;
  }

  prefersChinese() {
    return this.#browserIsChinese;
  }

  async copy(text) {
    try {
      await navigator.clipboard.writeText(text);
    } catch {  // not a secure page, or not allowed
      const area = document.createElement('textarea');
      area.value = text;
      document.body.append(area);
      const before = document.activeElement;
      area.select();
      document.execCommand('copy');
      area.remove();
      before?.focus({preventScroll: true});
    }
  }

  openLink(address) {
    if (/^https?:/.test(address)) open(address, '_blank', 'noopener');
  }

  // The storage may be forbidden, full or damaged.
  load(key) {
    try {
      return localStorage.getItem('attnscope.' + key) ?? '';
    } catch {
      this.notKept('settings');
      return '';
    }
  }

  store(key, value) {
    try {
      localStorage.setItem('attnscope.' + key, value);
    } catch {
      this.notKept('settings');
    }
  }

  // `what`: of kKept.
  notKept(what) {
    this.#unkept.add(what);
    this.started.then(() => {
      const names = [...this.#unkept].map((one) => kKept[one][this.#chinese ? 1 : 0]);
      this.#sayQuietly(this.tr(
          `Not kept, because this browser’s storage is full or blocked: ${names.join(', ')}`,
          `此浏览器的存储空间已满或被禁用，以下内容不会保留：${names.join('、')}`));
    });
  }

  // For screen readers: what 0 is a cell, 1 the control that has the keyboard's focus. Delayed, or
  // every cell that the mouse crosses would be read.
  announce(text, what) {
    const node = this.live.children[what];
    clearTimeout(this.#announceTimers[what]);
    this.#announceTimers[what] = setTimeout(() => {
      if (node.textContent !== text) node.textContent = text;
    }, 250);
  }

  set(chinese, dark) {
    const root = document.documentElement;
    if (root.classList.contains('dark') === dark && root.classList.contains('set') &&
        chinese === this.#chinese) {
      return;
    }
    this.#chinese = chinese;
    root.lang = chinese ? 'zh-CN' : 'en';
    root.classList.add('set');
    root.classList.toggle('dark', dark);
    document.title = this.tr(
        'attnscope: every attention head of a transformer',
        'attnscope：看见 Transformer 的每一个注意力头');
    this.canvas.ariaLabel = this.tr('Attention maps and their controls', '注意力图与控件');
    this.main.querySelector('#how').textContent = this.tr(
        'Tab moves between the controls, the arrow keys move the chosen cell. Escape, then Tab, ' +
            'leads to a text version of what is shown.',
        'Tab 在控件间移动，方向键移动所选单元格。按 Esc 再按 Tab，可进入画面内容的文字版。');
    document.querySelector('meta[name=theme-color]').content = dark ? '#16181d' : '#f7f7f8';
  }

  // ---- Messages over the canvas

  // Shows a message until it is closed; '' hides it.
  say(sentence) {
    const note = this.main.querySelector('#note');
    clearTimeout(this.#quietTimer);
    note.className = '';
    note.role = 'alert';
    note.hidden = !sentence;
    note.querySelector('span').textContent = sentence;
  }

  // A message that goes by itself, and never replaces one of `say`.
  #sayQuietly(sentence) {
    const note = this.main.querySelector('#note');
    if (!note.hidden && note.className !== 'quiet') return;
    this.say('');
    note.className = 'quiet';
    note.role = 'status';
    note.hidden = false;
    note.querySelector('span').textContent = sentence;
    this.#quietTimer = setTimeout(() => this.say(''), QUIET_MS);
  }

  // Progress over the canvas, 0 to 1; null hides it.
  progress(title, done) {
    const bar = this.main.querySelector('#reading');
    bar.hidden = done === null;
    bar.querySelector('span').textContent = title;
    bar.querySelector('progress').value = done ?? 0;
  }
}
