// typing.mjs - the text box over the canvas: keys, input methods, paste, and what wins when one
// types fast.
import path from "node:path";

import {kModels, largest_difference, model_files} from "../golden.mjs";
import {check, equal, until} from "../harness.mjs";

// A page with a tiny model whose tokens are made of bytes, so that any text can be read.
export async function open_tiny(t, url = t.isolated, name = "llama-gqa") {
  const page = await t.open(url + "#model=scratch");
  const before = await page.settle();
  await page.drop(model_files(path.join(kModels, name)));
  const after = await page.opened(before.model);
  equal(after.file_error ?? "", "", "file_error");
  return page;
}

async function type_and_settle(page, text) {
  await page.type_text(text);
  const status = await page.settle();
  equal(status.text, text, "status.text");
  return status;
}

export const cases = [
  {
    name: "typing changes the patterns, and what was there before stays the same",
    async run(t) {
      const page = await open_tiny(t);
      const first = await type_and_settle(page, "Once upon a time");
      const before = await page.patterns();
      await page.raw.keyboard.type(" there was");
      const second = await page.settle();
      equal(second.text, "Once upon a time there was", "status.text");
      check(second.n_query > first.n_query, `${first.n_query} tokens became ${second.n_query}`);
      const after = await page.patterns();
      // A causal model: the rows of the first tokens do not know what comes after.
      const n = first.n_query, m = second.n_query;
      let most = 0;
      for (let head = 0; head < first.n_layers * first.n_heads; ++head)
        for (let q = 0; q < n - 1; ++q)
          for (let k = 0; k <= q; ++k)
            most = Math.max(
                most, Math.abs(before[(head * n + q) * n + k] - after[(head * m + q) * m + k]));
      check(most < 1e-5, `rows of earlier tokens changed by ${most}`);
      page.check_clean();
    },
  },
  {
    name: "thirty keys typed at once end with the newest text's tokens",
    limit_s: 120,
    async run(t) {
      for (const build of ["mt", "st"]) {
        const page = await open_tiny(t, `${t.isolated}?build=${build}`);
        const text = "the girl and the dog went out";
        await type_and_settle(page, text);
        const wanted = {...(await page.status()), values: await page.patterns()};
        await type_and_settle(page, "x");
        await page.raw.keyboard.press("Backspace");
        await page.raw.keyboard.type(text);
        const seen = await page.settle();
        equal(seen.text, text, `${build}: status.text`);
        equal(seen.tokens, wanted.tokens, `${build}: tokens`);
        // A pass that goes on from an earlier text adds in another order.
        const d = largest_difference(await page.patterns(), wanted.values);
        check(d < 1e-5, `${build}: patterns differ by ${d}`);
      }
    },
  },
  {
    name: "an emptied box shows nothing, and can be filled again",
    async run(t) {
      const page = await open_tiny(t);
      await type_and_settle(page, "the dog");
      await page.type_text("");
      await page.settle_or_error();
      await until(
          async () => !(await page.layout()).map, "an emptied box still shows a picture", 3000);
      await type_and_settle(page, "the girl");
      check((await page.layout()).map, "the map does not come back");
      page.check_clean();
    },
  },
  {
    name: "a text too long for the model dims the old picture, and its beginning is offered",
    async run(t) {
      const page = await open_tiny(t);
      await type_and_settle(page, "the dog");
      await page.type_text("the girl and the dog ".repeat(400));
      await until(
          async () => (await page.layout())["button.shorten"], "no beginning of it is offered");
      const areas = await page.layout();
      check(areas.stale, "whose picture it is is not said");
      equal((await page.status()).text, "the dog", "the text of the picture");
      await page.click("button.shorten");
      const now = await page.settle();
      check(now.n_query > 20 && now.text.startsWith("the girl and"), `${now.n_query} tokens`);
      check(!(await page.layout()).stale, "the new picture is called old");
      // The text stays; the link says which part of it is read.
      const query = await page.query_now();
      equal(query.get("cut"), "first", "cut in the link");
      check(query.get("text").length > 8000, "the text was shortened in the link");
      query.delete("cut");
      await page.evaluate((hash) => (location.hash = hash), `${query}`);
      await until(async () => (await page.layout())["button.keep_end"], "no end of it is offered");
      await page.click("button.keep_end");
      const end = await page.settle();
      equal((await page.query_now()).get("cut"), "last", "cut in the link");
      check(Math.abs(end.n_query - now.n_query) < 4, `${end.n_query} tokens of the end`);
      equal(end.tokens.join("").slice(-4), "dog ", "the last tokens");
      page.check_clean();
    },
  },
  {
    name: "Chinese by insertText, and by an input method",
    async run(t) {
      const page = await open_tiny(t);
      const first = await type_and_settle(page, "我爱学习");
      check(first.n_query >= 4, `${first.n_query} tokens for four characters`);
      const cdp = await page.context.newCDPSession(page.raw);
      for (const text of ["s", "she", "shen"])
        await cdp.send(
            "Input.imeSetComposition",
            {text, selectionStart: text.length, selectionEnd: text.length});
      await page.frames(3);
      await cdp.send("Input.imeSetComposition", {text: "深度", selectionStart: 2, selectionEnd: 2});
      await cdp.send("Input.insertText", {text: "深度"});
      const second = await page.settle();
      equal(await page.textarea().inputValue(), "我爱学习深度", "the text box");
      equal(second.text, "我爱学习深度", "status.text");
    },
  },
  {
    name: "paste and copy",
    async run(t) {
      const page = await open_tiny(t);
      await page.context.grantPermissions(["clipboard-read", "clipboard-write"]);
      await type_and_settle(page, "the dog");
      await page.evaluate(() => navigator.clipboard.writeText(" 看见 the sea"));
      await page.textarea().focus();
      await page.raw.keyboard.press("End");
      await page.raw.keyboard.press("Control+v");
      equal((await page.settle()).text, "the dog 看见 the sea", "status.text after pasting");
      await page.raw.keyboard.press("Control+a");
      await page.raw.keyboard.press("Control+c");
      equal(
          await page.evaluate(() => navigator.clipboard.readText()), "the dog 看见 the sea",
          "the clipboard");
    },
  },
  {
    name: "the text box lies over the canvas at its place and is reached by keyboard",
    async run(t) {
      const page = await t.open(t.isolated + "#model=scratch");
      await page.settle();
      const place = await page.area("prompt");
      const box = await page.textarea().boundingBox();
      for (const side of ["x", "y", "width", "height"])
        check(
            Math.abs(place[side] - box[side]) <= 2,
            `the box's ${side} is ${box[side]}, the layout says ${place[side]}`);
      check(
          await page.evaluate(
              ([x, y]) => document.elementFromPoint(x, y)?.localName === "textarea",
              [place.x + place.width / 2, place.y + place.height / 2]),
          "something else covers the text box");
      check(
          await page.textarea().evaluate(
              (e) => (e.ariaLabel || e.labels?.[0]?.textContent || "").length > 0),
          "the text box has no label");
      await page.raw.mouse.click(...(await page.point("prompt")));
      equal(
          await page.evaluate(() => document.activeElement.localName), "textarea",
          "focused element after a click");
    },
  },
  {
    name: "keys typed into the box are text and no shortcuts",
    async run(t) {
      const page = await open_tiny(t);
      await type_and_settle(page, "a");
      await until(
          async () => (await page.query()).get("text") === "a", "the link does not hold the text");
      const before = await page.query();
      await page.raw.keyboard.type("?tTlLhHkK12[]+-=/,. dD");
      await page.raw.keyboard.press("ArrowLeft");
      await page.raw.keyboard.press("ArrowUp");
      await page.raw.keyboard.press("ArrowDown");
      const status = await page.settle();
      equal(status.text, "a?tTlLhHkK12[]+-=/,. dD", "status.text");
      await until(
          async () => (await page.query()).get("text") === status.text,
          "the link does not hold the text");
      const after = await page.query();
      for (const q of [before, after]) q.delete("text");
      equal(after.toString(), before.toString(), "the link without its text");
    },
  },
  {
    name: "token names of the demonstration are typed",
    async run(t) {
      const page = await t.open(t.isolated + "#model=scratch");
      await page.settle();
      await page.type_text("red green blue");
      const status = await page.settle();
      equal(status.tokens, ["red", "green", "blue"], "tokens");
      equal(status.n_query, 3, "n_query");
    },
  },
];
