// server.mjs - the benchmark's pages, programs and models on a free port, cross-origin isolated.
import fs from 'node:fs';
import http from 'node:http';
import path from 'node:path';

const kTypes = {
  '.html': 'text/html',
  '.mjs': 'text/javascript',
  '.js': 'text/javascript',
  '.json': 'application/json',
  '.wasm': 'application/wasm',
  '.css': 'text/css',
  '.svg': 'image/svg+xml',
};

// places: {'models/': '/path', 'index.json': {text}}; the first key that the address begins with
// says what it is. {url, close}.
export function serve(places) {
  const server = http.createServer((request, response) => {
    const asked = decodeURIComponent(new URL(request.url, 'http://localhost').pathname).slice(1) ||
        'index.html';
    const prefix = Object.keys(places).find((key) => asked.startsWith(key)), place = places[prefix];
    response.setHeader('Cross-Origin-Opener-Policy', 'same-origin');
    response.setHeader('Cross-Origin-Embedder-Policy', 'require-corp');
    response.setHeader('Cross-Origin-Resource-Policy', 'same-origin');
    response.setHeader('Cache-Control', 'no-store');
    if (place?.text !== undefined) return response.end(place.text);
    const file = place && path.join(place, path.normalize('/' + asked.slice(prefix.length)));
    const stat = file && fs.statSync(file, {throwIfNoEntry: false});
    if (!stat?.isFile()) {
      response.statusCode = 404;
      return response.end();
    }
    response.setHeader('Content-Type', kTypes[path.extname(file)] ?? 'application/octet-stream');
    response.setHeader('Content-Length', stat.size);
    if (request.method === 'HEAD') return response.end();
    fs.createReadStream(file, {highWaterMark: 1 << 20}).pipe(response);
  });
  return new Promise(
      (resolve) => server.listen(
          0, '127.0.0.1',
          () => resolve(
              {url: `http://127.0.0.1:${server.address().port}/`, close: () => server.close()})));
}
