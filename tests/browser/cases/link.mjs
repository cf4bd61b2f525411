// link.mjs - the whole view is in the address: written, restored, undone and redone.
import {readFileSync} from "node:fs";
import path from "node:path";

import {kModels, model_files} from "../golden.mjs";
import {check, equal, sleep, until} from "../harness.mjs";

// A site whose list of models is one tiny model, so that links to it can be opened anew.
export async function with_listed_model(t, name = "llama-gqa") {
  const context = await t.context({serviceWorkers: "block"});
  const files = model_files(path.join(kModels, name));
  const index = {
    models: [{
      id: "tiny",
      folder: "tiny",
      files: files.map((f) => f.name),
      title: {en: "Tiny", zh: "小模型"},
      description: {en: "Random weights", zh: "随机权重"},
      default_text: "the girl and the dog",
      examples: [{
        text: "Once upon a time",
        title: {en: "A story", zh: "故事"},
        look: {en: "Look", zh: "看"},
        layer: 1,
        head: 2,
        token: 3
      }],
    }],
  };
  await context.route("**/models/index.json", (route) => route.fulfill({json: index}));
  await context.route("**/models/tiny/*", (route) => {
    const file = files.find((f) => route.request().url().endsWith("/" + f.name));
    return file ? route.fulfill({body: readFileSync(file.path)}) :
                  route.fulfill({status: 404, body: ""});
  });
  return context;
}

const essence = ({model, text, n_layers, n_heads, n_query, n_key, tokens, state}) =>
    ({model, text, n_layers, n_heads, n_query, n_key, tokens, state});

