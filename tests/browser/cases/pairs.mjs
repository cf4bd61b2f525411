// pairs.mjs - two texts: read as one, or one by an encoder and one by its decoder.
import path from "node:path";

import {kData, kModels, largest_difference, model_files, read_safetensors} from "../golden.mjs";
import {check, equal, until} from "../harness.mjs";

export const cases = [
  {
    name: "a second text is read with the first, as transformers reads pairs",
    async run(t) {
      const golden = read_safetensors(path.join(kData, "pairs.safetensors"));
      const page = await t.open(t.plain + "#model=scratch");
      const before = await page.settle();
      check(!(await page.layout())["button.pair"], "the demonstration offers a second text");
      await page.drop(model_files(path.join(kModels, "bert")));
      await page.opened(before.model);
      await page.type_text(golden.metadata.first);
      await page.click("button.pair");
      const focus = await page.evaluate(() => document.activeElement.id);
      equal(focus, "box-pair", "what has the focus");
      await page.raw.keyboard.insertText(golden.metadata.second);
      await page.settle();
      const apart =
          largest_difference(await page.patterns(), golden.tensors["bert.attention"].values);
      check(apart < 2e-6, `the patterns are ${apart} apart`);
      t.print(`patterns within ${apart.toExponential(1)} of transformers`);
      await page.screenshot("pair");

      // The second text stays in the link, and goes with its box.
      const in_link = () => page.evaluate(() => location.hash.includes("pair="));
      await until(in_link, "the link has no second text");
      await page.click("button.pair");
      const alone = await page.settle();
      check(alone.n_query < golden.tensors["bert.ids"].values.length, "the second text stays");
      await until(async () => !await in_link(), "the link has it still");
      page.check_clean();
    },
  },
  {
    name: "encoder, decoder and cross-attention of one model are chosen by button, key and link",
    async run(t) {
      const folder = path.join(kData, "seq2seq/t5");
      const golden = read_safetensors(path.join(folder, "expected.safetensors"));
      const page = await t.open(t.plain + "#model=scratch");
      const before = await page.settle();
      check(!(await page.layout())["part.0"], "the demonstration has three parts");
      await page.drop(model_files(folder));
      await page.opened(before.model);
      await page.type_text(golden.metadata.source);
      const written = await page.settle();
      equal(written.n_query, golden.tensors.source.values.length, "tokens of the encoder");
      const placeholder =
          await page.evaluate(() => document.getElementById("box-pair").placeholder);
      check(placeholder.startsWith("The model writes: "), `the box says “${placeholder}”`);
      await page.click("pair");
      await page.raw.keyboard.insertText(golden.metadata.target);
      await page.settle();
      const apart = async (part, name) =>
          largest_difference(await page.patterns(0, part), golden.tensors[name].values);
      const far = [await apart(0, "encoder")];
      await page.click("part.2");
      let now = await page.settle();
      equal(now.n_key, golden.tensors.source.values.length, "keys of cross-attention");
      equal(now.n_query, golden.tensors.target.values.length, "its queries");
      far.push(await apart(2, "cross"));
      await page.screenshot("cross-attention");
      await page.click("key.3");
      await until(
          () => page.evaluate(() => /part=2.*key=3|key=3.*part=2/.test(location.hash)),
          "the link has no part and key");
      await page.press("p");
      await page.press("p");
      now = await page.settle();
      check(/part=1/.test(now.state), `P leads to ${now.state}`);
      far.push(await apart(1, "decoder"));
      check(Math.max(...far) < 2e-5, `the patterns are ${far} apart`);
      t.print(`patterns within ${Math.max(...far).toExponential(1)} of transformers`);
      page.check_clean();
    },
  },
];
