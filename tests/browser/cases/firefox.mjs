// firefox.mjs - the same page in Firefox: first screen, numbers, a dropped model, typing.
import {mkdirSync, readFileSync, writeFileSync} from "node:fs";
import path from "node:path";

import {failing, faulty} from "../faults.mjs";
import {firefox_is_missing, launch_firefox, open_tab} from "../firefox.mjs";
import {
  kModels,
  largest_difference,
  model_files,
  plain_tokenizer,
  read_safetensors,
  scratch_cases,
  text_of_ids
} from "../golden.mjs";
import {check, equal, skip, until} from "../harness.mjs";
import {kScreenshots, pixel_statistics} from "../page.mjs";

import {find_open} from "./storage.mjs";

// `model`: the one that must be on screen.
export async function settle(tab, model) {
  const frames = "new Promise((r) => " +
      "{ let n = 4; const step = () => (n-- ? requestAnimationFrame(step) : r(0)); step(); })";
  await tab.evaluate(frames);
  await until(async () => {
    const s = await tab.evaluate("globalThis.attnscope?.page ? attnscope.ask('status') : null")
                  .catch(() => null);
    return s && s.current && !s.busy && (!model || s.model === model);
  }, "the page did not become current", 25000);
  await tab.evaluate(frames);
  return tab.evaluate("attnscope.ask('status')");
}

export const patterns = (tab, sample = 0) => tab.evaluate(`(() => {
  const { n_layers, n_heads } = attnscope.ask("status"), all = [];
  for (let l = 0; l < n_layers; ++l)
    for (let h = 0; h < n_heads; ++h) all.push(...attnscope.ask("pattern ${
    sample} " + l + " " + h).values);
  return all;
})()`);

export async function with_firefox(t, run, preferences) {
  const missing = firefox_is_missing();
  if (missing) skip(missing);
  const firefox = await launch_firefox(preferences);
  t.at_end(firefox.stop);
  await run(await open_tab(firefox));
}

// Runs in a page, by tab.run_before().
export const speak_chinese = () =>
    Object.defineProperty(navigator, "languages", {get: () => ["zh-CN", "zh"]});

export function save(name, png) {
  mkdirSync(kScreenshots, {recursive: true});
  writeFileSync(path.join(kScreenshots, `${name}.png`), png);
}

function check_clean(tab, origin) {
  check(tab.faults.length === 0, `Firefox complained: ${tab.faults.join("; ")}`);
  const foreign = tab.asked.filter((url) => /^https?:/.test(url) && !url.startsWith(origin));
  check(foreign.length === 0, `the page asked other servers: ${foreign.join(", ")}`);
}

async function first_screen(t, tab, url, origin) {
  tab.asked.length = 0;
  await tab.goto(url);
  const status = await settle(tab);
  const ms = await tab.evaluate("performance.now()");
  const png = await tab.screenshot();
  const build = await tab.evaluate("attnscope.build");
  save(`firefox-${build}`, png);
  const {min, max} = (await tab.evaluate("attnscope.ask('layout')")).map;
  const area = {x: min[0], y: min[1], width: max[0] - min[0], height: max[1] - min[1]};
  const {n_colours} = await tab.evaluate(
      `(${pixel_statistics})("${png.toString("base64")}", ${JSON.stringify(area)})`);
  check(n_colours > 12, `the map has ${n_colours} colours and looks blank`);
  check_clean(tab, origin);
  t.print(`Firefox, ${build}: first picture at most ${Math.round(ms)} ms after the visit began, ${
      n_colours} colours`);
  return {status, build};
}

