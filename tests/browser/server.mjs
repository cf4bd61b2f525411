// server.mjs - the site on a free port of this machine, by serve.py.
import {spawn} from "node:child_process";
import path from "node:path";
import {fileURLToPath} from "node:url";

export const kRoot = path.resolve(path.dirname(fileURLToPath(import.meta.url)), "../..");
export const kSite = path.join(kRoot, "build/site");

// Any other folder goes through serve.py's own function, so that what answers is the same.
const kServeFolder =
    "import sys, serve; serve.serve('127.0.0.1', 0, sys.argv[2] == '1', sys.argv[1])";

// Calls `kill` if this process ends before the function that is returned is called: one listener
// for all, however many servers and browsers a run starts.
const kills = new Set();
process.once("exit", () => {
  for (const kill of kills) kill();
});
export function at_exit(kill) {
  kills.add(kill);
  return () => kills.delete(kill);
}

// {url, stop}; `url` ends in "/". Rejects with serve.py's own words when it does not start.
export function serve(folder, isolated) {
  const args = path.resolve(folder) === kSite ?
      ["serve.py", "--no-build", "--port", "0", ...(isolated ? [] : ["--no-isolation"])] :
      ["-c", kServeFolder, path.resolve(folder), isolated ? "1" : "0"];
  const child = spawn("python3", args, {cwd: kRoot, stdio: ["ignore", "pipe", "pipe"]});
  const forget = at_exit(() => child.kill("SIGKILL"));
  const ended = new Promise((resolve) => child.once("exit", resolve));
  ended.then(forget);
  const stop = () => {
    child.kill("SIGKILL");
    return ended;
  };
  return new Promise((resolve, reject) => {
    let said = "";
    const listen = (chunk) => {
      said += chunk;
      const address = said.match(/http:\/\/127\.0\.0\.1:\d+\//);
      if (address) resolve({url: address[0], stop});
    };
    child.stdout.on("data", listen);
    child.stderr.on("data", listen);
    child.once(
        "exit", (code) => reject(new Error(`serve.py ended with code ${code}: ${said.trim()}`)));
    child.once("error", reject);
  });
}
