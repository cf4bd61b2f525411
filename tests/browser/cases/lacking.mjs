// lacking.mjs - browsers that lack something: what the page cannot do without is named in a
// sentence in the reader's language, and it opens without the rest.
import {chromium} from "playwright-core";

import {largest_difference} from "../golden.mjs";
import {check, equal, until} from "../harness.mjs";
import {kChromium, open_page} from "../page.mjs";
import {serve} from "../server.mjs";

import {patterns, save, settle, speak_chinese, with_firefox} from "./firefox.mjs";

const kLanguages = ["en-US", "zh-CN"];

// Runs in a page before its scripts, where no setting of the browser does the same: a type v128 is
// no longer valid.
function refuse_simd() {
  const {validate} = WebAssembly;
  WebAssembly.validate = (bytes) => ![...new Uint8Array(bytes)].includes(123) && validate(bytes);
}

// What the browsers are started with, and what the page then says.
const kLacks = [
  {
    what: "WebGL",
    args: ["--disable-3d-apis"],
    preferences: {"webgl.disabled": true},
    lacks: "!document.createElement('canvas').getContext('webgl')",
    says: [
      "attnscope draws with WebGL2, which this browser lacks or has turned off; turn on graphics " +
          "acceleration in its settings, or open the page in a recent Chrome, Edge, Firefox or " +
          "Safari",
      "attnscope 使用 WebGL2 绘图，而此浏览器不支持或已将其关闭；请在浏览器设置中开启图形加速，" +
          "或换用新版 Chrome、Edge、Firefox 或 Safari",
    ],
  },
  {
    what: "SIMD",
    args: ["--js-flags=--no-enable-sse4-1"],
    before: refuse_simd,
    lacks: "!WebAssembly.validate(" +  // a type () -> v128
        "new Uint8Array([0, 97, 115, 109, 1, 0, 0, 0, 1, 5, 1, 96, 0, 1, 123]))",
    says: [
      "attnscope computes with WebAssembly SIMD, which this browser lacks; open the page in a " +
          "recent Chrome, Edge, Firefox or Safari",
      "attnscope 使用 WebAssembly SIMD 计算，而此浏览器不支持；请换用新版 Chrome、Edge、Firefox " +
          "或 Safari",
    ],
  },
  {
    what: "WebAssembly",
    args: ["--js-flags=--jitless"],
    preferences: {"javascript.options.wasm": false},
    lacks: "typeof WebAssembly === 'undefined'",
    says: [
      "attnscope is a WebAssembly program, which this browser does not run; if a lockdown or " +
          "strict security mode is on, make an exception for this page, or open it in another " +
          "browser",
      "attnscope 是 WebAssembly 程序，而此浏览器无法运行；如已开启锁定模式或严格的安全模式，" +
          "请将此页面设为例外，或换用其他浏览器",
    ],
  },
];

// What of the page is seen, without its program. Runs in the page.
function seen() {
  const words = document.querySelector("#words"), box = words.getBoundingClientRect();
  return {
    words: words.textContent,
    failed: document.querySelector("#loading").className,
    // Nothing lies over the sentence, as a black canvas would.
    on_top: document.elementFromPoint(box.x + box.width / 2, box.y + box.height / 2) === words,
    fits: box.left >= 0 && box.right <= innerWidth && box.bottom <= innerHeight,
    bar: getComputedStyle(document.querySelector("#bar")).display,
    late: getComputedStyle(document.querySelector(".late")).display,
  };
}

const wanted = (sentence) =>
    ({words: sentence, failed: "failed", on_top: true, fits: true, bar: "none", late: "none"});

const in_chromium = kLacks.map(
    ({what, args, lacks, says}) => ({
      name: `without ${what} a sentence says what to do`,
      async run(t) {
        const browser = await chromium.launch({...kChromium, args: [...kChromium.args, ...args]});
        t.at_end(() => browser.close());
        for (const [i, locale] of kLanguages.entries()) {
          for (const width of [1280, 360]) {
            const context = await browser.newContext({locale, viewport: {width, height: 640}});
            const page = await context.newPage();
            await page.goto(t.isolated);
            check(await page.evaluate(lacks), `this Chromium has ${what}`);
            await until(
                () => page.evaluate("document.querySelector('#loading').className"), "no sentence");
            equal(await page.evaluate(seen), wanted(says[i]), `${locale}, ${width} wide`);
            save(`lacking-${what}-${locale}-${width}`, await page.screenshot());
            await context.close();
          }
        }
      },
    }));

