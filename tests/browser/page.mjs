// page.mjs - one open page of attnscope: what it says of itself, and hands for its controls.
import {mkdirSync} from "node:fs";
import {readFile} from "node:fs/promises";
import path from "node:path";

import {check, Failure, sleep, until} from "./harness.mjs";
import {kRoot} from "./server.mjs";

export const kScreenshots = path.join(kRoot, "build/screenshots");
export const kChromium = {
  executablePath: process.env.ATTNSCOPE_CHROMIUM ?? "/usr/bin/chromium",
  args: [
    "--no-sandbox",
    "--disable-gpu",
    "--disable-quic",
    "--no-first-run",
    "--disable-background-networking",
    "--disable-component-update",
    "--disable-sync",
  ],
};

// Opens `url` in a fresh context of its own (nothing stored, no service worker). `options` are
// Playwright's for a context; `in_context` reuses one.
export async function open_page(browser, url, options = {}, in_context) {
  const defaults = {viewport: {width: 1280, height: 800}, locale: "en-US", colorScheme: "dark"};
  const context = in_context ?? (await browser.newContext({...defaults, ...options}));
  const page = new Page(await context.newPage(), context);
  page.opened_at = Date.now();
  try {
    await page.raw.goto(url, {waitUntil: "commit"});
    await page.wait_ready();
  } catch (error) {
    throw new Failure(`${url} did not open: ${error.message.split("\n")[0]} ${
        page.faults.join("; ")}; ${await page.why_not_open()}`);
  }
  return page;
}

export class Page {
  faults = [];          // console errors and uncaught exceptions, as they came
  asked = [];           // addresses of all requests
  waiting = new Set();  // addresses of those without an answer

  constructor(raw, context) {
    this.raw = raw;
    this.context = context;
    raw.on("console", (message) => {
      if (message.type() === "error")
        this.faults.push(`console: ${message.text()} (${message.location().url})`);
    });
    raw.on("pageerror", (error) => this.faults.push(`uncaught: ${error.message}`));
    raw.on("request", (request) => {
      this.asked.push(request.url());
      this.waiting.add(request.url());
    });
    for (const end of ["requestfinished", "requestfailed"])
      raw.on(end, (request) => this.waiting.delete(request.url()));
  }

  // How far the page came, for the sentence of a test that fails.
  async why_not_open() {
    const find = () => ({
      readyState: document.readyState,
      loader: typeof globalThis.attnscope,
      visible: document.visibilityState,
      words: document.querySelector("#words")?.textContent ?? "",
      frames: globalThis.attnscope?.frames ?? 0,
    });
    const late = sleep(2000).then(() => "the page does not answer");
    const seen = await Promise.race([this.raw.evaluate(find), late]).catch((e) => e.message);
    return `${JSON.stringify(seen)}, without an answer: ${[...this.waiting].join(" ") || "none"}`;
  }

  wait_ready(timeout_ms = 20000) {
    // Survives the one reload by which a service worker brings isolation.
    return until(
        () => this.raw
                  .evaluate(() => globalThis.attnscope && Promise.race([
                    attnscope.ready.then(() => true),
                    new Promise((resolve) => setTimeout(() => resolve(false), 50)),
                  ]))
                  .catch((error) => {
                    if (/context|navigat/i.test(error.message)) return false;
                    throw error;
                  }),
        "attnscope.ready did not become true", timeout_ms);
  }

  evaluate(...args) {
    return this.raw.evaluate(...args);
  }

  async ask(what) {
    const answer = await this.raw.evaluate((w) => attnscope.ask(w), what);
    check(
        answer && typeof answer === "object",
        `ask("${what}") gave ${JSON.stringify(answer)} and no object`);
    return answer;
  }

  status() {
    return this.ask("status");
  }

  // Until everything on screen is what the state asks for. What was just done needs a frame to be
  // seen.
  async settle(timeout_ms = 15000) {
    await this.frames(3);
    let status;
    await until(async () => {
      status = await this.status();
      return status.current && !status.busy;
    }, "the page did not become current", timeout_ms).catch((error) => {
      throw new Failure(
          `${error.message}; status ${JSON.stringify({...status, tokens: undefined})}`);
    });
    await this.frames(2);
    return this.status();
  }

