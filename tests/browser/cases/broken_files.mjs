// broken_files.mjs - files that are no model: one sentence that names them, and the picture stays.
import {mkdtempSync, readFileSync, rmSync, writeFileSync} from "node:fs";
import {tmpdir} from "node:os";
import path from "node:path";

import {kModels} from "../golden.mjs";
import {check, equal, until} from "../harness.mjs";

const folder = path.join(kModels, "llama-gqa");
const read = (name) => readFileSync(path.join(folder, name));
const config = () => JSON.parse(read("config.json"));
const with_config = (changes) => Buffer.from(JSON.stringify({...config(), ...changes}));

// A whole model with some of its files exchanged; null leaves one out.
function broken(changes) {
  const files = {
    "config.json": read("config.json"),
    "model.safetensors": read("model.safetensors"),
    "tokenizer.json": read("tokenizer.json"),
    ...changes
  };
  return Object.entries(files).filter(([, bytes]) => bytes).map(([name, bytes]) => ({name, bytes}));
}

// 1 x 1 pixel.
const kPng = Buffer.from(
    "iVBORw0KGgoAAAANSUhEUgAAAAEAAAABCAYAAAAfFcSJAAAADUlEQVR42mP8z8BQDwAEhQGAhKmMIQAAAABJRU5ErkJggg==",
    "base64");

// What is dropped, and what the sentence must name.
const kBroken = {
  "a truncated model.safetensors": [
    () => broken({"model.safetensors": read("model.safetensors").subarray(0, 5000)}),
    "model.safetensors"
  ],
  "a model.safetensors of 4 bytes":
      [() => broken({"model.safetensors": Buffer.from([1, 2, 3, 4])}), "model.safetensors"],
  "a header length of 2^63": [
    () => broken({"model.safetensors": Buffer.from([0, 0, 0, 0, 0, 0, 0, 128, 123, 125])}),
    "model.safetensors"
  ],
  "config.json with broken JSON":
      [() => broken({"config.json": read("config.json").subarray(0, 60)}), "config.json"],
  "an unknown model_type":
      [() => broken({"config.json": with_config({model_type: "hyena_dna"})}), "hyena_dna"],
  "a hidden_size of a billion":
      [() => broken({"config.json": with_config({hidden_size: 1e9})}), "config.json"],
  "a negative number of heads": [
    () => broken({"config.json": with_config({num_attention_heads: -4})}), "num_attention_heads"
  ],
  "tokenizer.json that is a list":
      [() => broken({"tokenizer.json": Buffer.from("[]")}), "tokenizer.json"],
  "no weights": [() => broken({"model.safetensors": null}), "safetensors"],
  "a picture": [() => [{name: "cat.png", bytes: kPng}], "cat.png"],
  "an empty file": [() => [{name: "nothing.bin", bytes: Buffer.alloc(0)}], "nothing.bin"],
  "empty files of the right names": [
    () => broken({
      "config.json": Buffer.alloc(0),
      "model.safetensors": Buffer.alloc(0),
      "tokenizer.json": Buffer.alloc(0)
    }),
    "config.json"
  ],
};

export const cases = [
  {
    name: "broken files give one sentence that names the file, and the picture stays",
    limit_s: 180,
    async run(t) {
      const page = await t.open(t.isolated + "#model=scratch");
      const before = await page.settle();
      const numbers = await page.patterns();
      for (const [what, [files, named]] of Object.entries(kBroken)) {
        await page.drop(files());
        const {file_error: said} = await until(async () => {
          const status = await page.status();
          return status.file_error && status;
        }, `${what} was taken without a word`);
        check(said.includes(named), `${what}: the sentence does not name ${named}: ${said}`);
        check(
            !said.includes("\n") && said.length < 300, `${what}: not one short sentence: ${said}`);
        const status = await page.settle();
        equal(
            [status.model, status.tokens], [before.model, before.tokens],
            `${what}: what is on screen`);
        await page.click("button.dismiss_file");
        await until(
            async () => !(await page.status()).file_error,
            `${what}: the sentence cannot be dismissed`);
        t.print(`${what}: ${said}`);
      }
      equal(await page.patterns(), numbers, "weights after all of them");
      page.check_clean();
    },
  },
  {
    name: "a new drop replaces what was said of the last one",
    async run(t) {
      const page = await t.open(t.isolated + "#model=scratch");
      const first = await page.settle();
      await page.drop([{name: "cat.png", bytes: kPng}]);
      await until(async () => (await page.status()).file_error?.includes("cat.png"), "no sentence");
      const empty = mkdtempSync(path.join(tmpdir(), "attnscope-"));
      try {
        writeFileSync(path.join(empty, "notes.docx"), "x");
        await page.drop_paths([empty]);
        await until(
            async () => (await page.status()).file_error?.includes("No model found in this folder"),
            "the folder without a model was taken without a word, or beside the first sentence");
      } finally {
        rmSync(empty, {recursive: true});
      }
      await page.drop(broken({}));
      const good = await until(async () => {
        const status = await page.status();
        return status.model !== first.model && !status.busy && status;
      }, "the good model did not open");
      equal(good.file_error ?? "", "", "file_error over the good model");
      check(
          await page.evaluate(() => document.querySelector("#note").hidden),
          "a note lies over the good model");
    },
  },
  {
    name: "a good model can be opened after a broken one, and a broken one after a good one",
    async run(t) {
      const page = await t.open(t.isolated + "#model=scratch");
      const first = await page.settle();
      await page.drop(broken({"tokenizer.json": Buffer.from("[]")}));
      await until(async () => (await page.status()).file_error, "no sentence");
      await page.drop(broken({}));
      const good = await until(async () => {
        const s = await page.status();
        return s.model !== first.model && !s.busy && s;
      }, "the good model did not open");
      await page.type_text("the dog");
      await page.settle();
      equal(good.file_error ?? "", "", "file_error after the good one");
      await page.drop(broken({"config.json": Buffer.from("{")}));
      await until(async () => (await page.status()).file_error, "no sentence");
      const after = await page.settle();
      equal(
          [after.model, after.n_heads, after.text], [good.model, 4, "the dog"],
          "what is on screen");
    },
  },
];
