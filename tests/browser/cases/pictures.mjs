// pictures.mjs - vision models: a dropped picture, its patches, and the head painted on them.
import {readFileSync} from "node:fs";
import path from "node:path";

import {kData, largest_difference, read_safetensors} from "../golden.mjs";
import {check, equal, until} from "../harness.mjs";

const folder = path.join(kData, "vision/dinov2-registers");
const picture = {
  name: "cat.png",
  bytes: readFileSync(path.join(folder, "picture.png"))
};

export const cases = [
  {
    name: "a vision model opens with an example picture, and reads the one that is dropped",
    async run(t) {
      const page = await t.open(t.isolated + "#model=scratch");
      const before = await page.settle();
      await page.drop([picture]);
      await until(
          async () => (await page.status()).file_error?.includes("cat.png: a picture"),
          "a picture on a text model is taken without a word");
      await page.drop_paths([folder]);
      await page.opened(before.model);
      await page.settle();
      const layout = await page.layout();
      check(layout["button.picture"], "no button for a picture");
      check(layout["chip.12"] && !layout["chip.13"], "not 13 tokens of the dropped picture");
      equal((await page.status()).file_error, null, "the error of the model that is open");
      await page.drop([{name: "dog.png", bytes: picture.bytes}]);
      await page.settle();
      await page.drop([{name: "bad.png", bytes: picture.bytes.subarray(0, 999)}]);
      await until(async () => (await page.status()).error?.includes("bad.png"), "no sentence");
      page.check_clean();
    },
  },
  {
    name: "the parts of CLIP that read pictures and texts are two models, chosen by two buttons",
    async run(t) {
      const page = await t.open(t.isolated + "#model=scratch");
      const before = await page.settle();
      await page.drop_paths([path.join(kData, "towers/clip")]);
      await page.opened(before.model);
      const seen = await page.settle();
      equal(seen.n_query, 17, "patches of the example, and [CLS]");
      await page.screenshot("clip-pictures");
      await page.click("twin.1");
      await until(
          async () => (await page.status()).model.includes("(text)"), "the text's part is closed");
      const read = await page.settle();
      check(read.tokens.join(" ").includes("once"), `the tokens are ${read.tokens}`);
      await page.screenshot("clip-text");
      await page.click("twin.0");
      await until(
          async () => (await page.status()).model === seen.model, "the pictures do not return");
      equal((await page.settle()).n_query, 17, "patches, back again");
      page.check_clean();
    },
  },
  {
    name: "the attention of SigLIP's pooling head is a part, chosen by button, key and link",
    async run(t) {
      const folder = path.join(kData, "vision/siglip");
      const golden = read_safetensors(path.join(folder, "expected.safetensors"));
      const page = await t.open(t.plain + "#model=scratch");
      const before = await page.settle();
      await page.drop_paths([folder]);
      await page.opened(before.model);
      await page.settle();
      await page.drop([{name: "cat.png", bytes: readFileSync(path.join(folder, "picture.png"))}]);
      equal((await page.settle()).n_query, 16, "patches");
      const far = [largest_difference(await page.patterns(0, 0), golden.tensors.attn.values)];
      await page.click("part.1");
      let now = await page.settle();
      equal(now.n_query, 1, "queries of the pooling head");
      equal(now.n_key, 16, "its keys");
      check(now.tokens.join(" ").includes("probe"), `the tokens are ${now.tokens}`);
      far.push(largest_difference(await page.patterns(0, 1), golden.tensors.pooling.values));
      check(Math.max(...far) < 2e-5, `the patterns are ${far} apart`);
      await page.screenshot("pooling");
      await page.click("key.3");
      await until(
          () => page.evaluate(() => /part=1.*key=3|key=3.*part=1/.test(location.hash)),
          "the link has no part and key");
      await page.press("p");
      now = await page.settle();
      equal(now.n_query, 16, "P leads back to the patches");
      page.check_clean();
    },
  },
];