  // Lets the browser paint n times, whether the program draws or not.
  frames(n) {
    return this.raw.evaluate(
        (count) => new Promise((resolve) => {
          const step = () => (count-- > 0 ? requestAnimationFrame(step) : resolve());
          step();
        }),
        n);
  }

  // Follows a link's hash without loading the page anew, as when the address is edited by hand.
  async follow(query) {
    await this.raw.evaluate((q) => {
      location.hash = q;
    }, query);
    await this.settle();
  }

  hash() {
    return this.raw.evaluate(() => location.hash.slice(1));
  }

  async query() {
    return new URLSearchParams(await this.hash());
  }

  // The state as a link, without waiting for the address bar.
  async query_now() {
    return new URLSearchParams((await this.status()).state);
  }

  // As settle(), when this model is the one on screen.
  async settle_at(model, timeout_ms = 20000) {
    await until(
        async () => (await this.status()).model === model, `${model} did not come to the screen`,
        timeout_ms);
    return this.settle();
  }

  // As settle(), or until the page says why the state cannot be followed.
  async settle_or_error(timeout_ms = 10000) {
    await this.frames(3);
    await until(async () => {
      const s = await this.status();
      return s.error || s.link_error || (s.current && !s.busy);
    }, "the page became neither current nor said why not", timeout_ms);
    await this.frames(3);
  }

  // {name: {x, y, width, height, …}} of everything that can be clicked, in CSS pixels.
  async layout() {
    const areas = await this.ask("layout");
    for (const a of Object.values(areas))
      Object.assign(
          a, {x: a.min[0], y: a.min[1], width: a.max[0] - a.min[0], height: a.max[1] - a.min[1]});
    return areas;
  }

  async area(name) {
    const areas = await this.layout();
    check(areas[name], `the layout has no "${name}"; it has ${Object.keys(areas).join(", ")}`);
    return areas[name];
  }

  // The point at these parts (0..1) of a named area.
  async point(name, at = [0.5, 0.5]) {
    const a = await this.area(name);
    return [a.x + at[0] * a.width, a.y + at[1] * a.height];
  }

  async move(name, at) {
    const [x, y] = await this.point(name, at);
    await this.raw.mouse.move(x, y);
    await this.frames(3);
  }

  // ImGui sees a click only if button down and up fall into different frames.
  async click(name, at) {
    await this.move(name, at);
    await this.press_here();
  }

  async press_here() {
    await this.raw.mouse.down();
    await this.frames(2);
    await this.raw.mouse.up();
    await this.frames(3);
  }

  async double_click(name, at) {
    await this.move(name, at);
    await this.raw.mouse.dblclick(...(await this.point(name, at)));
    await this.frames(6);
  }

  async press(keys) {
    await this.raw.keyboard.press(keys, {delay: 50});
    await this.frames(3);
  }

  textarea() {
    return this.raw.locator("textarea").first();
  }

  // The whole text of the prompt box, by keyboard.
  async type_text(text) {
    await this.raw.evaluate(() => document.querySelector("textarea").focus());
    await this.raw.keyboard.press("Control+a");
    if (text)
      await this.raw.keyboard.insertText(text);
    else
      await this.raw.keyboard.press("Delete");
  }

  // Drops files onto the middle of the page. files: [{name, path} or {name, bytes or text}].
  async drop(files) {
    const carried = await Promise.all(files.map(
        async ({name, path: file, bytes, text}) => ({
          name,
          base64:
              (file ? await readFile(file) : Buffer.from(bytes ?? text ?? "")).toString("base64"),
        })));
    await this.raw.evaluate((list) => {
      const data = new DataTransfer();
      for (const {name, base64} of list)
        data.items.add(new File([Uint8Array.from(atob(base64), (c) => c.charCodeAt(0))], name));
      const [x, y] = [innerWidth / 2, innerHeight / 2];
      const target = document.elementFromPoint(x, y) ?? document.body;
      for (const type of ["dragenter", "dragover", "drop"])
        target.dispatchEvent(new DragEvent(type, {
          dataTransfer: data,
          bubbles: true,
          cancelable: true,
          composed: true,
          clientX: x,
          clientY: y
        }));
    }, carried);
  }

