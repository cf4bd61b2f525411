#!/usr/bin/env node
// run.mjs - our program beside its rival in one run, in turn: medians, ratios, parts of the
// measured limits.
//   node tests/bench/run.mjs [--native] [--works w1,w2] [--sizes 16,64] [--threads 1,2] [--rounds
//   3]
//     [--min-ms 400] [--build mt|st] [--dir BUILD_FOLDER] [--models FOLDER] [--alone]
//     [--tries 3] [--boost] [--out FILE]
import fs from 'node:fs';
import path from 'node:path';
import {fileURLToPath} from 'node:url';
import {open_page, open_program} from './peers.mjs';
import {boost, foreign_ms, pin_busiest, unpin} from './processes.mjs';
import {serve} from './server.mjs';
import {
  kGpt2,
  kLogitLimit,
  kPatternLimit,
  kRoot,
  kTwoThreads,
  kWorks,
  ids_of,
  median,
  option
} from './works.mjs';

const kHere = path.dirname(fileURLToPath(import.meta.url));
const list = (name, otherwise) => String(option(name, otherwise)).split(',').filter(Boolean);
const kNative = option('native', false), kBuild = kNative ? 'native' : option('build', 'mt');
const kDir = path.resolve(
    option('dir', path.join(kRoot, 'build', {native: 'native', mt: 'web-mt', st: 'web'}[kBuild])));
const kModels = path.resolve(option('models', path.join(kRoot, 'build/bench-models')));
const kChosen = list('works', Object.keys(kWorks).filter((name) => !kWorks[name].optional).join());
const kSizes = list('sizes', '').map(Number),
      kThreads = list('threads', kBuild === 'st' ? '1' : '1,2').map(Number);
const kRounds = Number(option('rounds', 3)), kMinMs = Number(option('min-ms', 400));
const kAlone = option('alone', false), kOut = option('out', null);
const kTries = Number(option('tries', 3)),
      kForeign = 0.3;  // processors that others may use during a sample

const sleep = (ms) => new Promise((resolve) => setTimeout(resolve, ms));
const is_long = (work, n) => n >= 512 && work.n_ids !== undefined;

// ---- The two

async function open_both(threads, base) {
  const rival_args = [path.join(kHere, 'rival_node.mjs'), kModels, String(threads)];
  const ours = kNative ?
      open_program('attnscope', path.join(kDir, 'bench'), [kModels]) :
      await open_page(
          'attnscope', `${base}bench/bench.html?peer=ours&build=${kBuild}&threads=${threads}`);
  if (kAlone) return [ours];
  return [
    ours,
    kNative ?
        open_program('onnxruntime-node', process.execPath, rival_args) :
        await open_page('onnxruntime-web', `${base}bench/bench.html?peer=rival&threads=${threads}`)
  ];
}

// What both are told of a work at a size.
function command_of(work, n, threads) {
  const ids = work.n_ids && ids_of(work.n_ids(n), work.d_vocab);
  return {
    work: work.work,
    n,
    threads,
    ids,
    feed: work.feed?.(n),
    past_shape: [kGpt2.n_heads, kGpt2.d_head]
  };
}

const load_ours = (peer, work) =>
    work.model !== 'kernels' && peer.answer({cmd: 'load', model: work.model});
const load_rival = (peer, work, model = work.rival_model ?? work.model) =>
    peer.answer({cmd: 'load', model, graph: work.graph});

// ---- Samples

// Runs `sample`; again when others had much of the machine meanwhile. {value, noisy}
async function undisturbed(sample) {
  for (let turn = 1;; ++turn) {
    const start = performance.now(), before = foreign_ms();
    const value = await sample();
    const noisy = (foreign_ms() - before) / (performance.now() - start) > kForeign;
    if (!noisy || turn === kTries) return {value, noisy};
    await sleep(300);
  }
}

