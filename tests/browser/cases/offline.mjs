// offline.mjs - after a first visit no server is needed; and the site may lie in any folder.
import {cpSync, mkdirSync} from "node:fs";
import path from "node:path";

import {check, equal, until} from "../harness.mjs";
import {serve} from "../server.mjs";

// Opens, waits until the worker has kept everything, stops the server, opens again.
async function visit_and_return(t, folder, isolated, below = "", locale = "en-US") {
  const server = await serve(folder, isolated);
  t.at_end(server.stop);
  const url = server.url + below;
  const page = await t.open(url, {locale});
  const first = await page.settle_at(t.first_model);
  const numbers = await page.patterns();
  page.check_clean(url);
  await page.evaluate(() => navigator.serviceWorker.ready.then(() => true));
  const asked = page.asked.filter((address) => address.startsWith(url));
  let missing = asked;
  await until(
      async () => {
        missing = await page.evaluate(async (addresses) => {
          const kept = await Promise.all(addresses.map((one) => caches.match(one)));
          return addresses.filter((_, i) => !kept[i]);
        }, asked);
        return missing.length === 0;
      },
      "not everything was kept")
      .catch((error) => check(false, `${error.message}: ${missing.join(", ")}`));
  await server.stop();
  check(await fetch(url).then(() => false, () => true), "the server still answers");
  const again = await t.open(url, {}, page.context);
  const second = await again.settle_at(t.first_model);
  equal(
      [second.model, second.tokens], [first.model, first.tokens], "what is shown without a server");
  equal(await again.patterns(), numbers, "patterns without a server");
  await again.screenshot(`lacking-server-${locale}`);
  return again;
}

export const cases = [
  {
    name: "after one visit the page opens without its server, isolated by the server before",
    async run(t) {
      const page = await visit_and_return(t, t.site, true);
      t.print(`build without a server: ${await page.evaluate(() => attnscope.build)}`);
    },
  },
  {
    name:
        "after one visit the page opens without its server, isolated by the service worker before",
    async run(t) {
      const page = await visit_and_return(t, t.site, false, "", "zh-CN");
      t.print(`build without a server: ${await page.evaluate(() => attnscope.build)}`);
    },
  },
  {
    name: "the site works in a folder below, with and without a server",
    async run(t) {
      const below = path.join(t.scratch_folder, "host/a/b");
      mkdirSync(below, {recursive: true});
      cpSync(t.site, below, {recursive: true, preserveTimestamps: true});
      await visit_and_return(t, path.join(t.scratch_folder, "host"), false, "a/b/");
    },
  },
];
