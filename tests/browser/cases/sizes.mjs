// sizes.mjs - windows large and small, light and dark, English and 中文: nothing leaves the window.
import path from "node:path";

import {kModels, model_files} from "../golden.mjs";
import {check, equal} from "../harness.mjs";

const kSizes =
    [[1280, 800, 1], [800, 600, 1], [500, 600, 1], [390, 700, 1], [1280, 800, 2], [390, 700, 3]];

// Every rectangle of a name has a size and lies in the window.
async function check_inside(page, what) {
  const [width, height] = await page.evaluate(() => [innerWidth, innerHeight]);
  const areas = await page.layout();
  check(Object.keys(areas).length > 5, `${what}: only ${Object.keys(areas)} are named`);
  for (const [name, a] of Object.entries(areas)) {
    check(a.width >= 1 && a.height >= 1, `${what}: "${name}" is ${a.width} x ${a.height}`);
    const inside =
        a.x >= -1 && a.y >= -1 && a.x + a.width <= width + 1 && a.y + a.height <= height + 1;
    check(inside, `${what}: "${name}" leaves the window: ${JSON.stringify(a)}`);
  }
  const scrolls = await page.evaluate(
      () =>
          [document.documentElement.scrollWidth > innerWidth,
           document.documentElement.scrollHeight > innerHeight]);
  equal(scrolls, [false, false], `${what}: the page itself scrolls`);
}

// Names that must be found in every window; a narrow one may put panels behind tabs.
const kAlways =
    ["model", "prompt", "map", "button.language", "button.theme", "button.help", "button.undo"];

export const cases = [
  ...kSizes.map(([width, height, deviceScaleFactor]) => ({
                  name: `${width} x ${height}${
                      deviceScaleFactor > 1 ? ` at ${deviceScaleFactor} pixels a point` :
                                              ""}, light and dark, English and 中文`,
                  async run(t) {
                    for (const theme of ["light", "dark"]) {
                      const page = await t.open(
                          `${t.isolated}#model=scratch&theme=${theme}`,
                          {viewport: {width, height}, deviceScaleFactor});
                      const light = {};
                      for (const lang of ["en", "zh"]) {
                        await page.follow(`model=scratch&theme=${theme}&lang=${lang}`);
                        await page.frames(5);
                        const what = `${theme}, ${lang}`;
                        await check_inside(page, what);
                        const areas = await page.layout();
                        for (const name of kAlways)
                          check(areas[name], `${what}: there is no "${name}"`);
                        const map = areas.map;
                        check(
                            Math.min(map.width, map.height) >= 120,
                            `${what}: the map is only ${map.width} x ${map.height}`);
                        light[lang] = (await page.pixels({x: 0, y: 0, width, height})).light;
                        await page.screenshot(
                            `demo-${width}x${height}@${deviceScaleFactor}-${theme}-${lang}`);
                      }
                      check(
                          theme === "light" ? light.en > 128 : light.en < 128,
                          `the ${theme} theme's mean is ${light.en}`);
                      page.check_clean();
                      await page.close();
                    }
                  },
                })),
  {
    name: "a real model in large, small and narrow windows",
    async run(t) {
      const files = model_files(path.join(kModels, "llama-gqa"));
      for (const [width, height] of [[1280, 800], [800, 600], [390, 700], [1920, 1080]]) {
        const page = await t.open(t.isolated + "#model=scratch", {viewport: {width, height}});
        const before = await page.settle();
        await page.drop(files);
        await page.opened(before.model);
        await page.type_text("Once upon a time there was a girl");
        await page.settle();
        await check_inside(page, `${width} x ${height}`);
        await page.screenshot(`model-${width}x${height}`);
        await page.close();
      }
    },
  },
  {
    name: "a window that is resized is drawn anew",
    async run(t) {
      const page = await t.open(t.isolated + "#model=scratch");
      await page.settle();
      for (const [width, height] of [[600, 500], [1400, 900], [320, 568]]) {
        await page.raw.setViewportSize({width, height});
        await page.settle();
        await page.frames(5);
        await check_inside(page, `${width} x ${height}`);
        equal(
            await page.evaluate(
                () => [canvas.width / devicePixelRatio, canvas.height / devicePixelRatio].map(
                    Math.round)),
            [width, height], "the canvas");
      }
      await page.screenshot("demo-320x568");
    },
  },
  {
    name: "the system's colour scheme and language are followed",
    async run(t) {
      for (const [colorScheme, locale] of [["light", "zh-CN"], ["dark", "en-GB"]]) {
        const page = await t.open(t.isolated + "#model=scratch", {colorScheme, locale});
        await page.settle();
        const {light} = await page.pixels({x: 0, y: 0, width: 1280, height: 800});
        check(
            colorScheme === "light" ? light > 128 : light < 128,
            `${colorScheme}: the picture's mean is ${light}`);
        equal(
            await page.evaluate(() => document.documentElement.lang),
            locale === "zh-CN" ? "zh-CN" : "en", "language");
      }
    },
  },
  {
    name: "texts of many scripts are drawn",
    async run(t) {
      const page = await t.open(t.isolated + "#model=scratch");
      await page.settle();
      await page.type_text("我 Ωμέγα жизнь שלום مرحبا 日本語 한국어 e\u0301 🙂 ½ﬁ");
      const status = await page.settle();
      equal(status.tokens.length, 10, "tokens");
      await page.screenshot("scripts");
      page.check_clean();
    },
  },
];
