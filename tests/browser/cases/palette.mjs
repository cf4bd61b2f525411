// palette.mjs - actions and their keys, the search over everything, menus of measures that search,
// and what a first visit shows.
import {check, equal, until} from "../harness.mjs";

const kModel = "model=bookworm-2m&layer=3";
// As Playwright names them.
const kPressed = {
  "{": "Shift+BracketLeft",
  "}": "Shift+BracketRight",
  "+": "Equal",
  "−": "Minus",
  "?": "Shift+Slash",
  "Ctrl+K": "Control+k",
  "Ctrl+Z": "Control+z",
  "Ctrl+Shift+Z": "Control+Shift+z",
  "Ctrl+Y": "Control+y",
  "Ctrl+F": "Control+f",
  Enter: "Enter",
  Esc: "Escape",
};
// What must be on screen for an action.
const kWhere = {
  open_map: "view=wall",
  next_stage: "view=chain",
  previous_stage: "view=chain",
  next_page: "panel=learn",
  previous_page: "panel=learn&learn=token",
  unlock: "token=3&key=2",
};
// Nothing has failed, and the model has no parts (pairs.mjs presses P).
const kUnreachable = ["retry", "next_part"];

const focused = (page) => page.evaluate(() => document.activeElement?.id);
const is_open = async (page) => "search" in (await page.layout());

async function open_model(t, more = "", options = {}) {
  const page = await t.open(t.plain + "#" + kModel + more, options);
  await page.settle();
  await page.evaluate(() => document.getElementById("canvas").focus());
  return page;
}

// Opens the palette, types, and presses Enter.
async function choose(page, text) {
  await page.press("Control+k");
  await until(async () => (await focused(page)) === "box-search", "the search has no focus");
  await page.raw.keyboard.insertText(text);
  await page.frames(4);
  await page.press("Enter");
  await page.frames(6);
  check(!(await is_open(page)), `the search for "${text}" stays open`);
}

