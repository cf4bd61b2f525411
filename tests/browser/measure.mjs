// measure.mjs - sizes, time to the first heat map, frame times, input to pixel, and idleness of the
// page; not a test.
//
//   node tests/browser/measure.mjs [SITE...] [--only WORDS] [--visits N]
//
// With several sites the way to the first heat map is measured of all of them in turns, and the
// rest of the first alone. WORDS: some of st, mt, way, frames, wall, typing. N: of each site, 5.
import {readFileSync} from "node:fs";
import path from "node:path";
import {chromium} from "playwright-core";

import {packed_size} from "./cases/download.mjs";
import {has_checkpoint, kCheckpoints, model_files} from "./golden.mjs";
import {sleep, until} from "./harness.mjs";
import {long_model, long_text} from "./long_model.mjs";
import {kChromium, open_page} from "./page.mjs";
import {kSite, serve} from "./server.mjs";

const args = process.argv.slice(2);
const option = (name, otherwise) => {
  const at = args.indexOf(name);
  return at >= 0 ? args.splice(at, 2)[1] : otherwise;
};
const only = option("--only", "").split(/[ ,]+/);
const kVisits = Number(option("--visits", 5)), kFrames = 120;
const kBuilds = ["st", "mt"], kParts = ["way", "frames", "wall", "typing"];
// All of a group, unless some of it are named.
const wants = (word, group) => only.includes(word) || !group.some((one) => only.includes(one));
const folders = (args.length ? args : [kSite]).map((folder) => path.resolve(folder));
// The browser writes the compiled program to its cache a while after it has begun to run.
const kBetween_ms = 3000;

const kb = (n) => `${(n / 1000).toFixed(1).padStart(8)} kB`;
const quantile = (sorted, q) => sorted[Math.min(sorted.length - 1, Math.floor(q * sorted.length))];

function sizes(site, build) {
  const files = [
    `${build}/app.wasm`, `${build}/app.js`, "index.html", "loader.js", "page.js", "files.js",
    "glyphs.js", "style.css", "sw.js", "icon.svg"
  ];
  let raw = 0, packed = 0;
  for (const file of files) {
    const bytes = readFileSync(path.join(site, file));
    const small = packed_size(bytes);
    raw += bytes.length;
    packed += small;
    if (file.startsWith(build))
      console.log(`  ${file.padEnd(14)}${kb(bytes.length)}${kb(small)} brotli`);
  }
  console.log(`  whole page    ${kb(raw)}${kb(packed)} brotli, without models`);
}

// Runs before the page's own scripts, and asks nothing of them: when each part of the way to the
// first heat map was over, into window.way as {step: ms since the navigation began}.
function note_the_way() {
  const way = (window.way = {});
  const note = (step) => (way[step] ??= performance.now());
  for (const name of ["instantiateStreaming", "compileStreaming"]) {
    const plain = WebAssembly[name];
    WebAssembly[name] = async (...args) => {
      const made = await plain.apply(WebAssembly, args);
      note("program compiled");
      return made;
    };
  }
  // Frames are watched from inside, as a clock that asks would take the time it measures.
  const watch = (page) => {
    const {attach, call} = page;
    page.attach = (...args) => {
      note("main() over");
      return attach.apply(page, args);
    };
    page.call = (name, ...args) => {
      if (name === "frame") note("first frame begun");
      const result = call.call(page, name, ...args);
      if (name === "fetch_done") note("list of models read");
      if (name !== "frame") return result;
      note("first frame drawn");
      const s = attnscope.ask("status");
      if (s.current && !s.busy) {
        note("first picture");
        way.model = s.model;
        if (s.model !== "scratch" && !way["model's picture"]) {
          note("model's picture");
          requestAnimationFrame(() => note("model's picture shown"));
        }
      }
      return result;
    };
  };
  let create;
  Object.defineProperty(window, "createAttnscope", {
    configurable: true,
    get: () => create && ((options) => {
                 note("program runs");
                 watch(options.page);
                 return create(options);
               }),
    set: (made) => (create = made),
  });
}

// What has come over the net, by its last byte.
const note_arrivals = () => {
  const {way} = window;
  for (const {name, responseEnd} of performance.getEntriesByType("resource")) {
    const file = name.split("/").at(-1).split("?")[0];
    if (/^(app\.js|app\.wasm|index\.json|model\.safetensors)$/.test(file))
      way[`${file} here`] ??= responseEnd;
  }
  return way;
};

const median = (list) => quantile([...list].sort((a, b) => a - b), 0.5);

// Several sites take turns, so that what else the machine does meets all of them alike.
async function visits(browser, sites, query, model) {
  const ways = sites.map(() => ({cold: [], warm: []}));
  for (let i = 0; i < kVisits; ++i) {
    for (const [at, {url}] of sites.entries()) {
      const context = await browser.newContext({viewport: {width: 1280, height: 800}});
      await context.addInitScript(note_the_way);
      for (const visit of ["cold", "warm"]) {
        const page = await open_page(browser, url + query, {}, context);
        await page.settle_at(model);
        ways[at][visit].push(await page.evaluate(note_arrivals));
        await sleep(kBetween_ms);
        await page.raw.close();
      }
      await context.close();
    }
  }
  for (const [at, {site}] of sites.entries()) {
    for (const visit of ["cold", "warm"]) {
      const list = ways[at][visit];
      const maps = list.map((way) => way["model's picture shown"]).sort((a, b) => a - b);
      console.log(`  ${site}, ${visit}: "${model}" after ${
          maps.map((ms) => ms?.toFixed(0)).join(" ")} ms; medians of the way:`);
      const steps = [...new Set(list.flatMap(Object.keys))].filter((step) => step !== "model");
      const times = steps.map((step) => [median(list.map((way) => way[step])), step]);
      for (const [ms, step] of times.sort((a, b) => a[0] - b[0]))
        console.log(`  ${ms?.toFixed(0).padStart(8)} ms  ${step}`);
    }
  }
}

