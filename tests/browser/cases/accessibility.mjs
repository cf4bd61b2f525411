// accessibility.mjs - the page for screen readers and the keyboard alone: the text version of the
// screen, what is announced, and axe's rules.
import {readFileSync} from "node:fs";
import {createRequire} from "node:module";

import {check, equal, sleep, until} from "../harness.mjs";

const kAxe = readFileSync(createRequire(import.meta.url).resolve("axe-core/axe.min.js"), "utf8");
const kModel = "#model=bookworm-2m&layer=2&head=4&token=16";

async function opened(t, hash, options) {
  const page = await t.open(t.isolated + hash, options);
  await page.settle(30000);
  await until(() => page.raw.locator("#mirror h1").count(), "there is no text version");
  return page;
}

const texts = (page, selector) => page.raw.locator(`#mirror ${selector}`).allTextContents();

// Until the texts of these elements satisfy `holds`.
async function mirrors(page, selector, holds, what) {
  let seen;
  await until(async () => holds(seen = await texts(page, selector)), "", 5000)
      .catch(() => check(false, `${what}: the text version says ${JSON.stringify(seen)}`));
  return seen;
}

// What axe objects to. The canvas is one element to it, and its overlays are checked where shown.
async function findings(page) {
  await page.evaluate(kAxe);
  return page.evaluate(async () => {
    const {violations} = await axe.run(document, {resultTypes: ["violations"]});
    return violations.map((v) => `${v.id}: ${v.nodes.map((n) => n.html).join(" ").slice(0, 200)}`);
  });
}

// [the table's row of a key, or all of them]
async function row_table(page) {
  return page.evaluate(
      () => [...document.querySelectorAll("#mirror tbody tr")].map(
          (row) => [...row.cells].map((cell) => cell.textContent)));
}

const kScreens = [
  ["the first screen", ""],
  ["all heads", kModel + "&view=wall"],
  ["the tutorial", kModel + "&panel=learn&learn=mask"],
  ["an error", "#model=no-such-model"],
];

