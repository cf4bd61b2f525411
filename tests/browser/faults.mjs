// faults.mjs - a server between the page and serve.py that delays, cuts or changes answers, and
// that puts a script ahead of sw.js, under which uses of the storage fail.
import http from "node:http";

export const kBlank = "/blank.html";  // a page with nothing in it
const kHtml = {
  status: 200,
  headers: {"content-type": "text/html"}
};

// What may happen to an answer: f(socket, head, body) with head = {status, headers}.
export const kFaults = {
  delayed: (answer, head, body) => setTimeout(() => send(answer, head, body), 1200),
  dropped: (answer) => answer.destroy(),
  // The browser can tell, by Content-Length …
  cut(answer, head, body) {
    answer.writeHead(head.status, {...head.headers, "content-length": body.length});
    answer.write(body.subarray(0, body.length / 2), () => answer.destroy());
  },
  // … and here it cannot.
  short: (answer, head, body) => send(answer, head, body.subarray(0, body.length / 2)),
  corrupt(answer, head, body) {
    const changed = Buffer.from(body);
    for (let i = 0; i < 16 && changed.length; ++i) {
      changed[Math.floor((changed.length * (i + 0.5)) / 16)] ^= 0x55;
    }
    send(answer, head, changed);
  },
  // The page of a network that wants one to log in.
  login: (answer) => send(answer, kHtml, Buffer.from("<!doctype html><title>Log in</title>")),
  error: (answer) =>
      send(answer, {status: 500, headers: {"content-type": "text/plain"}}, Buffer.from("500")),
};

function send(answer, {status, headers}, body) {
  answer.writeHead(status, {...headers, "content-length": body.length});
  answer.end(body);
}

// {url, asked, fault, worker, stop}. `asked` has the paths so far; `fault(path, n)` names the fault
// of the n-th answer, if any; `worker` is put ahead of sw.js. Both can be set at any time.
export async function faulty(upstream) {
  const self = {asked: [], fault: () => undefined, worker: ""};
  const server = http.createServer((request, answer) => {
    const fault = self.fault(request.url, self.asked.push(request.url) - 1);
    answer.on("error", () => {});
    if (request.url === kBlank) return send(answer, kHtml, Buffer.from("<!doctype html>"));
    const headers = {...request.headers, host: new URL(upstream).host};
    delete headers["accept-encoding"];
    http.get(new URL(request.url, upstream), {headers}, (from) => {
          const parts = [];
          from.on("error", () => answer.destroy());
          from.on("data", (part) => parts.push(part));
          from.on("end", () => {
            const head = {status: from.statusCode, headers: {...from.headers}};
            for (const name of ["connection", "keep-alive", "transfer-encoding"])
              delete head.headers[name];
            let body = Buffer.concat(parts);
            if (request.url === "/sw.js" && head.status === 200) {
              body = Buffer.concat([Buffer.from(self.worker), body]);
              delete head.headers.etag;
            }
            // The browser would ask whether its damaged copy is still valid, as long as no worker
            // is there that checks it.
            if (request.url.startsWith("/?") || request.url === "/loader.js")
              delete head.headers.etag;
            if (head.status === 304) return answer.writeHead(304, head.headers).end();
            (kFaults[fault] ?? send)(answer, head, body);
          });
        }).on("error", () => answer.destroy());
  });
  await new Promise((resolve) => server.listen(0, "127.0.0.1", resolve));
  self.url = `http://127.0.0.1:${server.address().port}/`;
  self.stop = () => new Promise((resolve) => {
    server.close(resolve);
    server.closeAllConnections();
  });
  return self;
}

// The script under which those uses of Cache Storage fail, for which `fails` (JavaScript) is true,
// in one of the ways below. `fails` knows n, which counts all uses, the `name` of the method and k,
// which counts its uses. `self.uses` has the names so far.
export const failing = (how, fails) => `(${make_fail})("${how}", (n, name, k) => ${fails});\n`;

export const kWays = ["reject", "throw", "hang", "lose", "evict"];

// Runs in the service worker.
function make_fail(how, fails) {
  self.uses = [];
  const real = {keys: CacheStorage.prototype.keys, delete: CacheStorage.prototype.delete};
  const ways = {
    reject: () => Promise.reject(new DOMException("full", "QuotaExceededError")),
    throw () {
      throw new DOMException("denied", "SecurityError");
    },
    hang: () => new Promise(() => {}),
    // What is read breaks off, as on a damaged disk.
    async lose(use) {
      const found = await use();
      if (!(found instanceof Response)) return found;
      return new Response(
          new ReadableStream({start: (c) => c.error(new Error("damaged"))}),
          {headers: found.headers});
    },
    // Everything is gone just before.
    async evict(use) {
      for (const one of await real.keys.call(caches)) await real.delete.call(caches, one);
      return use();
    },
  };
  for (const prototype of [CacheStorage.prototype, Cache.prototype]) {
    for (const method_name of Object.getOwnPropertyNames(prototype)) {
      const method = Object.getOwnPropertyDescriptor(prototype, method_name).value;
      if (typeof method !== "function" || method_name === "constructor") continue;
      const name = `${prototype === Cache.prototype ? "Cache" : "caches"}.${method_name}`;
      let k = 0;
      prototype[method_name] = function(...args) {
        const use = () => method.apply(this, args);
        return fails(self.uses.push(name) - 1, name, k++) ? ways[how](use) : use();
      };
    }
  }
}
