// first_screen.mjs - the page as it opens: live, clean, in the right build, and still when nothing
// moves.
import {check, equal, sleep, until} from "../harness.mjs";

const kLive_s = 10;  // on two busy cores; the time itself is printed

// Notes when the first picture was complete, in ms since the (last) navigation began.
function note_first_picture() {
  const look = () => {
    try {
      if (attnscope.ask("status").current)
        return requestAnimationFrame((now) => (window.first_picture_ms = now));
    } catch {
    }  // not there yet
    setTimeout(look, 5);
  };
  look();
}

async function check_first_screen(t, url, build, options) {
  const context = await t.context(options);
  await context.addInitScript(note_first_picture);
  const page = await t.open(url, {}, context);
  await until(
      () => page.evaluate(() => window.first_picture_ms), "no first picture", 1000 * kLive_s);
  const ms = await page.evaluate(() => window.first_picture_ms);
  check(ms < 1000 * kLive_s, `the first picture came after ${(ms / 1000).toFixed(1)} s`);
  const model = url.includes("#") ? "scratch" : t.first_model;
  const status = await page.settle_at(model);
  equal(await page.evaluate(() => attnscope.build), build, "attnscope.build");
  equal(status.threads, build === "mt", "status.threads");
  check(status.n_query > 1 && status.n_heads > 1, `nothing is shown: ${JSON.stringify(status)}`);
  equal(status.error ?? "", "", "status.error");
  const {n_colours} = await page.pixels(await page.area("map"));
  check(n_colours > 12, `the map has ${n_colours} colours and looks blank`);
  page.check_clean(url);
  t.print(`first picture in the ${build} build after ${Math.round(ms)} ms; then "${
      status.model}", ${n_colours} colours`);
  return page;
}

export const cases = [
  {
    name: "first screen, isolated: many threads",
    run: (t) => check_first_screen(t, t.isolated, "mt"),
  },
  {
    name: "first screen, isolated, ?build=st: one thread",
    run: (t) => check_first_screen(t, t.isolated + "?build=st", "st"),
  },
  {
    name: "first screen, not isolated and without service worker: one thread",
    run: (t) => check_first_screen(t, t.plain, "st", {serviceWorkers: "block"}),
  },
  {
    name: "first screen, not isolated: the service worker brings threads by one reload",
    run: (t) => check_first_screen(t, t.plain, "mt"),
  },
  {
    name: "the demonstration is on the first screen by link",
    async run(t) {
      const page = await check_first_screen(t, t.isolated + "#model=scratch", "mt");
      const status = await page.status();
      equal(
          status.tokens, ["我", "爱", "学习", "深度", "学习", "EOS"],
          "tokens of the demonstration");
      equal([status.n_layers, status.n_heads], [1, 4], "layers and heads of the demonstration");
    },
  },
  {
    name: "an idle page draws no frames",
    lane: "alone",
    async run(t) {
      const page = await t.open(t.isolated);
      await page.settle_at(t.first_model);
      await sleep(1500);
      const before = await page.evaluate(() => attnscope.frames);
      await sleep(2000);
      const drawn = (await page.evaluate(() => attnscope.frames)) - before;
      equal(drawn, 0, "frames drawn in two idle seconds");
    },
  },
];
