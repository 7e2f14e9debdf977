// SPDX-License-Identifier: MIT
// `opencat.exe serve` and what goes with it, on Wine: streams, TLS, tokens, copies of the data, bundles to download, and
// both ends of a server.
import assert from 'node:assert/strict';
import { execFileSync } from 'node:child_process';
import fs from 'node:fs';
import path from 'node:path';
import { after, before, test } from 'node:test';
import { bundleFiles, bundleZip } from '../cli/bundles.mjs';
import { sandbox, until } from '../cli/helpers.mjs';
import { certificate } from '../fakes/certificate.mjs';
import { ask, chat, chatStream, eventually, hello } from '../support/http.mjs';
import { tokenRequest } from '../support/server.mjs';
import { release } from './roots.mjs';
import { Wine, noWine } from './wine.mjs';

const built = release('win-x64');
const skip = noWine() || built.skip || false;
const cleanups = [];
after(async () => {
  for (const clean of cleanups.reverse()) await clean();
});

let wine;

before(async () => {
  if (skip) return;
  const folder = sandbox({ after: (clean) => cleanups.push(clean) });
  wine = await Wine.start(path.join(folder, 'pc'));
  fs.copyFileSync(built.file, path.join(wine.folder, 'opencat.exe'));
});

/** A folder below Wine's Z:\pc, as Windows names it. */
const there = (...parts) => ['Z:', 'pc', ...parts].join('\\');
const here = (...parts) => path.join(wine.folder, ...parts);
/** Where Linux has what Windows calls Z:\\pc\\… */
const placeOf = (file) => here(...file.split(/[\\/]/).slice(2));

/** The JSON among what was said; Wine may have said something before. */
const json = (output) => JSON.parse(output.split('\n').find((line) => line.startsWith('{')));
const sqlite = (file, query) => execFileSync('sqlite3', [file, query], { encoding: 'utf8' }).trim();

/** `opencat serve` on Wine, listening: { origin, ready, secret, started }. */
async function serve(t, data, more = []) {
  const words = ['serve', '--demo', '--port', '0', '--data-dir', there(data), '--json', ...more];
  const started = wine.start([there('opencat.exe'), ...words]);
  let over = null;
  started.done.then((end) => (over = end));
  t.after(() => started.kill());
  await until(() => over || started.output.includes('"public_url"'), 'the first line', 60_000);
  assert.equal(over, null, over?.output);
  const ready = json(started.output);
  const secret = fs.readFileSync(placeOf(ready.admin_secret_file), 'utf8').trim();
  return { origin: ready.url, ready, secret, started };
}

/** The process of the server whose data folder this is, as Linux sees it. */
function pidOf(data) {
  for (const pid of fs.readdirSync('/proc').filter((name) => /^\d+$/.test(name))) {
    try {
      const words = fs.readFileSync(`/proc/${pid}/cmdline`, 'utf8').split('\0');
      if (/opencat\.exe$/.test(words[0]) && words.includes(there(data))) return Number(pid);
    } catch {
      // It ended meanwhile.
    }
  }
  throw new Error(`no opencat.exe serves ${data}`);
}

async function issue(server, tls = {}) {
  const answer = await ask(`${server.origin}/api/tokens`, {
    method: 'POST',
    headers: { 'Content-Type': 'application/json', 'X-Admin-Secret': server.secret },
    body: JSON.stringify(tokenRequest({ platform: 'win-x64' })),
    ...tls,
  });
  assert.equal(answer.status, 200, String(answer.body));
  return answer.json().token;
}

/** Ctrl-C, and its exit code. */
async function stop(server, data) {
  process.kill(pidOf(data), 'SIGINT'); // Wine makes Ctrl-C of it
  const { code, output } = await server.started.done;
  assert.equal(code, 0, output);
  return output;
}

test('serve: probes, pages, tokens, chats streamed at once, and the end by Ctrl-C', { skip }, async (t) => {
  const server = await serve(t, '数据');
  assert.equal((await fetch(`${server.origin}/healthz`)).status, 200);
  assert.match(await (await fetch(`${server.origin}/chat`)).text(), /<html/);
  const token = await issue(server);
  const streams = await Promise.all(Array.from({ length: 20 }, () => chatStream(server, token)));
  for (const stream of streams) {
    assert.equal(stream.status, 200);
    const events = await stream.rest();
    assert.ok(events.length > 3, 'in pieces');
    assert.equal(events.at(-1), '[DONE]');
  }
  const output = await stop(server, '数据');
  assert.ok(!output.includes(token));
  assert.equal(sqlite(here('数据', 'opencat.db'), 'PRAGMA integrity_check'), 'ok');
});

