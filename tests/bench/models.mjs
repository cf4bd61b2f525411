#!/usr/bin/env node
// models.mjs - writes the models of the benchmark: seeded random weights, for us as a folder in
// Hugging Face layout, for the rivals as ONNX graphs whose weights are the very bytes of the same
// safetensors.
//   node tests/bench/models.mjs [--out build/bench-models]
import fs from 'node:fs';
import path from 'node:path';
import {Graph, kBfloat16, kFloat, kInt64} from './onnx.mjs';
import {kGpt2, kMiniLm, kRoot, option} from './works.mjs';

const kOut = path.resolve(option('out', path.join(kRoot, 'build/bench-models')));
const kWeights = 'model.safetensors';

// ---- Random numbers

// Normal numbers from a table, which is as random as a speed test needs and takes a nanosecond
// each.
function* seeds() {
  for (let state = 2463534242;;) yield(state = (Math.imul(state, 1664525) + 1013904223) >>> 0);
}
const kTableBits = 16;
const kNormal = (() => {
  const table = new Float32Array(1 << kTableBits), seed = seeds();
  const uniform = () => (seed.next().value + 0.5) / 2 ** 32;
  for (let i = 0; i < table.length; i += 2) {
    const r = Math.sqrt(-2 * Math.log(uniform())), angle = 2 * Math.PI * uniform();
    table[i] = r * Math.cos(angle);
    table[i + 1] = r * Math.sin(angle);
  }
  return table;
})();
let random_state = 88172645;
function normal(size, std, mean = 0) {
  const out = new Float32Array(size);
  let state = random_state;
  for (let i = 0; i < size; ++i) {
    state ^= state << 13;
    state ^= state >>> 17;
    state ^= state << 5;
    out[i] = mean + std * kNormal[state >>> (32 - kTableBits)];
  }
  random_state = state;
  return out;
}

// The nearest bfloat16, to even where two are as near.
function to_bf16(floats) {
  const bits = new Uint32Array(floats.buffer, floats.byteOffset, floats.length);
  const out = new Uint16Array(floats.length);
  for (let i = 0; i < bits.length; ++i) out[i] = (bits[i] + 0x7fff + ((bits[i] >>> 16) & 1)) >>> 16;
  return out;
}

// ---- Weights: [name, shape, std, mean], in the names and shapes of transformers

function gpt2_tensors({n_layers, d_model, d_mlp, d_vocab, n_ctx}) {
  const norm = (name) => [[`${name}.weight`, [d_model], 0.1, 1], [`${name}.bias`, [d_model], 0.02]];
  const conv =
      (name, from, to, std) => [[`${name}.weight`, [from, to], std], [`${name}.bias`, [to], 0.02]];
  const list = [['wte.weight', [d_vocab, d_model], 0.1], ['wpe.weight', [n_ctx, d_model], 0.05]];
  for (let l = 0; l < n_layers; ++l) {
    const h = `h.${l}`;
    // Large enough that patterns are not uniform.
    list.push(
        ...norm(`${h}.ln_1`), ...conv(`${h}.attn.c_attn`, d_model, 3 * d_model, 0.045),
        ...conv(`${h}.attn.c_proj`, d_model, d_model, 0.02), ...norm(`${h}.ln_2`),
        ...conv(`${h}.mlp.c_fc`, d_model, d_mlp, 0.02),
        ...conv(`${h}.mlp.c_proj`, d_mlp, d_model, 0.02));
  }
  return [...list, ...norm('ln_f')];
}

function bert_tensors({n_layers, d_model, d_mlp, d_vocab, n_ctx}) {
  const norm = (name) => [[`${name}.weight`, [d_model], 0.1, 1], [`${name}.bias`, [d_model], 0.02]];
  const dense =
      (name, from, to, std) => [[`${name}.weight`, [to, from], std], [`${name}.bias`, [to], 0.02]];
  const list = [
    ['embeddings.word_embeddings.weight', [d_vocab, d_model], 0.1],
    ['embeddings.position_embeddings.weight', [n_ctx, d_model], 0.05],
    ['embeddings.token_type_embeddings.weight', [2, d_model], 0.05],
    ...norm('embeddings.LayerNorm'),
  ];
  for (let l = 0; l < n_layers; ++l) {
    const layer = `encoder.layer.${l}`;
    list.push(
        ...dense(`${layer}.attention.self.query`, d_model, d_model, 0.07),
        ...dense(`${layer}.attention.self.key`, d_model, d_model, 0.07),
        ...dense(`${layer}.attention.self.value`, d_model, d_model, 0.03),
        ...dense(`${layer}.attention.output.dense`, d_model, d_model, 0.03),
        ...norm(`${layer}.attention.output.LayerNorm`),
        ...dense(`${layer}.intermediate.dense`, d_model, d_mlp, 0.03),
        ...dense(`${layer}.output.dense`, d_mlp, d_model, 0.03),
        ...norm(`${layer}.output.LayerNorm`));
  }
  return list;
}

