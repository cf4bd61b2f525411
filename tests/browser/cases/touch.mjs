// touch.mjs - fingers: taps, drags, two fingers that zoom, a long press that points; large targets.
import {check, equal, sleep, until} from "../harness.mjs";

const kModel = "#model=bookworm-2m&layer=2&head=4&token=16";
const kPhone = {
  viewport: {width: 390, height: 844},
  hasTouch: true,
  isMobile: true
};

const cells = ({cell_min, cell_max}) => [cell_max[0] - cell_min[0], cell_max[1] - cell_min[1]];

async function opened(t, hash, options = kPhone) {
  const page = await t.open(t.isolated + hash, options);
  await page.settle(30000);
  const cdp = await page.context.newCDPSession(page.raw);
  // Fingers at these points; none: all are lifted.
  page.fingers = async (type, ...points) => {
    await cdp.send("Input.dispatchTouchEvent", {
      type,
      touchPoints: points.map(([x, y], id) => ({x, y, id})),
    });
    await page.frames(2);
  };
  page.tap = async (x, y) => {
    await page.fingers("touchStart", [x, y]);
    await page.fingers("touchEnd");
    await page.frames(4);
  };
  // Two fingers around a point, from one distance to another, in steps.
  page.pinch = async ([x, y], from, to, [dx, dy] = [0, 0]) => {
    const at = (i) => {
      const d = from + (to - from) * i / 12, u = x + dx * i / 12, v = y + dy * i / 12;
      return [[u - d / 2, v], [u + d / 2, v]];
    };
    await page.fingers("touchStart", at(0)[0]);
    await page.fingers("touchStart", ...at(0));
    for (let i = 1; i <= 12; ++i) await page.fingers("touchMove", ...at(i));
    await page.fingers("touchEnd");
    await page.settle(30000);
  };
  page.drag = async ([x, y], [dx, dy]) => {
    await page.fingers("touchStart", [x, y]);
    for (let i = 1; i <= 10; ++i)
      await page.fingers("touchMove", [x + dx * i / 10, y + dy * i / 10]);
    await page.fingers("touchEnd");
    await page.settle(30000);
  };
  return page;
}

