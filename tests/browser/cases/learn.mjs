// learn.mjs - the tutorial's chapters on the live state, and the lessons.
import {readFileSync} from "node:fs";
import path from "node:path";

import {check, equal, until} from "../harness.mjs";

const kChapters =
    ["structure", "token", "heads", "heatmap", "mean", "element", "indexing", "concepts"];

const lessons_of = (site) => {
  const folder = path.join(site, "lessons");
  const read = (name) => JSON.parse(readFileSync(path.join(folder, name), "utf8"));
  return read("index.json").lessons.map(read);
};

const lessons_here = (page) => page.ask("learn").then((learn) => learn.lessons);

export const cases = [
  {
    name: "G opens the tutorial, J goes through its eight chapters, each of the state on screen",
    async run(t) {
      const page = await t.open(t.isolated + "?build=st#model=scratch&token=3&lang=zh");
      await page.settle();
      await page.evaluate(() => document.getElementById("canvas").focus());
      await page.press("g");
      await page.settle();
      equal((await page.query_now()).get("panel"), "learn", "panel after G");
      await page.screenshot("learn-contents-zh");
      await page.click("learn.chapter.structure");
      for (const id of kChapters) {
        await page.settle();
        const {place, chapter} = await page.ask("learn");
        equal(place, id, "the chapter");
        check(chapter.length > 60, `the chapter ${id} is empty`);
        await page.screenshot(`learn-${id}-zh`);
        // Follows the head that is chosen beside it.
        if (id === "heatmap") {
          await page.press("]");
          await page.settle();
          const next = (await page.ask("learn")).chapter;
          check(next !== chapter && next.includes("weights[0, 1]"), "the chapter kept its head");
        }
        await page.press("j");
      }
      await page.press("g");
      await page.frames(3);
      equal((await page.query_now()).get("panel"), null, "panel after G again");
      page.check_clean();
    },
  },
  {
    name: "a chapter has the numbers of the map, its rows choose, and its button opens the view",
    async run(t) {
      const page =
          await t.open(t.isolated + "?build=st#model=scratch&panel=learn&learn=token&token=2");
      await page.settle();
      const {values} = await page.ask("row 0 0 0 2");
      const {chapter} = await page.ask("learn");
      for (const w of values)
        check(chapter.includes(w.toFixed(4)), `${w.toFixed(4)} is not in the chapter`);
      await page.click("learn.row.4");
      await page.frames(3);
      equal((await page.query_now()).get("key"), "3", "the key after a click on its row");
      await page.follow("model=scratch&panel=learn&learn=element&token=2");
      await page.click("button.learn_view");
      await page.settle();
      const query = await page.query_now();
      equal(query.get("view"), "chain", "the view after the button");
      check(query.get("key") !== null, "no cell was locked");
      equal(query.get("learn"), "element", "the chapter after the button");
      page.check_clean();
    },
  },
  {
    name: "the heat map in text and the lines of Python are copied",
    async run(t) {
      const context = await t.context({permissions: ["clipboard-read", "clipboard-write"]});
      const page = await t.open(
          t.isolated + "?build=st#model=scratch&panel=learn&learn=heatmap&lang=en", {}, context);
      await page.settle();
      const copy = async () => {
        const areas = Object.keys(await page.layout()).filter((n) => n.startsWith("button.copy."));
        check(areas.length > 0, "there is nothing to copy");
        await page.click(areas[0]);
        return page.evaluate(() => navigator.clipboard.readText());
      };
      const map = await copy();
      check(map.includes("▒▒") && map.split("\n").length >= 8, `copied as a map: ${map}`);
      await page.follow("model=scratch&panel=learn&learn=indexing&lang=en");
      const lines = await copy();
      check(lines.startsWith("import numpy as np\n"), `copied as Python: ${lines}`);
    },
  },
  {
    name: "every lesson is walked through: its state opens and its answer does",
    limit_s: 240,
    async run(t) {
      const page = await t.open(t.isolated + "?build=st#model=scratch&panel=learn&lang=zh");
      await page.settle();
      const lessons = lessons_of(t.site);
      await until(
          async () => (await lessons_here(page)).length === lessons.length,
          "the lessons did not arrive");
      for (const lesson of lessons) {
        await page.follow("model=scratch&panel=learn&lang=zh");
        await page.click(`learn.lesson.${lesson.id}`);
        for (let i = 0; i < lesson.steps.length; ++i) {
          const wanted = new URLSearchParams(lesson.steps[i].link);
          await page.settle_at(wanted.get("model"));
          const now = await page.query_now();
          for (const [key, value] of wanted)
            if (!(key === "model" && value === "scratch") && !(key === "token" && value === "0"))
              check(
                  key === "layer" && value === "0" || now.get(key) === value,
                  `${lesson.id}, step ${i + 1}: ${key} is ${now.get(key)}, not ${value}`);
          equal((await page.status()).error, null, "error");
          await page.click("button.answer");
          check((await page.layout())["learn.answer"], `${lesson.id}.${i + 1}: no answer opened`);
          if (i === 0) await page.screenshot(`lesson-${lesson.id}-zh`);
          await page.press("j");
        }
      }
      page.check_clean();
    },
  },
  {
    name: "a dropped lesson opens, a broken one says what to repair",
    async run(t) {
      const page = await t.open(t.isolated + "?build=st#model=scratch&lang=en");
      await page.settle();
      const mine = {...lessons_of(t.site)[0], id: "mine"};
      await page.drop([{name: "mine.json", text: JSON.stringify(mine)}]);
      await until(
          async () => (await page.query_now()).get("learn") === "mine", "the lesson did not open");
      await page.settle();
      delete mine.steps[1].ask.zh;
      await page.drop([{name: "mine.json", text: JSON.stringify(mine)}]);
      await until(async () => (await page.status()).file_error, "no error came");
      equal(
          (await page.status()).file_error,
          "mine.json: steps[1].ask.zh is missing; add the text in Chinese", "the error");
      page.check_clean();
    },
  },
];
