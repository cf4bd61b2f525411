// server.mjs - the benchmark's pages, programs and models on a free port, cross-origin isolated.
import fs from 'node:fs';
import http from 'node:http';
import path from 'node:path';

const kTypes = {
  '.html': 'text/html', '.mjs': 'text/javascript', '.js': 'text/javascript', '.json': 'application/json',
  '.wasm': 'application/wasm',
};

// folders: {'models/': '/path'}; the address begins with the key. {url, close}.
export function serve(folders) {
  const file_of = (address) => {
    const name = decodeURIComponent(new URL(address, 'http://localhost').pathname).slice(1);
    const prefix = Object.keys(folders).find((key) => name.startsWith(key));
    return prefix === undefined ? null : path.join(folders[prefix], path.normalize('/' + name.slice(prefix.length)));
  };
  const server = http.createServer((request, response) => {
    const file = file_of(request.url), stat = file && fs.statSync(file, { throwIfNoEntry: false });
    response.setHeader('Cross-Origin-Opener-Policy', 'same-origin');
    response.setHeader('Cross-Origin-Embedder-Policy', 'require-corp');
    response.setHeader('Cross-Origin-Resource-Policy', 'same-origin');
    response.setHeader('Cache-Control', 'no-store');
    if (!stat?.isFile()) {
      response.statusCode = 404;
      return response.end();
    }
    response.setHeader('Content-Type', kTypes[path.extname(file)] ?? 'application/octet-stream');
    response.setHeader('Content-Length', stat.size);
    if (request.method === 'HEAD') return response.end();
    fs.createReadStream(file, { highWaterMark: 1 << 20 }).pipe(response);
  });
  return new Promise((resolve) => server.listen(0, '127.0.0.1', () =>
    resolve({ url: `http://127.0.0.1:${server.address().port}/`, close: () => server.close() })));
}
