// keyboard.mjs - everything without a mouse.
import {check, equal, until} from "../harness.mjs";

const picture = async (page) =>
    (await page.raw.screenshot({type: "jpeg", quality: 70})).toString("base64");

export const cases = [
  {
    name: "Tab passes through the controls, each of them shows its focus, and arrows move the " +
        "sliders",
    limit_s: 180,
    async run(t) {
      const page = await t.open(t.isolated + "#model=scratch&n=8");
      await page.settle();
      await page.evaluate(() => document.getElementById("canvas").focus());
      const changed = new Set();
      const unseen = [];
      let before = await picture(page);
      for (let i = 0; i < 48; ++i) {
        await page.press("Tab");
        const after = await picture(page);
        if (after === before) unseen.push(i);
        const link = await page.query_now();
        await page.press("ArrowRight");
        const moved = await page.query_now();
        for (const [key, value] of moved)
          if (link.get(key) !== value) changed.add(key);
        await page.settle();
        before = await picture(page);
      }
      t.print(`arrows changed ${[...changed].join(", ")}`);
      for (const key of ["n", "d_model", "heads", "batch", "head"])
        check(
            changed.has(key),
            `no arrow key ever changed "${key}"; changed were ${
                    [...changed].join(", ") || "none"}`);
      check(
          unseen.length <= 2,
          `after ${unseen.length} of the Tabs nothing was to be seen (${unseen.join(", ")})`);
      page.check_clean();
    },
  },
  {
    name: "the keyboard gets into the text box and out of it, and out of the canvas",
    async run(t) {
      const page = await t.open(t.isolated + "#model=scratch");
      await page.settle();
      const focused = () => page.evaluate(() => document.activeElement?.localName);
      equal(await focused(), "canvas", "focus at first");
      await page.press("/");
      equal(await focused(), "textarea", "focus after /");
      equal(await page.textarea().inputValue(), "我 爱 学习 深度 学习 EOS", "the text after /");
      await page.press("Tab");
      equal(await focused(), "canvas", "focus after Tab in the text box");
      await page.press("/");
      await page.press("Escape");
      equal(await focused(), "canvas", "focus after Escape in the text box");
      await page.press("Escape");
      await page.press("Shift+Tab");
      equal(await focused(), "textarea", "focus after Escape and Shift+Tab on the canvas");
      await page.press("Escape");
      await page.press("Escape");
      await page.press("Tab");
      check((await focused()) !== "canvas", "Escape and Tab do not leave the canvas");
    },
  },
  {
    name: "menus open, choose and close by keyboard",
    async run(t) {
      const page = await t.open(t.isolated + "#model=scratch");
      await page.settle();
      await page.click("choice.mask");
      await page.press("ArrowDown");
      await page.press("Enter");
      await page.settle();
      await until(
          async () => (await page.query()).get("mask") === "causal", "the mask was not chosen");
      await page.click("choice.mask");
      await page.press("Escape");
      await page.frames(3);
      equal((await page.query()).get("mask"), "causal", "mask after Escape");
    },
  },
  {
    name: "the help opens with ? and closes with Escape",
    async run(t) {
      const page = await t.open(t.isolated + "#model=scratch");
      await page.settle();
      const whole = {x: 0, y: 0, width: 1280, height: 800};
      await page.evaluate(() => document.getElementById("canvas").focus());
      const before = (await page.pixels(whole)).mean.map(Math.round);
      await page.raw.keyboard.press("Shift+?", {delay: 50});
      await page.frames(12);
      const open = (await page.pixels(whole)).mean.map(Math.round);
      check(before.join() !== open.join(), "? showed nothing");
      await page.screenshot("help-en");
      await page.press("Escape");
      await page.frames(12);
      equal((await page.pixels(whole)).mean.map(Math.round), before, "the picture after Escape");
    },
  },
];