export const cases = [
  {
    name: "two fingers zoom the map about their middle, one finger pans it, and back to all heads",
    async run(t) {
      const page = await opened(t, kModel);
      const whole = await page.area("map");
      const at = [0.3, 0.6];
      const middle = await page.point("map", at);
      const under =
          (m) => [m.cell_min[0] + at[0] * cells(m)[0], m.cell_min[1] + at[1] * cells(m)[1]];
      await page.pinch(middle, 60, 180);
      const near = await page.area("map");
      const grown = cells(whole)[0] / cells(near)[0];
      check(grown > 2.5 && grown < 3.5, `fingers three times as far apart enlarge ${grown} times`);
      for (const i of [0, 1])
        check(
            Math.abs(under(near)[i] - under(whole)[i]) < 0.5,
            `the cell between the fingers went from ${under(whole)} to ${under(near)}`);
      equal((await page.query_now()).get("key"), null, "the locked key");

      await page.drag(middle, [50, -40]);
      const panned = await page.area("map");
      check(
          panned.cell_min[0] < near.cell_min[0] - 0.5 &&
              panned.cell_min[1] > near.cell_min[1] + 0.5,
          `a finger moved the view from ${near.cell_min} to ${panned.cell_min}`);
      equal(cells(panned).map(Math.round), cells(near).map(Math.round), "cells in view");

      await page.pinch(middle, 180, 40);
      equal(cells(await page.area("map")), cells(whole), "cells in view, fingers together");
      await page.pinch(middle, 180, 90);
      equal((await page.query_now()).get("view"), "wall", "the view beyond the whole map");
      page.check_clean();
    },
  },
  {
    name: "two fingers enlarge the maps of all heads, and the largest opens",
    async run(t) {
      const page = await opened(t, kModel + "&view=wall");
      const before = await page.area("wall.0.0");
      const middle = await page.point("wall", [0.5, 0.4]);
      await page.pinch(middle, 60, 150);
      const grown = await page.layout();
      const tile = Object.entries(grown).find(([name]) => /^wall\.\d+\.\d+$/.test(name));
      check(tile, "no map is in view");
      const largest = Math.max(...Object.entries(grown)
                                   .filter(([name]) => /^wall\.\d+\.\d+$/.test(name))
                                   .map(([, a]) => a.width));
      check(largest > 2 * before.width, `maps went from ${before.width} to ${largest} wide`);
      await page.pinch(middle, 180, 50);
      const after = await page.area("wall.0.0");
      check(
          Math.abs(after.width - before.width) < 1,
          `maps are ${after.width} wide and not ${before.width}`);
      for (let i = 0; i < 4; ++i) await page.pinch(middle, 50, 250);
      equal((await page.query_now()).get("view") ?? "map", "map", "the view past the largest map");
    },
  },
  {
    name: "a tap chooses a cell, a tab and a token",
    async run(t) {
      const page = await opened(t, kModel);
      const map = await page.area("map");
      const n = cells(map)[0];
      await page.tap(...await page.point("map", [2.5 / n, 9.5 / n]));
      await until(async () => {
        const q = await page.query_now();
        return q.get("token") === "9" && q.get("key") === "2";
      }, "a tap did not lock cell 9, 2");
      await page.tap(...await page.point("chip.3"));
      await until(async () => (await page.query_now()).get("token") === "3", "no token was chosen");
      await page.tap(...await page.point("tab.1"));
      await page.settle();
      await page.tap(...await page.point("thumb.0.1"));
      await until(async () => (await page.query_now()).get("head") === "1", "no head was chosen");
    },
  },
  {
    name: "a finger that rests on a cell, a head or a button points as a mouse does",
    async run(t) {
      const page = await opened(t, kModel + "&view=wall");
      const picture = async () => (await page.raw.screenshot()).toString("base64");
      const before = await picture();
      await page.fingers("touchStart", await page.point("wall.1.1"));
      await sleep(700);
      await page.frames(6);
      const pointed = await picture();
      check(before !== pointed, "no preview after a long press");
      await page.screenshot("touch-preview");
      await page.fingers("touchMove", await page.point("wall.2.3"));
      await page.frames(6);
      check(await picture() !== pointed, "the preview does not follow the finger");
      await page.fingers("touchEnd");
      const {layer, head} = Object.fromEntries(await page.query_now());
      equal([layer, head], ["2", "4"], "the chosen head after pointing at others");

      await page.follow(kModel.slice(1));
      const map = await page.area("map");
      const n = cells(map)[0];
      const at = (query, key) => page.point("map", [(key + 0.5) / n, (query + 0.5) / n]);
      await page.fingers("touchStart", await at(9, 2));
      await sleep(700);
      await until(
          async () => /query 9 .*key 2 /.test(await page.readout()), "the cell is not read out");
      await page.fingers("touchMove", await at(12, 4));
      await until(async () => /query 12 .*key 4 /.test(await page.readout()), "nor the next cell");
      await page.fingers("touchEnd");
      await page.settle();
      equal((await page.query_now()).get("key"), null, "the locked key");
    },
  },
  {
    name: "a finger scrolls what is longer than its panel",
    async run(t) {
      const page = await opened(t, kModel + "&panel=learn&learn=mask");
      const area = {x: 20, y: 560, width: 350, height: 200};
      const mean = async () => (await page.pixels(area)).mean.join();
      const before = await mean();
      await page.drag([200, 700], [0, -220]);
      check(await mean() !== before, "the chapter did not scroll");
      await page.drag([200, 500], [0, 260]);
      equal(await mean(), before, "the chapter scrolled back");
    },
  },
  {
    name: "on a touch screen tabs, buttons, sliders, chips and menus are at least 44 points high",
    async run(t) {
      for (const lang of ["en", "zh"])
        for (const [width, height] of [[390, 844], [844, 390]]) {
          const page =
              await opened(t, `${kModel}&lang=${lang}`, {...kPhone, viewport: {width, height}});
          const areas = await page.layout();
          const small = Object.entries(areas).filter(
              ([name, a]) =>
                  /^(view|tab|tab2|panel|button|slider|chip|choice|model)\b/.test(name) &&
                  (a.height < 43.5 || a.width < 43.5) && a.height > 12 && a.y > 0 &&
                  a.y + a.height < height - 2);
          equal(
              small.map(([name, a]) => `${name} ${a.width.toFixed(0)} x ${a.height.toFixed(0)}`),
              [], `${width} x ${height}, ${lang}, smaller targets`);
          await page.screenshot(`touch-${width}x${height}-${lang}`);
          await page.close();
        }
    },
  },
];