// {ms: every sample of each peer, noisy: rounds, flops_per_s and bytes_per_s: medians over rounds
// of the best samples of each, since a shared machine's speed drifts by tens of percent and limits
// must be those of the same moments}
async function rounds_of(peers, work, n, threads) {
  const long = is_long(work, n), command = {cmd: 'bench', ...command_of(work, n, threads)};
  const bench = (peer, more) => peer.answer({...command, ...more}).then(({ms}) => ms);
  const warm = long ? {min_reps: 1} : {min_reps: 2, min_ms: 200};
  const pinned = [];
  for (const peer of peers) {
    // Twice: engines compile what is called often, and their compiling threads must not be pinned.
    await bench(peer, warm);
    if (threads > 1)
      pinned.push(...await pin_busiest(peer.pids(), threads, () => bench(peer, warm)));
    else
      await bench(peer, warm);
  }
  const limits = {
    peak: {min_reps: 12, per_s: []},
    ...(work.bytes && {read: {min_reps: 3, per_s: []}})
  };
  const measure_limits = async () => {
    for (const [name, {min_reps, per_s}] of Object.entries(limits)) {
      const {ms, units} = await peers[0].answer({cmd: 'bench', work: name, threads, min_reps});
      per_s.push((1000 * units) / Math.min(...ms));
    }
  };
  await measure_limits();
  const ms = peers.map(() => []);
  let noisy = 0;
  for (let round = 0; round < kRounds; ++round) {
    for (let i = 0; i < peers.length; ++i) {
      const at = (i + round) % peers.length;
      const sample = await undisturbed(
          () => bench(peers[at], long ? {min_reps: 1} : {min_reps: 3, min_ms: kMinMs}));
      ms[at].push(...sample.value);
      noisy += sample.noisy;
    }
    await measure_limits();
  }
  unpin(pinned);
  const per_s = (limit) => limit && median(limit.per_s);
  return {
    ms,
    noisy,
    flops_per_s: per_s(limits.peak),
    best_flops_per_s: Math.max(...limits.peak.per_s),
    bytes_per_s: per_s(limits.read)
  };
}

// ---- The same answers?

const floats_of = (base64) => {
  const bytes = Buffer.from(base64, 'base64');
  return new Float32Array(
      bytes.buffer.slice(bytes.byteOffset, bytes.byteOffset + bytes.byteLength));
};
function furthest(a, b) {
  if (a.length !== b.length) return Infinity;
  let most = 0;
  for (let i = 0; i < a.length; ++i) {
    const distance = Math.abs(a[i] - b[i]);
    if (!(distance <= most)) most = distance;
  }
  return most;
}

// On the same weights, which for bfloat16 are not those that the rival is timed with.
async function compare([ours, rival], work, n, threads) {
  const command = {cmd: 'dump', ...command_of(work, n, threads)};
  await load_rival(rival, work, work.model);
  const [a, b] = [await ours.answer(command), await rival.answer(command)];
  await load_rival(rival, work);
  const patterns = furthest(floats_of(a.patterns), floats_of(b.patterns));
  const logits = a.logits && b.logits ? furthest(floats_of(a.logits), floats_of(b.logits)) : 0;
  return {patterns, logits, holds: patterns <= kPatternLimit && logits <= kLogitLimit};
}

// ---- The table

const fixed = (x, digits) => (Number.isFinite(x) ? x.toFixed(digits) : '–');
const of_wanted = (x, wanted, digits = 2) =>
    `${fixed(x, digits)}${wanted ? ` (${x >= wanted ? 'reaches' : 'below'} ${wanted})` : ''}`;
const kHead = [
  'work', 'n', 'threads', 'ours ms', 'rival ms', 'ratio (wanted)', 'GFLOP/s or Gelem/s',
  'of peak (wanted)', 'times the floor', 'disturbed', 'best ms', 'ratio of the best', 'best of peak'
];
const line_of = (cells) => `| ${cells.join(' | ')} |`;

function row_of(name, n, threads, {ms, noisy, flops_per_s, best_flops_per_s, bytes_per_s}) {
  const work = kWorks[name], [ours, rival] = ms.map(median);
  const floor_ms = work.bytes ? (1000 * work.bytes(n)) / bytes_per_s : NaN;
  const needed = 1000 * (work.flops ?? work.elements)(n), rate = needed / ours;
  const [best, rival_best] = ms.map((samples) => Math.min(...samples));
  return {
    name,
    n,
    threads,
    build: kBuild,
    ours_ms: ours,
    rival_ms: rival,
    ratio: rival / ours,
    rate,
    of_peak: work.flops ? rate / flops_per_s : NaN,
    floor_ms,
    of_floor: ours / floor_ms,
    noisy,
    flops_per_s,
    bytes_per_s,
    ms,
    best_ms: best,
    best_ratio: rival_best / best,
    best_of_peak: work.flops ? needed / best / best_flops_per_s : NaN,
    wanted_ratio: (kNative ? work.native_ratio : work.ratio)?.[n],
    wanted_peak: kNative ? undefined : work.peak?.[n],
    wanted_floor: kNative ? undefined : work.floor,
  };
}
const text_of = (r) => line_of([
  r.name, r.n, r.threads, fixed(r.ours_ms, 2), fixed(r.rival_ms, 2),
  of_wanted(r.ratio, r.wanted_ratio), fixed(r.rate / 1e9, 1), of_wanted(r.of_peak, r.wanted_peak),
  Number.isFinite(r.of_floor) ?
      `${fixed(r.of_floor, 2)}${
          r.wanted_floor ?
              ` (${r.of_floor <= r.wanted_floor ? 'reaches' : 'above'} ${r.wanted_floor})` :
              ''}` :
      '–',
  r.noisy, fixed(r.best_ms, 2), fixed(r.best_ratio, 2), fixed(r.best_of_peak, 2)
]);

