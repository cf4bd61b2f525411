// measure.mjs - sizes, time to the first heat map, frame times, input to pixel, and idleness of the
// page; not a test.
//
//   node tests/browser/measure.mjs [SITE]
import {readFileSync} from "node:fs";
import path from "node:path";
import zlib from "node:zlib";
import {chromium} from "playwright-core";

import {has_checkpoint, kCheckpoints, kModels, model_files} from "./golden.mjs";
import {sleep, until} from "./harness.mjs";
import {kChromium, open_page} from "./page.mjs";
import {kSite, serve} from "./server.mjs";

const site = path.resolve(process.argv[2] ?? kSite);
const kVisits = 5, kFrames = 120;

const kb = (n) => `${(n / 1000).toFixed(1).padStart(8)} kB`;
const brotli = (bytes) =>
    zlib.brotliCompressSync(bytes, {
          params:
              {[zlib.constants.BROTLI_PARAM_QUALITY]: 11, [zlib.constants.BROTLI_PARAM_LGWIN]: 24}
        })
        .length;
const quantile = (sorted, q) => sorted[Math.min(sorted.length - 1, Math.floor(q * sorted.length))];

function sizes(build) {
  const files = [
    `${build}/app.wasm`, `${build}/app.js`, "index.html", "loader.js", "page.js", "files.js",
    "glyphs.js", "style.css", "sw.js", "icon.svg"
  ];
  let raw = 0, packed = 0;
  for (const file of files) {
    const bytes = readFileSync(path.join(site, file));
    const small = brotli(bytes);
    raw += bytes.length;
    packed += small;
    if (file.startsWith(build))
      console.log(`  ${file.padEnd(14)}${kb(bytes.length)}${kb(small)} brotli`);
  }
  console.log(`  whole page    ${kb(raw)}${kb(packed)} brotli, without models`);
}

// ms from the start of the navigation to the first complete picture of `model`.
async function first_map(page, model) {
  await page.settle_at(model);
  return page.evaluate(() => window.first_map_ms);
}

// Runs before the page's own scripts: the time at which the first heat map, and that of the last
// model, stood.
function note_maps() {
  let model;
  const look = () => {
    try {
      const s = attnscope.ask("status");
      if (s.current && !s.busy && s.model !== model) {
        model = s.model;
        requestAnimationFrame((now) => {
          window.first_any_ms ??= now;
          window.first_map_ms = now;
        });
      }
    } catch {
    }  // not there yet
    setTimeout(look, 4);
  };
  look();
}

async function visits(browser, url, model) {
  const cold = [], warm = [], any = [];
  for (let i = 0; i < kVisits; ++i) {
    const context = await browser.newContext({viewport: {width: 1280, height: 800}});
    await context.addInitScript(note_maps);
    const page = await open_page(browser, url, {}, context);
    cold.push(await first_map(page, model));
    any.push(await page.evaluate(() => window.first_any_ms));
    await sleep(1000);
    await page.raw.close();
    const again = await open_page(browser, url, {}, context);
    warm.push(await first_map(again, model));
    await context.close();
  }
  const show = (list) => list.sort((a, b) => a - b).map((ms) => ms.toFixed(0)).join(" ");
  console.log(`  first heat map, cold    ${show(any)} ms`);
  console.log(`  "${model}", cold        ${show(cold)} ms`);
  console.log(`  "${model}", warm        ${show(warm)} ms`);
}

// Frames one after the other, each until the GPU has finished it.
async function frame_times(browser, url) {
  const page = await open_page(browser, url + "#model=scratch");
  await page.settle();
  const folder = has_checkpoint("default-candidate") ?
      path.join(kCheckpoints, "default-candidate") :
      path.join(kModels, "llama-gqa");
  await page.drop(model_files(folder));
  await until(async () => (await page.status()).model !== "scratch", "the model was not opened");
  await page.settle();
  await page.type_text(
      "The king went to the sea and the king came back to the old house by the sea. ".repeat(3));
  const s = await page.settle();
  const times = await page.evaluate((n) => {
    const gl = document.getElementById("canvas").getContext("webgl2");
    const pixel = new Uint8Array(4), all = [], cpu = [];
    for (let i = 0; i < n; ++i) {
      const start = performance.now();
      attnscope.page.call("frame");
      cpu.push(performance.now() - start);
      gl.readPixels(0, 0, 1, 1, gl.RGBA, gl.UNSIGNED_BYTE, pixel);
      all.push(performance.now() - start);
    }
    return {all, cpu};
  }, kFrames);
  for (const list of Object.values(times)) list.sort((a, b) => a - b);
  const show = (list) =>
      `p50 ${quantile(list, 0.5).toFixed(1)} ms, p95 ${quantile(list, 0.95).toFixed(1)} ms`;
  console.log(`  frame, ${s.n_layers} x ${s.n_heads} heads of ${s.n_query} tokens: ${
      show(times.all)}; of it without the GPU ${show(times.cpu)}`);
  await page.close();
}

