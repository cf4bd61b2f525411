// numbers.mjs - what the page computes, against PyTorch and transformers.
import {cpSync, mkdirSync, readFileSync, writeFileSync} from "node:fs";
import path from "node:path";

import {
  has_checkpoint,
  kCheckpoints,
  kData,
  kModels,
  largest_difference,
  model_files,
  plain_tokenizer,
  read_safetensors,
  scratch_cases,
  text_of_ids,
  tiny_models
} from "../golden.mjs";
import {check, equal, skip, until} from "../harness.mjs";

const kModel = 1e-4;
const kScratch = 1e-6;

// Link of a case of scratch.txt; nothing when the page cannot be asked for it.
function scratch_link(one) {
  const {kind, seed, d_model, heads, batch, n, mask} = one.set;
  if (kind !== "self" || Number(seed) > 2 ** 31 - 1) return null;
  return `model=scratch&n=${n}&d_model=${d_model}&heads=${heads}&batch=${batch}&seed=${seed}&mask=${
      mask}`;
}

// Types `text` and holds all patterns and the logits against `expected`. Returns the differences.
export async function check_model(page, expected, text) {
  const {attn, logits, input_ids} = expected.tensors;
  await page.type_text(text);
  const status = await page.settle();
  equal(status.error ?? "", "", "status.error");
  equal(status.text, text, "status.text");
  equal(status.tokens.length, input_ids.values.length, "number of tokens");
  equal(
      [status.n_layers, status.n_heads, status.n_query, status.n_key], attn.shape,
      "shape of the patterns");
  const d_attn = largest_difference(await page.patterns(), attn.values);
  check(d_attn <= kModel, `patterns differ by ${d_attn}`);
  if (!logits) return {attn: d_attn, logits: 0};  // a model without an output vocabulary
  const seen = (await page.ask("logits")).values;
  check(
      seen.length > 0 && seen.length % logits.shape.at(-1) === 0,
      `${seen.length} logits for a vocabulary of ${logits.shape.at(-1)}`);
  const d_logits = largest_difference(seen, logits.values.slice(-seen.length));
  check(d_logits <= kModel, `logits differ by ${d_logits}`);
  return {attn: d_attn, logits: d_logits};
}

const show = (d) => `patterns ${d.attn.toExponential(1)}, logits ${d.logits.toExponential(1)}`;

async function check_checkpoint(t, name, url, file) {
  if (!has_checkpoint(name)) skip(`${name} is not at ${kCheckpoints}`);
  const folder = path.join(kCheckpoints, name);
  const expected = read_safetensors(path.join(folder, "expected.safetensors"));
  const page = await t.open(url + "#model=scratch");
  const before = await page.settle();
  await page.drop(file ? [{name: file, path: path.join(folder, file)}] : model_files(folder));
  const after = await page.opened(before.model);
  equal(after.file_error ?? "", "", "file_error");
  t.print(`${name}, largest differences: ${
      show(await check_model(page, expected, expected.metadata.text))}`);
  page.check_clean();
  return page;
}

