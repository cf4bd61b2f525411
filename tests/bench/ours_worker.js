// ours_worker.js - loads bench.js of a build, hands it files and commands. A classic worker, as
// Emscripten's threads are.
const options = new URLSearchParams(location.search);
const base = `../ours/${options.get('build')}/`;
// As many threads as are asked for: the program makes one for each processor.
const threads = Number(options.get('threads'));
Object.defineProperty(navigator, 'hardwareConcurrency', {get: () => threads});
importScripts(base + 'bench.js');
const script = new URL(base + 'bench.js', location).href;
const program = createBench({
  mainScriptUrlOrBlob: script,
  locateFile: (name) => new URL(base + name, location).href,
});

function tell(module, command) {
  const text = module.stringToNewUTF8(JSON.stringify(command));
  const answer = module._bench_command(text);
  const json = JSON.parse(module.UTF8ToString(answer >>> 0));
  module._free(text);
  module._free(answer);
  return json;
}

// Bytes go into the program's memory as they come.
async function read_file(module, url, name) {
  const response = await fetch(url);
  if (!response.ok) throw new Error(`${url}: ${response.status}`);
  const size = Number(response.headers.get('Content-Length'));
  const text = module.stringToNewUTF8(name);
  let at = module._bench_file(text, size) >>> 0;
  module._free(text);
  for (const reader = response.body.getReader();;) {
    const {done, value} = await reader.read();
    if (done) break;
    new Uint8Array(module.wasmMemory.buffer, at, value.length).set(value);
    at += value.length;
  }
  module._bench_file_done();
}

async function answer(command) {
  const module = await program;
  let read_ms = 0;
  if (command.cmd === 'load') {
    tell(module, {cmd: 'unload'});
    const start = performance.now();
    for (const name of ['config.json', 'tokenizer.json', 'model.safetensors']) {
      await read_file(module, new URL(`../models/${command.model}/${name}`, location), name);
    }
    read_ms = performance.now() - start;
  }
  const json = tell(module, command);
  return command.cmd === 'load' && !json.error ? {...json, read_ms} : json;
}

onmessage = async ({data}) => {
  try {
    postMessage(await answer(data));
  } catch (error) {
    postMessage({error: String(error?.message ?? error)});
  }
};