test('serve: killed in the middle of streams, it goes on with what it had', { skip }, async (t) => {
  const first = await serve(t, 'killed');
  const token = await issue(first);
  const stream = await chatStream(first, token);
  await stream.next();
  stream.response.on('error', () => {});
  process.kill(pidOf('killed'), 'SIGKILL');
  await first.started.done;
  assert.equal(sqlite(here('killed', 'opencat.db'), 'PRAGMA integrity_check'), 'ok');
  const second = await serve(t, 'killed');
  const again = await chatStream(second, token);
  assert.equal(again.status, 200, 'the token was kept');
  assert.equal((await again.rest()).at(-1), '[DONE]');
});

test('serve: https with a certificate of its own, and none by another CA', { skip }, async (t) => {
  fs.mkdirSync(here('证书'));
  const tls = certificate(here('证书'), ['127.0.0.1']);
  const words = ['--tls-cert', there('证书', 'cert.pem'), '--tls-key', there('证书', 'key.pem')];
  const server = await serve(t, 'secure', words);
  assert.match(server.origin, /^https:/);
  const token = await issue(server, { ca: tls.cert });
  const stream = await chatStream(server, token, hello, { ca: tls.cert });
  assert.equal(stream.status, 200);
  assert.equal((await stream.rest()).at(-1), '[DONE]');
  await assert.rejects(ask(`${server.origin}/healthz`), { code: 'DEPTH_ZERO_SELF_SIGNED_CERT' });
  await stop(server, 'secure');
});

test('token and backup beside a running server; the copy serves what it had', { skip }, async (t) => {
  const server = await serve(t, 'copied');
  const beside = async (...words) => {
    const ended = await server.started.beside([
      there('opencat.exe'),
      ...words,
      '--data-dir',
      there('copied'),
    ]);
    assert.equal(ended.code, 0, ended.output);
    return ended.output;
  };
  const { token, id } = json(
    await beside('token', 'create', '--label', '李', '--daily-limit', '2', '--json'),
  );
  assert.equal((await chat(server, token)).status, 200);
  const rows = json(await beside('token', 'list', '--json')).tokens;
  assert.deepEqual([rows.find((row) => row.id === id)?.label, rows.length], ['李', 2], 'and the demo’s own');

  await beside('backup', there('备份 1.db'));
  assert.equal(sqlite(here('备份 1.db'), 'PRAGMA integrity_check'), 'ok');
  await beside('token', 'disable', id);
  assert.equal((await chat(server, token)).status, 403);
  await stop(server, 'copied');

  fs.mkdirSync(here('restored'));
  fs.copyFileSync(here('备份 1.db'), here('restored', 'opencat.db'));
  const restored = await serve(t, 'restored');
  assert.equal((await chat(restored, token)).status, 200, 'as it was when the copy was made');
  assert.equal((await chat(restored, token)).status, 429, 'and so is its count');
  await stop(restored, 'restored');
});

test(
  'serve --bundles: what is in the folder, byte for byte, and what is put there later',
  { skip },
  async (t) => {
    fs.mkdirSync(here('成品'));
    const put = (platform, label) => {
      const bytes = bundleZip(bundleFiles({ platform, label }));
      fs.writeFileSync(here('成品', 'new'), bytes);
      fs.renameSync(here('成品', 'new'), here('成品', `opencat-portable-${platform}.zip`));
      return bytes;
    };
    const first = put('win-x64', 'first');
    const server = await serve(t, 'shelf', ['--bundles', there('成品')]);
    const list = async () => (await ask(`${server.origin}/api/downloads`)).json().downloads;
    const listed = await eventually(
      async () => (await list()).length === 1 && list(),
      'the bundle is listed',
    );
    const got = await ask(`${server.origin}/${listed[0].path}`);
    assert.ok(got.body.equals(first));
    const part = await ask(`${server.origin}/${listed[0].path}`, { headers: { Range: 'bytes=10-19' } });
    assert.equal(part.status, 206);
    assert.ok(part.body.equals(first.subarray(10, 20)));
    const second = put('win-x64', 'second');
    put('linux-x64');
    await eventually(async () => (await list()).length === 2, 'the other bundle is listed');
    assert.ok((await ask(`${server.origin}/${listed[0].path}`)).body.equals(second));
    await stop(server, 'shelf');
  },
);
