// SPDX-License-Identifier: MIT
// Builds the pages: node build.mjs OUTDIR
// Leaves there a page's HTML, its script, styles and icon under names that carry a hash of their content, so
// that they may be served as immutable, the licences of what is bundled, and index.json:
//   {"/chat": {"file": "chat.html", "type": "text/html; charset=utf-8", "immutable": false,
//              "br": "chat.html.br", "gzip": "chat.html.gz",
//              "etags": {"identity": "0123456789abcdef", "br": …, "gzip": …}}, …}
// The paths are below the server's prefix; the pages use relative URLs only. Same inputs, same bytes.
import { build } from 'esbuild';
import { createHash } from 'node:crypto';
import { mkdir, readFile, readdir, rm, writeFile } from 'node:fs/promises';
import { basename, dirname, extname, join, resolve } from 'node:path';
import { fileURLToPath } from 'node:url';
import { brotliCompressSync, constants, gzipSync } from 'node:zlib';

const here = dirname(fileURLToPath(import.meta.url));
const types = {
  '.html': 'text/html; charset=utf-8',
  '.js': 'text/javascript; charset=utf-8',
  '.css': 'text/css; charset=utf-8',
  '.svg': 'image/svg+xml',
  '.webmanifest': 'application/manifest+json',
  '.txt': 'text/plain; charset=utf-8',
};
const pages = ['admin', 'chat', 'download'];
// Packages whose code ends up in a page.
const bundled = ['marked', 'idb', 'highlight.js', 'temml', 'dompurify', 'uplot', 'uqr'];

/**
 * Of marked, the pages use the lexer alone: they build nodes and never HTML text, so the renderer has no
 * business in them. It cannot be shaken off, because the package's last lines put all parts together in
 * one default instance. They are cut here; should a new version look different, the build says so.
 */