export const cases = [
  {
    name:
        "the search opens by key and by button, from the text box, too, and Escape gives all back",
    async run(t) {
      const page = await open_model(t);
      const before = (await page.status()).state;
      await page.press("Control+k");
      check(await is_open(page), "Ctrl+K opened nothing");
      equal(await focused(page), "box-search", "the focus");
      await page.press("Escape");
      await page.frames(4);
      check(!(await is_open(page)), "Escape left it open");
      equal(await focused(page), "canvas", "the focus after Escape");
      await page.click("button.search");
      check(await is_open(page), "the button opened nothing");
      await page.press("Control+k");
      await page.frames(4);
      check(!(await is_open(page)), "Ctrl+K did not close it");
      await page.press("/");
      equal(await focused(page), "box-prompt", "the focus after /");
      await page.press("Control+k");
      check(await is_open(page), "Ctrl+K in the text box opened nothing");
      await page.raw.keyboard.insertText("zqzq");
      await page.frames(4);
      check(!Object.keys(await page.layout()).some((name) => name.startsWith("palette.")), "rows");
      await until(
          async () => /Nothing found/.test(await page.readout()), "nobody hears of nothing");
      await page.press("Enter");
      check(await is_open(page), "Enter without a row closed it");
      await page.press("Escape");
      await page.frames(4);
      equal((await page.status()).state, before, "the state after all this");
      page.check_clean();
    },
  },
  {
    name: "the search finds views, measures, examples, settings and models in both languages",
    limit_s: 180,
    async run(t) {
      const page = await open_model(t);
      const is = async (key, value) =>
          equal((await page.query_now()).get(key), value, `${key} in the link`);
      await choose(page, "lines");
      await is("view", "lines");
      await choose(page, "散点");
      await is("view", "scatter");
      await choose(page, "热力图");
      await is("view", null);
      await choose(page, "entropy");  // colours the heads, and sorts them
      await is("measure", "entropy");
      await is("panel", "list");
      await choose(page, "copying");
      await is("measure", "copying");
      await choose(page, "rollout");
      await is("show", "rollout");
      await choose(page, "palette mag");
      await is("palette", "magma");
      await choose(page, "undo");
      await is("palette", null);
      await choose(page, "语言 中文");
      await is("lang", "zh");
      await choose(page, "attention from scratch");
      await page.settle();
      await is("model", null);
      page.check_clean();
    },
  },
  {
    name: "the rows of the search are chosen by arrows and by click, and read out",
    async run(t) {
      const page = await open_model(t);
      await page.press("Control+k");
      await page.raw.keyboard.insertText("example");
      await page.frames(4);
      const examples = Object.keys(await page.layout()).filter((n) => /^palette.example/.test(n));
      check(examples.length > 1, `${examples.length} examples`);
      const first = await until(async () => {
        const heard = await page.readout();
        return /Examples/.test(heard) && heard;
      }, "the first row is not read out");
      await page.press("ArrowDown");
      equal(await focused(page), "box-search", "the focus after an arrow");
      await until(async () => {
        const heard = await page.readout();
        return /Examples/.test(heard) && heard !== first;
      }, "the next row is not read out");
      const before = (await page.status()).text;
      await page.click("palette.example.2");
      await page.settle();
      check((await page.status()).text !== before, "the click chose no example");
      page.check_clean();
    },
  },
  {
    name: "an input method composes in the search: its Enter chooses no row",
    async run(t) {
      const page = await open_model(t);
      await page.press("Control+k");
      const cdp = await page.context.newCDPSession(page.raw);
      // Letters of the input method that would find a row.
      await cdp.send(
          "Input.imeSetComposition", {text: "lines", selectionStart: 5, selectionEnd: 5});
      await page.frames(4);
      await page.press("Enter");
      check(await is_open(page), "Enter closed the search while the input method composed");
      await cdp.send("Input.insertText", {text: "熵"});  // ends the composition
      await page.press("Control+a");
      await cdp.send("Input.insertText", {text: "熵"});
      await page.frames(4);
      check((await page.layout())["palette.measure.entropy"], "熵 does not find the entropy");
      await page.press("Enter");
      await page.frames(6);
      equal((await page.query_now()).get("measure"), "entropy", "the measure");
      page.check_clean();
    },
  },
  {
    name: "menus of measures search, in groups, by keyboard",
    async run(t) {
      const page = await open_model(t);
      await page.click("choice.measure");
      await page.frames(4);
      equal(await focused(page), "box-search", "the focus in the menu");
      await page.raw.keyboard.insertText("归纳占比");
      await page.frames(4);
      const found = Object.keys(await page.layout()).filter((n) => n.startsWith("choice.measure."));
      equal(found, ["choice.measure.induction_mass"], "what is found");
      await page.press("Enter");
      await page.frames(4);
      equal((await page.query_now()).get("measure"), "induction_mass", "the measure");
      await page.click("choice.measure");
      await page.frames(4);
      await page.raw.keyboard.insertText("entro");
      await page.frames(4);
      await page.press("Escape");
      await page.frames(4);
      check(!(await is_open(page)), "Escape left the menu open");
      equal((await page.query_now()).get("measure"), "induction_mass", "the measure after Escape");
      page.check_clean();
    },
  },
  {
    name: "the search for a target token has the focus when it opens",
    async run(t) {
      const page = await open_model(t, "&view=parts");
      await page.click("choice.target");
      await page.frames(4);
      equal(await focused(page), "box-target", "the focus");
      await page.raw.keyboard.insertText("cat");
      await page.frames(4);
      await page.press("Enter");
      await page.frames(6);
      check(/cat/.test((await page.query_now()).get("target") ?? ""), "Enter chose no token");
      await choose(page, "target token");
      equal(await focused(page), "box-target", "the focus after the search for the target");
      await page.press("Escape");
      page.check_clean();
    },
  },
  {
    name: "the button that opens a model is in sight in every window",
    async run(t) {
      for (const [width, height] of [[1280, 800], [390, 844]]) {
        const page = await open_model(t, "", {viewport: {width, height}});
        await page.click("button.open");
        await page.frames(4);
        const areas = await page.layout();
        check(areas["open.open_files"] && areas["open.open_folder"], `${width}: no choices`);
        const chosen = page.raw.waitForEvent("filechooser", {timeout: 5000});
        await page.click("open.open_files");
        await chosen;
        page.check_clean();
      }
    },
  },
  {
    name: "the first hint is shown until it is closed, and then never again",
    async run(t) {
      const page = await open_model(t);
      check((await page.layout()).first_hint, "there is no hint");
      await page.click("button.close_hint");
      check(!(await page.layout()).first_hint, "the hint is still there");
      await page.raw.reload();
      await page.wait_ready();
      await page.settle();
      check(!(await page.layout()).first_hint, "the hint came back");
      page.check_clean();
    },
  },
  {
    name: "help at the mouse waits after a click until the mouse has left",
    async run(t) {
      const page = await open_model(t);
      const shows = async () => "tooltip" in (await page.layout());
      await page.move("panel.1");
      await until(shows, "the tab says nothing");
      await page.press_here();
      await page.raw.waitForTimeout(1200);  // longer than any help waits
      check(!await shows(), "the help covers what the click brought");
      await page.move("panel.2");
      await until(shows, "the next tab says nothing");
      await page.move("panel.1");
      await until(shows, "the tab says nothing any more");
      page.check_clean();
    },
  },
  {
    name: "every key of the help does what the help says",
    limit_s: 180,
    async run(t) {
      const page = await t.open(t.plain + "#" + kModel);
      await page.settle();
      await page.evaluate(() => document.getElementById("canvas").focus());
      let n = 0;
      for (const [id, keys] of Object.entries(await page.ask("keys")))
        for (const key of keys.split("  ")) {
          if (kUnreachable.includes(id)) continue;
          if (id !== "redo") await page.follow(kModel + "&" + (kWhere[id] ?? ""));
          if (id === "undo" || id === "redo") await page.press("w");
          if (id === "redo") await page.press("Control+z");
          await page.frames(4);
          await page.press(kPressed[key] ?? key);
          equal((await page.status()).action, id, `the action of ${key}`);
          await page.press("Escape");
          await page.evaluate(() => document.getElementById("canvas").focus());
          ++n;
        }
      check(n > 25, `only ${n} keys`);
      t.print(`${n} keys`);
      page.check_clean();
    },
  },
];
