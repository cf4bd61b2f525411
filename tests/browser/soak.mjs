// soak.mjs - a long day in one page: does its memory stay where it was?
//
//   node tests/browser/soak.mjs [SITE] [--minutes 30] [--build st|mt] [--out build/soak.svg]
//
// Types, changes views and heads, drops models again and again, follows broken and good links,
// loses the graphics context, goes offline and hides. Every minute it writes down the program's
// memory, how much of it is allocated (JavaScript's too), and the frames' length. It fails when
// what is used after the tenth minute (a third of a shorter run) grows further, when a page
// complains, or when the text on screen is not the last one typed. The file of --out is a picture
// of the memory over time; beside it, what was written down is in a table (.tsv), also if a run is
// ended early.
import {appendFileSync, mkdirSync, writeFileSync} from "node:fs";
import path from "node:path";
import {chromium} from "playwright-core";

import {kModels, model_files} from "./golden.mjs";
import {sleep} from "./harness.mjs";
import {kChromium, open_page} from "./page.mjs";
import {kSite, serve} from "./server.mjs";

const words = process.argv.slice(2);
const option = (name, usual) => {
  const at = words.indexOf("--" + name);
  return at >= 0 ? words.splice(at, 2)[1] : usual;
};
const minutes = Number(option("minutes", 30)), build = option("build", "mt"),
      out = option("out", "build/soak.svg");
const site = path.resolve(words[0] ?? kSite);

const server = await serve(site, true);
const browser = await chromium.launch({
  ...kChromium,
  args: [...kChromium.args, "--js-flags=--expose-gc", "--enable-precise-memory-info"]
});
const page = await open_page(browser, `${server.url}?build=${build}`);
const cdp = await page.context.newCDPSession(page.raw);
await page.settle();

let seed = 1;
const random = (n) => {
  seed = (Math.imul(seed, 1664525) + 1013904223) >>> 0;
  return Math.floor(seed / 2 ** 32 * n);
};
const kWords =
    "the girl and a dog went to sea then she saw 深度 学习 注意 力 naïve 👩‍🔬 42 ."
        .split(" ");
const text_of = (n) => Array.from({length: n}, () => kWords[random(kWords.length)]).join(" ");
const kViews =
    ["map", "lines", "neuron", "chain", "grid", "list", "scatter", "lens", "next", "parts"];
const kListed = ["bookworm-2m", "bookworm-2m", "scratch"];
const kDropped = ["gpt2", "llama-gqa", "bert", "gemma2", "mixtral"];

// Until the page shows what it is asked for, or says that a text is longer than the model reads.
async function settled() {
  await page.settle_or_error(60000);
  const status = await page.status();
  if (status.error && !/ reads at most /.test(status.error)) throw new Error(status.error);
  return status;
}

async function follow(query) {
  await page.raw.evaluate((q) => {
    location.hash = q;
  }, query);
  await settled();
}

let dropped = "";
const deeds = {
  async type() {
    const text = text_of(1 + random(40));
    await page.type_text(text);
    if ((await settled()).error) return;
    const {model, text: read, tokens} = await page.status();
    const seen = model === "scratch" ? tokens.join(" ") : read;  // the demonstration reads names
    if (seen !== text) throw new Error(`typed "${text}", on screen "${seen}"`);
  },
  async keys() {
    await page.raw.evaluate(() => document.querySelector("textarea").focus());
    await page.raw.keyboard.type(text_of(3), {delay: 20});
    await settled();
  },
  async view() {
    await follow(
        `model=${kListed[random(kListed.length)]}&text=${encodeURIComponent(text_of(12))}` +
        `&view=${kViews[random(kViews.length)]}&layer=${random(4)}&head=${random(6)}` +
        `&token=${random(9)}&panel=${["this", "list", "learn"][random(3)]}`);
  },
  async drop() {
    const others = kDropped.filter((name) => name !== dropped);  // the same again changes nothing
    dropped = others[random(others.length)];
    const before = await page.status();
    await page.drop(model_files(path.join(kModels, dropped)));
    const {file_error} = await page.opened(before.model);
    if (file_error) throw new Error(file_error);
    await settled();
  },
  async broken() {
    await page.drop([{name: "model.safetensors", text: "no"}, {name: "config.json", text: "{"}]);
    await sleep(200);
    await page.raw.evaluate(() => {
      location.hash = "layer=zzz&view=nap&text=a";
    });
    await sleep(200);
    await follow("model=bookworm-2m&text=Once%20upon%20a%20time");
  },
  async graphics() {
    await page.raw.evaluate(async () => {
      const gl = document.querySelector("canvas").getContext("webgl2");
      const way = gl?.getExtension("WEBGL_lose_context");
      way?.loseContext();
      await new Promise((resolve) => setTimeout(resolve, 300));
      way?.restoreContext();
    });
    await settled();
  },
  async offline() {
    await page.context.setOffline(true);
    await deeds.type();
    await page.context.setOffline(false);
  },
  async hidden() {
    await cdp.send("Emulation.setFocusEmulationEnabled", {enabled: false});
    await page.raw.evaluate(() => document.dispatchEvent(new Event("visibilitychange")));
    await sleep(500);
    await cdp.send("Emulation.setFocusEmulationEnabled", {enabled: true});
  },
  async wheel() {
    const {width, height} = page.raw.viewportSize();
    await page.raw.mouse.move(width * (.2 + .6 * random(100) / 100), height * .5);
    for (let i = 0; i < 10; ++i) await page.raw.mouse.wheel(0, random(2) ? 120 : -120);
    await page.frames(3);
  },
};

