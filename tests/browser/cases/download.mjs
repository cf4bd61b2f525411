// download.mjs - what a first visit has to download stays small.
import {existsSync, readFileSync} from "node:fs";
import path from "node:path";
import zlib from "node:zlib";

import {check, skip} from "../harness.mjs";

const kMostBytes = 920e3;  // of app.wasm as it is sent, by brotli -q 11

export const packed_size = (bytes) =>
    zlib.brotliCompressSync(bytes, {
          params:
              {[zlib.constants.BROTLI_PARAM_QUALITY]: 11, [zlib.constants.BROTLI_PARAM_LGWIN]: 24}
        })
        .length;

export const cases = ["st", "mt"].map(
    (build) => ({
      name: `${build}/app.wasm is no larger than ${kMostBytes / 1e3} kB`,
      async run(t) {
        const file = path.join(t.site, build, "app.wasm");
        if (!existsSync(file)) skip(`the site has no ${build}/app.wasm`);
        const bytes = readFileSync(file), packed = packed_size(bytes);
        const kb = (n) => `${(n / 1e3).toFixed(1)} kB`;
        t.print(`${kb(bytes.length)}, ${kb(zlib.gzipSync(bytes, {level: 9}).length)} by gzip, ${
            kb(packed)} by brotli`);
        check(packed <= kMostBytes, `${kb(packed)} by brotli`);
      },
    }));
