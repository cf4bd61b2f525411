// firefox.mjs - Debian's Firefox by WebDriver BiDi, with a software renderer on a virtual screen.
import {spawn, spawnSync} from "node:child_process";
import {existsSync, mkdtempSync, rmSync, writeFileSync} from "node:fs";
import os from "node:os";
import path from "node:path";
import WebSocket from "ws";

import {at_exit} from "./server.mjs";

export const kFirefox = process.env.ATTNSCOPE_FIREFOX ?? "/usr/bin/firefox-esr";

const kPreferences = {
  "webgl.force-enabled": true,
  "app.update.enabled": false,
  "browser.shell.checkDefaultBrowser": false,
  "datareporting.policy.dataSubmissionEnabled": false,
  "toolkit.telemetry.reportingpolicy.firstRun": false,
  "browser.safebrowsing.update.enabled": false,
  "network.captive-portal-service.enabled": false,
  "network.connectivity-service.enabled": false,
  "extensions.getAddons.cache.enabled": false,
};

// Why Firefox cannot be tried here; "" when it can. Headless Firefox has no WebGL without a GPU.
export function firefox_is_missing() {
  if (!existsSync(kFirefox)) return `${kFirefox} is not there`;
  if (spawnSync("sh", ["-c", "command -v xvfb-run"]).status !== 0) return "xvfb-run is not there";
  return "";
}

// `preferences` are added to those above.
export async function launch_firefox(preferences = {}) {
  const profile = mkdtempSync(path.join(os.tmpdir(), "attnscope-firefox-"));
  const lines = Object.entries({...kPreferences, ...preferences})
                    .map(([key, value]) => `user_pref("${key}", ${JSON.stringify(value)});`);
  writeFileSync(path.join(profile, "user.js"), lines.join("\n"));
  const child = spawn(
      "xvfb-run",
      [
        "-a", "-s", "-screen 0 1400x950x24", kFirefox, "--no-remote", "--profile", profile,
        "--width", "1280", "--height", "900", "--remote-debugging-port", "0"
      ],
      {
        stdio: ["ignore", "ignore", "pipe"],
        detached: true,
        env: {...process.env, LIBGL_ALWAYS_SOFTWARE: "1", HOME: profile}
      });
  const kill = () => {
    try {
      process.kill(-child.pid, "SIGKILL");  // the group: xvfb-run, Xvfb and Firefox
    } catch {
    }  // already gone
  };
  const forget = at_exit(kill);
  const gone = new Promise((resolve) => child.once("exit", resolve));
  const stop = async () => {
    try {
      process.kill(-child.pid, "SIGTERM");
    } catch {
    }
    await Promise.race([gone, new Promise((resolve) => setTimeout(resolve, 3000))]);
    kill();
    forget();
    rmSync(profile, {recursive: true, force: true, maxRetries: 5, retryDelay: 200});
  };
  try {
    const address = await new Promise((resolve, reject) => {
      let said = "";
      child.stderr.on("data", (chunk) => {
        said += chunk;
        const found = said.match(/WebDriver BiDi listening on (ws:\S+)/);
        if (found) resolve(found[1]);
      });
      child.once(
          "exit",
          (code) => reject(new Error(`Firefox ended with code ${code}: ${said.slice(-500)}`)));
      setTimeout(
          () => reject(new Error(`Firefox said nothing of BiDi in 40 s: ${said.slice(-500)}`)),
          40000)
          .unref();
    });
    return {...(await connect(address + "/session")), stop};
  } catch (error) {
    await stop();
    throw error;
  }
}

// {send(method, params), on(method, f)} of one BiDi session.
async function connect(address) {
  const socket = new WebSocket(address, {perMessageDeflate: false});
  await new Promise((resolve, reject) => socket.once("open", resolve).once("error", reject));
  const waiting = new Map(), listeners = new Map();
  let last = 0;
  socket.on("message", (data) => {
    const message = JSON.parse(data);
    if (message.type === "event") return listeners.get(message.method)?.(message.params);
    const {resolve, reject} = waiting.get(message.id) ?? {};
    waiting.delete(message.id);
    if (message.type === "error")
      reject?.(new Error(`${message.error}: ${message.message}`));
    else
      resolve?.(message.result);
  });
  const send = (method, params = {}) => new Promise((resolve, reject) => {
    waiting.set(++last, {resolve, reject});
    socket.send(JSON.stringify({id: last, method, params}));
  });
  await send("session.new", {capabilities: {}});
  return {send, on: (method, f) => listeners.set(method, f)};
}

// A tab: the few verbs of the Chromium page that these tests use.
export async function open_tab(firefox) {
  const {context} = await firefox.send("browsingContext.create", {type: "tab"});
  await firefox.send(
      "session.subscribe", {events: ["log.entryAdded", "network.beforeRequestSent"]});
  const tab = {faults: [], asked: []};
  firefox.on("log.entryAdded", (entry) => {
    if (entry.level === "error") tab.faults.push(entry.text);
  });
  firefox.on("network.beforeRequestSent", ({request, context: from}) => {
    if (from === context) tab.asked.push(request.url);
  });
  // `source`: JavaScript of an expression; its value must be JSON.
  tab.evaluate = async (source) => {
    const done = await firefox.send("script.evaluate", {
      expression: `(async () => JSON.stringify(await (${source})))()`,
      target: {context},
      awaitPromise: true
    });
    if (done.type === "exception") throw new Error(done.exceptionDetails.text);
    return done.result.value === undefined ? undefined : JSON.parse(done.result.value);
  };
  // Runs the function in every page that is opened from now on, before its scripts.
  tab.run_before = (f) => firefox.send(
      "script.addPreloadScript", {functionDeclaration: String(f), contexts: [context]});
  tab.goto = (url) => firefox.send("browsingContext.navigate", {context, url, wait: "complete"});
  tab.screenshot = async () => Buffer.from(
      (await firefox.send("browsingContext.captureScreenshot", {context})).data, "base64");
  tab.type = (text) => firefox.send("input.performActions", {
    context,
    actions: [{
      type: "key",
      id: "keys",
      actions: [...text].flatMap((value) => [{type: "keyDown", value}, {type: "keyUp", value}])
    }]
  });
  tab.close = () => firefox.send("browsingContext.close", {context});
  return tab;
}