async function measured() {
  await settled();
  const seen = await page.raw.evaluate(() => {
    globalThis.gc?.();
    return {
      wasm: attnscope.page.memory(0, 1).buffer.byteLength,
      heap: performance.memory?.usedJSHeapSize ?? 0,
      memory: attnscope.ask("status").memory,
      nodes: document.querySelectorAll("*").length,
    };
  });
  const {weights, traces, pictures} = seen.memory;
  return {
    minute: (Date.now() - start) / 60000,
    deeds: n_deeds,
    ...seen,
    weights,
    traces,
    pictures,
    used: weights + traces + pictures
  };
}

const kColumns =
    ["minute", "deeds", "wasm", "heap", "used", "weights", "traces", "pictures", "nodes"];
const table = out.replace(/(\.svg)?$/, ".tsv");
mkdirSync(path.dirname(out), {recursive: true});
writeFileSync(table, kColumns.join("\t") + "\n");
function note(row) {
  rows.push(row);
  appendFileSync(table, kColumns.map((name) => Number(row[name].toFixed(2))).join("\t") + "\n");
}

const start = Date.now(), rows = [];
const names = Object.keys(deeds);
let n_deeds = 0, due = 0, failed = "";
try {
  while (Date.now() - start < minutes * 60000) {
    if (Date.now() >= due) {
      due = Date.now() + Math.min(60000, minutes * 60000 / 12);
      const row = await measured();
      note(row);
      console.log(
          `${row.minute.toFixed(1).padStart(5)} min  ${String(n_deeds).padStart(6)} deeds  wasm ${
              (row.wasm / 1e6).toFixed(0)} MB  JavaScript ${(row.heap / 1e6).toFixed(1)} MB  held ${
              (row.used / 1e6).toFixed(1)} MB  ${row.nodes} elements`);
    }
    await deeds[names[random(names.length)]]();
    ++n_deeds;
  }
  note(await measured());
} catch (error) {
  failed = error.stack ?? String(error);
}

// The largest of the second part may exceed the largest of the first by a twentieth and 4 MB.
const settling_min = Math.min(10, minutes / 3);
const largest = (key, of) => Math.max(...of.map((row) => row[key]));
const before = rows.filter((row) => row.minute <= settling_min + .5),
      after = rows.filter((row) => row.minute > settling_min + .5);
for (const key of ["wasm", "heap"]) {
  if (!before.length || !after.length) continue;
  const [was, is] = [largest(key, before), largest(key, after)];
  if (is > was * 1.05 + 4e6)
    failed ||=
        `${key} grew from ${(was / 1e6).toFixed(1)} MB to ${(is / 1e6).toFixed(1)} MB after the ` +
        `first ${settling_min.toFixed(0)} minutes`;
}
const faults = page.faults.filter((fault) => !/ERR_INTERNET_DISCONNECTED|CONTEXT_LOST/.test(fault));
if (faults.length) failed ||= `the page complained: ${faults.slice(0, 5).join("; ")}`;

writeFileSync(out, picture());
await browser.close();
await server.stop();
if (failed) console.log(`FAILED  ${failed}`);
console.log(`${n_deeds} deeds; ${failed ? "0 passed, 1 failed" : "1 passed, 0 failed"}`);
process.exit(failed ? 1 : 0);

// Two charts, each with its own scale: JavaScript's memory is a hundredth of the program's.
function picture() {
  const kCharts = [
    [["wasm", "#0072b2", "memory of the program"], ["used", "#009e73", "what it holds"]],
    [["heap", "#d55e00", "JavaScript"]],
  ];
  const width = 800, height = 220, left = 60, right = 20, top = 34, bottom = 30;
  const x = (minute) => left + minute / minutes * (width - left - right);
  const chart = (lines, n) => {
    const most = 1.1 * Math.max(...rows.flatMap((row) => lines.map(([key]) => row[key])), 1);
    const y = (bytes) => n * height + top + (1 - bytes / most) * (height - top - bottom);
    const grid = [0, .25, .5, .75, 1].map(
        (part) => `<path d="M${left} ${y(part * most)}H${width - right}" stroke="#ddd"/>` +
            `<text x="${left - 6}" y="${y(part * most) + 4}" text-anchor="end">${
                      (part * most / 1e6).toFixed(most < 4e7 ? 1 : 0)} MB</text>` +
            `<text x="${x(part * minutes)}" y="${y(0) + 18}" text-anchor="middle">${
                      Number((part * minutes).toFixed(1))} min</text>`);
    const drawn = lines.map(
        ([key, colour, title], i) =>
            `<polyline fill="none" stroke="${colour}" stroke-width="2" points="${
                rows.map((row) => `${x(row.minute).toFixed(1)},${y(row[key]).toFixed(1)}`)
                    .join(" ")}"/><text x="${left + i * 240}" y="${n * height + 20}" fill="${
                colour}">${title}</text>`);
    const until_then = x(settling_min);  // what grows later fails
    return grid.join("") + drawn.join("") +
        `<path d="M${until_then} ${y(0)}V${y(most)}" stroke="#888" stroke-dasharray="4 4"/>`;
  };
  const all = height * kCharts.length;
  return `<svg xmlns="http://www.w3.org/2000/svg" width="${width}" height="${
             all}" font-family="sans-serif" font-size="12"><rect width="100%" height="100%" ` +
      `fill="white"/>${kCharts.map(chart).join("")}<text x="${width - right}" y="20" ` +
      `text-anchor="end">${n_deeds} deeds in ${minutes} minutes</text></svg>\n`;
}
