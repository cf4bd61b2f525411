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

// cases: [{name, run(t), limit_s?}]. `t` is made anew for every case by `prepare` and given back to
// `finish(one, t, error)`. Prints a line a case and the counts.
export async function run_all(cases, prepare, finish) {
  const count = {passed: 0, failed: 0, skipped: 0};
  for (const one of cases) {
    const start = Date.now();
    const t = await prepare(one);
    let error, timer;
    const limit_s = one.limit_s ?? 90;
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
    await finish(one, t, error instanceof Skip ? undefined : error);
    const seconds = ((Date.now() - start) / 1000).toFixed(1);
    if (!error) {
      ++count.passed;
      console.log(`ok      ${one.name}  ${seconds} s`);
    } else if (error instanceof Skip) {
      ++count.skipped;
      console.log(`SKIPPED ${one.name}: ${error.message}`);
    } else {
      ++count.failed;
      const where = error instanceof Failure ? error.message : error.stack;
      console.log(`FAILED  ${one.name}: ${where}`);
    }
  }
  return count;
}
