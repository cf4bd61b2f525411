#!/usr/bin/env node
// load.mjs - the real page opens a large model: how long until the first heat map, and how much
// memory. The rival is a bare page of onnxruntime-web that loads the same weights and computes the
// same patterns.
//   node tests/bench/load.mjs [--site build/site] [--models FOLDER] [--model gpt2-f32] [--sizes
//   64,256,1024]
//     [--rounds 3] [--alone] [--out FILE]
import fs from 'node:fs';
import path from 'node:path';
import {fileURLToPath} from 'node:url';
import {open_browser} from './peers.mjs';
import {renderer_memory} from './processes.mjs';
import {serve} from './server.mjs';
import {kRoot, ids_of, median, option} from './works.mjs';

const kHere = path.dirname(fileURLToPath(import.meta.url));
const kSite = path.resolve(option('site', path.join(kRoot, 'build/site')));
const kModels = path.resolve(option('models', path.join(kRoot, 'build/bench-models')));
const kModel = option('model', 'gpt2-f32'), kRounds = Number(option('rounds', 3));
const kSizes = String(option('sizes', '64,256,1024')).split(',').map(Number);
const kVocabulary =
    JSON.parse(fs.readFileSync(path.join(kModels, kModel, 'config.json'))).vocab_size;
const kEager =
    ['--enable-blink-features=ForceEagerMeasureMemory'];  // answers at once, not after minutes

// Bytes of everything the page holds, as the browser counts them; NaN where it does not.
const counted_mb = (page) => page.evaluate(() => Promise.race([
                                   performance.measureUserAgentSpecificMemory?.()
                                       .then(({bytes}) => bytes / 1048576)
                                       .catch(() => NaN),  // such as: not isolated
                                   new Promise((resolve) => setTimeout(() => resolve(NaN), 10000)),
                                 ]))
                                 .then((mb) => mb ?? NaN);

async function memory_of(page, pids) {
  const first = await counted_mb(page);  // the first answer of a page leaves much out
  return {
    ...renderer_memory(pids()),
    counted_mb: Number.isNaN(first) ? NaN : await counted_mb(page)
  };
}

// In the page: milliseconds since it began to open, when `text` of n words is on the screen.
const wait_shown = ([model, n]) => new Promise((resolve, reject) => {
  const look = () => {
    const status =
        globalThis.attnscope?.frames === 0 ? null : globalThis.attnscope?.ask?.('status');
    const trouble = status?.error ?? status?.file_error ?? status?.link_error;
    if (trouble) return reject(new Error(trouble));
    const shown = status?.model === model && status.n_query === n && status.current && !status.busy;
    requestAnimationFrame(shown ? () => resolve(performance.now()) : look);
  };
  look();
});

async function load_ours(base) {
  const {browser, pids} = await open_browser(kEager), page = await browser.newPage();
  page.setDefaultTimeout(600000);
  const words = (n) => ids_of(n, kVocabulary).map((id) => `w${id}`).join(' ');
  const hash = (n) => '#' + new URLSearchParams({model: kModel, text: words(n)});
  const row = {};
  try {
    await page.goto(`${base}?sw=0${hash(kSizes[0])}`, {waitUntil: 'commit'});
    row.shown_ms = await page.evaluate(wait_shown, [kModel, kSizes[0]]);
    row.bytes_ms = await page.evaluate(
        () => Math.max(...performance.getEntriesByType('resource')
                           .filter(({name}) => name.endsWith('.safetensors'))
                           .map(({responseEnd}) => responseEnd)));
    row.after_ms = row.shown_ms - row.bytes_ms;
    for (const n of kSizes) {
      if (n !== kSizes[0]) {
        const before = await page.evaluate((h) => {
          location.hash = h;
          return performance.now();
        }, hash(n));
        row[`shown_${n}_ms`] = (await page.evaluate(wait_shown, [kModel, n])) - before;
      }
      row[`memory_${n}`] = await memory_of(page, pids);
    }
  } finally {
    await browser.close();
  }
  return row;
}

