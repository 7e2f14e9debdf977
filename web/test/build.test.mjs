// SPDX-License-Identifier: MIT
import assert from 'node:assert/strict';
import { execFileSync } from 'node:child_process';
import { mkdtempSync, readdirSync, readFileSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { after, test } from 'node:test';
import { fileURLToPath } from 'node:url';
import { brotliDecompressSync, gunzipSync } from 'node:zlib';

const script = fileURLToPath(new URL('../build.mjs', import.meta.url));
const out = mkdtempSync(join(tmpdir(), 'opencat-web-'));
after(() => rmSync(out, { recursive: true }));
const build = () => execFileSync(process.execPath, [script, out]);
const read = (name) => readFileSync(join(out, name));
build();
const pages = ['admin', 'chat', 'download'];
const index = JSON.parse(read('index.json'));
const iconPath = Object.keys(index).find((path) => path.startsWith('/assets/icon-'));

test('the index names every file, and only what carries a hash is immutable', () => {
  const files = readdirSync(out).filter((name) => name !== 'index.json');
  assert.deepEqual(
    Object.values(index)
      .flatMap(({ file, br, gzip }) => [file, br, gzip])
      .sort(),
    files.sort(),
  );
  for (const page of pages) assert.equal(index[`/${page}`].file, `${page}.html`);
  for (const { file, immutable } of Object.values(index)) {
    assert.equal(immutable, /-[0-9A-Z]{8}\.\w+$/.test(file), file);
  }
});

test('each page asks only for files of the index, by relative URLs, and has nothing inline', () => {
  for (const page of pages) {
    const html = read(`${page}.html`).toString();
    const urls = [...html.matchAll(/\b(?:src|href)="([^"#]+)"/g)].map(([, url]) => url);
    assert.equal(urls.length, 3, page);
    for (const url of urls) assert.ok(index[`/${url}`] || /^data:image\/svg\+xml;base64,/.test(url), url);
    assert.doesNotMatch(html, /\{\{|\sstyle=|\son\w+=|<style|<script(?![^>]*\ssrc=)/, page);
  }
});

test('no script makes nodes or code out of text, but for the last wall, which is loaded with the libraries', () => {
  const scripts = Object.values(index).filter(
    ({ file }) => file.endsWith('.js') && !file.startsWith('part-'),
  );
  assert.equal(scripts.length, pages.length + 1); // and the service worker
  const dangerous = /innerHTML|outerHTML|insertAdjacentHTML|document\.write|DOMParser|\beval\(|new Function/;
  for (const { file } of scripts) assert.doesNotMatch(read(file).toString(), dangerous);
});

const asks = (name) =>
  [
    ...read(name)
      .toString()
      .matchAll(/^(?:\/\*.*\*\/\s*)?import\s*["{*]/gm),
  ].length;

// In brotli, which every browser that the pages are made for asks for.
const budgets = { admin: 90, chat: 80, download: 30 };

test('the first load of each page is within its budget, in three requests and the icon', () => {
  for (const page of pages) {
    const own = new RegExp(`^${page}(-\\w+)?\\.(html|js|css)$`);
    const loaded = Object.values(index).filter(({ file }) => own.test(file));
    assert.equal(loaded.length, 3, page);
    const script = loaded.find(({ file }) => file.endsWith('.js')).file;
    assert.equal(asks(script), 0, `${script} waits for another file`);
    const size = [...loaded, index[iconPath]].reduce((sum, { br }) => sum + read(br).length, 0);
    assert.ok(size < budgets[page] * 1024, `${page}: ${size} bytes`);
  }
});

test('what is packed unpacks to the file', () => {
  for (const { file, br, gzip } of Object.values(index)) {
    assert.deepEqual(brotliDecompressSync(read(br)), read(file));
    assert.deepEqual(gunzipSync(read(gzip)), read(file));
  }
});

/** The parts that a page's script loads later. */
function partsOf(page) {
  const { file } = Object.values(index).find((entry) => new RegExp(`^${page}-.*js$`).test(entry.file));
  return [
    ...read(file)
      .toString()
      .matchAll(/import\("\.\/(part-[\w-]+\.js)"\)/g),
  ].map(([, part]) => part);
}

test('the pages’ large libraries are parts that their scripts load when they need them', () => {
  const parts = Object.values(index).filter(({ file }) => file.startsWith('part-'));
  assert.equal(partsOf('chat').length, 2);
  assert.equal(partsOf('admin').length, 1);
  for (const file of [...partsOf('chat'), ...partsOf('admin')])
    assert.ok(index[`/assets/${file}`]?.immutable, file);
  for (const { file, br } of parts) assert.ok(read(br).length < 80 * 1024, file);
});

test('the service worker keeps the files of the chat page that there are, and its version is theirs', () => {
  const worker = read('sw.js').toString();
  const kept = [...worker.matchAll(/assets\/[\w.-]+/g)]
    .map(([path]) => path)
    .filter((path) => path !== 'assets/');
  for (const path of kept) assert.ok(index[`/${path}`], path);
  const files = Object.values(index).map(({ file }) => file);
  const wanted = [...files.filter((file) => /^(chat|icon)-/.test(file)), ...partsOf('chat')];
  assert.deepEqual(kept.sort(), wanted.map((file) => `assets/${file}`).sort());
  assert.match(worker, /"[0-9a-f]{12}"/);
});

test('the manifest names an icon and a page that there are', () => {
  const { file } = Object.values(index).find(({ file }) => file.endsWith('.webmanifest'));
  const manifest = JSON.parse(read(file));
  const at = (url) => new URL(url, `http://x/assets/${file}`).pathname;
  assert.ok(index[at(manifest.icons[0].src)]);
  assert.ok(index[at(manifest.start_url)]);
  assert.match(read('chat.html').toString(), new RegExp(`data-manifest="assets/${file}"`));
});

test('the licence of each bundled package is there', async () => {
  const { dependencies } = JSON.parse(readFileSync(new URL('../package.json', import.meta.url)));
  const licences = read('licences.txt').toString();
  for (const [name, version] of Object.entries(dependencies))
    assert.ok(licences.includes(`${name} ${version}`));
  assert.match(licences, /Permission is hereby granted/);
});

test('building again gives the same bytes and removes only what the earlier build made', () => {
  const before = readdirSync(out).map((name) => [name, read(name)]);
  const stale = { ...index, '/assets/chat-OLDOLD00.js': { file: 'chat-OLDOLD00.js' } };
  writeFileSync(join(out, 'index.json'), JSON.stringify(stale));
  writeFileSync(join(out, 'chat-OLDOLD00.js'), '');
  writeFileSync(join(out, 'mine.txt'), 'mine');
  build();
  assert.deepEqual(
    readdirSync(out)
      .filter((name) => name !== 'mine.txt')
      .map((name) => [name, read(name)]),
    before,
  );
  assert.equal(read('mine.txt').toString(), 'mine');
});