// Writes the file and returns name -> {shape, type, offset in the file, length}.
function write_safetensors(folder, tensors, dtype) {
  const width = dtype === 'BF16' ? 2 : 4;
  const header = {}, places = new Map();
  let end = 0;
  for (const [name, shape] of tensors) {
    const length = width * shape.reduce((a, b) => a * b, 1);
    header[name] = {dtype, shape, data_offsets: [end, end + length]};
    places.set(name, {shape, type: dtype === 'BF16' ? kBfloat16 : kFloat, offset: end, length});
    end += length;
  }
  let text = JSON.stringify(header);
  text += ' '.repeat((64 - ((8 + text.length) % 64)) % 64);  // a cache line, for whoever maps it
  const size = Buffer.alloc(8);
  size.writeBigUInt64LE(BigInt(text.length));
  const file = fs.openSync(path.join(folder, kWeights), 'w');
  fs.writeSync(file, size);
  fs.writeSync(file, text);
  random_state = 88172645;  // so that the bfloat16 model is the other one, rounded
  for (const [, shape, std, mean] of tensors) {
    const floats = normal(shape.reduce((a, b) => a * b, 1), std, mean);
    const stored = dtype === 'BF16' ? to_bf16(floats) : floats;
    fs.writeSync(file, new Uint8Array(stored.buffer));
  }
  fs.closeSync(file);
  for (const place of places.values()) place.offset += 8 + text.length;
  return places;
}

// A word a number, so that any text of "w1 w2 …" can be read.
function write_tokenizer(folder, d_vocab, unknown) {
  const vocab =
      Object.fromEntries(Array.from({length: d_vocab}, (_, i) => [i ? `w${i}` : unknown, i]));
  fs.writeFileSync(path.join(folder, 'tokenizer.json'), JSON.stringify({
    version: '1.0',
    truncation: null,
    padding: null,
    added_tokens: [],
    normalizer: null,
    pre_tokenizer: {type: 'WhitespaceSplit'},
    post_processor: null,
    decoder: null,
    model: {type: 'WordLevel', vocab, unk_token: unknown},
  }));
}

// ---- The rivals' graphs

// Tensors of the safetensors file by name, as floats.
function weights_of(g, places) {
  const seen = new Map();
  return (name) => {
    if (!seen.has(name)) {
      const {shape, type, offset, length} = places.get(name);
      g.external(name, type, shape, kWeights, offset, length);
      seen.set(name, type === kFloat ? name : g.op('Cast', [name], {to: kFloat}));
    }
    return seen.get(name);
  };
}

function parts_of(g, weight, epsilon) {
  return {
    norm: (x, name) => g.op(
        'LayerNormalization', [x, weight(`${name}.weight`), weight(`${name}.bias`)],
        {axis: -1, epsilon}),
    linear: (x, name, options) =>
        g.op('Gemm', [x, weight(`${name}.weight`), weight(`${name}.bias`)], options),
    // [n, heads * d_head] -> [heads, n, d_head]
    heads: (x, {n_heads, d_head}) => g.op(
        'Transpose', [g.op('Reshape', [x, g.constant([-1, n_heads, d_head])])], {perm: [1, 0, 2]}),
    // [heads, n, d_head] -> [n, heads * d_head]
    flat: (z, {d_model}) =>
        g.op('Reshape', [g.op('Transpose', [z], {perm: [1, 0, 2]}), g.constant([-1, d_model])]),
    // q kᵀ / √d_head, and the mask where there is one; the softmax is an output.
    pattern: (q, k, mask, out, {d_head}) => {
      const scores = g.op(
          'FusedMatMul', [q, k],
          {domain: 'com.microsoft', transB: 1, alpha: {float: d_head ** -0.5}});
      return g.op('Softmax', [mask ? g.op('Add', [scores, mask]) : scores], {axis: -1, out});
    },
  };
}

