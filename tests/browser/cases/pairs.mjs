// pairs.mjs - two texts that a model reads as one: the second box, its patterns, and what is shown
// of each text.
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
];
