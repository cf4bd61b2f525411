// network.mjs - answers that are late, cut short or damaged: what opens is right, the next visit
// opens, and nothing damaged is kept.
import {faulty} from "../faults.mjs";
import {check, equal, until} from "../harness.mjs";
import {Page} from "../page.mjs";

import {damaged, expected, kept, numbers, visit} from "./storage.mjs";

const kFirst = "?build=st";

// A first visit, in which an answer is at fault, then one without faults. Returns whether the first
// opened.
async function visit_with(t, server, wanted, fault) {
  const context = await t.context();
  server.asked.length = 0;
  server.fault = fault;
  const first = new Page(await context.newPage(), context);
  await first.raw.goto(server.url + kFirst, {waitUntil: "commit"}).catch(() => {});
  const opened = await first.wait_ready(6000).catch(() => false);
  if (opened) {
    const seen = await until(async () => {
      const status = await first.status();
      return (status.error || (status.current && !status.busy)) && numbers(first);
    }, "neither current nor an error");
    // Without the list of models, the demonstration is shown.
    if (!seen.error && seen.model === wanted.model) {
      equal(seen, wanted, "what the first visit computes");
    }
  }
  const asked = [...server.asked];
  await first.raw.close();
  server.fault = () => undefined;
  const second = await visit(t, server.url + kFirst, context, wanted);
  equal(await kept(second), true, "what is kept");
  equal(await damaged(second), [], "damaged files that are kept");
  await context.close();
  return {opened, asked};
}

// The first answer of each kind of file. The page asks for no font: the program carries it.
const kKinds = {
  "the page": (path) => path.startsWith("/?"),
  "the loader": (path) => path === "/loader.js",
  "a module": (path) => path === "/page.js",
  "the style": (path) => path === "/style.css",
  "the program's script": (path) => path === "/st/app.js",
  "the program": (path) => path === "/st/app.wasm",
  "version.json": (path) => path === "/version.json",
  "the list of models": (path) => path === "/models/index.json",
  "a model's config": (path) => path.endsWith("/config.json"),
  "a model's tokenizer": (path) => path.endsWith("/tokenizer.json"),
  "a model's weights": (path) => path.endsWith(".safetensors"),
  "the worker": (path) => path === "/sw.js",
};

// [{what, is(path, n)}]: the answers to try, of those that a visit without faults asked for.
function places(t, server, asked) {
  if (t.all) return asked.map((path, i) => ({what: `answer ${i}, ${path}`, is: (_, n) => n === i}));
  return Object.entries(kKinds).map(([what, is]) => {
    check(asked.some(is), `no visit asks for ${what}, only for ${asked.join(" ")}`);
    return {what, is: (path, n) => is(path) && !server.asked.slice(0, n).some(is)};
  });
}

async function all_answers(t, faults) {
  const wanted = await expected(t, kFirst);
  const server = await faulty(t.isolated);
  t.at_end(server.stop);
  const {asked} = await visit_with(t, server, wanted, () => undefined);
  check(asked.length > 10, `only ${asked.length} answers`);
  const tried = [];
  let opened = 0;
  for (const [i, {what, is}] of places(t, server, asked).entries()) {
    const fault = faults[i % faults.length];
    let hits = 0;
    const seen = await visit_with(t, server, wanted, (path, n) => {
                   if (!is(path, n)) return undefined;
                   ++hits;
                   return fault;
                 }).catch((error) => {
      throw new Error(`${what}, ${fault}: ${error.message}`);
    });
    check(t.all || hits === 1, `${what} was asked for ${hits} times`);
    opened += seen.opened;
    tried.push(`${what} (${fault})`);
  }
  t.print(
      t.all ? `all ${tried.length} answers` : `of ${asked.length} answers: ${tried.join(", ")}`);
  t.print(`${opened} of ${tried.length} first visits with an answer at fault opened at once`);
}

// In turn. The browser can't tell that they are short or changed.
const kLost = ["cut", "dropped", "error"];
const kDamaged = ["short", "corrupt", "login"];

export const cases = [
  {
    name: "the page opens after a visit in which any one answer was lost",
    limit_s: 400,
    run: (t) => all_answers(t, kLost),
  },
  {
    name: "the page opens after a visit in which any one answer was damaged",
    limit_s: 400,
    run: (t) => all_answers(t, kDamaged),
  },
  {
    name: "the page opens if every answer is late",
    async run(t) {
      const wanted = await expected(t, kFirst);
      const server = await faulty(t.isolated);
      t.at_end(server.stop);
      server.fault = () => "delayed";
      for (const _ of [1, 2])
        await (await visit(t, server.url + kFirst, undefined, wanted)).close();
    },
  },
];
