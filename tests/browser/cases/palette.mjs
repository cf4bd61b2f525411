// palette.mjs - actions and their keys.
import {check, equal} from "../harness.mjs";

const kModel = "model=bookworm-2m&layer=3";
// As Playwright names them.
const kPressed = {
  "{": "Shift+BracketLeft",
  "}": "Shift+BracketRight",
  "+": "Equal",
  "−": "Minus",
  "?": "Shift+Slash",
  "Ctrl+Z": "Control+z",
  "Ctrl+Shift+Z": "Control+Shift+z",
  "Ctrl+Y": "Control+y",
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
const kUnreachable = ["retry"];  // nothing has failed

export const cases = [
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