// How much faster two threads are than one, of the rows that have both.
function print_threads(rows) {
  const pairs = rows.flatMap(
      (two) => rows.filter(
                       (one) => two.threads === 2 && one.threads === 1 && one.name === two.name &&
                           one.n === two.n)
                   .map((one) => [one, two]));
  if (!pairs.length) return;
  console.log(`\n${
      line_of(['work', 'n', 'ours: two threads times one (wanted)', 'rival'])}\n|---|---|---|---|`);
  for (const [one, two] of pairs) {
    console.log(line_of([
      one.name, one.n, of_wanted(one.ours_ms / two.ours_ms, one.n >= 64 ? kTwoThreads : undefined),
      fixed(one.rival_ms / two.rival_ms, 2)
    ]));
  }
}

// ---- All of it

for (const name of kChosen) {
  if (!kWorks[name])
    throw new Error(`there is no work "${name}"; there are ${Object.keys(kWorks).join(', ')}`);
}
const modules = path.join(kHere, 'node_modules');
const server = await serve(
    {'bench/': kHere, 'models/': kModels, 'node_modules/': modules, [`ours/${kBuild}/`]: kDir});
const rows = [], faults = [];
process.on('SIGINT', () => process.exit(1));
process.on('SIGTERM', () => process.exit(1));

console.log(`${kBuild}, ${kNative ? 'onnxruntime-node' : 'onnxruntime-web (wasm, f32)'} as rival, ${
    kRounds} rounds, medians`);
console.log(`\n${line_of(kHead)}\n|${'---|'.repeat(kHead.length)}`);
for (const threads of kThreads) {
  const peers = await open_both(threads, server.url), [ours, rival] = peers;
  if (option('boost', false)) boost([process.pid, ...peers.flatMap((peer) => peer.pids())]);
  for (const name of kChosen) {
    const work = kWorks[name];
    try {
      await load_ours(ours, work);
      if (rival) await load_rival(rival, work);
      for (const n of work.sizes.filter((size) => !kSizes.length || kSizes.includes(size))) {
        if (work.check && rival && n <= 64) {
          const {patterns, logits, holds} = await compare(peers, work, n, threads);
          const said = `${name} n=${n} T${threads}: patterns differ by ${
              patterns.toExponential(1)}, logits by ${logits.toExponential(1)}`;
          console.error(said);
          if (!holds)
            faults.push(`${said}; at most ${kPatternLimit} and ${kLogitLimit} are allowed`);
        }
        const row = row_of(name, n, threads, await rounds_of(peers, work, n, threads));
        rows.push(row);
        console.log(text_of(row));
        if (kOut)
          fs.appendFileSync(kOut, JSON.stringify({...row, when: new Date().toISOString()}) + '\n');
      }
    } catch (error) {
      faults.push(`${name} T${threads}: ${error.message.split('\n')[0]}`);
      console.error(faults.at(-1));
    }
  }
  for (const peer of peers) await peer.close();
}
print_threads(rows);
for (const limit of ['flops_per_s', 'bytes_per_s']) {
  const best =
      kThreads
          .map(
              (t) =>
                  [t,
                   Math.max(0, ...rows.filter((r) => r.threads === t).map((r) => r[limit] ?? 0))])
          .filter(([, x]) => x);
  if (best.length)
    console.log(`\nBest ${limit === 'flops_per_s' ? 'peak, GFLOP/s' : 'read bandwidth, GB/s'}: ${
        best.map(([t, x]) => `${fixed(x / 1e9, 1)} (${t} thread${t > 1 ? 's' : ''})`).join(', ')}`);
}
if (faults.length) console.log(`\nFailed:\n${faults.map((fault) => `- ${fault}`).join('\n')}`);
server.close();
process.exit(faults.length ? 1 : 0);
