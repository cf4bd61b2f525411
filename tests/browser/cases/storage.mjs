// storage.mjs - the page opens and computes whatever the browser's storage does.
import {mkdirSync, mkdtempSync, rmSync, writeFileSync} from "node:fs";
import path from "node:path";
import {chromium} from "playwright-core";

import {failing, faulty, kBlank, kWays} from "../faults.mjs";
import {check, equal, until} from "../harness.mjs";
import {kChromium} from "../page.mjs";

const kScratch = "?build=st#model=scratch";
const kFirst = "?build=st";  // with the page's first model, whose files are fetched
const kNotKept = /Not kept, because .* full or blocked/;
const kNotKeptChinese = /存储空间已满或被禁用/;

async function start(t) {
  const server = await faulty(t.isolated);
  t.at_end(server.stop);
  return server;
}

export async function numbers(page) {
  const status = await page.settle();
  return {model: status.model, error: status.error ?? "", patterns: await page.patterns()};
}

export async function expected(t, address) {
  const page = await t.open(t.isolated + address);
  const wanted = await numbers(page);
  check(wanted.patterns.length > 0 && !wanted.error, "the page computes nothing");
  await page.close();
  return wanted;
}

// Opens the page and checks what it computes.
export async function visit(t, url, context, wanted) {
  const page = await t.open(url, {}, context);
  equal(await numbers(page), wanted, "what is computed");
  return page;
}

// Until the page is told what its worker has kept: true, or false where the storage fails.
export const kept = (page) => page.evaluate(
    () => new Promise((resolve) => {
      navigator.serviceWorker.addEventListener("message", ({data}) => resolve(data.kept));
      navigator.serviceWorker.ready.then(({active}) => active.postMessage({keep: []}));
    }));

// Addresses that the caches hold with other bytes than version.json lists. Runs in a page.
async function find_damaged() {
  const {files} = await (await fetch("version.json")).json();
  const listed = new Map(files.map((file) => [new URL(file.path, location).href, file]));
  listed.set(new URL("./", location).href, listed.get(new URL("index.html", location).href));
  const wrong = [];
  for (const name of await caches.keys()) {
    const cache = await caches.open(name);
    for (const {url} of await cache.keys()) {
      if (url.endsWith("/version.json")) continue;
      const bytes = await (await cache.match(url)).arrayBuffer();
      const hash = new Uint8Array(await crypto.subtle.digest("SHA-256", bytes));
      if (btoa(String.fromCharCode(...hash)) !== listed.get(url)?.hash) wrong.push(url);
    }
  }
  return wrong;
}
export const damaged = (page) => page.evaluate(find_damaged);

// Names of the storages that can be used. Runs in a page.
export async function find_open() {
  const uses = {
    localStorage: () => localStorage.setItem("attnscope-test", "1"),
    indexedDB: () => new Promise((resolve, reject) => {
      const request = indexedDB.open("attnscope-test");
      request.onsuccess = resolve;
      request.onerror = () => reject(request.error);
    }),
    caches: () => caches.open("attnscope-test"),
  };
  const all = await Promise.all(Object.entries(uses).map(async ([name, use]) => {
    try {
      await use();
      return name;
    } catch {
      return "";
    }
  }));
  return all.filter(Boolean);
}

const note = (page) =>
    page.evaluate(() => document.querySelector("#note:not([hidden]) span")?.textContent ?? "");

async function says(page, sentence) {
  await until(async () => sentence.test(await note(page)), `it does not say ${sentence}`);
  equal(
      await page.evaluate(() => document.querySelector("#note").role), "status",
      "role of the sentence");
}

// ---- Without the program, which makes a visit short: what its worker answers and keeps.

// Runs in a page: fetches the site's files as the program does, twice where they arrive damaged.
// Returns the paths of those that did not arrive, and whether they are kept.
async function fetch_all() {
  await navigator.serviceWorker.register("sw.js");
  const {active} = await navigator.serviceWorker.ready;
  const {files} = await (await fetch("version.json")).json();
  const hash_of = async (path, cache) => {
    const bytes = await (await fetch(path, {cache})).arrayBuffer();
    const hash = await crypto.subtle.digest("SHA-256", bytes);
    return btoa(String.fromCharCode(...new Uint8Array(hash)));
  };
  const some = files.filter(({path}) => /^(st.app.js|loader.js|models.index.json)$/.test(path));
  const right = await Promise.all(some.map(
      async ({path, hash}) => await hash_of(path, "default").catch(() => "") === hash ||
          await hash_of(path, "reload").catch(() => "") === hash));
  const kept = await new Promise((resolve) => {
    navigator.serviceWorker.onmessage = ({data}) => resolve(data.kept);
    active.postMessage({keep: some.map(({path}) => new URL(path, location).href)});
  });
  return {n: some.length, wrong: some.filter((_, i) => !right[i]).map(({path}) => path), kept};
}

