// model_notes.mjs - what a model's files hold and is not used: refused or said, in sight.
import {copyFileSync, mkdirSync, mkdtempSync, readFileSync, rmSync, writeFileSync} from "node:fs";
import os from "node:os";
import path from "node:path";

import {kData, kModels, largest_difference} from "../golden.mjs";
import {check, equal, until} from "../harness.mjs";

const folder = path.join(kModels, "llama-gqa");
const read = (name) => readFileSync(path.join(folder, name));

// The model with another tensor of four numbers.
function with_tensor(name) {
  const bytes = read("model.safetensors");
  const n_header = Number(bytes.readBigUInt64LE(0));
  const header = JSON.parse(bytes.toString("utf8", 8, 8 + n_header));
  const body = bytes.subarray(8 + n_header);
  header[name] = {dtype: "F32", shape: [4], data_offsets: [body.length, body.length + 16]};
  const text = Buffer.from(JSON.stringify(header));
  const size = Buffer.alloc(8);
  size.writeBigUInt64LE(BigInt(text.length));
  return [
    {name: "config.json", bytes: read("config.json")},
    {name: "tokenizer.json", bytes: read("tokenizer.json")},
    {
      name: "model.safetensors",
      bytes: Buffer.concat([size, text, body, Buffer.from(new Float32Array(4).fill(0.5).buffer)])
    },
  ];
}

export const cases = [
  {
    name: "tensors that are not used refuse a model, which can be opened all the same",
    async run(t) {
      const page = await t.open(t.isolated + "#model=scratch");
      const before = await page.settle();
      const norm = "model.layers.1.self_attn.q_norm.weight";
      await page.drop(with_tensor(norm));
      const said = await until(
          async () => (await page.status()).file_error, "the model was taken without a word");
      check(said.includes(norm) && said.length < 300, `the sentence: ${said}`);
      equal((await page.status()).model, before.model, "the model on screen");
      await page.click("button.open_all_the_same");
      await until(async () => (await page.status()).model !== before.model, "it did not open");
      await page.settle();
      equal((await page.status()).file_error, null, "the error of the model that is open");
      await until(async () => (await page.readout()).includes(norm), "no warning is spoken");
      await page.click("button.dismiss_warnings");
      await until(async () => !(await page.readout()).includes(norm), "the warning stays");
      page.check_clean();
    },
  },
  {
    name: "of a training run's folder the newest checkpoint opens, from PyTorch's format",
    async run(t) {
      const gpt2 = path.join(kModels, "gpt2");
      const page = await t.open(t.isolated + "#model=scratch");
      const before = await page.settle();
      await page.drop_paths([gpt2]);
      const safe = await page.opened(before.model);
      const expected = await page.patterns();

      const run = path.join(mkdtempSync(path.join(os.tmpdir(), "attnscope-run-")), "run");
      for (const step of [9, 10]) {
        const folder = path.join(run, `checkpoint-${step}`);
        mkdirSync(folder, {recursive: true});
        for (const name of ["config.json", "tokenizer.json"])
          copyFileSync(path.join(gpt2, name), path.join(folder, name));
        copyFileSync(path.join(kData, "torch/gpt2.bin"), path.join(folder, "pytorch_model.bin"));
        // Whoever reads it says so.
        for (const name of ["optimizer.pt", "training_args.bin"])
          writeFileSync(path.join(folder, name), "no pickle");
      }
      await page.drop_paths([run]);
      const status = await page.opened(safe.model);
      rmSync(path.dirname(run), {recursive: true});
      equal(status.file_error, null, "the error of the model that is open");
      check(/^file:run@/.test(status.model), `the model's name: ${status.model}`);
      equal(largest_difference(await page.patterns(), expected), 0, "weights from both formats");
      const said = await page.readout();
      check(said.includes("this is the newest, checkpoint-10"), `nothing is said: ${said}`);
      await page.screenshot("training-run");
      page.check_clean();
    },
  },
  {
    name: "a model without a tokenizer opens with a text of token ids",
    async run(t) {
      const page = await t.open(t.isolated + "#model=scratch");
      const before = await page.settle();
      await page.drop(["config.json", "model.safetensors"].map(
          (name) => ({name, path: path.join(kModels, "gpt2", name)})));
      const status = await page.opened(before.model);
      equal((await page.settle()).text, "0 1 2 3 4 5 6 7", "the first text");
      equal((await page.status()).n_query, 8, "tokens");
      check((await page.readout()).includes("no tokenizer among the files"), "it is not said");
      await page.screenshot("ids");
      await page.type_text("5 12 7 3");
      await until(async () => (await page.status()).n_query === 4, "four ids are not four tokens");
      await page.settle();
      await page.type_text("5 12 the");
      const said = await until(
          async () => (await page.settle_or_error(20000), (await page.status()).error),
          "a word is taken for an id");
      check(said.includes('"the" is no token id'), `the sentence: ${said}`);
      await page.screenshot("ids-and-a-word");
      equal((await page.status()).model, status.model, "the model");
      page.check_clean();
    },
  },
  {
    name: "a base model and its adapter, dropped together, are merged; two buttons compare them",
    async run(t) {
      const page = await t.open(t.isolated + "#model=scratch");
      const before = await page.settle();
      await page.drop_paths([folder, path.join(kData, "adapters/llama-rs")]);
      await page.opened(before.model);
      const status = await page.settle();
      equal(status.file_error, null, "the error of the model that is open");
      check(status.model.includes("llama-gqa + llama-rs"), `the model's name: ${status.model}`);
      await page.click("chip.5");
      const merged = await page.patterns();
      await page.screenshot("adapter");
      await page.click("twin.1");
      await until(
          async () => /llama-gqa@/.test((await page.status()).model), "the base does not open");
      const base = await page.settle();
      equal(base.n_query, status.n_query, "tokens of the same text");
      const apart = largest_difference(await page.patterns(), merged);
      check(apart > 1e-3, `with and without the adapter, weights are ${apart} apart`);
      await until(() => page.evaluate(() => /token=5/.test(location.hash)), "the token is lost");
      await page.click("twin.0");
      await until(
          async () => (await page.status()).model === status.model, "the adapter does not return");
      await page.settle();
      equal(largest_difference(await page.patterns(), merged), 0, "weights, back again");
      await page.drop_paths([path.join(kData, "adapters/llama-rs")]);
      const said =
          await until(async () => (await page.status()).file_error, "an adapter alone was taken");
      check(said.includes("tiny/llama-gqa"), `the sentence: ${said}`);
      page.check_clean();
    },
  },
];
