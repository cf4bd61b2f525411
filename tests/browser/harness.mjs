// harness.mjs - what a test may say: check, equal, skip; and how all of them are run and counted.

export class Failure extends Error {}
class Skip extends Error {}

export function check(holds, sentence) {
  if (!holds) throw new Failure(sentence);
}

export function equal(seen, wanted, what) {
  const [a, b] = [JSON.stringify(seen), JSON.stringify(wanted)];
  check(a === b, `${what}: ${shorten(a)} instead of ${shorten(b)}`);
}

export function skip(reason) {
  throw new Skip(reason);
}

const shorten = (text) => (text?.length > 300 ? text.slice(0, 300) + "…" : String(text));

// Polls `probe` until it gives something true, and returns that.
export async function until(probe, sentence, timeout_ms = 10000) {
  const end = Date.now() + timeout_ms;
  let seen;
  do {
    seen = await probe();
    if (seen) return seen;
    await sleep(25);
  } while (Date.now() < end);
  throw new Failure(`${sentence} (waited ${timeout_ms / 1000} s)`);
}

export const sleep = (ms) => new Promise((resolve) => setTimeout(resolve, ms));

// One case: [what to print, "passed", "failed" or "skipped"]. What it prints comes with its result,
// so that cases that run at the same time don't mix.
async function run_one(one, lane, prepare, finish) {
  const start = Date.now(), lines = [];
  const t = await prepare(one, lane);
  t.print = (line) => lines.push(`          ${line}\n`);
  const limit_s = one.limit_s ?? 90;
  let error, timer;
  const limit = new Promise((_, reject) => {
    timer =
        setTimeout(() => reject(new Failure(`not finished after ${limit_s} s`)), 1000 * limit_s);
  });
  try {
    await Promise.race([one.run(t), limit]);
  } catch (e) {
    error = e;
  }
  clearTimeout(timer);
  const skipped = error instanceof Skip;
  await finish(one, t, skipped ? undefined : error);
  const took = `${((Date.now() - start) / 1000).toFixed(1)} s`, printed = lines.join("");
  if (!error) return [`${printed}ok      ${one.name}  ${took}`, "passed"];
  if (skipped) return [`${printed}SKIPPED ${one.name}: ${error.message}`, "skipped"];
  const where = error instanceof Failure ? error.message : error.stack;
  return [`${printed}FAILED  ${one.name}: ${where}  ${took}`, "failed"];
}

// cases: [{name, run(t), limit_s?, lane?}], `n_lanes` of them at a time. Cases with the same `lane`
// (a word) run one after the other, and those of the lane "alone" while no other does. `t` is made
// anew for every case by `prepare(one, lane)` and given back to `finish(one, t, error)`. Prints a
// line a case; returns the counts and the names of those that failed.
export async function run_all(cases, n_lanes, prepare, finish) {
  const count = {passed: 0, failed: 0, skipped: 0, names: []};
  const run = async (one, lane) => {
    const [words, result] = await run_one(one, lane, prepare, finish);
    ++count[result];
    if (result === "failed") count.names.push(one.name);
    console.log(words);
  };
  for (const one of cases.filter(({lane}) => lane === "alone")) await run(one, 0);
  const waiting = cases.filter(({lane}) => lane !== "alone"), taken = new Set();
  const next = () => {
    const at = waiting.findIndex(({lane}) => !taken.has(lane));
    return at < 0 ? undefined : waiting.splice(at, 1)[0];
  };
  const work = async (lane) => {
    for (let one; (one = next());) {
      if (one.lane) taken.add(one.lane);
      await run(one, lane);
      taken.delete(one.lane);
    }
  };
  await Promise.all(Array.from({length: n_lanes}, (_, lane) => work(lane)));
  return count;
}
