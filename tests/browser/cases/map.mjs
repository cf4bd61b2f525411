// map.mjs - the heat map under the mouse: readout, lock, arrows, zoom; and the grid of heads.
import {check, equal, until} from "../harness.mjs";

const kDemo = "#model=scratch";

// Where the middle of a cell is, in the map's own parts; null when it is not in view.
function place_of(map, query, key) {
  const part = (at, low, high) => (at + 0.5 - low) / (high - low);
  return [
    part(key, map.cell_min[0], map.cell_max[0]), part(query, map.cell_min[1], map.cell_max[1])
  ];
}

async function hover(page, query, key) {
  await page.move("map", place_of(await page.area("map"), query, key));
}

// Whether `said` names the weight to the digits that it shows.
function names_weight(said, weight) {
  return [...said.matchAll(/(\d+\.\d+)(\s*%)?/g)].some(([, number, percent]) => {
    const digits = number.split(".")[1].length;
    return Math.abs(Number(number) - weight * (percent ? 100 : 1)) <= 0.51 * 10 ** -digits;
  });
}

async function readout_of(page, query, key, token_q, token_k, weight) {
  let said = "";
  await until(
      async () => {
        said = await page.readout();
        return said.includes(String(query)) && said.includes(String(key)) &&
            said.includes(token_q) && said.includes(token_k) && names_weight(said, weight);
      },
      "", 3000)
      .catch(
          () => check(
              false, `cell ${query}, ${key} (${token_q} → ${token_k}, ${weight}) reads "${said}"`));
  return said;
}

const cells = ({cell_min, cell_max}) => [cell_max[0] - cell_min[0], cell_max[1] - cell_min[1]];

export const cases = [
  {
    name: "every cell under the mouse is read out with its tokens and its weight",
    async run(t) {
      const page = await t.open(t.isolated + kDemo);
      const {tokens} = await page.settle();
      const {values, n_key} = await page.ask("pattern 0 0 0");
      for (const [q, k] of [[0, 0], [1, 4], [5, 5], [4, 2]]) await readout_of_hover(q, k);
      async function readout_of_hover(q, k) {
        await hover(page, q, k);
        await readout_of(page, q, k, tokens[q], tokens[k], values[q * n_key + k]);
      }
      await page.raw.mouse.move(2, 2);
      page.check_clean();
    },
  },
  {
    name: "a masked cell is read out as masked",
    async run(t) {
      const page = await t.open(t.isolated + kDemo + "&mask=causal");
      await page.settle();
      await hover(page, 1, 4);
      await until(
          async () => /masked/i.test(await page.readout()), "the readout does not say masked");
    },
  },
  {
    name: "a click locks the cell, arrows move it, Escape lets go",
    async run(t) {
      const page = await t.open(t.isolated + kDemo);
      await page.settle();
      const locked = async () => {
        const q = await page.query();
        return [q.get("token") ?? "0", q.get("key") ?? "-1"];
      };
      const becomes = async (wanted, what) => {
        let seen;
        await until(
            async () => JSON.stringify(seen = await locked()) === JSON.stringify(wanted), "", 3000)
            .catch(() => equal(seen, wanted, what));
      };
      await hover(page, 2, 3);
      await page.press_here();
      await becomes(["2", "3"], "token and key after a click on cell 2, 3");
      await page.press("ArrowRight");
      await becomes(["2", "4"], "after →");
      await page.press("ArrowDown");
      await becomes(["3", "4"], "after ↓");
      await page.press("ArrowLeft");
      await page.press("ArrowUp");
      await becomes(["2", "3"], "after ← and ↑");
      await page.press("Escape");
      await becomes(["2", "-1"], "after Escape");
    },
  },
  {
    name: "a click on a thumbnail chooses its head, and the map shows it",
    async run(t) {
      const page = await t.open(t.isolated + kDemo);
      const {tokens} = await page.settle();
      await page.click("thumb.0.3");
      await until(
          async () => (await page.query()).get("head") === "3", "the link does not hold head 3");
      await page.settle();
      const {values, n_key} = await page.ask("pattern 0 0 3");
      await hover(page, 5, 1);
      await readout_of(page, 5, 1, tokens[5], tokens[1], values[5 * n_key + 1]);
    },
  },
  {
    name: "the wheel zooms at the mouse, dragging pans, a double click shows everything",
    async run(t) {
      const page = await t.open(t.isolated + kDemo + "&n=24");
      await page.settle();
      const whole = await page.area("map");
      check(Math.abs(cells(whole)[0] - 24) < 1.5, `${cells(whole)} cells in view at first`);
      const at = [0.25, 0.75];
      const under =
          (m) => [m.cell_min[0] + at[0] * cells(m)[0], m.cell_min[1] + at[1] * cells(m)[1]];
      await page.move("map", at);
      for (let i = 0; i < 4; ++i) {
        await page.raw.mouse.wheel(0, -120);
        await page.frames(2);
      }
      await page.settle();
      const near = await page.area("map");
      check(
          cells(near)[0] < 0.8 * cells(whole)[0],
          `the wheel left ${cells(near)[0]} of ${cells(whole)[0]} cells in view`);
      for (const i of [0, 1])
        check(
            Math.abs(under(near)[i] - under(whole)[i]) < 0.75,
            `zooming moved cell ${under(whole)} under the mouse to ${under(near)}`);

      const [x, y] = await page.point("map", at);
      await page.raw.mouse.down();
      for (let i = 1; i <= 5; ++i) {
        await page.raw.mouse.move(x + 12 * i, y - 12 * i);
        await page.frames(1);
      }
      await page.raw.mouse.up();
      await page.settle();
      const panned = await page.area("map");
      check(
          panned.cell_min[0] < near.cell_min[0] && panned.cell_min[1] > near.cell_min[1],
          `dragging right and up moved the view from ${near.cell_min} to ${panned.cell_min}`);
      equal((await page.query()).get("key"), null, "locked key after dragging");

      await page.double_click("map", at);
      await page.settle();
      if (cells(await page.area("map"))[0] < 20)
        await page.double_click("map", at);  // too slow to be one
      equal(
          cells(await page.area("map")).map(Math.round), cells(whole).map(Math.round),
          "cells in view after a double click");
    },
  },
  {
    name: "palette and scale change the picture, not the numbers",
    async run(t) {
      const page = await t.open(t.isolated + kDemo);
      await page.settle();
      const map = await page.area("map");
      const seen = new Set();
      const numbers = await page.patterns();
      for (const view
               of ["", "&palette=cividis", "&palette=magma", "&palette=greys", "&scale=log",
                   "&scale=row"]) {
        await page.follow("model=scratch" + view);
        const {mean, n_colours} = await page.pixels(map);
        check(n_colours > 12, `"${view}" shows ${n_colours} colours`);
        seen.add(mean.map(Math.round).join());
        equal(await page.patterns(), numbers, `weights under "${view}"`);
      }
      check(seen.size === 6, `six ways of colouring gave ${seen.size} pictures`);
    },
  },
];
