// heads.mjs - what each head does: measures in the grid and the list, the inspector, and the views
// of one head.
import {execFileSync} from "node:child_process";
import {existsSync, mkdtempSync, readFileSync, writeFileSync} from "node:fs";
import path from "node:path";

import {check, equal, skip, until} from "../harness.mjs";
import {kRoot} from "../server.mjs";

const kText = encodeURIComponent("Mr. Toad and the Rat went down to the river, and Mr. Toad");
const link = (t, rest) => t.isolated + `#model=bookworm-2m&text=${kText}&${rest}`;

// Until every measure that is looked at has been made.
async function measured(page) {
  await page.settle_at("bookworm-2m");
  await page.settle(30000);
}

// What the view's menu saves in this format.
async function saved_file(page, view, format) {
  await page.click("button.save");
  const [download] =
      await Promise.all([page.raw.waitForEvent("download"), page.click(`save.${format}`)]);
  equal(download.suggestedFilename(), `attnscope-${view}.${format}`, "the file's name");
  return readFileSync(await download.path());
}

export const cases = [
  {
    name: "the list begins with the highest head, and a click there chooses it everywhere",
    async run(t) {
      const page = await t.open(link(t, "measure=previous_token&panel=list"));
      await measured(page);
      const list = await page.area("list");
      await until(async () => {
        await page.raw.mouse.move(
            list.x + list.width / 2, list.y + 34);  // the first row below the titles
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
      const names = {
        view: ["wall", "map", "lines", "neuron", "chain", "scatter", "lens", "next", "parts"],
        panel: ["token", "head", "list"]
      };
      const usual = {view: "map", panel: "token"};  // what there is without a link
      for (const [field, values] of Object.entries(names)) {
        for (const [i, value] of [...values.entries()].reverse()) {
          await page.click(`${field}.${i}`);
          await page.settle(30000);
          equal((await page.query_now()).get(field) ?? usual[field], value, `${field} in the link`);
          check(!(await page.status()).error, `${field} ${value}: ${(await page.status()).error}`);
        }
      }
      await page.follow(
          `model=bookworm-2m&text=${kText}&view=neuron&panel=head&lang=zh&theme=light`);
      await measured(page);
      check((await page.layout()).neuron, "the neuron view of the link is not drawn");
      await page.screenshot("heads-neuron-zh");
      page.check_clean();
    },
  },
  {
    name: "the chain is walked through with its buttons and with N, on a model and from scratch",
    async run(t) {
      const page = await t.open(link(t, "layer=1&head=2&token=5&key=3&view=chain"));
      await measured(page);
      const step = async () => {
        const name = Object.keys(await page.layout()).find((key) => key.startsWith("chain.step."));
        return name ? Number(name.split(".").at(-1)) : -1;
      };
      equal(await step(), -1, "the step before the walk");
      await page.click("button.chain_next");
      await page.settle();
      equal(await step(), 0, "the step after Next");
      await page.press("n");
      await page.settle();
      equal(await step(), 1, "the step after N");
      await page.click("button.chain_previous");
      await page.settle();
      equal(await step(), 0, "the step after Previous");
      await page.click("button.chain_play");
      for (let waited = 0; (await step()) === 0 && waited < 80; ++waited)
        await new Promise((done) => setTimeout(done, 100));
      equal(await step(), 1, "the step that follows by itself");
      await page.screenshot("heads-chain");
      await page.follow("view=chain&mask=causal&token=2&key=4&lang=zh");
      await page.settle(30000);
      check((await page.layout()).chain, "the chain of the demonstration is not drawn");
      await page.screenshot("heads-chain-scratch-zh");
      page.check_clean();
    },
  },
  {
    name: "all heads are one picture: a click chooses, zooming in opens the map, out leads back",
    async run(t) {
      const page = await t.open(link(t, "view=wall&layer=0&head=0"));
      await measured(page);
      await page.screenshot("heads-wall");
      await page.click("wall.2.4");
      await page.frames(3);
      let query = await page.query_now();
      equal(
          [query.get("layer"), query.get("head")], ["2", "4"], "after a click on layer 2, head 4");
      // The whole picture shows each head of the model.
      const wall = Object.keys(await page.layout()).filter((name) => /^wall\.\d/.test(name));
      equal(wall.length, 24, "maps in sight");
      // The legend of roles filters: by the three induction heads, and no longer.
      const roles = await until(async () => {
        const found = Object.keys(await page.layout());
        return found.includes("wall.role.9") && found.filter((name) => /^wall.role/.test(name));
      }, "there is no legend of roles", 30000);
      equal(roles, ["wall.role.0", "wall.role.3", "wall.role.4", "wall.role.9"], "roles");
      await page.click("wall.role.3");
      equal((await page.query_now()).get("filter"), "role=induction", "filter after a click");
      await page.screenshot("heads-wall-role");
      await page.click("wall.role.3");
      equal((await page.query_now()).get("filter"), null, "filter after a second click");
      await page.press("ArrowRight");
      await page.press("ArrowDown");
      await page.frames(3);
      query = await page.query_now();
      equal([query.get("layer"), query.get("head")], ["3", "5"], "after → and ↓");
      const map = await page.area("wall.1.2");
      await page.raw.mouse.move(map.x + map.width / 2, map.y + map.height / 2);
      await page.frames(4);
      await page.screenshot("heads-wall-preview");
      await until(async () => {
        await page.raw.mouse.wheel(0, -240);
        await page.frames(3);
        return ((await page.query_now()).get("view") ?? "map") === "map";
      }, "zooming in on a head never opens its map");
      query = await page.query_now();
      equal([query.get("layer"), query.get("head")], ["1", "2"], "the head that was zoomed in on");
      await page.settle(30000);
      const large = await page.area("map");
      await page.raw.mouse.move(large.x + large.width / 2, large.y + large.height / 2);
      await until(async () => {
        await page.raw.mouse.wheel(0, 240);
        await page.frames(3);
        return (await page.query_now()).get("view") === "wall";
      }, "zooming out of the whole map does not lead back");
      await page.screenshot("heads-wall-zoomed");
      await page.press("Enter");
      await page.frames(3);
      equal((await page.query_now()).get("view") ?? "map", "map", "the view after Enter");
      await page.follow(
          `model=bookworm-2m&text=${
              kText}&view=wall&measure=induction&filter=induction%20%3E%200.1` +
          "&lang=zh&theme=light");
      await measured(page);
      await page.screenshot("heads-wall-filter-zh");
      page.check_clean();
    },
  },
  {
    name:
        "a target and what it is compared with are chosen from lists or by typing, and stand in " +
        "the link",
    async run(t) {
      const page = await t.open(link(t, "view=parts&token=10"));
      await measured(page);
      await page.click("choice.target");
      await page.click("choice.target.1");  // the likeliest, below the model's own guess
      await page.settle(30000);
      const likeliest = (await page.query_now()).get("target");
      check(likeliest, "no target in the link after a click on the likeliest token");
      await page.click("choice.foil");
      await page.click("target_text");
      await page.raw.keyboard.insertText("hous");
      await page.frames(4);
      await page.screenshot("heads-target");
      await page.click("choice.foil.0");
      await page.settle(30000);
      const foil = (await page.query_now()).get("foil");
      check(foil?.startsWith("hous"), `the foil is "${foil}"`);
      await page.click("choice.foil");
      await page.click("target_text");
      await page.raw.keyboard.insertText("xyzzy plugh");
      await page.frames(4);
      check(!(await page.layout())["choice.foil.0"], "a text that begins no token has a list");
      await page.screenshot("heads-no-target");
      await page.press("Escape");  // leaves the box
      await page.press("Escape");  // and the menu
      await page.frames(4);
      equal((await page.query_now()).get("foil"), foil, "the foil after a text that is no token");
      await page.follow(`model=bookworm-2m&text=${kText}&view=lens&show=lens_logit&target=${
          likeliest}&foil=${foil}&lang=zh&theme=light`);
      await measured(page);
      check((await page.layout())["choice.target"], "the lens has no target");
      await page.screenshot("heads-lens-target-zh");
      await page.follow(`model=bookworm-2m&text=${kText}&view=lens`);
      await measured(page);
      check(
          !(await page.layout())["choice.target"], "what the model says first is about no target");
      await page.screenshot("heads-lens");
      page.check_clean();
    },
  },
  {
    name: "the saved picture is what `attnscope plot` draws of the same state",
    async run(t) {
      const cli = process.env.ATTNSCOPE_CLI ?? path.join(kRoot, "build/native/attnscope");
      const page = await t.open(link(t, "layer=1&head=2&token=5&theme=light"));
      await measured(page);
      const folder = mkdtempSync(path.join(t.scratch_folder, "svg-"));
      const numbers = /-?\d+(\.\d+)?/g;
      for (const view of ["map", "lines", "neuron", "chain", "scatter", "lens", "next", "parts"]) {
        await page.follow(
            `model=bookworm-2m&text=${kText}&layer=1&head=2&token=5&theme=light&view=${
                view}&measure=entropy&versus=distance`);
        await measured(page);
        const saved = (await saved_file(page, view, "svg")).toString("utf8");
        const {width, height} = await page.area("picture");
        const facts = await page.evaluate((text) => {
          const root = new DOMParser().parseFromString(text, "image/svg+xml").documentElement;
          return {
            tag: root.tagName,
            width: Number(root.getAttribute("width")),
            height: Number(root.getAttribute("height")),
            texts: root.querySelectorAll("text").length,
            shapes: root.querySelectorAll("rect, line, path").length
          };
        }, saved);
        equal(facts.tag, "svg", `${view}: the root`);
        check(
            facts.texts > 5 && facts.shapes > 5,
            `${view}: ${facts.texts} texts, ${facts.shapes} shapes`);
        check(
            facts.width >= width, `${view}: ${facts.width} wide on a page with room for ${width}`);
        if (!existsSync(cli)) continue;
        const out = path.join(folder, `${view}.svg`);
        execFileSync(cli, [
          "plot",
          "--view",
          view,
          "--model",
          path.join(kRoot, "web/models/bookworm-2m"),
          "--text",
          decodeURIComponent(kText),
          "--layer",
          "1",
          "--head",
          "2",
          "--token",
          "5",
          "--lang",
          "en",
          "--out",
          out,
          ...(view === "scatter" ? ["--measure", "entropy", "--against", "distance"] : []),
          "--width",
          String(width),
          ...(height >= 80 ? ["--height", String(height)] : [])
        ]);
        const drawn = readFileSync(out, "utf8");
        equal(
            saved.replace(numbers, "0"), drawn.replace(numbers, "0"),
            `${view}: everything but the numbers`);
        const [a, b] = [saved, drawn].map((text) => text.match(numbers).map(Number));
        const apart = Math.max(...a.map((x, i) => Math.abs(x - b[i])));
        check(apart < 0.02, `${view}: numbers are ${apart} apart`);
        t.print(`${view}: ${saved.length} bytes, ${
            saved === drawn ? "the same bytes" : `numbers at most ${apart.toFixed(4)} apart`}`);
      }
      if (!existsSync(cli))
        skip(`the files are well formed, but there is no ${
            cli} to compare them with (ATTNSCOPE_CLI)`);
      page.check_clean();
    },
  },
  {
    name: "the map is saved as a picture and as numbers, and says what it shows",
    async run(t) {
      const page = await t.open(link(t, "layer=1&head=2&token=5&theme=light"));
      await measured(page);
      const {n_key, values} = await page.ask("pattern 0 1 2");
      await page.click("button.save");
      await page.frames(4);
      await page.screenshot("heads-save");
      await page.press("Escape");
      await page.frames(4);

      const svg = (await saved_file(page, "map", "svg")).toString("utf8");
      check(svg.includes("<title>bookworm-2m · Layer 1 · Head 2 · "), svg.slice(0, 600));
      check(svg.includes("<desc>Mr. Toad and the Rat"), svg.slice(0, 600));

      const png = await saved_file(page, "map", "png");
      equal(png.subarray(1, 4).toString(), "PNG", "the PNG's signature");
      check(png.includes(Buffer.from("Layer 1 · Head 2")), "the PNG does not say what it shows");
      writeFileSync(path.join(t.scratch_folder, "map.png"), png);
      // Letters are dark on white paper: the corner of the map's own title has some.
      const dark = await page.evaluate(async (bytes) => {
        const bitmap = await createImageBitmap(new Blob([new Uint8Array(bytes)]));
        const canvas = new OffscreenCanvas(bitmap.width, bitmap.height);
        const context = canvas.getContext("2d");
        context.drawImage(bitmap, 0, 0);
        const {data} = context.getImageData(0, bitmap.height - 100, bitmap.width, 100);
        let n = 0;
        for (let i = 0; i < data.length; i += 4) n += data[i] < 100;
        return n;
      }, [...png]);
      check(dark > 200, `${dark} dark pixels where the caption is`);

      const lines = (await saved_file(page, "map", "csv")).toString("utf8").trim().split("\n");
      equal(lines[0], "query,key,value", "the columns");
      equal(lines.length, values.length + 1, "lines of CSV");
      for (const i of [0, values.length - 1, 5 * n_key + 3])
        equal(Number(lines[i + 1].split(",")[2]), values[i], `value ${i}`);
      const json = JSON.parse((await saved_file(page, "map", "json")).toString("utf8"));
      equal(json.measure, "pattern", "the measure");
      equal(json.values[5][3], values[5 * n_key + 3], "a value of JSON");
      const npy = await saved_file(page, "map", "npy");
      equal(npy.subarray(1, 6).toString(), "NUMPY", "the magic of .npy");
      equal(npy.length % 64, values.length * 4 % 64, "the header's padding");
      const npz = await saved_file(page, "map", "npz");
      check(npz.includes(Buffer.from("pattern.npy")), "no pattern.npy in the archive");
      const tensors = await saved_file(page, "map", "safetensors");
      check(tensors.includes(Buffer.from('"pattern":{"dtype":"F32"')), "no pattern in safetensors");
      page.check_clean();
    },
  },
  {
    name: "what is not of one head is not titled with one, on the page and in what it saves",
    async run(t) {
      const page = await t.open(link(t, "layer=1&head=2&show=head_mean&theme=light"));
      await measured(page);
      await page.screenshot("heads-mean");
      for (const [view, title] of [["map", "L1 · Mean over heads"], ["lines", null]]) {
        await page.follow(
            `model=bookworm-2m&text=${kText}&layer=1&head=2&show=head_mean&view=${view}`);
        await measured(page);
        const svg = (await saved_file(page, view, "svg")).toString("utf8");
        check(!/H2|Head 2/.test(svg), `${view}: the mean is titled with a head`);
        check(svg.includes("Layer 1 · Mean over heads"), `${view}: ${svg.slice(0, 500)}`);
        if (title) check(svg.includes(title), `${view}: no title ${title}`);
      }
      await page.follow(
          `model=bookworm-2m&text=${kText}&layer=1&head=2&show=rollout&lang=zh&theme=light`);
      await measured(page);
      await page.click("button.save");
      await page.frames(4);
      await page.screenshot("heads-save-zh");
      page.check_clean();
    },
  },
  {
    name: "a link to a measure that does not exist says so and names it",
    async run(t) {
      const page = await t.open(link(t, "measure=cake"));
      await page.settle_or_error();
      const {link_error, error} = await page.status();
      check(/cake/.test(String(link_error ?? error)), `the page says "${link_error ?? error}"`);
    },
  },
  {
    name: "the filter is completed while it is typed, and the list follows the measure in it",
    async run(t) {
      const page = await t.open(link(t, "panel=list&order=place&measure=self"));
      await measured(page);
      const box = page.raw.locator("#box-filter");
      const type = async (text) => {
        await box.pressSequentially(text, {delay: 20});
        await page.frames(3);
      };
      const filter = async () => (await page.query_now()).get("filter") ?? "";
      const offered = async () =>
          Object.keys(await page.layout()).filter((name) => /^filter\.\d/.test(name)).length;
      await box.focus();
      await type("entro");
      await until(async () => await offered() > 1, "nothing is offered for entro");
      await page.screenshot("heads-filter-completion");
      await page.press("ArrowDown");
      await page.press("Enter");
      const taken = await filter();
      check(/entropy\w* > $/.test(taken), `"${taken}" after Enter`);
      equal(await offered(), 0, "choices after Enter");
      await type("0.1");
      await until(
          async () => (await page.query_now()).get("measure") === taken.split(" ")[0],
          "the list does not show the measure that was filtered");
      equal((await page.query_now()).get("order") ?? "highest", "highest", "order of the list");
      // Roles, by Tab and by a click; Escape closes.
      await box.fill("");
      await type("role=ind");
      await until(async () => await offered() === 1, "no role is offered");
      await page.press("Tab");
      equal(await filter(), "role=induction ", "after Tab");
      await type("L");
      await until(async () => await offered() > 1, "no layer is offered");
      await page.click("filter.1");
      await until(async () => await filter() === "role=induction L1 ", "a click takes nothing");
      await type("h");
      await until(async () => await offered() > 1, "no head is offered after a click");
      await page.press("Escape");
      equal(await offered(), 0, "choices after Escape");
      page.check_clean();
    },
  },
  {
    name: "a predicted token that is clicked is added to the text, again and again, and undone",
    async run(t) {
      const page = await t.open(link(t, "view=next"));
      await measured(page);
      const first = await page.status();
      await page.follow(`model=bookworm-2m&text=${kText}&view=next&token=${first.n_query - 1}`);
      const texts = [];
      for (let i = 0; i < 3; ++i) {
        const now = await page.settle();
        texts.push(now.text);
        const next = await page.area("next");
        await page.raw.mouse.move(next.x + 60, next.y + 25.5 + 8);
        await page.frames(3);
        await page.press_here();
        await until(
            async () => (await page.status()).text.length > now.text.length, "nothing was added");
        const added = await page.settle();
        equal(added.n_query, now.n_query + 1, "tokens");
        equal(added.tokens.slice(0, -1), now.tokens, "the tokens before the added one");
        equal((await page.query_now()).get("token"), `${now.n_query}`, "the chosen token");
        await page.frames(60);
      }
      await page.screenshot("heads-next");
      await page.raw.mouse.move(2, 2);
      await page.press("Control+z");
      await page.settle();
      equal((await page.status()).text, texts[2], "the text after undo");
      // Of another query the predictions are not those of the end.
      await page.follow(`model=bookworm-2m&text=${kText}&view=next&token=3`);
      const next = await page.area("next");
      await page.raw.mouse.move(next.x + 60, next.y + 25.5 + 8);
      await page.frames(3);
      await page.press_here();
      await page.settle();
      equal((await page.status()).text, first.text, "the text after a click at token 3");
      page.check_clean();
    },
  },
];