async function load_rival(base) {
  const {browser, pids} = await open_browser(kEager), page = await browser.newPage();
  page.setDefaultTimeout(600000);
  const row = {};
  const tell = async (command) => {
    const answer = await page.evaluate((c) => window.answer(c), command);
    if (answer.error) throw new Error(answer.error);
    return answer;
  };
  const pass = (n) => tell({cmd: 'bench', ids: ids_of(n, kVocabulary), min_reps: 1});
  try {
    await page.goto(`${base}bench/bench.html?peer=rival&threads=2`);
    await page.waitForFunction('window.answer');
    await tell({cmd: 'load', model: kModel, graph: 'forward'});
    await pass(kSizes[0]);
    row.shown_ms = await page.evaluate(() => performance.now());
    row.bytes_ms = await page.evaluate(
        () => Math.max(...performance.getEntriesByType('resource')
                           .filter(({name}) => name.endsWith('.safetensors'))
                           .map(({responseEnd}) => responseEnd)));
    row.after_ms = row.shown_ms - row.bytes_ms;
    for (const n of kSizes) {
      if (n !== kSizes[0]) row[`shown_${n}_ms`] = (await pass(n)).ms[0];
      row[`memory_${n}`] = await memory_of(page, pids);
    }
  } finally {
    await browser.close();
  }
  return row;
}

// ---- All of it

const listed = {
  models: [{
    id: kModel,
    title: {en: kModel, zh: kModel},
    description: {en: kModel, zh: kModel},
    folder: kModel,
    files: ['config.json', 'model.safetensors', 'tokenizer.json'],
    default_text: 'w1 w2',
    examples: [],
  }]
};
const server = await serve({
  'models/index.json': {text: JSON.stringify(listed)},
  'models/': kModels,
  'bench/': kHere,
  'node_modules/': path.join(kHere, 'node_modules'),
  '': kSite,
});
process.on('SIGINT', () => process.exit(1));
process.on('SIGTERM', () => process.exit(1));
const peers = {
  attnscope: load_ours,
  ...(!option('alone', false) && {'onnxruntime-web': load_rival})
};
const rows = Object.fromEntries(Object.keys(peers).map((name) => [name, []]));
let failed = 0;
for (let round = 0; round < kRounds; ++round) {
  for (const [name, load] of Object.entries(peers)) {
    try {
      rows[name].push(await load(server.url));
      console.error(`${name}: ${JSON.stringify(rows[name].at(-1))}`);
    } catch (error) {
      ++failed;
      console.error(`${name}: ${error.message.split('\n')[0]}`);
    }
  }
}
const middle = (list, value) => median(list.map(value)).toFixed(0);
console.log(
    `${kModel}, ${kRounds} rounds, medians; ms since the page began to open; ` +
    'MB resident / highest so far / counted by the browser\n');
const later = kSizes.slice(1), sized = (what, sizes) => sizes.map((n) => `${what}, n = ${n}`);
console.log(`| | bytes read | first heat map (n = ${kSizes[0]}) | after the last byte | ${
        [...sized('new text ms', later), ...sized('MB', kSizes)].join(' | ')} |`);
console.log(`|---|---|---|---|${'---|'.repeat(later.length + kSizes.length)}`);
for (const [name, list] of Object.entries(rows)) {
  if (!list.length) continue;
  const cells = ['bytes_ms', 'shown_ms', 'after_ms', ...later.map((n) => `shown_${n}_ms`)].map(
      (key) => middle(list, (r) => r[key]));
  const memory = kSizes.map(
      (n) => ['rss_mb', 'peak_mb', 'counted_mb']
                 .map((key) => middle(list, (r) => r[`memory_${n}`][key]))
                 .join(' / '));
  console.log(`| ${[name, ...cells, ...memory].join(' | ')} |`);
  if (option('out', null))
    fs.appendFileSync(
        option('out'),
        JSON.stringify({name, model: kModel, rows: list, when: new Date().toISOString()}) + '\n');
}
server.close();
process.exit(failed ? 1 : 0);
