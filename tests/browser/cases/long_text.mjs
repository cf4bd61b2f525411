// long_text.mjs - a text of thousands of tokens: patterns in tiles, exact wherever one looks.
import {check, equal, until} from "../harness.mjs";
import {long_model, long_text} from "../long_model.mjs";

const kPatience_ms = 180000;

async function open_long(t, url, sizes, length) {
  const page = await t.open(url + "#model=scratch");
  const before = (await page.settle()).model;
  await page.drop(long_model(sizes));
  await page.opened(before);
  await page.type_text(long_text(length));
  await until(
      async () => (await page.status()).text.length > length - 9, "the text did not arrive",
      kPatience_ms);
  const status = await page.settle(kPatience_ms);
  check(status.n_query > 0.8 * length, `only ${status.n_query} tokens`);
  return {page, status};
}

const part_of = (map, query, key) =>
    [(key + .5 - map.cell_min[0]) / (map.cell_max[0] - map.cell_min[0]),
     (query + .5 - map.cell_min[1]) / (map.cell_max[1] - map.cell_min[1]),
];

// The weight of the cell under the mouse is that of its row, to the digits that are read out.
async function check_cell(page, layer, head, query, key) {
  await page.move("map", part_of(await page.area("map"), query, key));
  // A pixel is several cells wide, and what was read out before stays until the next frame.
  const row_of = (text) => [...text.matchAll(/\d+/g)]
                               .map(([n]) => Number(n))
                               .find((n) => Math.abs(n - query) < 20);
  const said = await until(async () => {
    const text = (await page.readout()) ?? "";
    return row_of(text) !== undefined && text;
  }, `cell ${query}, ${key} is not read out`);
  const seen = row_of(said);
  const number = Number(/\d\.\d+/.exec(said)?.[0] ?? NaN);
  check(number >= 0, `cell ${query}, ${key} reads "${said}"`);
  const {values} = await page.ask(`row 0 ${layer} ${head} ${seen}`);
  check(
      values.some((w) => Math.abs(w - number) < 1e-4),
      `"${said}" has a weight that row ${seen} does not have`);
}

async function wheel(page, at, turns) {
  await page.move("map", at);
  for (let i = 0; i < Math.abs(turns); ++i) {
    await page.raw.mouse.wheel(0, turns > 0 ? -120 : 120);
    await page.frames(2);
  }
}

// Milliseconds between two frames of the page while `act` runs.
async function frame_times(page, act) {
  await page.evaluate(() => {
    const times = (globalThis.frame_times_ = []);
    let last = performance.now();
    const step = (now) => {
      times.push(now - last);
      last = now;
      if (globalThis.frame_times_ === times) requestAnimationFrame(step);
    };
    requestAnimationFrame(step);
  });
  await act();
  const times = await page.evaluate(() => {
    const seen = globalThis.frame_times_;
    globalThis.frame_times_ = null;
    return seen.slice(1).sort((a, b) => a - b);
  });
  const at = (part) => times[Math.floor(part * (times.length - 1))]?.toFixed(0);
  return `${times.length} frames, median ${at(.5)} ms, 95 % within ${at(.95)} ms, longest ${
      at(1)} ms`;
}

