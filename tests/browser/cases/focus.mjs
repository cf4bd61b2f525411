// focus.mjs - one cell in focus, wherever the mouse is: chips, names of rows and columns, table,
// map.
import {check, equal, until} from "../harness.mjs";

const kText = encodeURIComponent("The fox saw the hen, and the hen saw the fox.");
const kLink = `#model=bookworm-2m&text=${kText}&layer=2&head=4&token=16`;

async function opened(t, rest = "") {
  const page = await t.open(t.isolated + kLink + rest);
  await page.settle_at("bookworm-2m");
  await page.settle(30000);
  return page;
}

// Until the readout speaks of these positions and this number, which comes first.
async function reads(page, query, key, number) {
  let said = "";
  const right = async () => {
    said = (await page.readout()) ?? "";
    return said.includes(`query ${query} `) && said.includes(`key ${key} `) &&
        said.startsWith(`Weight ${number}`);
  };
  await until(right, "", 4000)
      .catch(() => check(false, `query ${query}, key ${key}, ${number} reads "${said}"`));
}

export const cases = [
  {
    name: "the cell under the mouse is read out from chips and the table as from the map",
    async run(t) {
      const page = await opened(t);
      const {values} = await page.ask("row 0 2 4 16");
      await page.move("chip.3");
      await reads(page, 16, 3, values[3].toFixed(4));
      const map = await page.area("map");
      const rows = map.cell_max[1] - map.cell_min[1];
      await page.move("map", [3.5 / rows, 13.5 / rows]);
      await page.move("chip.4");
      await reads(page, 16, 4, values[4].toFixed(4));
      await page.move("bars", [0.2, 0.3]);  // a row of the table, of the chosen query
      await until(
          async () => /^Weight .* query 16 "x" → key \d/.test(await page.readout()),
          "the table's row is not read out");
      page.check_clean();
    },
  },
  {
    name: "a click on the name of a row or column chooses it",
    async run(t) {
      const page = await opened(t);
      const map = await page.area("map");
      const n = map.cell_max[1] - map.cell_min[1];
      await page.click("map.rows", [0.8, 5.5 / n]);
      await until(async () => (await page.query()).get("token") === "5", "row 5 is not chosen");
      await page.click("map.columns", [2.5 / n, 0.8]);
      await until(async () => (await page.query()).get("key") === "2", "key 2 is not locked");
      equal((await page.query()).get("token"), "5", "token after a click on a column");
    },
  },
  {
    name: "words keep the positions of their tokens, hidden ones are not chosen, and a rectangle " +
        "has its numbers beside it",
    async run(t) {
      const page = await opened(t, "&units=words&special=hidden&rect=3-8.1-4");
      const areas = await page.layout();
      check(areas["rectangle.note"], "the numbers of the rectangle are not on the map");
      await page.move("chip.1");
      let said = "";
      await until(
          async () => (said = await page.readout()).includes('query 15–16 " fox" → key 2–3 " fox"'),
          "")
          .catch(() => check(false, `the second word reads "${said}"`));
      // The step from the first visible token back goes nowhere; forward it goes to the next word.
      await page.click("map.rows", [0.8, 0.5 / 13]);
      await until(async () => (await page.query()).get("token") === "1", "the first word is 1");
      await page.click("button.token.more");
      await until(async () => (await page.query()).get("token") === "2", "then comes 2");
      await page.click("button.token.more");
      await until(async () => (await page.query()).get("token") === "4", "and 4, past the word");
      page.check_clean();
    },
  },
  {
    name: "what is said of a cell ends when the mouse leaves the picture for the text box",
    async run(t) {
      const page = await opened(t);
      await page.move("chip.3");
      await until(async () => await page.readout(), "the cell is not read out");
      await page.move("prompt");
      await until(
          async () => !((await page.readout()) ?? "").includes("query"),
          "the cell is still read out when the mouse is in the text box", 3000);
    },
  },
];