// A text of `n` tokens for the listed model: words of one token each.
const words_of = (n) =>
    Array
        .from(
            {length: n},
            (_, i) => ["the", "sea", "and", "old", "house", "by"][((i * (i + 3)) / 2) % 6])
        .join(" ");

// In the page: a word typed at the end of the text, until the frame that draws the new text's
// pattern, in ms; and until the pixels of that frame are there.
const type_and_wait = (more) => new Promise((resolve) => {
  const area = document.querySelector("textarea"), {page} = attnscope, {call} = page;
  const gl = document.getElementById("canvas").getContext("webgl2");
  page.call = (name, ...args) => {
    const result = call.call(page, name, ...args);
    if (name !== "frame") return result;
    const s = attnscope.ask("status");
    if (s.text === area.value && s.map_is_new) {
      const frame = performance.now() - begun;
      gl.readPixels(0, 0, 1, 1, gl.RGBA, gl.UNSIGNED_BYTE, new Uint8Array(4));
      delete page.call;
      resolve({frame, pixels: performance.now() - begun});
    }
    return result;
  };
  area.value += more;
  const begun = performance.now();
  area.dispatchEvent(new InputEvent("input", {bubbles: true, inputType: "insertText", data: "a"}));
});

// From input to the first frame of the new pattern, the longest step of all jobs, and the processor
// when idle.
async function typing(browser, url, model) {
  const page =
      await open_page(browser, `${url}#model=${model}&text=${encodeURIComponent(words_of(242))}`);
  await page.settle_at(model);
  const n = (await page.status()).n_query, typed = [];
  for (let i = 0; i < 12; ++i) {
    typed.push(await page.evaluate(type_and_wait, " sea"));
    await page.settle();
  }
  for (const [what, list] of [
           ["drawn", typed.map((t) => t.frame)], ["on the screen", typed.map((t) => t.pixels)]]) {
    list.sort((a, b) => a - b);
    console.log(`  input until its pattern is ${what}, ${n} tokens: p50 ${
        quantile(list, 0.5).toFixed(1)} ms, worst ${list.at(-1).toFixed(1)} ms`);
  }
  for (const panel
           of ["head", "list"]) {  // the inspector, and the list of heads, ask for most measures
    await page.follow(`${await page.hash()}&panel=${panel}`);
    await page.settle(60000);
  }
  const {longest_step} = await page.status();
  console.log(`  longest step of ${(await page.status()).n_query} tokens with all measures: ${
      longest_step.ms.toFixed(2)} ms (${longest_step.job})`);
  await sleep(1500);
  const cdp = await page.context.newCDPSession(page.raw);
  await cdp.send("Performance.enable");
  const busy = async () => (await cdp.send("Performance.getMetrics"))
                               .metrics.find((m) => m.name === "TaskDuration")
                               .value;
  const frames = await page.evaluate(() => attnscope.frames), before = await busy();
  await sleep(5000);
  const spent = (await busy()) - before;
  console.log(`  idle for 5 s: ${
      (await page.evaluate(() => attnscope.frames)) -
      frames} frames, main thread ${(spent * 1000).toFixed(1)} ms`);
  await page.close();
}

const server = await serve(site, true);
const browser = await chromium.launch(kChromium);
try {
  const list = await fetch(server.url + "models/index.json");
  const index = list.ok ? await list.json() : {};
  const model = index.models?.[0]?.id ?? "scratch";
  console.log(`Chromium ${browser.version()}, software renderer, 1280 x 800, ${site}`);
  for (const build of ["st", "mt"]) {
    console.log(`${build}:`);
    sizes(build);
    await visits(browser, `${server.url}?build=${build}`, model);
    await frame_times(browser, `${server.url}?build=${build}`);
    await typing(browser, `${server.url}?build=${build}`, model);
  }
} finally {
  await browser.close();
  await server.stop();
}
