// rival.mjs - ONNX Runtime behind the same commands as our program. `ort` is onnxruntime-web or
// -node.
const kPast = ['k', 'v'];

export class Rival {
  #ort;
  #open;
  #session = null;
  #name = '';
  #n_layers = 0;

  // open(model, graph) -> session
  constructor(ort, open) {
    this.#ort = ort;
    this.#open = open;
  }

  async answer(command) {
    switch (command.cmd) {
      case 'load':
        return this.#load(command);
      case 'unload':
        return this.#unload();
      case 'bench':
        return this.#bench(command);
      case 'dump':
        return this.#dump(command);
      case 'version':
        return {versions: this.#ort.env?.versions};
      default:
        throw new Error('command: cmd must be version, load, unload, bench or dump');
    }
  }

  async #unload() {
    await this.#session?.release();
    this.#session = null;
    this.#name = '';
    return {};
  }

  async #load({model, graph}) {
    const name = `${model}/${graph}`;
    if (name === this.#name) return {load_ms: 0};
    await this.#unload();
    const start = performance.now();
    this.#session = await this.#open(model, graph);
    this.#name = name;
    this.#n_layers = this.#session.outputNames.filter((n) => n.startsWith('pattern_')).length;
    return {load_ms: performance.now() - start};
  }

  #floats(shape, value = (i) => Math.sin(i)) {
    const data = new Float32Array(shape.reduce((a, b) => a * b, 1));
    for (let i = 0; i < data.length; ++i) data[i] = value(i);
    return new this.#ort.Tensor('float32', data, shape);
  }
  #ids(ids) {
    return new this.#ort.Tensor('int64', BigInt64Array.from(ids, BigInt), [ids.length]);
  }

  // What the session is fed. Before a token is decoded, those before it have been, one by one:
  // their keys and values are the past.
  async #feeds({ids, feed, past_shape}) {
    if (feed) return {x: this.#floats(feed)};
    if (!this.#session.inputNames.includes('past_k_0')) return {ids: this.#ids(ids)};
    const [n_heads, d_head] = past_shape;
    let feeds = {ids: this.#ids(ids.slice(0, 1))};
    for (let l = 0; l < this.#n_layers; ++l) {
      for (const what of kPast) feeds[`past_${what}_${l}`] = this.#floats([n_heads, 0, d_head]);
    }
    for (const id of ids.slice(1)) {
      const out = await this.#session.run(feeds);
      feeds = {ids: this.#ids([id])};
      for (let l = 0; l < this.#n_layers; ++l) {
        for (const what of kPast) feeds[`past_${what}_${l}`] = out[`present_${what}_${l}`];
      }
    }
    return feeds;
  }

  // One repetition: ids in JavaScript to every output in JavaScript.
  async #bench(command) {
    const feeds = await this.#feeds(command), ms = [];
    const {min_reps = 1, min_ms = 0} = command;
    for (let total = 0; ms.length < min_reps || (total < min_ms && ms.length < 1000);) {
      const start = performance.now();
      const out = await this.#session.run(feeds);
      let sum = 0;
      for (const name in out) sum += out[name].data[0];
      ms.push(performance.now() - start);
      total += ms.at(-1);
      if (Number.isNaN(sum)) throw new Error('the rival computes NaN');
    }
    return {ms};
  }

  async #dump(command) {
    const out = await this.#session.run(await this.#feeds(command));
    const patterns = Array.from({length: this.#n_layers}, (_, l) => out[`pattern_${l}`].data);
    const all = new Float32Array(patterns.reduce((n, p) => n + p.length, 0));
    let at = 0;
    for (const p of patterns) {
      all.set(p, at);
      at += p.length;
    }
    return {patterns: base64(all), logits: base64(out.logits?.data ?? new Float32Array(0))};
  }
}

function base64(floats) {
  const bytes = new Uint8Array(floats.buffer, floats.byteOffset, floats.byteLength);
  if (typeof Buffer !== 'undefined') return Buffer.from(bytes).toString('base64');
  let text = '';
  for (let i = 0; i < bytes.length; i += 1 << 15)
    text += String.fromCharCode(...bytes.subarray(i, i + (1 << 15)));
  return btoa(text);
}
