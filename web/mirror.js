// mirror.js - the screen as text, for screen readers: tabs, settings, the row of weights, messages.
// The program describes it as JSON (src/ui/mirror.cpp); what is done here goes back as `act`.
// Unseen beside the canvas, and shown while the keyboard is in it.

const PAUSE_MS = 150;  // after a frame, so that the screen is not described in every one

export class Mirror {
  #page;
  #parts = {};
  #said = '';  // the JSON last shown
  #timer = 0;

  constructor(page, place) {
    this.#page = page;
    const part = (name, tag, attributes = {}) => {
      this.#parts[name] = place.appendChild(make(tag, attributes));
    };
    part('title', 'h1', {id: 'mirror-title'});
    part('size', 'p');
    part('status', 'p', {role: 'status'});
    part('errors', 'div', {role: 'alert'});
    part('retry', 'button', {type: 'button'});
    part('tablists', 'div');
    part('controls', 'div');
    part('site', 'h2');
    part('head', 'div');
    part('cell', 'p');
    part('table', 'table');
    part('more', 'p');
    const {table} = this.#parts;
    for (const tag of ['caption', 'thead', 'tbody']) table.append(make(tag));
    table.tHead.append(make('tr'));
    this.#parts.retry.addEventListener('click', () => this.#act('retry', 0));
    place.addEventListener('keydown', (event) => {
      if (event.key === 'Escape') page.canvas.focus({preventScroll: true});
    });
    this.changed();
  }

  // A frame was drawn.
  changed() {
    this.#timer ||= setTimeout(() => {
      this.#timer = 0;
      const now = this.#page.ask('mirror');
      const text = JSON.stringify(now);
      if (now && text !== this.#said) this.#show(now);
      this.#said = text;
    }, PAUSE_MS);
  }

  #act(id, value) {
    clearTimeout(this.#timer);  // the answer would still be the old one
    this.#timer = 0;
    this.#page.ask(`act ${id} ${value}`);
  }

  #show(now) {
    const {table, retry, ...parts} = this.#parts;
    const text = now.text ? `${now.model}: ${now.text}` : now.model;
    write(parts.title, `attnscope – ${now.title}`);
    write(parts.size, now.size ? `${text} (${now.size})` : text);
    for (const name of ['status', 'site', 'cell', 'more']) {
      write(parts[name], now[name]);
      parts[name].hidden = !now[name] && name !== 'status';
    }
    write(retry, now.retry);
    retry.hidden = !now.retry;
    each(parts.errors, now.errors, () => make('p'), write);
    each(parts.head, now.head ?? [], () => make('p'), write);
    each(
        parts.tablists, now.tablists, () => this.#makeTabs(),
        (node, list) => this.#tabs(node, list));
    each(parts.controls, now.controls, () => make('label'), (node, c) => this.#control(node, c));
    table.hidden = !now.rows;
    if (!now.rows) return;
    write(table.caption, now.caption);
    const [head] = table.tHead.rows;
    each(head, now.columns, () => make('th', {scope: 'col'}), write);
    each(table.tBodies[0], now.rows, () => this.#makeRow(), (row, [place, key, weight, index]) => {
      write(row.cells[0], place);
      write(row.cells[1].firstChild, key);
      row.cells[1].firstChild.value = index;
      write(row.cells[2], weight);
    });
  }

  // ---- Tabs: one of a list is reached by Tab, the others by the arrow keys.

  #makeTabs() {
    const list = make('div', {role: 'tablist'});
    list.addEventListener('click', ({target}) => {
      if (target.role === 'tab') this.#act(list.dataset.id, target.value);
    });
    list.addEventListener('keydown', (event) => {
      const {children} = list;
      const at = [...children].indexOf(document.activeElement);
      const last = children.length - 1;
      const next = {
        ArrowRight: at < last ? at + 1 : 0,
        ArrowLeft: at > 0 ? at - 1 : last,
        Home: 0,
        End: last,
      }[event.key];
      if (at < 0 || next === undefined) return;
      event.preventDefault();
      children[next].focus();
      children[next].click();
    });
    return list;
  }

  #tabs(list, {id, label, chosen, tabs}) {
    list.dataset.id = id;
    list.ariaLabel = label;
    each(list, tabs, () => make('button', {type: 'button', role: 'tab'}), (tab, one) => {
      write(tab, one.label);
      Object.assign(tab, {value: one.id, title: one.help, ariaSelected: one.id === chosen});
      tab.tabIndex = one.id === chosen ? 0 : -1;
    });
  }

  // ---- Settings

  #control(node, c) {
    if (node.dataset.id !== c.id) node.replaceChildren(make('span'), this.#makeInput(c));
    node.dataset.id = c.id;
    const [label, input] = node.children;
    write(label, c.label);
    if (c.options) {
      each(input, c.options, () => make('option'), write);
      input.selectedIndex = c.value;
    } else {
      Object.assign(input, {min: c.min, max: c.max, step: c.step});
      input.value = c.value;
      input.ariaValueText = c.says;
    }
  }

  #makeInput({id, options}) {
    const input = options ? make('select') : make('input', {type: 'range'});
    input.addEventListener('input', () => {
      this.#act(id, options ? input.selectedIndex : input.value);
    });
    return input;
  }

  // ---- The row of weights; a key is chosen by its button, which only screen readers reach: the
  // arrow keys of the canvas do the same.

  #makeRow() {
    const row = make('tr');
    row.append(make('td'), make('th', {scope: 'row'}), make('td'));
    const key = row.cells[1].appendChild(make('button', {type: 'button', tabIndex: -1}));
    key.addEventListener('click', () => this.#act('cell', key.value));
    return row;
  }
}

function make(tag, attributes) {
  return Object.assign(document.createElement(tag), attributes);
}

// Names in a file may hold control characters, or turn the direction of the text around them.
const UNSEEN = /[\0-\x08\x0b-\x1f\x7f-\x9f\u061c\u200e\u200f\u2028-\u202e\u2066-\u2069]/g;

export function write(node, text = '') {
  const safe = text.replace(UNSEEN, (c) => `\\u${c.charCodeAt(0).toString(16).padStart(4, '0')}`);
  if (node.textContent !== safe) node.textContent = safe;
}

// One child for each entry; those that are there are kept, with the focus that one of them may
// have.
function each(parent, entries, create, fill) {
  while (parent.children.length > entries.length) parent.lastElementChild.remove();
  entries.forEach((entry, i) => fill(parent.children[i] ?? parent.appendChild(create()), entry));
}