// Frames one after the other, each until the GPU has finished it.
async function frame_times(browser, url, model) {
  const large = "default-candidate";
  const page = await open_page(browser, url + "#model=scratch");
  await page.settle();
  if (has_checkpoint(large)) {
    await page.drop(model_files(path.join(kCheckpoints, large)));
    await until(async () => (await page.status()).model !== "scratch", "the model was not opened");
    await page.settle();
  } else {
    console.log(`  SKIPPED frames of ${large}: ${kCheckpoints} is not there; of ${model} instead`);
    await page.follow(`model=${model}`);
    await page.settle();
  }
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

// In the page: `n` frames of the wall in motion, the wheel turned in and out about its middle; of
// each the program's own part, and until the GPU has finished it, in ms.
const move_wall = ({n, x, y}) => {
  const canvas = document.getElementById("canvas"), gl = canvas.getContext("webgl2");
  const pixel = new Uint8Array(4), all = [], cpu = [];
  const at = {bubbles: true, clientX: x, clientY: y};
  for (let i = 0; i < n; ++i) {
    canvas.dispatchEvent(new MouseEvent("mousemove", {...at, clientX: x + (i % 7)}));
    canvas.dispatchEvent(new WheelEvent("wheel", {...at, deltaY: i % 12 < 6 ? -100 : 100}));
    const start = performance.now();
    attnscope.page.call("frame");
    cpu.push(performance.now() - start);
    gl.readPixels(0, 0, 1, 1, gl.RGBA, gl.UNSIGNED_BYTE, pixel);
    all.push(performance.now() - start);
  }
  return {all, cpu, memory: attnscope.page.memory(0, 1).buffer.byteLength};
};

const kWalls = [
  {n_layers: 12, n_heads: 12, d_model: 192, n_ctx: 1024},
  {n_layers: 32, n_heads: 32, d_model: 256, n_ctx: 64},
];

// The wall of large models at their longest text, zoomed in and out.
async function wall_times(browser, url) {
  for (const shape of kWalls) {
    const page = await open_page(browser, url + "#model=scratch");
    await page.settle();
    const files = long_model(shape);
    const weights = files.find((file) => file.name.endsWith(".safetensors")).bytes.length;
    await page.drop(files);
    await until(async () => (await page.status()).model !== "scratch", "the model was not opened");
    await page.type_text(long_text(shape.n_ctx - 4));
    const begun = performance.now();
    await page.settle(120000);
    await page.follow(`${await page.hash()}&view=wall`);
    const s = await page.settle(120000), wall = await page.area("wall");
    const settled = performance.now() - begun;
    const middle = {x: wall.x + wall.width / 2, y: wall.y + wall.height / 2};
    await page.evaluate(move_wall, {...middle, n: 12});  // shaders and textures are there
    const times = await page.evaluate(move_wall, {...middle, n: kFrames});
    for (const list of [times.all, times.cpu]) list.sort((a, b) => a - b);
    const show = (list) =>
        `p50 ${quantile(list, 0.5).toFixed(1)} ms, p95 ${quantile(list, 0.95).toFixed(1)} ms`;
    console.log(`  wall, ${s.n_layers} x ${s.n_heads} heads of ${s.n_query} tokens: ${
        show(times.all)}; of it without the GPU ${show(times.cpu)}; whole after ${
        (settled / 1000).toFixed(1)} s; memory ${(times.memory / 1e6).toFixed(0)} MB, weights ${
        (weights / 1e6).toFixed(0)} MB`);
    await page.close();
  }
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

const sites = [];
for (const site of folders) sites.push({site, ...await serve(site, true)});
const browser = await chromium.launch(kChromium);
try {
  const [{url}] = sites;
  const list = await fetch(url + "models/index.json");
  const index = list.ok ? await list.json() : {};
  const model = index.models?.[0]?.id ?? "scratch";
  console.log(`Chromium ${browser.version()}, software renderer, 1280 x 800`);
  for (const build of kBuilds.filter((one) => wants(one, kBuilds))) {
    const query = `?build=${build}`;
    for (const {site} of sites) {
      console.log(`${build}, ${site}:`);
      sizes(site, build);
    }
    if (wants("way", kParts)) await visits(browser, sites, query, model);
    if (wants("frames", kParts)) await frame_times(browser, url + query, model);
    if (wants("wall", kParts)) await wall_times(browser, url + query);
    if (wants("typing", kParts)) await typing(browser, url + query, model);
  }
} finally {
  await browser.close();
  for (const {stop} of sites) await stop();
}
