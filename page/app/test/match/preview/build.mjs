// Builds the preview of the match view: `node app/test/match/preview/build.mjs DIR`, then open DIR/index.html.
import { writeFile } from 'node:fs/promises';
import { dirname, join, resolve } from 'node:path';
import { fileURLToPath } from 'node:url';
import * as esbuild from 'esbuild';

const here = dirname(fileURLToPath(import.meta.url));
const out = resolve(process.argv[2] ?? '/tmp/preview');
await esbuild.build({
  entryPoints: [join(here, 'preview.ts')],
  bundle: true,
  format: 'iife',
  conditions: ['source'],
  outdir: out,
  logLevel: 'warning',
});
await writeFile(
  join(out, 'index.html'),
  '<!doctype html><html lang="en"><head><meta charset="utf-8"><title>Preview</title>' +
    '<meta name="viewport" content="width=device-width, initial-scale=1">' +
    '<link rel="stylesheet" href="preview.css"></head><body><header class="top"><span class="brand">Rookery</span></header><div></div><main id="content" class="view view-match"></main>' +
    '<script src="preview.js"></script></body></html>',
);