export const cases = [
  {
    name: "the demonstration's numbers are PyTorch's",
    limit_s: 120,
    async run(t) {
      for (const build of ["mt", "st"]) {
        const page = await t.open(`${t.isolated}?build=${build}#model=scratch`);
        let most = 0, n = 0;
        for (const one of scratch_cases()) {
          const link = scratch_link(one);
          if (!link || (build === "st" && one.set.d_model !== "64")) continue;
          await page.follow(link);
          const wanted = one.tensors.attention;
          const size = wanted.values.length / wanted.shape[0];
          for (let sample = 0; sample < wanted.shape[0]; ++sample) {
            const d = largest_difference(
                await page.patterns(sample),
                wanted.values.slice(sample * size, (sample + 1) * size));
            check(d <= kScratch, `${one.name}, sample ${sample}: weights differ by ${d}`);
            most = Math.max(most, d);
          }
          ++n;
        }
        check(n >= 6, `only ${n} cases were found in scratch.txt`);
        page.check_clean();
        t.print(`${build}: largest difference in ${n} cases ${most.toExponential(1)}`);
      }
    },
  },
  {
    name: "tiny models of every layout, dropped as folders, equal transformers",
    limit_s: 400,
    async run(t) {
      const models = tiny_models();
      check(models.length >= 3, `only ${models.length} folders under tests/data/models`);
      const page = await t.open(t.isolated + "#model=scratch");
      await page.settle();
      const most = {attn: 0, logits: 0};
      for (const folder of models) {
        const name = path.basename(folder);
        const expected = read_safetensors(path.join(folder, "expected.safetensors"));
        if (expected.tensors.attention_mask) continue;  // padding cannot be typed
        const config = JSON.parse(readFileSync(path.join(folder, "config.json"), "utf8"));
        const copy = path.join(t.scratch_folder, name);
        mkdirSync(copy, {recursive: true});
        for (const {name: file, path: from} of model_files(folder))
          cpSync(from, path.join(copy, file));
        writeFileSync(path.join(copy, "tokenizer.json"), plain_tokenizer(config.vocab_size));
        const {model} = await page.status();
        await page.drop_paths([copy]);
        const after = await page.opened(model);
        equal(after.file_error ?? "", "", `${name}: file_error`);
        try {
          const d =
              await check_model(page, expected, text_of_ids(expected.tensors.input_ids.values));
          for (const key of ["attn", "logits"]) most[key] = Math.max(most[key], d[key]);
        } catch (error) {
          error.message = `${name}: ${error.message}`;
          throw error;
        }
      }
      page.check_clean();
      t.print(`${models.length} models, largest differences: ${show(most)}`);
    },
  },
  {
    name: "stories260K (Llama), three files dropped, threads on",
    run: (t) => check_checkpoint(t, "stories260K", t.isolated),
  },
  {
    name: "stories260K (Llama), three files dropped, threads off",
    run: (t) => check_checkpoint(t, "stories260K", t.isolated + "?build=st"),
  },
  {
    name: "stories260K in GGUF, one file dropped",
    run: (t) => check_checkpoint(t, "stories260K", t.isolated, "stories260K-f32.gguf"),
  },
  {
    name: "nanoGPT's checkpoint and its characters, two files dropped",
    async run(t) {
      const folder = path.join(kData, "nanogpt/biased");
      const {tensors} = read_safetensors(path.join(folder, "expected.safetensors"));
      const page = await t.open(t.isolated + "#model=scratch");
      const before = await page.settle();
      const files = ["ckpt.pt", "meta.pkl"];
      await page.drop(files.map((name) => ({name, path: path.join(folder, name)})));
      equal((await page.opened(before.model)).file_error ?? "", "", "file_error");
      await page.type_text("to be, or not\n我爱 to be?");
      const after = await page.settle();
      equal(after.tokens.length, tensors.input_ids.values.length, "tokens");
      const far = largest_difference(await page.patterns(), tensors.attn.values);
      check(far < 2e-6, `the patterns are ${far} apart`);
      check((await page.readout()).includes("GELU"), "that the GELU is not known is not said");
      await page.screenshot("nanogpt");
      // The same as a folder, of which only files of a model are read.
      const dropped = path.join(t.scratch_folder, "out");
      mkdirSync(dropped);
      for (const name of files) cpSync(path.join(folder, name), path.join(dropped, name));
      await page.follow("model=scratch");
      const again = await page.settle();
      await page.drop_paths([dropped]);
      equal((await page.opened(again.model)).file_error ?? "", "", "file_error of the folder");
      await page.type_text("to be");
      equal((await page.settle()).tokens.length, 5, "characters of the folder's text");
      page.check_clean();
      t.print(`patterns within ${far.toPrecision(2)} of transformers`);
    },
  },
  {
    name: "default-candidate (GPT-NeoX), three files dropped",
    run: (t) => check_checkpoint(t, "default-candidate", t.isolated),
  },
  {
    name: "a folder dropped as the file manager does it",
    async run(t) {
      if (!has_checkpoint("stories260K")) skip(`stories260K is not at ${kCheckpoints}`);
      const page = await t.open(t.isolated + "#model=scratch");
      const before = await page.settle();
      await page.drop_paths([path.join(kCheckpoints, "stories260K")]);
      equal((await page.opened(before.model)).file_error ?? "", "", "file_error");
      const after = await page.settle();  // it has a text to begin with
      equal(
          [after.n_layers, after.n_heads, after.error ?? ""], [5, 8, ""],
          "layers, heads and error");
    },
  },
  {
    name: "an archive dropped in place of the folder in it",
    async run(t) {
      const page = await t.open(t.isolated + "#model=scratch");
      const folder = path.join(kModels, "gpt2");
      const dropped = [model_files(folder)];
      for (const name of ["deflated.zip", "pax.tar.gz"])
        dropped.push([{name, path: path.join(kData, "archives", name)}]);
      const seen = [];
      for (const files of dropped) {
        await page.follow("model=scratch");
        const before = await page.settle();
        await page.drop(files);
        equal((await page.opened(before.model)).file_error ?? "", "", "file_error");
        await page.type_text("a bc de bc f");
        equal((await page.settle()).n_heads, 4, "heads");
        seen.push(await page.patterns());
      }
      equal(seen[1], seen[0], "patterns from the zip");
      equal(seen[2], seen[0], "patterns from the tar.gz");
      await page.drop([{name: "pictures.zip", path: path.join(kData, "archives/pictures.zip")}]);
      await until(
          async () => (await page.status()).file_error?.startsWith("pictures.zip: has no model"),
          "an archive without a model gets no sentence");
      page.check_clean();
    },
  },
  {
    name: "a folder chosen in the dialog",
    async run(t) {
      const folder = tiny_models().find((f) => path.basename(f) === "llama-gqa");
      const page = await t.open(t.isolated + "#model=scratch");
      const before = await page.settle();
      await page.click("model");
      const chooser = page.raw.waitForEvent("filechooser", {timeout: 5000});
      await page.click("open_folder");
      await (await chooser).setFiles(folder);
      equal((await page.opened(before.model)).file_error ?? "", "", "file_error");
      await page.type_text("the dog");
      const after = await page.settle();
      equal(
          [after.n_layers, after.n_heads, after.error ?? ""], [2, 4, ""],
          "layers, heads and error");
    },
  },
];
