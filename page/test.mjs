// Runs the tests: `node test.mjs [PART OF A PATH…]`. Each *.test.ts of session and app is bundled and given to Node's runner.

import { spawn } from 'node:child_process';
import { mkdtemp, readdir, rm } from 'node:fs/promises';
import { dirname, join } from 'node:path';
import { fileURLToPath } from 'node:url';
import * as esbuild from 'esbuild';

const here = dirname(fileURLToPath(import.meta.url));
const wanted = process.argv.slice(2);

async function testsIn(folder) {
  const entries = await readdir(join(here, folder), { recursive: true }).catch(() => []);
  return entries.filter((path) => path.endsWith('.test.ts') && !path.includes('node_modules')).map((path) => join(folder, path));
}

const all = [...(await testsIn('session/test')), ...(await testsIn('app'))].sort();
const tests = all.filter((path) => wanted.length === 0 || wanted.some((part) => path.includes(part)));
if (tests.length === 0) throw new Error('no test has such a path');

// Inside of the page's folder, so that packages are found.
const out = await mkdtemp(join(here, 'node_modules/.test-'));
try {
  await esbuild.build({
    absWorkingDir: here,
    entryPoints: tests,
    outdir: out,
    outbase: here,
    outExtension: { '.js': '.mjs' },
    bundle: true,
    format: 'esm',
    platform: 'node',
    target: 'node20',
    conditions: ['source'],
    external: ['ws'],
    loader: { '.css': 'empty', '.svg': 'empty' },
    sourcemap: 'inline',
    logLevel: 'warning',
  });
  const files = tests.map((path) => join(out, path.replace(/\.ts$/, '.mjs')));
  const runner = spawn(process.execPath, ['--enable-source-maps', '--test', '--test-reporter=spec', ...files], { cwd: here, stdio: 'inherit' });
  process.exitCode = await new Promise((resolve) => runner.on('exit', (code) => resolve(code ?? 1)));
} finally {
  await rm(out, { recursive: true, force: true });
}
