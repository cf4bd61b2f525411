// works.mjs - what is timed: the works, their sizes, how much they need, and what we want of them.
import path from 'node:path';
import {fileURLToPath} from 'node:url';

export const kRoot = path.resolve(path.dirname(fileURLToPath(import.meta.url)), '../..');

// The value after --name, or `otherwise`; true for a flag.
export function option(name, otherwise) {
  const at = process.argv.indexOf(`--${name}`);
  if (at < 0) return otherwise;
  const value = process.argv[at + 1];
  return value === undefined || value.startsWith('--') ? true : value;
}

const sized = (c) => ({...c, d_head: c.d_model / c.n_heads});
export const kGpt2 =
    sized({n_layers: 12, n_heads: 12, d_model: 768, d_mlp: 3072, d_vocab: 50257, n_ctx: 1024});
export const kMiniLm =
    sized({n_layers: 6, n_heads: 12, d_model: 384, d_mlp: 1536, d_vocab: 30522, n_ctx: 512});

// Seeded by nothing: any numbers that differ.
export const ids_of = (n, d_vocab) =>
    Array.from({length: n}, (_, i) => 1 + ((6007 * i + 17) % (d_vocab - 1)));

// ---- Needed work: a multiplication and an addition are 2; pairs that a causal mask hides need
// none

const linear_flops = (c) => 2 * c.n_layers * (4 * c.d_model ** 2 + 2 * c.d_model * c.d_mlp);
const pair_flops = (c) => 4 * c.n_layers * c.d_model;  // q·k and pattern · v
const gpt2_flops = (n) => linear_flops(kGpt2) * n + (pair_flops(kGpt2) * n * (n + 1)) / 2 +
    2 * kGpt2.d_model * kGpt2.d_vocab;
const minilm_flops = (n) => linear_flops(kMiniLm) * n + pair_flops(kMiniLm) * n * n;
const decode_flops = (n) =>
    linear_flops(kGpt2) + pair_flops(kGpt2) * (n + 1) + 2 * kGpt2.d_model * kGpt2.d_vocab;
// Every weight once, and the keys and values of all layers.
const decode_bytes = (width) => (n) =>
    (width * (linear_flops(kGpt2) + 2 * kGpt2.d_model * kGpt2.d_vocab)) / 2 +
    4 * 2 * kGpt2.n_layers * kGpt2.d_model * n;

// ---- The works
// model: what is loaded. graph: the rival's, in the model's folder unless it says one. n_ids:
// tokens for size n. check: patterns and logits are compared with the rival's. flops or bytes: what
// is needed of size n. ratio: how much faster than the rival we want to be, by size; peak: what
// part of the peak.
const kGpt2Sizes = [16, 64, 256, 1024], kGemmSizes = [16, 64, 256, 1024];
export const kWorks = {
  'gemm-768': {
    work: 'gemm-768',
    model: 'kernels',
    graph: 'gemm-768',
    sizes: kGemmSizes,
    feed: (n) => [n, 768],
    flops: (n) => 2 * 12 * n * 768 * 768,
    peak: {16: 0.7, 64: 0.9, 256: 0.9, 1024: 0.9},
  },
  'gemm-3072': {
    work: 'gemm-3072',
    model: 'kernels',
    graph: 'gemm-3072',
    sizes: kGemmSizes,
    feed: (n) => [n, 768],
    flops: (n) => 2 * 12 * n * 768 * 3072,
    peak: {16: 0.7, 64: 0.9, 256: 0.9, 1024: 0.9},
  },
  softmax: {
    work: 'softmax',
    model: 'kernels',
    graph: 'softmax',
    sizes: [64, 256, 1024],
    feed: (n) => [12, n, n],
    elements: (n) => (8 * 12 * n * (n + 1)) / 2,
    ratio: {64: 4, 256: 4, 1024: 4},
  },
  w1: {
    work: 'forward',
    model: 'gpt2-f32',
    graph: 'forward',
    sizes: kGpt2Sizes,
    n_ids: (n) => n,
    d_vocab: kGpt2.d_vocab,
    flops: gpt2_flops,
    check: true,
    ratio: {16: 1.4, 64: 1.6, 256: 1.6, 1024: 2},
    peak: {16: 0.7},
    native_ratio: {64: 0.8, 256: 0.8, 1024: 0.8},
  },
  'w1-patterns': {
    work: 'patterns',
    model: 'gpt2-f32',
    graph: 'forward',
    sizes: kGpt2Sizes,
    n_ids: (n) => n,
    d_vocab: kGpt2.d_vocab,
    flops: gpt2_flops,
    ratio: {64: 1.5, 256: 1.5, 1024: 1.8},
    native_ratio: {64: 0.8, 256: 0.8, 1024: 0.8},
  },
  'w1-bare': {
    work: 'bare',
    model: 'gpt2-f32',
    graph: 'forward',
    sizes: kGpt2Sizes,
    n_ids: (n) => n,
    d_vocab: kGpt2.d_vocab,
    flops: gpt2_flops,
    optional: true,
  },
  'w1-bf16': {
    work: 'forward',
    model: 'gpt2-bf16',
    rival_model: 'gpt2-f32',
    graph: 'forward',
    sizes: kGpt2Sizes,
    n_ids: (n) => n,
    d_vocab: kGpt2.d_vocab,
    flops: gpt2_flops,
    check: true,
    optional: true,
  },
  decode: {
    work: 'decode',
    model: 'gpt2-f32',
    graph: 'decode',
    sizes: [64, 256],
    n_ids: (n) => n + 1,
    d_vocab: kGpt2.d_vocab,
    flops: decode_flops,
    bytes: decode_bytes(4),
    check: true,
    ratio: {64: 1.1, 256: 1.4},
    floor: 1.3,
  },
  'decode-bf16': {
    work: 'decode',
    model: 'gpt2-bf16',
    rival_model: 'gpt2-f32',
    graph: 'decode',
    sizes: [64, 256],
    n_ids: (n) => n + 1,
    d_vocab: kGpt2.d_vocab,
    flops: decode_flops,
    bytes: decode_bytes(2),
    ratio: {64: 2.2, 256: 2.6},
  },
  w2: {
    work: 'forward',
    model: 'minilm-f32',
    graph: 'forward',
    sizes: [16, 64, 256, 512],
    n_ids: (n) => n,
    d_vocab: kMiniLm.d_vocab,
    flops: minilm_flops,
    check: true,
    ratio: {16: 1.3, 64: 1.7, 256: 1.7, 512: 1.9},
    native_ratio: {64: 0.8, 256: 0.8, 512: 0.8},
  },
};
export const kTwoThreads = 1.8;  // times one
// Against the rival's answer on the same weights.
export const kPatternLimit = 6e-6, kLogitLimit = 3e-5;

export function median(values) {
  const sorted = [...values].sort((a, b) => a - b), middle = sorted.length >> 1;
  return sorted.length % 2 ? sorted[middle] : (sorted[middle - 1] + sorted[middle]) / 2;
}