// Two visits; [whether all was kept by each, uses of the storage].
async function short_visits(t, server) {
  const context = await t.browser.newContext();
  try {
    const all = [];
    for (const visit of [1, 2]) {
      const page = await context.newPage();
      await page.goto(server.url.slice(0, -1) + kBlank);
      const {n, wrong, kept: took} = await page.evaluate(fetch_all);
      check(n === 3 && !wrong.length, `visit ${visit}: ${wrong.join(", ")} did not arrive`);
      all.push(took);
      await page.close();
    }
    return [all, await context.serviceWorkers()[0].evaluate(() => self.uses)];
  } finally {
    await context.close();
  }
}

// The first and the last use of each method, of these uses.
function one_of_each(uses) {
  const count = new Map();
  for (const name of uses) count.set(name, (count.get(name) ?? 0) + 1);
  return [...count].flatMap(
      ([name, n]) => [...new Set([0, n - 1])].map((k) => `name === "${name}" && k === ${k}`));
}

const once_each = ["reject", "lose", "evict"].map(
    (how) => ({
      name: `every use of Cache Storage fails once, without the program (${how})`,
      limit_s: 300,
      async run(t) {
        const server = await start(t);
        server.worker = failing(how, "false");
        const [, uses] = await short_visits(t, server);
        check(uses.length > 20, `only ${uses.length} uses of the storage`);
        const places = t.all ? uses.map((_, i) => `n === ${i}`) : one_of_each(uses);
        check(t.all || places.length > 6, `only ${places.join("; ")}`);
        let not_kept = 0;
        for (let i = 0; i < places.length; ++i) {
          server.worker = failing(how, places[i]);
          const [all, seen] = await short_visits(t, server).catch((error) => {
            throw new Error(`use ${places[i]}: ${error.message}`);
          });
          not_kept += all.includes(false);
          if (t.all)  // a use that failed may be repeated
            for (let n = places.length; n < seen.length; ++n) places.push(`n === ${n}`);
        }
        // A use that fails without a word, or is repeated, is no reason for a sentence.
        if (how === "reject") check(not_kept > 0, "the page is never told");
        t.print(
            `${places.length} of ${uses.length} uses${
                t.all ? "" :
                        ", the first and the last of each method"}; told that something is not ` +
            `kept: ${not_kept} times`);
      },
    }));

// ---- The program

async function two_visits(t, server, wanted) {
  const context = await t.context();
  const first = await visit(t, server.url + kScratch, context, wanted);
  await kept(first);
  await first.raw.close();
  const second = await visit(t, server.url + kScratch, context, wanted);
  if (await kept(second) === false) await says(second, kNotKept);
  await context.close();
}

const kSome = {
  "all": "true",
  "all but the first ten": "n >= 10",
  "every third": "n % 3 === 0",
  "every third, from the second": "n % 3 === 1",
  "every third, from the third": "n % 3 === 2",
};

const program =
    kWays.map((how, i) => ({
                name: `the page opens and computes while uses of Cache Storage fail (${how})`,
                limit_s: 300,
                async run(t) {
                  const wanted = await expected(t, kScratch);
                  const server = await start(t);
                  // All, and one of the others: every one of them in one of the ways.
                  const [first, ...others] = Object.entries(kSome);
                  const tried = t.all ? [first, ...others] : [first, others[i % others.length]];
                  for (const [which, fails] of tried) {
                    server.worker = failing(how, fails);
                    await two_visits(t, server, wanted).catch((error) => {
                      throw new Error(`${which} uses fail: ${error.message}`);
                    });
                  }
                  t.print(`uses that fail: ${tried.map(([which]) => which).join("; ")}`);
                },
              }));

// Chromium whose preferences are these.
async function with_preferences(t, preferences, locale) {
  const folder = mkdtempSync(path.join(t.scratch_folder, "profile-"));
  mkdirSync(path.join(folder, "Default"));
  writeFileSync(path.join(folder, "Default/Preferences"), JSON.stringify(preferences));
  const context = await chromium.launchPersistentContext(
      folder, {...kChromium, viewport: {width: 1280, height: 800}, locale, colorScheme: "dark"});
  t.at_end(async () => {
    await context.close();
    rmSync(folder, {recursive: true, force: true});
  });
  return context;
}

