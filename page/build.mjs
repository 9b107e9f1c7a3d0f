// Bundles the page: `node build.mjs [--out DIR] [--watch]`, by default into dist/. The same sources give the same bytes.
//
// - app/src/main.ts is the module, split at each `import()`; app/src/boot.ts a classic script that runs before the
//   first paint; app/src/styles/main.css and each style sheet that a module imports become one style sheet.
// - Files of app/public are hashed. app/index.html and the manifest name them by %BOOT%, %ICON%, %MAIN%, %MANIFEST%,
//   %PRELOAD% and %STYLE%.
// - All but index.html goes to assets/NAME-HASH.EXT, which may be cached for ever.
// - DIR.cdx.json beside it is the bill of materials: the packages whose code is in the bundle, as CycloneDX.
// - The first board, which is index.html with the style sheet, main.ts and the match view, has a budget.

import { createHash } from 'node:crypto';
import { mkdir, readdir, readFile, rm, writeFile } from 'node:fs/promises';
import { basename, dirname, extname, join, relative, resolve } from 'node:path';
import { fileURLToPath } from 'node:url';
import { parseArgs } from 'node:util';
import { gzipSync } from 'node:zlib';
import { cyclonedxEsbuildPlugin } from '@cyclonedx/cyclonedx-esbuild';
import * as esbuild from 'esbuild';

const here = dirname(fileURLToPath(import.meta.url));
const app = join(here, 'app');
const FIRST_BOARD_MAX = 100_000;
const MATCH = 'app/src/views/match.ts';

const { values: args } = parseArgs({
  options: { out: { type: 'string' }, watch: { type: 'boolean', default: false } },
});
const out = resolve(args.out ?? join(here, 'dist'));

/** Common to all bundles. Browsers that have WebTransport, or are of its time. */
const common = {
  absWorkingDir: here,
  bundle: true,
  minify: true,
  legalComments: 'none',
  charset: 'utf8',
  target: ['chrome100', 'firefox114', 'safari16.4'],
  outdir: out,
  entryNames: 'assets/[name]-[hash]',
  chunkNames: 'assets/[name]-[hash]',
  assetNames: 'assets/[name]-[hash]',
  publicPath: '/',
  loader: Object.fromEntries(
    ['.svg', '.png', '.webp', '.mp3', '.ogg', '.wav', '.woff2'].map((kind) => [kind, 'file']),
  ),
  conditions: ['source'],
  metafile: true,
  write: false,
  logLevel: 'warning',
};

/** Style sheets that modules import, which go into the one style sheet. */
function styles(found) {
  return {
    name: 'styles',
    setup(build) {
      build.onLoad({ filter: /\.css$/ }, ({ path }) => {
        found.add(path);
        return { contents: '', loader: 'js' };
      });
    },
  };
}

/** Paths that a metafile names, from the root of the output. */
function outputs(metafile) {
  return Object.entries(metafile.outputs).map(([path, about]) => [relative(out, resolve(here, path)), about]);
}

/** The file that an entry became. */
function fileOf(metafile, entry) {
  const found = outputs(metafile).find(([, about]) => about.entryPoint === entry);
  if (found === undefined) throw new Error(`nothing was made of ${entry}`);
  return found[0];
}

/** A file and all that it imports at once. */
function closure(metafile, path, seen = new Set()) {
  if (seen.has(path)) return seen;
  seen.add(path);
  const about = Object.fromEntries(outputs(metafile))[path];
  for (const { path: imported, kind } of about?.imports ?? []) {
    if (kind === 'import-statement') closure(metafile, relative(out, resolve(here, imported)), seen);
  }
  return seen;
}

