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
  const n = server.asked.length;
  await first.raw.close();
  server.fault = () => undefined;
  const second = await visit(t, server.url + kFirst, context, wanted);
  equal(await kept(second), true, "what is kept");
  equal(await damaged(second), [], "damaged files that are kept");
  await context.close();
  return {opened, n};
}

async function all_answers(t, kind_of) {
  const wanted = await expected(t, kFirst);
  const server = await faulty(t.isolated);
  t.at_end(server.stop);
  const {n} = await visit_with(t, server, wanted, () => undefined);
  check(n > 10, `only ${n} answers`);
  let opened = 0;
  for (let i = 0; i < n; ++i) {
    const kind = kind_of(i);
    const fault = (_, at) => (at === i ? kind : undefined);
    const seen = await visit_with(t, server, wanted, fault).catch((error) => {
      throw new Error(`answer ${i}, ${kind}: ${error.message}`);
    });
    opened += seen.opened;
  }
  t.print(`of ${n} first visits with an answer at fault, ${opened} opened at once`);
}

// A third of the answers each. The browser can't tell that they are short or changed.
const kLost = ["cut", "dropped", "error"];
const kDamaged = ["short", "corrupt", "login"];

export const cases = [
  {
    name: "the page opens after a visit in which any one answer was lost",
    limit_s: 400,
    run: (t) => all_answers(t, (i) => kLost[i % kLost.length]),
  },
  {
    name: "the page opens after a visit in which any one answer was damaged",
    limit_s: 400,
    run: (t) => all_answers(t, (i) => kDamaged[i % kDamaged.length]),
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