export const cases = [
  {
    name: "one thread computes a long text in short steps, and shows a token more at its end",
    limit_s: 120,
    async run(t) {
      // Most tokens are a letter; one more at the end leaves the others as they are.
      const {page, status} = await open_long(
          t, t.plain + "?build=st", {n_layers: 1, n_heads: 2, d_model: 16, n_ctx: 8192}, 6001);
      check(page.asked.some((url) => url.includes("st/app.wasm")), "the page has threads");
      const timed = async (text) => {
        let ms = 0;
        const frames = await frame_times(page, async () => {
          const begun = performance.now();
          await page.type_text(text);
          const typed = async () => (await page.status()).text.length >= text.length;
          await until(typed, "the text did not arrive", kPatience_ms);
          await page.settle(kPatience_ms);
          ms = performance.now() - begun;
        });
        t.print(`${text.length} letters: ${ms.toFixed(0)} ms, ${frames}`);
        return ms;
      };
      const other = long_text(6001, 9), whole = await timed(other), more = await timed(other + "b");
      const {longest_step, n_query} = await page.status();
      t.print(`longest step ${longest_step.ms.toFixed(1)} ms (${longest_step.job})`);
      check(n_query > .8 * status.n_query, `only ${n_query} tokens`);
      // What is computed is counted in test_steps.cpp; how long it takes depends on the machine.
      t.print(`a letter more took ${(more / whole).toFixed(2)} of a whole text's time`);
      page.check_clean();
    },
  },
  {
    name: "a text of 4,000 tokens opens, pans and zooms, and every cell is exact",
    limit_s: 400,
    async run(t) {
      const {page, status} =
          await open_long(t, t.isolated, {n_layers: 2, n_heads: 4, d_model: 32, n_ctx: 8192}, 4000);
      t.print(`${status.n_query} tokens`);
      await page.screenshot("long-whole");
      for (const [query, key] of [[3000, 100], [1000, 990], [3500, 2000]])
        await check_cell(page, 0, 0, query, key);
      t.print(`zooming in: ${await frame_times(page, () => wheel(page, [.3, .7], 8))}`);
      await page.settle(kPatience_ms);
      await page.screenshot("long-closer");
      const map = await page.area("map");
      check(map.cell_max[0] - map.cell_min[0] < 1500, "the wheel does not zoom");
      t.print(`panning: ${await frame_times(page, async () => {
        await page.move("map", [.5, .5]);
        await page.raw.mouse.down();
        for (let i = 1; i <= 20; ++i) {
          const [x, y] = await page.point("map", [.5 + .02 * i, .5 - .02 * i]);
          await page.raw.mouse.move(x, y);
          await page.frames(1);
        }
        await page.raw.mouse.up();
      })}`);
      const panned = await page.area("map");
      check(panned.cell_min[1] > map.cell_min[1], "dragging does not pan");
      await wheel(page, [.4, .6], 16);
      await page.settle(kPatience_ms);
      await page.screenshot("long-cells");
      const close = await page.area("map");
      const query = Math.floor((close.cell_min[1] + close.cell_max[1]) / 2);
      const key = Math.floor((close.cell_min[0] + close.cell_max[0]) / 2);
      await check_cell(page, 0, 0, query, key);
      await page.press("f");
      await page.settle(kPatience_ms);
      await page.raw.mouse.move(2, 2);
      page.check_clean();
    },
  },
  {
    name: "cells of many weights show the largest or the mean, words of a long text stay small " +
        "enough for a map",
    async run(t) {
      const {page} =
          await open_long(t, t.isolated, {n_layers: 1, n_heads: 2, d_model: 16, n_ctx: 4096}, 1800);
      check((await page.layout())["button.pool"], "there is no switch between largest and mean");
      await page.click("button.pool");
      await page.settle(kPatience_ms);
      equal((await page.query_now()).get("pool"), "mean", "pool in the link");
      await check_cell(page, 0, 0, 900, 300);
      await page.screenshot("long-mean");
      await wheel(page, [.5, .5], 20);
      await page.settle(kPatience_ms);
      check(
          !(await page.layout())["button.pool"],
          "the switch is there where every cell is one weight");
      await page.press("w");
      await page.settle(kPatience_ms);
      check((await page.layout()).reading, "there is no map of words");
      await page.screenshot("long-words");
      page.check_clean();
    },
  },
  {
    name: "undo and redo of a text compute nothing",
    async run(t) {
      const {page} =
          await open_long(t, t.isolated, {n_layers: 1, n_heads: 2, d_model: 16, n_ctx: 512}, 100);
      const first = await page.status();
      await page.type_text(long_text(120, 5));
      await until(
          async () => (await page.status()).n_traces > first.n_traces, "nothing was computed");
      const second = await page.settle();
      await until(
          async () => (await page.query()).get("text") === second.text,
          "the address does not follow");
      await page.follow(first.state);
      equal((await page.settle()).text, first.text, "the text after going back");
      await page.follow(second.state);
      equal((await page.settle()).text, second.text, "the text after going forth");
      equal((await page.status()).n_traces, second.n_traces, "traces that were computed");
      page.check_clean();
    },
  },
  {
    name: "words and positions are found in a long text, and their rows come into view",
    async run(t) {
      const {page, status} =
          await open_long(t, t.plain, {n_layers: 1, n_heads: 2, d_model: 16, n_ctx: 2048}, 1400);
      await wheel(page, [.05, .05], 12);
      await page.evaluate(() => document.getElementById("canvas").focus());
      await page.press("Control+f");
      const box = page.raw.locator("#box-find");
      await until(
          async () => page.evaluate(() => document.activeElement?.id === "box-find"),
          "Ctrl+F does not lead to the box");
      const in_view = async () => {
        const row = Number((await page.query_now()).get("token") ?? 0);
        const map = await page.area("map");
        check(
            row >= map.cell_min[1] && row < map.cell_max[1],
            `row ${row} is not among ${map.cell_min[1]} to ${map.cell_max[1]}`);
        check((await page.layout())[`chip.${row}`], `the chip of ${row} is out of sight`);
        return row;
      };
      await box.pressSequentially("#1100");
      await page.settle(kPatience_ms);
      equal(await in_view(), 1100, "the row of #1100");
      // A piece of the text across tokens, wherever it begins.
      const wanted = status.tokens.slice(700, 704).join("").trim();
      await box.fill(wanted.toUpperCase());
      await page.settle(kPatience_ms);
      await page.screenshot("long-find");
      const seen = new Set([await in_view()]);
      for (let i = 0; i < 60 && !(seen.has(700) || seen.has(701)); ++i) {
        await page.press("Enter");
        await page.settle(kPatience_ms);
        seen.add(await in_view());
      }
      check(seen.has(700) || seen.has(701), `"${wanted}" was found only at ${[...seen]}`);
      const at = (await page.query_now()).get("token");
      await page.press("Enter");
      await page.press("Shift+Enter");
      equal((await page.query_now()).get("token"), at, "the row after Enter and Shift+Enter");
      await page.press("Escape");
      await page.frames(3);
      check(!(await page.layout()).find, "Escape does not close the bar");
      equal(
          await page.evaluate(() => document.activeElement?.localName), "canvas",
          "focus after Escape");
      page.check_clean();
    },
  },
  {
    name: "a long diffuse map is not black, its legend says so, and keys zoom about its cell",
    async run(t) {
      const {page} = await open_long(
          t, t.plain, {n_layers: 1, n_heads: 2, d_model: 16, n_ctx: 1024, sharp: .7}, 480);
      const light = async () => (await page.pixels(await page.area("map"))).light;
      await page.raw.mouse.move(2, 2);
      await page.frames(3);
      const automatic = await light();
      await page.screenshot("long-contrast");
      await page.click("button.contrast");
      await page.raw.mouse.move(2, 2);
      await page.settle(kPatience_ms);
      equal((await page.query_now()).get("scale"), "linear", "the scale in the link");
      const linear = await light();
      t.print(`light ${automatic.toFixed(1)} automatic, ${linear.toFixed(1)} from 0 to 1`);
      check(automatic > linear + 10, "an automatic scale is no lighter");
      await page.click("button.contrast");
      equal((await page.query_now()).get("scale"), null, "the scale in the link");

      check(!(await page.layout()).overview, "an overview of a whole map");
      await page.click("map", [.2, .7]);
      await page.raw.mouse.move(2, 2);
      await page.evaluate(() => document.getElementById("canvas").focus());
      for (let i = 0; i < 12; ++i) await page.press("Equal");
      await page.settle(kPatience_ms);
      const query = await page.query_now(), map = await page.area("map");
      const [row, key] = [Number(query.get("token")), Number(query.get("key"))];
      check(map.cell_max[0] - map.cell_min[0] < 60, "+ does not zoom");
      check(
          key >= map.cell_min[0] && key < map.cell_max[0] && row >= map.cell_min[1] &&
              row < map.cell_max[1],
          "the locked cell is lost while zooming");
      await page.screenshot("long-overview");
      await page.click("overview", [.1, .1]);
      await page.frames(3);
      const moved = await page.area("map");
      check(
          moved.cell_min[0] < map.cell_min[0] && moved.cell_min[1] < map.cell_min[1],
          "a click on the overview does not move the map");
      page.check_clean();
    },
  },
];
