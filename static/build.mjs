/**
 * Bundles static/js and static/css into static/dist with hashed names, and writes dist/manifest.json: entry -> file.
 * Does not check, transpile or serve anything. Called by rill/launch (bin/serve, bin/test) and by `npm run build`.
 *
 * Entries: js/main.js, css/main.css, css/katex.css (the page loads it on the first formula) and every js/entry-*.js.
 * A build goes to a folder of its own that is swapped in when it is whole: a failed one leaves the last good dist.
 * `node static/build.mjs FOLDER` builds another folder that is laid out like static/ (the tests do).
 */
import { build } from 'esbuild';
import { existsSync } from 'node:fs';
import { mkdir, readdir, readFile, rename, rm, writeFile } from 'node:fs/promises';
import path from 'node:path';
import { fileURLToPath } from 'node:url';
import { gzipSync } from 'node:zlib';

const root = path.resolve(process.argv[2] ?? path.dirname(fileURLToPath(import.meta.url)));
const [dist, fresh, old] = ['dist', '.dist-new', '.dist-old'].map((name) => path.join(root, name));

/** @returns {Promise<string[]>} the entries, seen from root; main.js and main.css must exist */
async function findEntries() {
  const extra = (await readdir(path.join(root, 'js'))).filter((name) => /^entry-.*\.js$/.test(name)).sort();
  const optional = ['css/katex.css'].filter((name) => existsSync(path.join(root, name)));
  return ['js/main.js', 'css/main.css', ...optional, ...extra.map((name) => `js/${name}`)];
}

/** @returns {Promise<Record<string, string>>} packages that the page has its own small stand-ins for */
async function readAliases() {
  const file = path.join(root, 'js/markdown/lean/aliases.json');
  return existsSync(file) ? JSON.parse(await readFile(file, 'utf8')) : {};
}

/** Lay a compressed twin beside every text file, for the server to send: it never compresses anything itself. */
async function compress(folder) {
  const texts = (await readdir(folder)).filter((name) => /\.(js|css)$/.test(name));
  await Promise.all(texts.map(async (name) => {
    const packed = gzipSync(await readFile(path.join(folder, name)), { level: 9 });
    await writeFile(path.join(folder, `${name}.gz`), packed);
  }));
}

/**
 * @param {string[]} entries
 * @returns {Promise<Record<string, string>>} the manifest
 */
async function bundle(entries) {
  const { metafile } = await build({
    entryPoints: entries,
    absWorkingDir: root,
    outdir: fresh,
    bundle: true,
    format: 'esm',
    splitting: true,
    minify: true,
    target: 'es2022',
    entryNames: '[name]-[hash]',
    chunkNames: 'chunk-[hash]',
    assetNames: '[name]-[hash]',
    // Every browser that runs es2022 takes woff2, the first of the three formats KaTeX names: the others stay out.
    alias: await readAliases(),
    loader: { '.woff2': 'file', '.woff': 'empty', '.ttf': 'empty' },
    legalComments: 'none',
    metafile: true,
    logLevel: 'warning',
  });
  // esbuild calls the target of a dynamic import() an entry too; only what a page can name belongs in the manifest.
  return Object.fromEntries(
    Object.entries(metafile.outputs)
      .filter(([, output]) => entries.includes(output.entryPoint))
      .map(([file, output]) => [path.basename(output.entryPoint), path.basename(file)]),
  );
}

/** @param {string} folder */
const remove = (folder) => rm(folder, { recursive: true, force: true });

await Promise.all([remove(fresh), remove(old)]); // what a killed build left
await mkdir(fresh);
try {
  const manifest = await bundle(await findEntries());
  await compress(fresh);
  await writeFile(path.join(fresh, 'manifest.json'), `${JSON.stringify(manifest, null, 2)}\n`);
  if (existsSync(dist)) await rename(dist, old);
  await rename(fresh, dist);
  await remove(old);
} catch (error) {
  await remove(fresh);
  if (!error.errors) throw error; // else esbuild has printed them, file and line
  process.exitCode = 1;
}