const lexerOnly = {
  name: 'marked-lexer-only',
  setup({ onLoad }) {
    onLoad({ filter: /marked\.esm\.js$/ }, async ({ path }) => {
      const source = await readFile(path, 'utf8');
      const [, lexer] = /export\s*\{.*?([\w$]+) as Lexer\b/s.exec(source) ?? [];
      const instance = source.search(
        /var ([\w$]+)=new [\w$]+;function [\w$]+\(\w+,\w+\)\{return \1\.parse\(/,
      );
      if (!lexer || instance < 0) throw new Error('marked is put together in a new way: see lexerOnly');
      return { contents: `${source.slice(0, instance)}export{${lexer} as Lexer};` };
    });
  },
};

/**
 * The parts that a page loads when it first needs them are built by themselves, and the page's script names their
 * files: were they split off it, esbuild would put what both need into one more file of the first load.
 */
const laterParts = ['chat/rich/highlight', 'chat/rich/math', 'admin/rich/plot'];
const importsLater = (files) => ({
  name: 'imports-later',
  setup({ onResolve }) {
    onResolve({ filter: /\/rich\/\w+\.js$/ }, ({ path, kind }) => {
      if (kind !== 'dynamic-import') return undefined;
      const file = files.find((name) => name.startsWith(`part-${basename(path, '.js')}-`));
      if (!file) throw new Error(`the build made no part for ${path}`);
      return { path: `./${file}`, external: true };
    });
  },
});

const outdir = process.argv[2];
if (!outdir) {
  console.error('usage: node build.mjs OUTDIR');
  process.exit(2);
}
await buildPages(resolve(outdir));

async function buildPages(out) {
  await mkdir(out, { recursive: true });
  await removeEarlier(out);
  const { names, parts } = await buildAssets(out);
  names['chat.webmanifest'] = await writeManifest(out, names);
  const index = {};
  for (const page of pages) {
    const file = `${page}.html`;
    const template = await readFile(join(here, page, file), 'utf8');
    await writeFile(join(out, file), await withNames(template, names));
    index[`/${page}`] = { file, type: types['.html'], immutable: false };
  }
  for (const file of [...Object.values(names), ...parts]) {
    index[`/assets/${file}`] = { file, type: types[extname(file)], immutable: true };
  }
  const ofChat = laterParts.filter((part) => part.startsWith('chat/')).map((part) => basename(part));
  const kept = new RegExp(`^(chat|icon|part-(${ofChat.join('|')}))-`);
  await buildWorker(
    out,
    [...Object.values(names), ...parts].filter((file) => kept.test(file)),
  );
  index['/sw.js'] = { file: 'sw.js', type: types['.js'], immutable: false };
  await writeFile(join(out, 'licences.txt'), await licences());
  index['/assets/licences.txt'] = { file: 'licences.txt', type: types['.txt'], immutable: false };
  for (const entry of Object.values(index)) Object.assign(entry, await packed(out, entry.file));
  await writeFile(join(out, 'index.json'), JSON.stringify(index, null, 2) + '\n');
}

/**
 * Builds scripts, styles and the icon; returns the hashed name of each, {'chat.js': 'chat-….js', …}, and of the parts
 * that scripts load later. Each page by itself: what two share would become a file of its own, and a page's script
 * must not wait for a second one.
 */
async function buildAssets(out) {
  const later = laterParts.map((part) => ({ in: `${part}.js`, out: `part-${basename(part)}` }));
  const parts = await buildEntries(later, out);
  const entries = pages.map((page) => [
    { in: `${page}/main.js`, out: page },
    { in: `${page}/${page}.css`, out: page },
  ]);
  entries.push([{ in: 'common/icon.svg', out: 'icon' }]);
  const built = await Promise.all(entries.map((entryPoints) => buildEntries(entryPoints, out, parts)));
  const whole = built.flat().sort();
  const plain = (file) => file.replace(/-[0-9A-Z]{8}(?=\.)/, '');
  return { names: Object.fromEntries(whole.map((file) => [plain(file), file])), parts: parts.sort() };
}

async function buildEntries(entryPoints, out, parts = []) {
  const { metafile } = await build({
    absWorkingDir: here,
    entryPoints,
    outdir: out,
    entryNames: '[name]-[hash]',
    chunkNames: 'part-[hash]',
    loader: { '.svg': 'copy' },
    bundle: true,
    splitting: true,
    format: 'esm',
    target: ['chrome111', 'firefox115', 'safari16.4'],
    charset: 'utf8',
    minify: true,
    banner: { js: '/* Licences of what is bundled here: licences.txt */' },
    legalComments: 'none',
    plugins: [lexerOnly, importsLater(parts)],
    metafile: true,
    logLevel: 'warning',
  });
  return Object.keys(metafile.outputs).map((path) => basename(path));
}

async function licences() {
  const texts = bundled.map(async (name) => {
    const folder = join(here, 'node_modules', name);
    const { version } = JSON.parse(await readFile(join(folder, 'package.json'), 'utf8'));
    const file = (await readdir(folder)).find((entry) => /^licen[cs]e/i.test(entry));
    return `${name} ${version}\n\n${await readFile(join(folder, file), 'utf8')}`;
  });
  return (await Promise.all(texts)).join('\n');
}

/** {{name}} becomes the file's URL, {{data:name}} the file itself as a data: URL. */
async function withNames(template, names, folder = 'assets/') {
  const known = (name) => {
    if (!names[name]) throw new Error(`the build made no ${name}`);
    return names[name];
  };
  const inline = new Map();
  for (const [, name] of template.matchAll(/\{\{data:([\w.]+)\}\}/g)) {
    const bytes = await readFile(join(here, 'common', name));
    inline.set(name, `data:${types[extname(name)]};base64,${bytes.toString('base64')}`);
  }
  // Indentation is for people; between the page's tags it means nothing.
  return template
    .replace(/\n\s+/g, '\n')
    .replace(/\{\{data:([\w.]+)\}\}/g, (_, name) => inline.get(name))
    .replace(/\{\{([\w.]+)\}\}/g, (_, name) => folder + known(name));
}

async function writeManifest(out, names) {
  const template = await readFile(join(here, 'chat/chat.webmanifest'), 'utf8');
  const text = await withNames(template, names, '');
  const hash = createHash('sha256').update(text).digest('hex').slice(0, 8).toUpperCase();
  await writeFile(join(out, `chat-${hash}.webmanifest`), text);
  return `chat-${hash}.webmanifest`;
}

/** The service worker keeps `files`, and knows its version by them and by the page. */
async function buildWorker(out, files) {
  const page = await readFile(join(out, 'chat.html'));
  const version = createHash('sha256').update(page).update(files.join()).digest('hex').slice(0, 12);
  await build({
    absWorkingDir: here,
    entryPoints: ['chat/sw.js'],
    outfile: join(out, 'sw.js'),
    define: {
      VERSION: JSON.stringify(version),
      FILES: JSON.stringify(files.map((file) => `assets/${file}`)),
    },
    target: ['chrome111', 'firefox115', 'safari16.4'],
    minify: true,
    logLevel: 'warning',
  });
}

/**
 * Packs a file for those who understand it, beside it: {br: 'chat.html.br', gzip: 'chat.html.gz', etags}. The server
 * takes the tags as they are: to make them it would have to read all pages when it starts, and keep them in memory.
 */
async function packed(out, file) {
  const bytes = await readFile(join(out, file));
  const size = { [constants.BROTLI_PARAM_SIZE_HINT]: bytes.length };
  const codings = { br: brotliCompressSync(bytes, { params: size }), gzip: gzipSync(bytes, { level: 9 }) };
  await writeFile(join(out, `${file}.br`), codings.br);
  await writeFile(join(out, `${file}.gz`), codings.gzip);
  const tag = (content) => createHash('sha256').update(content).digest('hex').slice(0, 16);
  const etags = { identity: tag(bytes), br: tag(codings.br), gzip: tag(codings.gzip) };
  return { br: `${file}.br`, gzip: `${file}.gz`, etags };
}

/** Removes what an earlier build made there, and nothing else. */
async function removeEarlier(out) {
  const index = await readFile(join(out, 'index.json'), 'utf8').catch(() => '{}');
  const files = Object.values(JSON.parse(index)).flatMap(({ file, br, gzip }) => [file, br, gzip]);
  for (const file of files.filter(Boolean)) await rm(join(out, basename(file)), { force: true });
}
