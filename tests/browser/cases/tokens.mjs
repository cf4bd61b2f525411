// tokens.mjs - tokens as people read them: words, spans and hidden ones on the map; colours of the
// text; random tokens.
import {check, equal, until} from "../harness.mjs";

const kText = encodeURIComponent("Mr. Toad and the Rat went down to the river, and Mr. Toad");
const link = (t, rest) => t.isolated + `#model=bookworm-2m&text=${kText}&${rest}`;

async function settled(page) {
  await page.settle_at("bookworm-2m");
  await page.settle(30000);
}

const cells = (area) => Math.round(area.cell_max[1] - area.cell_min[1]);

export const cases = [
  {
    name: "words make a smaller map, W goes on to sentences, and the weight read out is the sum " +
        "over the word",
    async run(t) {
      const text = encodeURIComponent(
          "Mr. Toad and the unbelievable Rat went down to the river. Mr. Toad laughed");
      const page =
          await t.open(t.isolated + `#model=bookworm-2m&text=${text}&layer=1&head=2&token=5`);
      await settled(page);
      const n = cells(await page.area("map"));
      await page.press("w");
      await page.settle(30000);
      equal((await page.query_now()).get("units"), "words", "units in the link");
      const words = cells(await page.area("map"));
      check(words < n, `${words} words of ${n} tokens`);
      check((await page.layout()).reading, "how words are made is not said above the map");
      const chips =
          Object.keys(await page.layout()).filter((name) => name.startsWith("chip.")).length;
      equal(chips, words, "chips of the text");
      await page.screenshot("tokens-words");
      await page.press("w");
      await page.settle(30000);
      equal((await page.query_now()).get("units"), "sentences", "units in the link");
      check(cells(await page.area("map")) < words, "there are as many sentences as words");
      page.check_clean();
    },
  },
  {
    name: "a span is marked with Shift and a click, stands in the link, and its weights are sums " +
        "and means",
    async run(t) {
      const page = await t.open(link(t, "layer=1&head=2&token=2"));
      await settled(page);
      const {n_query} = await page.status();
      const {values} = await page.ask("pattern 0 1 2");
      await page.raw.keyboard.down("Shift");
      await page.click("chip.4");
      await page.raw.keyboard.up("Shift");
      await page.settle(30000);
      const query = await page.query_now();
      equal(query.get("units"), "spans", "units");
      equal(query.get("spans"), "2-4", "spans");
      const map = await page.area("map");
      equal(cells(map), n_query - 2, "groups");
      await page.move("map", [
        2.5 / cells(map), 5.5 / cells(map)
      ]);  // the token after the span's next looks at the span
      const said = await until(
          async () => /\d\.\d{3,}/.exec((await page.readout()) ?? ""), "the cell is not read out");
      const sum = [2, 3, 4].reduce((a, k) => a + values[7 * n_query + k], 0);
      check(Math.abs(Number(said[0]) - sum) < 1e-4, `the span has ${said[0]}, its tokens ${sum}`);
      page.check_clean();
    },
  },
  {
    name: "the text takes the colours of a measure, from the menu and from the link, in both " +
        "languages and themes",
    async run(t) {
      const page = await t.open(link(t, "layer=1&head=2&token=5"));
      await settled(page);
      await page.click("choice.strip");
      await page.click("choice.strip.column");
      await page.settle(30000);
      equal((await page.query_now()).get("strip"), "column", "strip in the link");
      await page.move("chip.7");
      await page.click("chip.7");
      equal((await page.query_now()).get("token"), "7", "a click on a chip chooses it");
      await page.follow(`model=bookworm-2m&text=${
          kText}&layer=1&head=2&token=5&strip=received&units=words&special=hidden&lang=zh&theme=light`);
      await settled(page);
      check(!(await page.status()).error, "the link is not followed");
      await page.screenshot("tokens-strip-zh");
      page.check_clean();
    },
  },
  {
    name: "random tokens come repeated from the menu, the link brings the same again, typing " +
        "ends them",
    async run(t) {
      const page = await t.open(link(t, "layer=1&head=2"));
      await settled(page);
      await page.click("button.examples");
      await page.click("random_tokens");
      await page.settle(30000);
      const first = await page.status();
      equal(first.n_query, 100, "tokens");
      check(
          first.tokens.slice(0, 50).every((token, i) => token === first.tokens[i + 50]),
          "they are not repeated twice");
      const query = await page.query_now();
      equal(query.get("repeat"), "50", "repeat");
      await page.screenshot("tokens-random");
      await page.follow(`model=bookworm-2m&repeat=50&panel=head&measure=induction_stripe`);
      await settled(page);
      const again = await page.status();
      equal(again.tokens.join("|"), first.tokens.join("|"), "the link's tokens");
      check(!again.error, again.error);
      await page.type_text("Once upon a time");
      await until(
          async () => (await page.status()).text === "Once upon a time",
          "typing does not end random tokens");
      equal((await page.query_now()).get("repeat"), null, "repeat after typing");
      page.check_clean();
    },
  },
];
