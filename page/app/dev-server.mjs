// Serves a built page to its developers: `node app/dev-server.mjs [--dir DIR] [--port N] [--matchmaker URL]`.
//
// Every address of the page is answered with index.html under the security policy that the matchmaker sends, and requests
// for /v1, /demo and /openapi.json go on to a matchmaker that runs. Not for anything but development: it listens on the
// loopback interface alone.
import { createServer, request as ask } from 'node:http';
import { readFile } from 'node:fs/promises';
import { dirname, extname, join, normalize, resolve } from 'node:path';
import { fileURLToPath } from 'node:url';
import { parseArgs } from 'node:util';

const { values: args } = parseArgs({
  options: {
    dir: { type: 'string', default: join(dirname(fileURLToPath(import.meta.url)), '../dist') },
    port: { type: 'string', default: '7080' },
    matchmaker: { type: 'string', default: 'http://127.0.0.1:7000' },
  },
});
const dir = resolve(args.dir);
const matchmaker = new URL(args.matchmaker);

const KINDS = {
  '.html': 'text/html; charset=utf-8',
  '.js': 'text/javascript; charset=utf-8',
  '.css': 'text/css; charset=utf-8',
  '.svg': 'image/svg+xml',
  '.webmanifest': 'application/manifest+json',
  '.mp3': 'audio/mpeg',
  '.ogg': 'audio/ogg',
};

/** As the matchmaker has it; shards of a development cluster are on loopback ports that are not known here. */
const POLICY = [
  "default-src 'none'",
  "script-src 'self'",
  "style-src 'self'",
  "img-src 'self' data:",
  "media-src 'self' data:",
  "connect-src 'self' https://127.0.0.1:* ws://127.0.0.1:*",
  "manifest-src 'self'",
  "base-uri 'none'",
  "form-action 'none'",
  "frame-ancestors 'none'",
].join('; ');

const PASSED_ON = /^\/(v1|demo|openapi\.json|health)(\/|$|\?)/;

createServer((request, response) => {
  const { pathname } = new URL(request.url ?? '/', 'http://localhost');
  if (PASSED_ON.test(request.url ?? '')) {
    passOn(request, response);
  } else {
    void answer(pathname, response);
  }
}).listen(Number(args.port), '127.0.0.1', () => {
  console.log(`http://127.0.0.1:${args.port} serves ${dir}, with the matchmaker at ${matchmaker.origin}`);
});

/** Sends a request on, and its answer back. */
function passOn(request, response) {
  const onward = ask(
    { host: matchmaker.hostname, port: matchmaker.port, method: request.method, path: request.url, headers: { ...request.headers, host: matchmaker.host } },
    (answered) => {
      response.writeHead(answered.statusCode ?? 502, answered.headers);
      answered.pipe(response);
    },
  );
  onward.on('error', () => {
    response.writeHead(502).end();
  });
  response.on('close', () => onward.destroy());
  request.pipe(onward);
}

/** Answers with a file, or with the page. */
async function answer(pathname, response) {
  const isAsset = pathname.startsWith('/assets/');
  const path = isAsset ? join(dir, normalize(pathname)) : join(dir, 'index.html');
  try {
    if (!path.startsWith(dir)) {
      throw new Error('outside of the directory');
    }
    const body = await readFile(path);
    response.writeHead(200, {
      'content-type': KINDS[extname(path)] ?? 'application/octet-stream',
      'content-security-policy': POLICY,
      'x-content-type-options': 'nosniff',
      'referrer-policy': 'no-referrer',
      'cross-origin-opener-policy': 'same-origin',
      'cache-control': isAsset ? 'public, max-age=31536000, immutable' : 'no-store',
    });
    response.end(body);
  } catch {
    response.writeHead(404).end();
  }
}