// All positions at once; or with past keys and values one more (`decode`).
function gpt2_graph(places, c, decode) {
  const g = new Graph(), weight = weights_of(g, places),
        {norm, linear, heads, flat, pattern} = parts_of(g, weight, 1e-5);
  const ids = g.input('ids', kInt64, [decode ? 1 : 'n']);
  const past = ['n_heads', 'past', 'd_head'].map((d) => c[d] ?? d),
        now = [c.n_heads, 'all', c.d_head];
  let positions, mask;
  if (decode) {
    for (let l = 0; l < c.n_layers; ++l)
      for (const what of 'kv') g.input(`past_${what}_${l}`, kFloat, past);
    positions = g.op('Slice', [g.op('Shape', ['past_k_0']), g.constant([1]), g.constant([2])]);
  } else {
    const n = g.op('Squeeze', [g.op('Shape', [ids])]);
    positions = g.op('Range', [g.constant(0), n, g.constant(1)]);
    const [keys, queries] =
        [0, 1].map((axis) => g.op('Unsqueeze', [positions, g.constant([axis])]));
    mask = g.op('Where', [
      g.op('LessOrEqual', [keys, queries]), g.constant({float: 0}),
      g.constant({float: -3.4028234e38})
    ]);
  }
  let x = g.op('Add', [
    g.op('Gather', [weight('wte.weight'), ids]), g.op('Gather', [weight('wpe.weight'), positions])
  ]);
  for (let l = 0; l < c.n_layers; ++l) {
    const qkv = linear(norm(x, `h.${l}.ln_1`), `h.${l}.attn.c_attn`);
    let [q, k, v] = g.ops('Split', [qkv, g.constant([c.d_model, c.d_model, c.d_model])], 3, {
                       axis: 1
                     }).map((t) => heads(t, c));
    if (decode) {
      [k, v] = [['k', k], ['v', v]].map(
          ([what, t]) => g.op(
              'Concat', [`past_${what}_${l}`, t],
              {axis: 1, out: g.output(`present_${what}_${l}`, kFloat, now)}));
    }
    const a = pattern(
        q, k, mask,
        g.output(`pattern_${l}`, kFloat, [c.n_heads, decode ? 1 : 'n', decode ? 'all' : 'n']), c);
    const z = flat(g.op('MatMul', [a, v]), c);
    x = g.op('Add', [x, linear(z, `h.${l}.attn.c_proj`)]);
    const hidden =
        g.op('Gelu', [linear(norm(x, `h.${l}.ln_2`), `h.${l}.mlp.c_fc`)], {approximate: 'tanh'});
    x = g.op('Add', [x, linear(hidden, `h.${l}.mlp.c_proj`)]);
  }
  if (!decode) x = g.op('Gather', [x, g.constant([-1])]);
  g.op(
      'Gemm', [norm(x, 'ln_f'), weight('wte.weight')],
      {transB: 1, out: g.output('logits', kFloat, [1, c.d_vocab])});
  return g.encode();
}

function bert_graph(places, c) {
  const g = new Graph(), weight = weights_of(g, places),
        {norm, linear, heads, flat, pattern} = parts_of(g, weight, 1e-12);
  const dense = (x, name) => linear(x, name, {transB: 1});
  const ids = g.input('ids', kInt64, ['n']);
  const n = g.op('Squeeze', [g.op('Shape', [ids])]);
  const positions = g.op('Range', [g.constant(0), n, g.constant(1)]);
  const rows = (table, index) => g.op('Gather', [weight(`embeddings.${table}.weight`), index]);
  let x =
      g.op('Add', [rows('word_embeddings', ids), rows('token_type_embeddings', g.constant([0]))]);
  x = norm(g.op('Add', [x, rows('position_embeddings', positions)]), 'embeddings.LayerNorm');
  for (let l = 0; l < c.n_layers; ++l) {
    const layer = `encoder.layer.${l}`;
    const [q, k, v] = ['query', 'key', 'value'].map(
        (what) => heads(dense(x, `${layer}.attention.self.${what}`), c));
    const a = pattern(q, k, null, g.output(`pattern_${l}`, kFloat, [c.n_heads, 'n', 'n']), c);
    const z = flat(g.op('MatMul', [a, v]), c);
    x = norm(
        g.op('Add', [x, dense(z, `${layer}.attention.output.dense`)]),
        `${layer}.attention.output.LayerNorm`);
    const hidden = g.op('Gelu', [dense(x, `${layer}.intermediate.dense`)]);
    x = norm(g.op('Add', [x, dense(hidden, `${layer}.output.dense`)]), `${layer}.output.LayerNorm`);
  }
  g.op('Identity', [x], {out: g.output('hidden', kFloat, ['n', c.d_model])});
  return g.encode();
}