export const cases = [
  {
    name: "layer, head, token, palette, language and text are in the link, and the link restores " +
        "them",
    async run(t) {
      const context = await with_listed_model(t);
      const page = await t.open(t.isolated + "#model=tiny", {}, context);
      await page.settle();
      await page.type_text("Once upon a time there was a 小 dog & a sea = 100% #1");
      await page.settle();
      await page.click("button.layer.more");
      await page.click("thumb.1.3");
      await page.click("chip.2");
      await page.click("choice.palette");
      await page.click("choice.palette.2");
      await page.click("button.language");
      const status = await page.settle();
      await until(
          async () => (await page.query()).get("lang") === "zh", "the language is not in the link");
      const query = await page.query();
      equal(query.get("text"), "Once upon a time there was a 小 dog & a sea = 100% #1", "text");
      equal(
          [query.get("layer"), query.get("head"), query.get("token")], ["1", "3", "2"],
          "layer, head, token");
      equal(query.get("palette"), "magma", "palette");
      equal(
          await page.evaluate(() => document.documentElement.lang), "zh-CN", "the page's language");

      const other = await t.open(await page.evaluate(() => location.href), {}, context);
      const restored = await other.settle();
      equal(essence(restored), essence(status), "what the new page shows");
      equal(await other.hash(), await page.hash(), "the new page's link");
      equal(await other.textarea().inputValue(), status.text, "the new page's text box");
      equal(await other.patterns(), await page.patterns(), "patterns");
      other.check_clean();
    },
  },
  {
    name: "a link to the demonstration opens the demonstration, though a model is listed",
    async run(t) {
      const context = await with_listed_model(t);
      const page = await t.open(t.isolated, {}, context);
      await page.settle_at("tiny");
      await page.click("model");
      await page.click("model.scratch");
      await page.settle_at("scratch");
      await sleep(1500);  // until the address is written
      const other = await t.open(await page.evaluate(() => location.href), {}, context);
      await other.settle();
      await sleep(1500);  // in which a listed model would have come
      equal((await other.settle()).model, "scratch", "the model of the new page");
    },
  },
  {
    name: "undo and redo by keys",
    async run(t) {
      const page = await t.open(t.isolated + "#model=scratch");
      await page.settle();
      await page.click("thumb.0.2");
      await page.click("chip.3");
      const head_and_token = async () => {
        const q = await page.query();
        return [q.get("head") ?? "0", q.get("token") ?? "0"];
      };
      const becomes = async (wanted, what) => {
        let seen;
        await until(
            async () => JSON.stringify(seen = await head_and_token()) === JSON.stringify(wanted),
            "", 3000)
            .catch(() => equal(seen, wanted, what));
      };
      await becomes(["2", "3"], "head and token after two clicks");
      await page.press("Control+z");
      await becomes(["2", "0"], "after one undo");
      await page.press("Control+z");
      await becomes(["0", "0"], "after two");
      await page.press("Control+Shift+z");
      await becomes(["2", "0"], "after a redo");
      await page.press("Control+y");
      await becomes(["2", "3"], "after another redo, by Ctrl+Y");
    },
  },
  {
    name: "undo brings back the text that was typed over",
    async run(t) {
      const page = await t.open(t.isolated + "#model=scratch");
      await page.settle();
      await page.type_text("one two three");
      await page.settle();
      await until(
          async () => (await page.query()).get("tokens") === "one two three",
          "the text is not in the link");
      await page.click("button.undo");
      const status = await page.settle();
      equal(status.tokens.length, 6, "tokens after undo");
      check(
          (await page.textarea().inputValue()).startsWith("我 爱"),
          "the box does not show the old text");
    },
  },
  {
    name: "an address edited by hand is followed without loading anew",
    async run(t) {
      const page = await t.open(t.isolated + "#model=scratch");
      await page.settle();
      await page.evaluate(() => {
        window.same_page = true;
      });
      await page.follow("model=scratch&seed=0&heads=8&head=7&lang=zh");
      const status = await page.status();
      equal(status.n_heads, 8, "n_heads");
      equal(await page.evaluate(() => window.same_page), true, "the page is the same");
    },
  },
  {
    name: "bad links give one sentence, and the page works",
    async run(t) {
      const bad = [
        "nonsense=1", "layer=x", "seed=99999999999999", "palette=rainbow", "text=%FF%FE",
        "model=not-there", "heads=0", "&&&=", "%%%"
      ];
      for (const query of bad) {
        const page = await t.open(`${t.isolated}#${query}`);
        await page.settle_or_error();
        const status = await page.status();
        const said = status.link_error || status.error || "";
        check(said, `"#${query}" was taken without a word`);
        check(
            !/\n/.test(said.trim()) && said.length < 300, `"#${query}": not one sentence: ${said}`);
        await page.follow("model=scratch&seed=7");
        equal((await page.status()).tokens.length, 6, `tokens after "#${query}" and a good link`);
        page.check_clean();
        await page.close();
      }
    },
  },
  {
    name: "one bad field of a link defaults that field alone, and keys of other versions stay",
    async run(t) {
      const context = await with_listed_model(t);
      const query = "model=tiny&head=2&view=nonsense&wall=3&text=a+b";
      const page = await t.open(`${t.isolated}#${query}`, {}, context);
      await page.settle_at("tiny");
      const status = await page.status();
      equal(status.text, "a b", "text");
      check(status.link_error.includes("view must be one of "), status.link_error);
      check(status.link_error.includes('unknown key "wall"'), status.link_error);
      await page.click("thumb.0.1");
      await until(async () => (await page.query()).get("head") === "1", "the head is not there");
      equal((await page.query()).get("wall"), "3", "the key of another version");
      equal((await page.query()).get("view"), null, "the view");
    },
  },
  {
    name: "a link holds zoom and pan, and a new page shows the same part of the map",
    async run(t) {
      const page = await t.open(t.isolated + "#model=scratch&n=24");
      await page.settle();
      await page.move("map", [0.25, 0.75]);
      for (let i = 0; i < 4; ++i) {
        await page.raw.mouse.wheel(0, -120);
        await page.frames(2);
      }
      const look = (await page.query_now()).get("look");
      check(look, "the zoom is not in the state");
      await until(
          async () => (await page.query()).get("look") === look, "the zoom is not in the link");
      const seen =
          ({cell_min, cell_max}) => [...cell_min, ...cell_max].map((cell) => cell.toFixed(2));
      const near = seen(await page.area("map"));
      const other = await t.open(await page.evaluate(() => location.href));
      await other.settle();
      await other.frames(3);
      equal(seen(await other.area("map")), near, "cells in view of the new page");
      equal((await other.query()).get("look"), (await page.query()).get("look"), "its link");
      await other.press("f");
      await until(async () => !(await other.query()).get("look"), "the whole map is in the link");
    },
  },
  {
    name: "a link copied right after typing holds what was typed",
    async run(t) {
      const page = await t.open(t.isolated + "#model=scratch");
      await page.settle();
      await page.context.grantPermissions(["clipboard-read", "clipboard-write"]);
      await page.type_text("one two three");
      await page.click("button.link");
      const copied = await until(
          () => page.evaluate(() => navigator.clipboard.readText()), "nothing was copied");
      const query = new URLSearchParams(new URL(copied).hash.slice(1));
      equal(query.get("tokens"), "one two three", "tokens in the copied link");
    },
  },
  {
    name: "a link to a dropped model says what to drop again",
    async run(t) {
      const page = await t.open(t.isolated + "#model=file:tiny@0123abcd&head=2");
      await page.settle_or_error();
      const {error} = await page.status();
      check(error?.includes('"tiny" was opened from files'), error);
    },
  },
  {
    name: "the examples of a model set text, layer, head and token",
    async run(t) {
      const context = await with_listed_model(t);
      const page = await t.open(t.isolated + "#model=tiny", {}, context);
      await page.settle();
      await page.click("button.examples");
      await page.click("example.0");
      const status = await page.settle();
      equal(status.text, "Once upon a time", "text");
      await until(
          async () => (await page.query()).get("text") === "Once upon a time",
          "the link does not hold the text");
      const q = await page.query();
      equal([q.get("layer"), q.get("head"), q.get("token")], ["1", "2", "3"], "layer, head, token");
    },
  },
];