  // Drops real paths, folders among them, as the system's file manager would.
  async drop_paths(paths) {
    const cdp = await this.context.newCDPSession(this.raw);
    const {width, height} = this.raw.viewportSize();
    const data = {items: [], files: paths, dragOperationsMask: 1};
    for (const type of ["dragEnter", "dragOver", "drop"])
      await cdp.send("Input.dispatchDragEvent", {type, x: width / 2, y: height / 2, data});
    await cdp.detach();
  }

  // Until the dropped files have become the model, or an error. A model without text may wait for
  // one.
  async opened(before) {
    await until(async () => {
      const s = await this.status();
      return s.file_error || (s.model !== before && !s.busy && (s.current || s.error));
    }, "the dropped files became neither a model nor an error");
    await this.frames(3);
    return this.status();
  }

  // [layer][head] -> values, of the sample, in one journey.
  async patterns(sample = 0, part = 0) {
    const {n_layers, n_heads} = await this.status();
    return this.raw.evaluate(([s, layers, heads, p]) => {
      const all = [];
      for (let l = 0; l < layers; ++l)
        for (let h = 0; h < heads; ++h)
          all.push(...attnscope.ask(`pattern ${s} ${l} ${h} ${p}`).values);
      return all;
    }, [sample, n_layers, n_heads, part]);
  }

  // What a screen reader would hear last.
  readout() {
    return this.raw.evaluate(
        () => [...document.querySelectorAll("[aria-live], [role=alert]:not([hidden])")]
                  .map((node) => node.textContent.trim())
                  .filter(Boolean)
                  .join(" "));
  }

  async screenshot(name) {
    mkdirSync(kScreenshots, {recursive: true});
    const file = path.join(kScreenshots, `${name}.png`);
    await this.raw.screenshot({path: file});
    return file;
  }

  // {n_colours, mean: [r, g, b], light} of a rectangle of the picture.
  async pixels(area) {
    const clip = {
      x: Math.round(area.x),
      y: Math.round(area.y),
      width: Math.round(area.width),
      height: Math.round(area.height)
    };
    const png = (await this.raw.screenshot({clip})).toString("base64");
    return this.raw.evaluate(pixel_statistics, png);
  }

  // No console errors, no exceptions, and nothing asked of anybody but the server.
  check_clean(url) {
    check(this.faults.length === 0, `the page complained: ${this.faults.join("; ")}`);
    const origin = new URL(url ?? this.raw.url()).origin;
    const foreign =
        this.asked.filter((a) => /^(https?|wss?):/.test(a) && new URL(a).origin !== origin);
    check(foreign.length === 0, `the page asked other servers: ${foreign.join(", ")}`);
  }

  close() {
    return this.context.close();
  }
}

// Runs in a page, which has the decoder. `area`: a part of the picture, in CSS pixels.
export async function pixel_statistics(base64, area) {
  const bytes = Uint8Array.from(atob(base64), (c) => c.charCodeAt(0));
  const image = await createImageBitmap(new Blob([bytes], {type: "image/png"}));
  const c = new OffscreenCanvas(image.width, image.height).getContext("2d");
  c.drawImage(image, 0, 0);
  const {x, y, width, height} = area ?? {x: 0, y: 0, width: image.width, height: image.height};
  const {data} = c.getImageData(x, y, width, height);
  const colours = new Set();
  const sum = [0, 0, 0];
  for (let i = 0; i < data.length; i += 4) {
    colours.add((data[i] << 16) | (data[i + 1] << 8) | data[i + 2]);
    for (let j = 0; j < 3; ++j) sum[j] += data[i + j];
  }
  const mean = sum.map((s) => s / (data.length / 4));
  return {n_colours: colours.size, mean, light: (mean[0] + mean[1] + mean[2]) / 3};
}