export const cases = [
  ...["en-US", "zh-CN"].flatMap(
      (locale) => ["light", "dark"].map(
          (colorScheme) => ({
            name: `axe finds nothing in ${locale}, ${colorScheme}`,
            async run(t) {
              for (const [what, hash] of kScreens) {
                const page = await t.open(t.isolated + hash, {locale, colorScheme});
                await page.settle_or_error(30000);
                await until(
                    () => page.raw.locator("#mirror h1").count(), "there is no text version");
                if (what === "an error")
                  await mirrors(
                      page, "[role=alert] p", (said) => said[0]?.includes("no-such-model"),
                      "an error");
                equal(await findings(page), [], `${what}, axe`);
                await page.evaluate(() => document.querySelector("#mirror [role=tab]").focus());
                equal(await findings(page), [], `${what}, text version in view, axe`);
                await page.screenshot(`text-version-${locale}-${colorScheme}`);
                await page.close();
              }
            },
          }))),
  {
    name: "the text version has the numbers of the screen, and follows it",
    async run(t) {
      const page = await opened(t, kModel);
      const {tokens} = await page.status();
      const {values} = await page.ask("row 0 2 4 16");
      const check_row = async (row, wanted) => {
        const seen = await row_table(page);
        equal(seen.length, Math.min(32, tokens.length), "rows of the table");
        for (const [place, key, weight] of seen) {
          check(key.includes(tokens[Number(place)].trim()), `key ${place} is ${key}`);
          if (Number(place) <= row)
            equal(weight, wanted[Number(place)].toFixed(4), `weight of key ${place}`);
        }
      };
      await check_row(16, values);
      const at = values.indexOf(Math.max(...values));
      const [cell] = await mirrors(
          page, "> p", (said) => said.some((s) => s.includes(values[at].toFixed(4))), "the cell");
      check(cell, "nothing says what is chosen");
      equal(await texts(page, "h2"), ["Layer 2 · Head 4"], "the head");
      const head = await texts(page, "h2 + div p");
      check(head[0].startsWith("In general: "), `the head in general is ${head[0]}`);
      check(head.some((s) => s.startsWith("In this text: ")), `the head here is ${head}`);

      const other = (await page.ask("row 0 1 0 5")).values;
      await page.follow("model=bookworm-2m&layer=1&head=0&token=5");
      await mirrors(page, "h2", (said) => said[0] === "Layer 1 · Head 0", "another head");
      await check_row(5, other);
      page.check_clean();
    },
  },
  {
    name: "a long row shows its largest weights and how many more there are",
    async run(t) {
      const page = await opened(t, "#model=scratch&n=48");
      const {values} = await page.ask("row 0 0 0 0");
      await mirrors(page, "> p", (said) => said.some((s) => s.endsWith(": 16")), "the rest");
      const weights = (await row_table(page)).map(([, , weight]) => weight);
      equal(
          weights, [...values].sort((a, b) => b - a).slice(0, 32).map((w) => w.toFixed(4)),
          "the largest weights");
    },
  },
  {
    name: "tabs, settings and keys of the text version act on the screen and keep the focus",
    async run(t) {
      const page = await opened(t, kModel);
      const becomes = (key, value) =>
          until(async () => (await page.query_now()).get(key) === value, `${key} is not ${value}`);
      const focus = (selector) =>
          page.evaluate((s) => document.querySelector(`#mirror ${s}`).focus(), selector);
      await focus("[aria-selected=true]");
      await page.press("ArrowLeft");
      await becomes("view", "wall");
      await until(
          () => page.evaluate(
              () => document.activeElement.matches("[aria-selected=true]") &&
                  document.activeElement.value === "wall"),
          "the chosen tab lost the focus");
      await focus("[data-id=layer] input");
      await page.press("ArrowLeft");
      await becomes("layer", "1");
      equal(
          await page.evaluate(() => document.activeElement.ariaValueText), "1 (0 to 3)",
          "the slider says");
      await page.raw.locator("#mirror [data-id=palette] select").selectOption({index: 2});
      await becomes("palette", "magma");
      await page.raw.locator("#mirror tbody button").nth(3).evaluate((key) => key.click());
      await becomes("key", "3");
      await focus("[data-id=head] input");
      await page.press("Escape");
      equal(await page.evaluate(() => document.activeElement.id), "canvas", "focus after Escape");
      page.check_clean();
    },
  },
  {
    name: "what Tab moves to is announced with its role and value",
    async run(t) {
      const page = await opened(t, kModel);
      await page.evaluate(() => document.getElementById("canvas").focus());
      const heard = new Set();
      for (let i = 0; i < 45; ++i) {
        await page.press("Tab");
        await page.raw.waitForTimeout(280);
        heard.add(
            await page.evaluate(() => document.querySelector("#live").children[1].textContent));
      }
      const all = [...heard].join("\n");
      for (const words
               of ["Model, menu, ", "Theme (T), button", "Examples, button",
                   "Layer, slider, 2 (0 to 3)", "Layer, button, less", "Palette, menu, Viridis",
                   "Map, tab, selected", "Head, tab"])
        check(all.includes(words), `never heard "${words}" but\n${all}`);
      check(!heard.has(""), "some controls say nothing");
    },
  },
  {
    name: "by keyboard alone: a view, a head, a cell and a saved picture",
    async run(t) {
      const page = await opened(t, kModel);
      const heard = (n) =>
          page.evaluate((i) => document.querySelector("#live").children[i].textContent, n);
      await page.press("ArrowUp");  // from the chosen token, no key locked
      await until(
          async () => /Largest of the row: .*query 15 /.test(await heard(0)),
          "the row above is not announced");
      const {values} = await page.ask("row 0 2 4 15");
      const key = values.indexOf(Math.max(...values));
      check((await heard(0)).includes(values[key].toFixed(4)), `15 reads "${await heard(0)}"`);
      await page.press("ArrowRight");
      await until(
          async () => (await page.query_now()).get("key") === String(key), "no cell was chosen");
      await page.press("]");
      await until(async () => /^L2 H5 · Weight/.test(await heard(0)), "the head is not announced");
      await page.press("Escape");
      const until_tab = async (wanted) => {
        for (let i = 0; i < 60; ++i) {
          await page.press("Tab");
          await page.raw.waitForTimeout(280);
          if ((await heard(1)).startsWith(wanted)) return;
        }
        check(false, `Tab never came to ${wanted}`);
      };
      await until_tab("Lines, tab");
      await page.press("Enter");
      await until(async () => (await page.query_now()).get("view") === "lines", "not the lines");
      await until_tab("Save, button");
      await page.settle();
      await page.press("Enter");
      const download = page.raw.waitForEvent("download");
      await page.press("ArrowDown");
      await page.press("Enter");
      check((await download).suggestedFilename().length > 4, "nothing was saved");
    },
  },
  {
    name: "at 200 % zoom the panels keep their height, and the window scrolls to all of them",
    async run(t) {
      for (const options of [{}, {locale: "zh-CN", hasTouch: true, isMobile: true}]) {
        const page = await opened(
            t, kModel, {viewport: {width: 640, height: 400}, deviceScaleFactor: 2, ...options});
        const low = await page.area("map");
        check(low.height >= 120, `the map is ${low.height} high`);
        await page.move("model");
        await page.raw.mouse.wheel(0, 2000);
        await page.settle();
        const {y, height} = await page.area("map");
        check(y >= 0 && y + height <= 400, `the map is at ${y} to ${y + height} of 400`);
        await page.screenshot(`zoom-200-${options.locale ?? "en"}`);
        await page.close();
      }
    },
  },
  {
    name: "with reduced motion the chain still steps, and nothing moves between its steps",
    async run(t) {
      const page = await opened(t, kModel + "&view=chain", {reducedMotion: "reduce"});
      const step = async () =>
          Object.keys(await page.layout()).find((name) => name.startsWith("chain.step."));
      await page.click("button.chain_play");
      await page.raw.mouse.move(2, 798);
      await sleep(1200);
      equal(await step(), "chain.step.0", "the first step");
      const pictures = new Set();
      for (let i = 0; i < 4; ++i) {
        pictures.add((await page.raw.screenshot()).toString("base64"));
        await sleep(150);
      }
      equal(pictures.size, 1, "pictures of one step");
      await until(async () => await step() === "chain.step.1", "the chain does not go on", 6000);
      equal(await page.evaluate(() => document.getAnimations().length), 0, "animations of CSS");
    },
  },
];