async function build() {
  const found = new Set();
  const modules = await esbuild.build({
    ...common,
    entryPoints: ['app/src/main.ts'],
    format: 'esm',
    splitting: true,
    plugins: [
      styles(found),
      cyclonedxEsbuildPlugin({ specVersion: '1.5', outputFile: `${out}.cdx.json`, outputReproducible: true }),
    ],
  });
  const boot = await esbuild.build({ ...common, entryPoints: ['app/src/boot.ts'], format: 'iife' });
  const main = join(app, 'src/styles/main.css');
  const sheets = [main, ...[...found].filter((path) => path !== main).sort()];
  const style = await esbuild.build({
    ...common,
    stdin: {
      contents: sheets.map((path) => `@import ${JSON.stringify(`./${relative(here, path)}`)};`).join('\n'),
      resolveDir: here,
      sourcefile: 'style.css',
      loader: 'css',
    },
    entryNames: 'assets/style-[hash]',
  });

  const files = new Map();
  for (const { path, contents } of [...modules.outputFiles, ...boot.outputFiles, ...style.outputFiles]) {
    files.set(relative(out, path), contents);
  }
  const names = {
    MAIN: `/${fileOf(modules.metafile, 'app/src/main.ts')}`,
    BOOT: `/${fileOf(boot.metafile, 'app/src/boot.ts')}`,
    STYLE: `/${outputs(style.metafile).find(([path]) => extname(path) === '.css')[0]}`,
  };
  const eager = [...closure(modules.metafile, names.MAIN.slice(1))].filter((path) => `/${path}` !== names.MAIN);
  names.PRELOAD = eager.map((path) => `<link rel="modulepreload" href="/${path}" />`).join('\n    ');

  // The manifest is the last, as it names the others.
  const publics = (await readdir(join(app, 'public'))).sort((a, b) => Number(isManifest(a)) - Number(isManifest(b)) || (a < b ? -1 : 1));
  for (const name of publics) {
    let contents = await readFile(join(app, 'public', name));
    if (isManifest(name)) contents = Buffer.from(filled(contents.toString(), names));
    const kind = extname(name);
    const path = `assets/${basename(name, kind)}-${hash(contents)}${kind}`;
    files.set(path, contents);
    names[basename(name, kind).toUpperCase()] = `/${path}`;
  }
  files.set('index.html', Buffer.from(filled(await readFile(join(app, 'index.html'), 'utf8'), names)));
  return { files, modules, names };
}

function isManifest(name) {
  return extname(name) === '.webmanifest';
}

function hash(contents) {
  return createHash('sha256').update(contents).digest('hex').slice(0, 8).toUpperCase();
}

function filled(template, names) {
  return template.replace(/%([A-Z]+)%/g, (mark, name) => {
    if (names[name] === undefined) throw new Error(`${mark} names no file`);
    return names[name];
  });
}

async function written(files) {
  await rm(out, { recursive: true, force: true });
  for (const [path, contents] of files) {
    await mkdir(dirname(join(out, path)), { recursive: true });
    await writeFile(join(out, path), contents);
  }
}

/** Prints the sizes; whether the first board is within its budget. */
function measured({ files, modules, names }) {
  const zipped = (path) => gzipSync(files.get(path), { level: 9 }).length;
  for (const path of [...files.keys()].sort()) {
    console.log(`${String(files.get(path).length).padStart(8)} ${String(zipped(path)).padStart(7)} gz  ${path}`);
  }
  const shell = ['index.html', names.STYLE.slice(1), names.BOOT.slice(1), ...closure(modules.metafile, names.MAIN.slice(1))];
  const first = new Set([...shell, ...closure(modules.metafile, fileOf(modules.metafile, MATCH))]);
  const sum = (paths) => [...paths].reduce((total, path) => total + zipped(path), 0);
  console.log(`every page needs ${sum(shell)} bytes gzipped`);
  console.log(`first board needs ${sum(first)} bytes gzipped of at most ${FIRST_BOARD_MAX}`);
  return sum(first) <= FIRST_BOARD_MAX;
}

async function once() {
  const built = await build();
  await written(built.files);
  return measured(built);
}

if (args.watch) {
  const { watch } = await import('node:fs');
  let timer;
  const again = () => {
    clearTimeout(timer);
    timer = setTimeout(() => once().catch((error) => console.error(error.message)), 100);
  };
  for (const folder of [app, join(here, 'session/src')]) watch(folder, { recursive: true }, again);
  again();
} else if (!(await once())) {
  console.error('the first board is above its budget');
  process.exitCode = 1;
}