// As bench_works.cpp: 12 layers of 768 -> 768, or 6 of 768 -> d_wide -> 768.
function write_gemm(folder, d_wide) {
  const g = new Graph(), n_layers = 12, d = 768;
  const file = fs.openSync(path.join(folder, `gemm-${d_wide}.bin`), 'w');
  let x = g.input('x', kFloat, ['n', d]);
  for (let l = 0; l < n_layers; ++l) {
    const shape = l % 2 ? [d_wide, d] : [d, d_wide], floats = normal(d * d_wide, shape[0] ** -0.5);
    fs.writeSync(file, new Uint8Array(floats.buffer));
    g.external(
        `w${l}`, kFloat, shape, `gemm-${d_wide}.bin`, l * floats.byteLength, floats.byteLength);
    x = g.op(
        'MatMul', [x, `w${l}`], l + 1 < n_layers ? {} : {out: g.output('y', kFloat, ['n', d])});
  }
  fs.closeSync(file);
  fs.writeFileSync(path.join(folder, `gemm-${d_wide}.onnx`), g.encode());
}

// Eight times in a chain, of which one row comes back.
function write_softmax(folder) {
  const g = new Graph();
  let x = g.input('x', kFloat, ['heads', 'n', 'n']);
  for (let i = 0; i < 8; ++i) x = g.op('Softmax', [x], {axis: -1});
  const row = g.op(
      'Gather', [g.op('Gather', [x, g.constant(0)]), g.constant(0)],
      {out: g.output('y', kFloat, ['n'])});
  fs.writeFileSync(path.join(folder, 'softmax.onnx'), g.encode());
  return row;
}

// ---- All of it

function folder_of(name) {
  const folder = path.join(kOut, name);
  fs.mkdirSync(folder, {recursive: true});
  return folder;
}
const write_json = (folder, name, json) =>
    fs.writeFileSync(path.join(folder, name), JSON.stringify(json, null, 1));

for (const [name, dtype] of [['gpt2-f32', 'F32'], ['gpt2-bf16', 'BF16']]) {
  const folder = folder_of(name), c = kGpt2;
  write_json(folder, 'config.json', {
    model_type: 'gpt2',
    architectures: ['GPT2LMHeadModel'],
    activation_function: 'gelu_new',
    n_embd: c.d_model,
    n_layer: c.n_layers,
    n_head: c.n_heads,
    n_inner: null,
    n_positions: c.n_ctx,
    n_ctx: c.n_ctx,
    vocab_size: c.d_vocab,
    layer_norm_epsilon: 1e-5,
    tie_word_embeddings: true,
  });
  write_tokenizer(folder, c.d_vocab, '<unk>');
  const places = write_safetensors(folder, gpt2_tensors(c), dtype);
  fs.writeFileSync(path.join(folder, 'forward.onnx'), gpt2_graph(places, c, false));
  fs.writeFileSync(path.join(folder, 'decode.onnx'), gpt2_graph(places, c, true));
}
{
  const folder = folder_of('minilm-f32'), c = kMiniLm;
  write_json(folder, 'config.json', {
    model_type: 'bert',
    architectures: ['BertModel'],
    hidden_act: 'gelu',
    hidden_size: c.d_model,
    num_hidden_layers: c.n_layers,
    num_attention_heads: c.n_heads,
    intermediate_size: c.d_mlp,
    max_position_embeddings: c.n_ctx,
    vocab_size: c.d_vocab,
    type_vocab_size: 2,
    layer_norm_eps: 1e-12,
    position_embedding_type: 'absolute',
    pad_token_id: 0,
  });
  write_tokenizer(folder, c.d_vocab, '[UNK]');
  const places = write_safetensors(folder, bert_tensors(c), 'F32');
  fs.writeFileSync(path.join(folder, 'forward.onnx'), bert_graph(places, c));
}
const kernels = folder_of('kernels');
for (const d_wide of [768, 3072]) write_gemm(kernels, d_wide);
write_softmax(kernels);
console.log(`The models are in ${kOut}`);