// What the page has fetched and its worker has not kept. Runs in the page.
async function not_kept() {
  await navigator.serviceWorker.ready;
  const all = performance.getEntriesByType("resource").map(({name}) => name.split("#")[0]);
  const urls = [...new Set([new URL("./", location).href, ...all])];
  const kept = await Promise.all(urls.map((url) => caches.match(url)));
  return urls.filter((_, i) => !kept[i]);
}

// Threads come with relaxed SIMD, which rounds differently.
function check_weights(seen_weights, usual) {
  const apart = largest_difference(seen_weights, usual);
  check(apart <= 1e-6, `weights differ by ${apart} from those with SharedArrayBuffer`);
}

const in_firefox =
    kLacks.map(({what, preferences, before, lacks, says}) => ({
                 name: `Firefox without ${what}: a sentence says what to do`,
                 lane: "firefox",
                 run: (t) => with_firefox(
                     t,
                     async (tab) => {
                       if (before) await tab.run_before(before);
                       for (const [i, locale] of kLanguages.entries()) {
                         if (locale === "zh-CN") await tab.run_before(speak_chinese);
                         await tab.goto(t.isolated);
                         check(await tab.evaluate(lacks), `this Firefox has ${what}`);
                         await until(
                             () => tab.evaluate("document.querySelector('#loading').className"),
                             "no sentence");
                         equal(await tab.evaluate(`(${seen})()`), wanted(says[i]), locale);
                         save(`lacking-${what}-firefox-${locale}`, await tab.screenshot());
                       }
                     },
                     preferences),
               }));

export const cases = [
  ...in_chromium,
  ...in_firefox,
  {
    name: "without SharedArrayBuffer one thread computes the same, though the page is isolated",
    async run(t) {
      const address = t.isolated + "#model=scratch";
      const usual = await t.open(address);
      equal((await usual.settle()).threads, true, "threads with SharedArrayBuffer");
      const numbers = await usual.patterns();
      for (const locale of kLanguages) {
        const context = await t.context({locale});
        await context.addInitScript(() => delete globalThis.SharedArrayBuffer);
        const page = await open_page(t.browser, address, {}, context);
        const status = await page.settle();
        equal(
            [
              await page.evaluate("[crossOriginIsolated, typeof SharedArrayBuffer]"), status.threads
            ],
            [[true, "undefined"], false], "isolation, SharedArrayBuffer and threads");
        check_weights(await page.patterns(), numbers);
        page.check_clean(address);
        await page.screenshot(`lacking-SharedArrayBuffer-${locale}`);
      }
    },
  },
  {
    name: "Firefox without SharedArrayBuffer: one thread computes the same",
    lane: "firefox",
    run: (t) => with_firefox(
        t,
        async (tab) => {
          const usual = await t.open(t.isolated + "#model=scratch");
          await usual.settle();
          const numbers = await usual.patterns();
          for (const locale of kLanguages) {
            if (locale === "zh-CN") await tab.run_before(speak_chinese);
            await tab.goto(t.isolated + "?" + locale + "#model=scratch");
            const status = await settle(tab);
            equal(
                [
                  await tab.evaluate("[crossOriginIsolated, typeof SharedArrayBuffer]"),
                  status.threads
                ],
                [[true, "undefined"], false], "isolation, SharedArrayBuffer and threads");
            check_weights(await patterns(tab), numbers);
            save(`lacking-SharedArrayBuffer-firefox-${locale}`, await tab.screenshot());
          }
        },
        {"javascript.options.shared_memory": false}),
  },
  {
    name: "Firefox: after one visit the page opens without its server",
    lane: "firefox",
    limit_s: 120,
    run: (t) => with_firefox(
        t,
        async (tab) => {
          const server = await serve(t.site, false);
          t.at_end(server.stop);
          const address = server.url + "?build=st";
          await tab.goto(address);
          const first = await settle(tab, t.first_model), numbers = await patterns(tab);
          let missing = [];
          await until(
              async () => {
                missing = await tab.evaluate(`(${not_kept})()`);
                return missing.length === 0;
              },
              "not everything was kept")
              .catch((error) => check(false, `${error.message}: ${missing.join(", ")}`));
          await server.stop();
          check(await fetch(server.url).then(() => false, () => true), "the server still answers");
          for (const locale of kLanguages) {
            if (locale === "zh-CN") await tab.run_before(speak_chinese);
            await tab.goto("about:blank");
            await tab.goto(address);
            const again = await settle(tab, t.first_model);
            equal(
                [again.model, again.tokens, again.error ?? ""], [first.model, first.tokens, ""],
                "what is shown without a server");
            equal(await patterns(tab), numbers, "patterns without a server");
            save(`lacking-server-firefox-${locale}`, await tab.screenshot());
          }
        }),
  },
];