const all = [
  {
    name: "Firefox: first screen, the demonstration's numbers, a dropped model, typing",
    limit_s: 120,
    run: (t) => with_firefox(
        t,
        async (tab) => {
          const {status, build} =
              await first_screen(t, tab, t.isolated + "#model=scratch", t.isolated);
          equal(status.threads, build === "mt", "status.threads");
          let most = 0;
          for (const one of scratch_cases().filter(
                   (c) => c.set.kind === "self" && c.set.d_model === "64")) {
            await tab.evaluate(
                `void (location.hash = "model=scratch&seed=${one.set.seed}&mask=${one.set.mask}")`);
            await settle(tab);
            const {shape, values} = one.tensors.attention;
            const size = values.length / shape[0];
            for (let s = 0; s < shape[0]; ++s) {
              const d = largest_difference(
                  await patterns(tab, s), values.slice(s * size, (s + 1) * size));
              check(d <= 1e-6, `${one.name}: weights differ by ${d}`);
              most = Math.max(most, d);
            }
          }
          t.print(`Firefox: largest difference of the demonstration ${most.toExponential(1)}`);

          const folder = path.join(kModels, "llama-gqa");
          const {attn, logits, input_ids} =
              read_safetensors(path.join(folder, "expected.safetensors")).tensors;
          const files = model_files(folder).map(
              ({name, path: file}) => ({
                name,
                base64:
                    (name === "tokenizer.json" ? Buffer.from(plain_tokenizer(logits.shape.at(-1))) :
                                                 readFileSync(file))
                        .toString("base64")
              }));
          await tab.evaluate(`(() => {
        const data = new DataTransfer();
        for (const { name, base64 } of ${JSON.stringify(files)})
          data.items.add(new File([Uint8Array.from(atob(base64), (c) => c.charCodeAt(0))], name));
        for (const type of ["dragenter", "dragover", "drop"])
          document.getElementById("canvas").dispatchEvent(
            new DragEvent(type, { dataTransfer: data, bubbles: true, cancelable: true }));
      })()`);
          await until(
              () => tab.evaluate(
                  "attnscope.ask('status').model !== 'scratch' || " +
                  "attnscope.ask('status').file_error"),
              "nothing was opened");
          equal((await tab.evaluate("attnscope.ask('status').file_error")) ?? "", "", "file_error");
          await tab.evaluate(
              "(document.querySelector('textarea').focus(), " +
              "document.querySelector('textarea').select())");
          await tab.type(text_of_ids(input_ids.values));
          const typed = await settle(tab);
          equal(typed.tokens.length, input_ids.values.length, "tokens typed");
          const d = [
            largest_difference(await patterns(tab), attn.values),
            largest_difference(
                (await tab.evaluate("attnscope.ask('logits').values")).slice(-logits.shape.at(-1)),
                logits.values.slice(-logits.shape.at(-1)))
          ];
          check(Math.max(...d) <= 1e-4, `patterns differ by ${d[0]}, logits by ${d[1]}`);
          t.print(`Firefox: llama-gqa, largest differences: patterns ${
              d[0].toExponential(1)}, logits ${d[1].toExponential(1)}`);
          check_clean(tab, t.isolated);
        }),
  },
  {
    name: "Firefox: one thread, and a host that does not isolate",
    limit_s: 120,
    run: (t) => with_firefox(
        t,
        async (tab) => {
          const st = await first_screen(t, tab, t.isolated + "?build=st#model=scratch", t.isolated);
          equal([st.build, st.status.threads], ["st", false], "build and threads");
          const plain = await first_screen(t, tab, t.plain + "#model=scratch", t.plain);
          t.print(`Firefox without the server's isolation: ${plain.build}`);
        }),
  },
  {
    name: "Firefox: the page opens and computes while uses of Cache Storage fail",
    limit_s: 180,
    run: (t) => with_firefox(
        t,
        async (tab) => {
          const address = "?build=st#model=scratch";
          await tab.goto(t.isolated + address);
          await settle(tab);
          const wanted = await patterns(tab);
          const some = ["true", "n % 3 === 1"];
          for (const [i, how] of ["reject", "throw", "lose", "evict"].entries()) {
            for (const fails of t.all ? some : [some[i % 2]]) {
              const server = await faulty(t.isolated);  // an origin of its own
              t.at_end(server.stop);
              server.worker = failing(how, fails);
              for (const visit of [1, 2]) {
                await tab.goto(server.url + address);
                await settle(tab);
                equal(await patterns(tab), wanted, `${how} ${fails}: visit ${visit}`);
                await tab.evaluate("navigator.serviceWorker.ready.then(() => 0)");
                await tab.goto("about:blank");
              }
            }
          }
        }),
  },
  {
    name: "Firefox: the page opens where all storage is blocked, and says what is not kept",
    limit_s: 120,
    run: (t) => with_firefox(
        t,
        async (tab) => {
          for (const [origin, locale, sentence] of [
                   [t.isolated, "en-US", "^Not kept, because"],
                   [t.plain, "zh-CN", "存储空间已满或被禁用"]]) {
            if (locale === "zh-CN") await tab.run_before(speak_chinese);
            await tab.goto(origin + "?build=st#model=scratch");
            equal((await settle(tab)).error ?? "", "", "status.error");
            equal(await tab.evaluate(`(${find_open})()`), [], "storage that can be used");
            check((await patterns(tab)).length > 100, "the page computes nothing");
            await until(
                () => tab.evaluate(
                    `/${sentence}/.test(document.querySelector('#note span').textContent)`),
                "it does not say what is not kept");
            save(`lacking-storage-firefox-${locale}`, await tab.screenshot());
          }
        },
        {"network.cookie.cookieBehavior": 2}),
  },
];

// One at a time: xvfb-run may give two the same display.
export const cases = all.map((one) => ({...one, lane: "firefox"}));
