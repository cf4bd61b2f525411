// listed_models.mjs - the models that come with the page: the first opens by itself, examples are
// links.
import {existsSync, readFileSync} from "node:fs";
import path from "node:path";

import {kData, read_safetensors} from "../golden.mjs";
import {check, equal, skip, until} from "../harness.mjs";

import {with_listed_model} from "./link.mjs";
import {check_model} from "./numbers.mjs";

function listed(t) {
  const file = path.join(t.site, "models/index.json");
  if (!existsSync(file)) skip("the site has no models/index.json");
  const {models} = JSON.parse(readFileSync(file, "utf8"));
  check(models?.length > 0, "models/index.json lists no model");
  return models;
}

const hash_of = (model, e) => new URLSearchParams({
                                model: model.id,
                                text: e.text,
                                layer: e.layer ?? 0,
                                head: e.head ?? 0,
                                token: e.token ?? 0
                              })
                                  .toString()
                                  .replaceAll("+", "%20");

export const cases = [
  {
    name: "the first listed model opens by itself, soon",
    lane: "alone",
    async run(t) {
      const [model] = listed(t);
      const page = await t.open(t.isolated);
      const status = await page.settle_at(model.id);
      const times = await page.evaluate(() => ({
                                          now: performance.now(),
                                          compiled: performance.getEntriesByType("resource")
                                                        .filter((e) => e.name.endsWith(".wasm"))
                                                        .map((e) => e.responseEnd)[0],
                                        }));
      equal(status.model, model.id, "the model on the first screen");
      equal(status.text, model.default_text, "its text");
      const ms = times.now - times.compiled;
      t.print(`model and map ${Math.round(ms)} ms after the program had arrived, ${
          Math.round(times.now)} ms after the visit began`);
      check(ms < 10000, `${Math.round(ms)} ms after the program had arrived`);
      for (const name of model.files) {
        const times = page.asked.filter((address) => address.endsWith(`/${name}`)).length;
        equal(times, 1, `${name}, fetched ahead of the program, was asked for so many times`);
      }
      await page.screenshot("first-screen");
      page.check_clean();
    },
  },
  {
    name: "every example of every listed model opens by its link and by its menu",
    async run(t) {
      for (const model of listed(t)) {
        check(model.examples?.length >= 1, `${model.id} has no examples`);
        const page = await t.open(t.isolated + "#model=" + model.id);
        await page.settle();
        for (const [i, e] of model.examples.entries()) {
          await page.follow(hash_of(model, e));
          const status = await page.settle();
          equal(
              [status.model, status.text, status.error ?? ""], [model.id, e.text, ""],
              `example ${i} by link`);
          check(
              (e.layer ?? 0) < status.n_layers && (e.head ?? 0) < status.n_heads &&
                  (e.token ?? 0) < status.n_query,
              `example ${i} of ${model.id} points outside: ${JSON.stringify(e)}, ${
                  status.n_query} tokens`);
          await page.screenshot(`example-${model.id}-${i}`);
        }
        for (const [i, e] of model.examples.entries()) {
          await page.click("button.examples");
          await page.click(`example.${i}`);
          await page.settle();
          await until(async () => {
            const q = await page.query();
            return (q.get("text") ?? "") === e.text &&
                (q.get("layer") ?? "0") === String(e.layer ?? 0) &&
                (q.get("head") ?? "0") === String(e.head ?? 0);
          }, `example ${i} chosen in the menu is not in the link`);
        }
        page.check_clean();
      }
    },
  },
  {
    name: "listed models equal PyTorch",
    async run(t) {
      let n = 0;
      for (const model of listed(t)) {
        const file =
            path.join(kData, `${path.basename(model.folder ?? model.id)}.expected.safetensors`);
        if (!existsSync(file)) continue;
        const expected = read_safetensors(file);
        const page = await t.open(t.isolated + "#model=" + model.id);
        await page.settle();
        const d = await check_model(page, expected, expected.metadata.text);
        t.print(`${model.id}, largest differences: patterns ${d.attn.toExponential(1)}, logits ${
            d.logits.toExponential(1)}`);
        ++n;
      }
      if (!n) skip("no tests/data/<name>.expected.safetensors for a listed model");
    },
  },
  {
    name: "a listed model whose files are broken gives one sentence, and the rest works",
    async run(t) {
      const [model] = listed(t);
      for (const [what, answer] of Object.entries({
             "a missing file": {status: 404, body: ""},
             "a broken file": {status: 200, body: "{"},
           })) {
        const context = await t.context({serviceWorkers: "block"});
        await context.route("**/config.json", (route) => route.fulfill(answer));
        const page = await t.open(`${t.isolated}#model=${model.id}`, {}, context);
        const status = await until(async () => {
          const s = await page.status();
          return s.error?.includes("config.json") && s;
        }, `${what}: no sentence that names config.json`);
        check(
            !status.error.includes("\n") && status.error.length < 300, `${what}: ${status.error}`);
        await page.follow("model=scratch&seed=3");
        equal((await page.status()).tokens.length, 6, `${what}: tokens of the demonstration`);
        t.print(`${what} (${model.id}): ${status.error}`);
        await page.screenshot(`listed-model-${what.split(" ")[1]}`);
      }
    },
  },
  {
    name: "a failed download is tried again by a button, by a key, and in the menu",
    async run(t) {
      const context = await with_listed_model(t);
      let failures = 2;
      await context.route("**/models/tiny/config.json", (route) => {
        return failures-- > 0 ? route.abort() : route.fallback();
      });
      const failed = async (page, left) => {
        await until(
            async () => failures === left && (await page.status()).can_retry,
            "no Retry is offered");
      };
      const page = await t.open(`${t.isolated}#model=tiny`, {}, context);
      await failed(page, 1);
      check((await page.status()).error.includes("config.json"), "the file is not named");
      await page.screenshot("retry");
      await page.click("button.retry");
      await failed(page, 0);
      await page.press("r");
      const status = await page.settle_at("tiny");
      equal([status.error, status.can_retry], [null, false], "after the download");

      // The first screen's model is fetched before it is wanted; if that has failed by then, once
      // more when it is.
      failures = Infinity;
      const other = await t.open(t.isolated, {}, context);
      await failed(other, Infinity);
      failures = 0;
      check((await other.status()).link_error.includes("config.json"), "the file is not named");
      await other.click("model");
      await other.click("model.tiny");
      const chosen = await other.settle_at("tiny");
      equal([chosen.link_error, chosen.can_retry], [null, false], "chosen again");
    },
  },
];
