// long_model.mjs - a GPT-2 of random weights that reads long texts: its files, made here.
import {readFileSync} from "node:fs";
import path from "node:path";

import {kModels} from "./golden.mjs";

const kTokenizer = path.join(kModels, "gpt2", "tokenizer.json");
const kVocabulary = 272;  // of that tokenizer

// Numbers from -1 to 1, the same every time.
function random_numbers(seed) {
  let state = seed >>> 0;
  return () => {
    state = (Math.imul(state, 1664525) + 1013904223) >>> 0;
    return state / 2 ** 31 - 1;
  };
}

// name -> {shape, values}, as a .safetensors of F32.
function safetensors(tensors) {
  const header = {};
  let end = 0;
  for (const [name, {shape, values}] of Object.entries(tensors)) {
    header[name] = {dtype: "F32", shape, data_offsets: [end, end + values.byteLength]};
    end += values.byteLength;
  }
  let text = JSON.stringify(header);
  text = text.padEnd(Math.ceil(text.length / 8) * 8);
  const bytes = new Uint8Array(8 + text.length + end);
  new DataView(bytes.buffer).setBigUint64(0, BigInt(text.length), true);
  bytes.set(new TextEncoder().encode(text), 8);
  for (const [name, {values}] of Object.entries(tensors))
    bytes.set(new Uint8Array(values.buffer), 8 + text.length + header[name].data_offsets[0]);
  return Buffer.from(bytes);
}

// Heads look near or far by the waves in W_pos, and at tokens by chance; at all alike the lower
// `sharp` is. files: [{name, bytes}].
export function long_model({n_layers, n_heads, d_model, n_ctx, seed = 7, sharp = 1.6}) {
  const random = random_numbers(seed);
  const tensor = (shape, value) => {
    const values = new Float32Array(shape.reduce((a, b) => a * b, 1));
    for (let i = 0; i < values.length; ++i) values[i] = value(i);
    return {shape, values};
  };
  const noise = (shape, scale) => tensor(shape, () => random() * scale);
  const filled = (shape, value) => tensor(shape, () => value);
  const waves = (i) => {
    const at = Math.floor(i / d_model), j = i % d_model;
    return Math.cos(at / 300 ** ((j >> 1) / (d_model / 2)) + (j & 1 ? Math.PI / 2 : 0));
  };
  const wide = 1.8 / Math.sqrt(d_model);
  const tensors = {
    "wte.weight": noise([kVocabulary, d_model], 1),
    "wpe.weight": tensor([n_ctx, d_model], waves),
    "ln_f.weight": filled([d_model], 1),
    "ln_f.bias": filled([d_model], 0),
  };
  for (let l = 0; l < n_layers; ++l) {
    const h = `h.${l}.`;
    Object.assign(tensors, {
      [h + "ln_1.weight"]: filled([d_model], 1),
      [h + "ln_1.bias"]: filled([d_model], 0),
      [h + "ln_2.weight"]: filled([d_model], 1),
      [h + "ln_2.bias"]: filled([d_model], 0),
      [h + "attn.c_attn.weight"]: noise([d_model, 3 * d_model], sharp * wide),
      [h + "attn.c_attn.bias"]: filled([3 * d_model], 0),
      [h + "attn.c_proj.weight"]: noise([d_model, d_model], .3 * wide),
      [h + "attn.c_proj.bias"]: filled([d_model], 0),
      [h + "mlp.c_fc.weight"]: noise([d_model, 2 * d_model], .3 * wide),
      [h + "mlp.c_fc.bias"]: filled([2 * d_model], 0),
      [h + "mlp.c_proj.weight"]: noise([2 * d_model, d_model], .3 * wide),
      [h + "mlp.c_proj.bias"]: filled([d_model], 0),
    });
  }
  const config = {
    model_type: "gpt2",
    n_embd: d_model,
    n_layer: n_layers,
    n_head: n_heads,
    n_inner: 2 * d_model,
    n_positions: n_ctx,
    vocab_size: kVocabulary,
    activation_function: "gelu_new",
    layer_norm_epsilon: 1e-5,
    tie_word_embeddings: true,
  };
  return [
    {name: "config.json", bytes: Buffer.from(JSON.stringify(config))},
    {name: "model.safetensors", bytes: safetensors(tensors)},
    {name: "tokenizer.json", bytes: readFileSync(kTokenizer)},
  ];
}

// Words without sense, `length` letters and blanks in all.
export function long_text(length, seed = 3) {
  const random = random_numbers(seed);
  let text = "";
  while (text.length < length) {
    const letters = 2 + Math.floor((random() + 1) * 3);
    for (let i = 0; i < letters; ++i) text += "aeioubdgklmnrst"[Math.floor((random() + 1) * 7.5)];
    text += " ";
  }
  return text.slice(0, length).trim();
}
