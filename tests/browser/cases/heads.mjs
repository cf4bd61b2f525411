// heads.mjs - what each head does: measures in the grid and the list, the inspector, and the views of one head.
import { check, equal, until } from "../harness.mjs";

const kText = encodeURIComponent("Mr. Toad and the Rat went down to the river, and Mr. Toad");
const link = (t, rest) => t.isolated + `#model=bookworm-2m&text=${kText}&${rest}`;

// Until every measure that is looked at has been made.
async function measured(page) {
  await page.settle_at("bookworm-2m");
  await page.settle(30000);
}

export const cases = [
  {
    name: "the list begins with the highest head, and a click there chooses it everywhere",
    async run(t) {
      const page = await t.open(link(t, "measure=previous_token&panel=list"));
      await measured(page);
      const list = await page.area("list");
      await until(async () => {
        await page.raw.mouse.move(list.x + list.width / 2, list.y + 34); // the first row below the titles
        await page.frames(3);
        await page.press_here();
        const query = await page.query_now();
        return query.get("layer") === "1" && query.get("head") === "2";
      }, "the first row is not layer 1, head 2, the previous-token head of the model's card");
      await page.screenshot("heads-list");
      page.check_clean();
    },
  },
  {
    name: "every view and panel opens by its tab, stands in the link, and is drawn again from it",
    async run(t) {
      const page = await t.open(link(t, "layer=1&head=2&token=5"));
      await measured(page);
      const names = { view: ["map", "lines", "neuron", "scatter", "lens"], panel: ["token", "head", "list"] };
      for (const [field, values] of Object.entries(names)) {
        for (const [i, value] of [...values.entries()].reverse()) { // the first is what there is without a link
          await page.click(`${field}.${i}`);
          await page.settle(30000);
          equal((await page.query_now()).get(field) ?? values[0], value, `${field} in the link`);
          check(!(await page.status()).error, `${field} ${value}: ${(await page.status()).error}`);
        }
      }
      await page.follow(`model=bookworm-2m&text=${kText}&view=neuron&panel=head&lang=zh&theme=light`);
      await measured(page);
      check((await page.layout()).neuron, "the neuron view of the link is not drawn");
      await page.screenshot("heads-neuron-zh");
      page.check_clean();
    },
  },
  {
    name: "a link to a measure that does not exist says so and names it",
    async run(t) {
      const page = await t.open(link(t, "measure=cake"));
      await page.settle_or_error();
      const { link_error, error } = await page.status();
      check(/cake/.test(String(link_error ?? error)), `the page says "${link_error ?? error}"`);
    },
  },
];
