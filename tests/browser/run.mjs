// run.mjs - every test of the page in a real browser; the last line is "N passed, N failed, N
// skipped".
//
//   node tests/browser/run.mjs [SITE] [--only WORDS] [--all] [--jobs N]     SITE: build/site
//
// Cases run one after the other; --jobs 2 runs two at a time, each in a browser of its own, where
// there are cores enough: without a graphics card one page that moves fills one. Where a case tries
// a fault at every place that there is, a run tries one place of each kind, the same in every run,
// and says which; --all tries every place.
//
// Chromium is /usr/bin/chromium or ATTNSCOPE_CHROMIUM; Firefox is /usr/bin/firefox-esr or
// ATTNSCOPE_FIREFOX. Real checkpoints are looked for in ../shared or ATTNSCOPE_SHARED. Screenshots
// come to build/screenshots; a failed test leaves failed-<name>.png there.
import {existsSync, mkdtempSync, readFileSync, rmSync} from "node:fs";
import os from "node:os";
import path from "node:path";
import {chromium} from "playwright-core";

import {run_all} from "./harness.mjs";
import {kChromium, kScreenshots, open_page} from "./page.mjs";
import {kSite, serve} from "./server.mjs";

// Those with the longest cases first, so that both browsers end at about the same time.
const kParts = [
  "firefox",   "lacking",       "storage",     "network",      "numbers",       "learn",
  "long_text", "palette",       "keyboard",    "broken_files", "heads",         "first_screen",
  "typing",    "link",          "map",         "focus",        "tokens",        "pairs",
  "touch",     "accessibility", "model_notes", "pictures",     "listed_models", "sizes",
  "download",  "offline"
];

const arguments_ = process.argv.slice(2);
const option = (name, usual) => {
  const at = arguments_.indexOf(name);
  return at >= 0 ? arguments_.splice(at, 2)[1] : usual;
};
const only = option("--only", "").toLowerCase(), n_jobs = Number(option("--jobs", 1));
const all = arguments_.includes("--all");
if (all) arguments_.splice(arguments_.indexOf("--all"), 1);
const site = path.resolve(arguments_[0] ?? kSite);
if (!existsSync(path.join(site, "index.html"))) {
  console.log(`FAILED  ${site} has no index.html; build the site first\n0 passed, 1 failed`);
  process.exit(1);
}

const cases = [];
for (const part of kParts) {
  const found = (await import(`./cases/${part}.mjs`)).cases;
  cases.push(...found.filter((one) => `${part} ${one.name}`.toLowerCase().includes(only)));
}

// The model that the page opens with.
const index = path.join(site, "models/index.json");
const first_model =
    existsSync(index) ? JSON.parse(readFileSync(index, "utf8")).models[0].id : "scratch";

for (const signal of ["SIGINT", "SIGTERM"])
  process.once(signal, () => process.exit(130));  // servers end with us
const scratch_folder = mkdtempSync(path.join(os.tmpdir(), "attnscope-test-"));
const [isolated, plain] = await Promise.all([serve(site, true), serve(site, false)]);
const browsers = await Promise.all(Array.from({length: n_jobs}, () => chromium.launch(kChromium)));
console.log(`Chromium ${browsers[0].version()}, ${site}, ${n_jobs} at a time`);

// A listener that is never removed is one leak for every test.
const warnings = [];
process.on("warning", (warning) => {
  if (warning.name === "MaxListenersExceededWarning") warnings.push(warning.message);
});

// What a test is handed: addresses, open(), and what must be undone after it.
function prepare(_, lane) {
  const ends = [], pages = [], browser = browsers[lane];
  return {
    site,
    all,
    scratch_folder: mkdtempSync(path.join(scratch_folder, "case-")),
    first_model,
    browser,
    pages,
    isolated: isolated.url,
    plain: plain.url,
    at_end: (undo) => ends.push(undo),
    ends,
    async context(options) {
      const context = await browser.newContext(
          {viewport: {width: 1280, height: 800}, locale: "en-US", colorScheme: "dark", ...options});
      ends.push(() => context.close());
      return context;
    },
    async open(url, options = {}, context) {
      const page = await open_page(browser, url, options, context);
      pages.push(page);
      ends.push(() => page.context.close());
      return page;
    },
  };
}

async function finish(one, t, error) {
  const page = t.pages.at(-1);
  const faults = error ? t.pages.flatMap((p) => p.faults) : [];
  if (faults.length) t.print(`the pages complained: ${faults.join("; ")}`);
  if (error && page && !page.raw.isClosed()) {
    const name = one.name.replace(/[^\w]+/g, "-").slice(0, 60);
    await page.raw.screenshot({path: path.join(kScreenshots, `failed-${name}.png`), timeout: 5000})
        .catch(() => {});
  }
  for (const undo of t.ends.reverse()) await undo().catch?.(() => {});
}

const start = Date.now();
let count;
try {
  count = await run_all(cases, n_jobs, prepare, finish);
} finally {
  await Promise.all([...browsers.map((one) => one.close()), isolated.stop(), plain.stop()]);
  rmSync(scratch_folder, {recursive: true, force: true});
}
for (const warning of warnings) {
  console.log(`FAILED  ${warning}`);
  count.names.push("no listener is left behind");
  ++count.failed;
}
console.log(`${((Date.now() - start) / 1000).toFixed(0)} s`);
if (count.failed) console.log(`failed: ${count.names.join("; ")}`);
console.log(`${count.passed} passed, ${count.failed} failed, ${count.skipped} skipped`);
process.exit(count.failed ? 1 : 0);
