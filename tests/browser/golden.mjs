// golden.mjs - numbers that were computed elsewhere: PyTorch's cases, and safetensors files.
import {existsSync, readdirSync, readFileSync, statSync} from "node:fs";
import path from "node:path";

import {kRoot} from "./server.mjs";

export const kData = path.join(kRoot, "tests/data");
export const kModels = path.join(kData, "models");
const kShared = process.env.ATTNSCOPE_SHARED ?? path.join(kRoot, "../shared");
export const kCheckpoints = path.join(kShared, "models/checkpoints");

// tests/data/scratch.txt as [{name, set: {key: value}, tensors: {name: {shape, values}}}].
export function scratch_cases() {
  const cases = [];
  const lines = readFileSync(path.join(kData, "scratch.txt"), "utf8").split("\n");
  for (let i = 0; i < lines.length; ++i) {
    const [word, name, ...rest] = lines[i].split(" ");
    const last = cases.at(-1);
    if (word === "case") cases.push({name: [name, ...rest].join(" "), set: {}, tensors: {}});
    if (word === "set") last.set[name] = rest.join(" ");
    if (word === "tensor")
      last.tensors[name] = {shape: rest.map(Number), values: from_bits(lines[++i])};
  }
  return cases;
}

// "ba755400 3d89545e …" as floats.
function from_bits(line) {
  const words = line.trim().split(" ");
  const bytes = new DataView(new ArrayBuffer(4 * words.length));
  words.forEach((word, i) => bytes.setUint32(4 * i, parseInt(word, 16)));
  return words.map((_, i) => bytes.getFloat32(4 * i));
}

const kReaders = {
  F32: (view, at) => view.getFloat32(at, true),
  I32: (view, at) => view.getInt32(at, true),
  I64: (view, at) => Number(view.getBigInt64(at, true)),
};

// {metadata, tensors: {name: {shape, values}}}
export function read_safetensors(file) {
  const bytes = readFileSync(file);
  const n_header = Number(bytes.readBigUInt64LE(0));
  const {__metadata__: metadata = {}, ...header} =
      JSON.parse(bytes.toString("utf8", 8, 8 + n_header));
  const view = new DataView(bytes.buffer, bytes.byteOffset + 8 + n_header);
  const tensors = {};
  for (const [name, {dtype, shape, data_offsets}] of Object.entries(header)) {
    const n = shape.reduce((a, b) => a * b, 1);
    const size = n ? (data_offsets[1] - data_offsets[0]) / n : 0;
    const values =
        Array.from({length: n}, (_, i) => kReaders[dtype](view, data_offsets[0] + i * size));
    tensors[name] = {shape, values};
  }
  return {metadata, tensors};
}

// The files of a checkpoint as the page is given them: {name, path} of what a model is made of.
export function model_files(folder) {
  const wanted = /^(config\.json|tokenizer\.json|.*\.safetensors|.*\.index\.json)$/;
  return readdirSync(folder)
      .filter((name) => wanted.test(name) && !name.startsWith("expected"))
      .sort()
      .map((name) => ({name, path: path.join(folder, name)}));
}

export function has_checkpoint(name) {
  return existsSync(path.join(kCheckpoints, name, "config.json"));
}

// Folders under tests/data/models, each with its expected.safetensors.
export function tiny_models() {
  return existsSync(kModels) ? readdirSync(kModels)
                                   .map((name) => path.join(kModels, name))
                                   .filter(
                                       (folder) => statSync(folder).isDirectory() &&
                                           existsSync(path.join(folder, "expected.safetensors"))) :
                               [];
}

// A tokenizer of our own whose token i is the one character U+4E00 + i, so that any ids can be
// typed: the expected ids of the tiny models are random numbers and no text of theirs.
export function plain_tokenizer(n_vocab) {
  const vocab = Object.fromEntries(Array.from({length: n_vocab}, (_, i) => [character(i), i]));
  return JSON.stringify({
    version: "1.0",
    truncation: null,
    padding: null,
    added_tokens: [],
    normalizer: null,
    pre_tokenizer: null,
    post_processor: null,
    decoder: null,
    model: {
      type: "BPE",
      dropout: null,
      unk_token: null,
      fuse_unk: false,
      byte_fallback: false,
      vocab,
      merges: []
    },
  });
}
const character = (id) => String.fromCodePoint(0x4e00 + id);
export const text_of_ids = (ids) => ids.map(character).join("");

// The largest |a - b|; Infinity where lengths differ or a number is none.
export function largest_difference(a, b) {
  if (a.length !== b.length) return Infinity;
  let most = 0;
  for (let i = 0; i < a.length; ++i) {
    const d = Math.abs(a[i] - b[i]);
    if (!(d <= most)) most = Number.isNaN(d) ? Infinity : d;
  }
  return most;
}
