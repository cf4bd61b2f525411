// onnx.mjs - writes ONNX files: just the part of the format (protobuf) that the rivals' graphs
// need. Field numbers are those of onnx.proto3,
// https://github.com/onnx/onnx/blob/main/onnx/onnx.proto3

export const kFloat = 1, kInt64 = 7, kBfloat16 = 16;  // TensorProto.DataType
const kIrVersion = 9, kOpset = 20;

// ---- protobuf

function varint(n) {
  let rest = BigInt.asUintN(64, BigInt(n));
  const bytes = [];
  do {
    const low = Number(rest & 127n);
    rest >>= 7n;
    bytes.push(rest ? low | 128 : low);
  } while (rest);
  return Buffer.from(bytes);
}
const integer = (field, n) => Buffer.concat([varint(field << 3), varint(n)]);
function bytes(field, ...parts) {
  const body = Buffer.concat(parts.map((p) => (typeof p === 'string' ? Buffer.from(p) : p)));
  return Buffer.concat([varint((field << 3) | 2), varint(body.length), body]);
}
function float(field, x) {
  const body = Buffer.alloc(4);
  body.writeFloatLE(x);
  return Buffer.concat([varint((field << 3) | 5), body]);
}

function attribute(name, value) {
  const kind = {f: 1, i: 2, s: 3, ints: 7};
  const [type, body] = Array.isArray(value) ?
      ['ints', Buffer.concat(value.map((v) => integer(8, v)))] :
      typeof value === 'string' ? ['s', bytes(4, value)] :
      Number.isInteger(value)   ? ['i', integer(3, value)] :
                                  ['f', float(2, value)];
  return Buffer.concat([bytes(1, name), body, integer(20, kind[type])]);
}

function value_info(name, type, shape) {
  const dims = shape.map((d) => bytes(1, typeof d === 'string' ? bytes(2, d) : integer(1, d)));
  return Buffer.concat([bytes(1, name), bytes(2, bytes(1, integer(1, type), bytes(2, ...dims)))]);
}

// ---- A graph, built line by line

export class Graph {
  #nodes = [];
  #initializers = [];
  #inputs = [];
  #outputs = [];
  #n = 0;
  #constants = new Map();

  input(name, type, shape) {
    this.#inputs.push(bytes(11, value_info(name, type, shape)));
    return name;
  }

  output(name, type, shape) {
    this.#outputs.push(bytes(12, value_info(name, type, shape)));
    return name;
  }

  // The names of the results; attributes are numbers (1.0 is written as an integer: say {float:
  // 1}), strings and lists of integers. `domain` and `out` are no attributes.
  ops(type, inputs, n_out, {domain = '', out, ...attributes} = {}) {
    const outs = out ? [out] : Array.from({length: n_out}, () => `t${++this.#n}`);
    this.#nodes.push(bytes(1, Buffer.concat([
      ...inputs.map((i) => bytes(1, i)),
      ...outs.map((o) => bytes(2, o)),
      bytes(3, `${type}_${++this.#n}`),
      bytes(4, type),
      ...Object.entries(attributes)
          .map(
              ([k, v]) => bytes(
                  5,
                  typeof v === 'object' && !Array.isArray(v) ?
                      Buffer.concat([bytes(1, k), float(2, v.float), integer(20, 1)]) :
                      attribute(k, v))),
      ...(domain ? [bytes(7, domain)] : []),
    ])));
    return outs;
  }

  op(type, inputs, options) {
    return this.ops(type, inputs, 1, options)[0];
  }

  // A constant: whole numbers as int64, {float: x} as float; a list is a vector, a number a scalar.
  constant(value) {
    const key = JSON.stringify(value);
    if (!this.#constants.has(key)) {
      const name = `c${++this.#n}`;
      this.#constants.set(key, name);
      const list = Array.isArray(value) ? value : [value];
      const dims = Array.isArray(value) ? [integer(1, list.length)] : [];
      const raw = typeof value === 'object' && !Array.isArray(value) ?
          [kFloat, Buffer.from(new Float32Array([value.float]).buffer)] :
          [kInt64, Buffer.from(new BigInt64Array(list.map(BigInt)).buffer)];
      this.#initializers.push(
          bytes(5, ...dims, integer(2, raw[0]), bytes(8, name), bytes(9, raw[1])));
    }
    return this.#constants.get(key);
  }

  // A tensor whose bytes are `length` from `offset` of another file in the same folder.
  external(name, type, shape, file, offset, length) {
    const entry = (key, text) => bytes(13, bytes(1, key), bytes(2, String(text)));
    this.#initializers.push(bytes(
        5, ...shape.map((d) => integer(1, d)), integer(2, type), bytes(8, name),
        entry('location', file), entry('offset', offset), entry('length', length), integer(14, 1)));
    return name;
  }

  encode() {
    const opset = (domain, version) => bytes(8, bytes(1, domain), integer(2, version));
    const graph = bytes(
        7, ...this.#nodes, bytes(2, 'bench'), ...this.#initializers, ...this.#inputs,
        ...this.#outputs);
    return Buffer.concat([
      integer(1, kIrVersion), bytes(2, 'attnscope-bench'), opset('', kOpset),
      opset('com.microsoft', 1), graph
    ]);
  }
}