export const cases = [
  ...once_each,
  ...program,
  {
    name: "with a full storage the page opens, and says what is not kept",
    async run(t) {
      for (const [locale, sentence] of [["en-US", kNotKept], ["zh-CN", kNotKeptChinese]]) {
        const wanted = await expected(t, kFirst);
        const context = await t.context({locale});
        const first = await visit(t, t.isolated + kFirst, context, wanted);
        equal(await kept(first), true, "what is kept by the first visit");
        const {origin} = new URL(t.isolated);
        const cdp = await context.newCDPSession(first.raw);
        await cdp.send("Storage.overrideQuotaForOrigin", {origin, quotaSize: 1});
        await first.evaluate(async () => {  // as if the browser had made room
          for (const name of await caches.keys()) await caches.delete(name);
        });
        for (const _ of [1, 2]) {
          await first.raw.reload();
          await first.wait_ready();
          equal(await numbers(first), wanted, "what is computed");
          await says(first, sentence);
        }
        equal(await kept(first), false, "what is kept");
        await cdp.send("Storage.overrideQuotaForOrigin", {origin});
        await first.raw.reload();
        await first.wait_ready();
        equal(await kept(first), true, "what is kept once there is room");
        equal(await note(first), "", "the sentence once there is room");
      }
    },
  },
  {
    name: "a storage that is full before the first visit",
    async run(t) {
      const wanted = await expected(t, kFirst);
      const context = await t.context();
      const raw = await context.newPage();
      const cdp = await context.newCDPSession(raw);
      await cdp.send(
          "Storage.overrideQuotaForOrigin", {origin: new URL(t.isolated).origin, quotaSize: 1});
      for (const _ of [1, 2])
        await says(await visit(t, t.isolated + kFirst, context, wanted), kNotKept);
    },
  },
  {
    name: "the page opens where the browser forbids all storage",
    async run(t) {
      const wanted = await expected(t, kFirst);
      for (const [address, locale, sentence] of [
               [t.isolated + kFirst, "en-US", kNotKept],
               [t.plain + kFirst, "zh-CN", kNotKeptChinese]]) {
        const context = await with_preferences(
            t, {profile: {default_content_setting_values: {cookies: 2}}}, locale);
        const page = await visit(t, address, context, wanted);
        equal(await page.evaluate(find_open), [], "storage that can be used");
        await says(page, sentence);
        page.check_clean(address);
        await page.screenshot(`lacking-storage-${locale}`);
      }
    },
  },
  {
    name: "the page opens where any access to storage throws",
    async run(t) {
      const wanted = await expected(t, kFirst);
      const context = await t.context();
      await context.addInitScript(() => {
        for (const name of ["localStorage", "sessionStorage", "indexedDB", "caches"]) {
          Object.defineProperty(window, name, {
            get() {
              throw new DOMException("denied", "SecurityError");
            },
          });
        }
        ServiceWorkerContainer.prototype.register = () =>
            Promise.reject(new DOMException("denied", "SecurityError"));
      });
      for (const address of [t.isolated + kFirst, t.plain + kFirst]) {
        await says(await visit(t, address, context, wanted), kNotKept);
      }
    },
  },
  {
    name: "a damaged copy of any file is replaced",
    limit_s: 200,
    async run(t) {
      const wanted = await expected(t, kFirst);
      const context = await t.context();
      const page = await visit(t, t.isolated + kFirst, context, wanted);
      equal(await kept(page), true, "what is kept");
      const urls = await page.evaluate(async () => {
        const [name] = await caches.keys();
        return (await (await caches.open(name)).keys()).map(({url}) => url);
      });
      const program = urls.filter((url) => /\.(js|wasm|json|safetensors)$/.test(url));
      check(program.length > 8, `only ${program.join(", ")} are kept`);
      for (const [i, url] of program.entries()) {
        for (const damage of t.all ? ["half", "changed"] : [["half", "changed"][i % 2]]) {
          await page.evaluate(async ([at, how]) => {
            const cache = await caches.open((await caches.keys())[0]);
            const old = await cache.match(at);
            let bytes = new Uint8Array(await old.arrayBuffer());
            if (how === "half")
              bytes = bytes.slice(0, bytes.length / 2);
            else
              bytes.fill(1, bytes.length / 2);
            await cache.put(at, new Response(bytes, {headers: old.headers}));
          }, [url, damage]);
          try {
            await page.raw.reload();
            await page.wait_ready();
            equal(await numbers(page), wanted, "what is computed");
            equal(await kept(page), true, "what is kept");
            equal(await damaged(page), [], "what is still damaged");
          } catch (error) {
            throw new Error(`${url} (${damage}): ${error.message}`);
          }
        }
      }
      t.print(`${program.length} files, ${
          t.all ? "each damaged in both ways" :
                  "damaged in turn " +
                  "in the one or the other way"}`);
    },
  },
];
