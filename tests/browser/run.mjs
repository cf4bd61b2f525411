// run.mjs - every test of the page in a real browser; the last line is "N passed, N failed, N
// skipped".
//
//   node tests/browser/run.mjs [SITE] [--only WORDS]     SITE: build/site
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

const kParts = [
  "first_screen", "numbers",     "typing",        "link",          "map",
  "focus",        "heads",       "tokens",        "long_text",     "pairs",
  "keyboard",     "palette",     "accessibility", "touch",         "learn",
  "broken_files", "model_notes", "pictures",      "listed_models", "sizes",
  "download",     "offline",     "storage",       "network",       "firefox"
];

const arguments_ = process.argv.slice(2);
const only_at = arguments_.indexOf("--only");
const only = only_at >= 0 ? arguments_.splice(only_at, 2)[1].toLowerCase() : "";
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
const browser = await chromium.launch(kChromium);
console.log(`Chromium ${browser.version()}, ${site}`);

// What a test is handed: addresses, open(), and what must be undone after it.
function prepare() {
  const ends = [], pages = [];
  return {
    site,
    scratch_folder,
    first_model,
    browser,
    pages,
    isolated: isolated.url,
    plain: plain.url,
    print: (line) => console.log(`          ${line}`),
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
  count = await run_all(cases, prepare, finish);
} finally {
  await browser.close();
  await Promise.all([isolated.stop(), plain.stop()]);
  rmSync(scratch_folder, {recursive: true, force: true});
}
console.log(`${((Date.now() - start) / 1000).toFixed(0)} s`);
console.log(`${count.passed} passed, ${count.failed} failed, ${count.skipped} skipped`);
process.exit(count.failed ? 1 : 0);
