// SPDX-License-Identifier: MIT
// `opencat serve --bundles DIR`: what strangers may download, and what they may not.
import assert from 'node:assert/strict';
import { createHash, randomBytes } from 'node:crypto';
import { once } from 'node:events';
import fs from 'node:fs';
import { join } from 'node:path';
import { after, before, test } from 'node:test';
import { bundleFiles, bundleZip } from '../cli/bundles.mjs';
import { ask, begin, eventually } from '../support/http.mjs';
import { newFolder, runOpencat, startServer } from '../support/server.mjs';

const zipName = (platform) => `opencat-portable-${platform}.zip`;
const sha256 = (bytes) => createHash('sha256').update(bytes).digest('hex');

let folder;
let server;
let bytes;
/** Puts a zip in the folder in one step, as `opencat bundle` does. */
function offer(platform, content, mode = 0o644) {
  const file = join(folder, zipName(platform));
  fs.writeFileSync(`${file}.new`, content, { mode });
  fs.chmodSync(`${file}.new`, mode);
  fs.renameSync(`${file}.new`, file);
}
const get = (platform, headers, method) => ask(`${server.url}/download/${platform}`, { headers, method });
const list = async () => (await ask(`${server.url}/api/downloads`)).json().downloads;

/** A bundle with a file that takes some time to send. */
function largeBundle(size) {
  const files = bundleFiles({ platform: 'linux-x64' });
  files['lib/app/large.bin'] = { bytes: randomBytes(size), mode: 0o100644 };
  return bundleZip(files);
}

before(async () => {
  folder = await newFolder();
  bytes = largeBundle(24 << 20);
  offer('linux-x64', bytes);
  server = await startServer({ prefix: '/opencat', args: ['--demo', '--bundles', folder] });
});
after(async () => {
  await server.stop();
  fs.rmSync(folder, { recursive: true });
});

test('the list names what is there, and the download is that, byte for byte', async () => {
  const [entry, ...others] = await list();
  assert.deepEqual(others, []);
  assert.deepEqual(entry, {
    platform: 'linux-x64',
    file: zipName('linux-x64'),
    size: bytes.length,
    sha256: sha256(bytes),
    path: 'download/linux-x64',
  });
  const { status, headers, body } = await ask(`${server.url}/${entry.path}`);
  assert.equal(status, 200);
  assert.ok(body.equals(bytes));
  assert.equal(headers['content-length'], String(bytes.length));
  assert.equal(headers['content-type'], 'application/zip');
  assert.equal(headers['content-disposition'], `attachment; filename="${zipName('linux-x64')}"`);
  assert.equal(headers['accept-ranges'], 'bytes');
  assert.match(headers.etag, /^"[0-9a-f]{64}"$/);
  const digest = createHash('sha256').update(bytes).digest('base64');
  assert.equal(headers['repr-digest'], `sha-256=:${digest}:`);
});

test('HEAD tells the same and sends nothing, and the connection stays', async () => {
  const whole = await begin(`${server.url}/download/linux-x64`);
  whole.request.destroy();
  const { status, headers, body } = await get('linux-x64', {}, 'HEAD');
  assert.deepEqual([status, body.length], [200, 0]);
  const told = ({ date, connection, 'x-request-id': id, ...rest }) => rest;
  assert.deepEqual(told(headers), told(whole.headers));
});

test('a range, If-Range, and 416', async () => {
  const { etag } = (await get('linux-x64', {}, 'HEAD')).headers;
  const part = await get('linux-x64', { Range: 'bytes=1000000-3999999', 'If-Range': etag });
  assert.equal(part.status, 206);
  assert.equal(part.headers['content-range'], `bytes 1000000-3999999/${bytes.length}`);
  assert.equal(part.headers['content-length'], '3000000');
  assert.ok(part.body.equals(bytes.subarray(1_000_000, 4_000_000)));
  const rest = await get('linux-x64', { Range: `bytes=${bytes.length - 5}-` });
  assert.ok(rest.body.equals(bytes.subarray(-5)));
  const other = await get('linux-x64', { Range: 'bytes=5-', 'If-Range': '"other"' });
  assert.deepEqual([other.status, other.body.length], [200, bytes.length]);
  const beyond = await get('linux-x64', { Range: `bytes=${bytes.length}-` });
  assert.deepEqual([beyond.status, beyond.headers['content-range']], [416, `bytes */${bytes.length}`]);
  const same = await get('linux-x64', { 'If-None-Match': etag });
  assert.deepEqual([same.status, same.body.length], [304, 0]);
});

test('a client that leaves, and many that read slowly, cost neither memory nor the server', async () => {
  const rss = () => Number(/VmRSS:\s+(\d+)/.exec(fs.readFileSync(`/proc/${server.child.pid}/status`))[1]);
  await get('linux-x64');
  const atRest = rss();
  const slow = await Promise.all(Array.from({ length: 20 }, () => begin(`${server.url}/download/linux-x64`)));
  for (const { response } of slow) {
    response.once('readable', () => {}); // takes a little and no more
    await once(response, 'readable');
  }
  const grown = rss() - atRest;
  // Whole, 20 of them would be 480 MiB.
  assert.ok(grown < 60 << 10, `${grown} KiB more`);
  for (const { request } of slow) request.destroy();
  assert.equal((await get('linux-x64')).body.length, bytes.length);
});

test('what is put there while it serves is offered, and a replaced one has another ETag', async () => {
  const first = bundleZip(bundleFiles({ platform: 'win-x64' }));
  offer('win-x64', first);
  const before = await get('win-x64');
  assert.ok(before.body.equals(first));
  const second = bundleZip(bundleFiles({ platform: 'win-x64', version: '2.0.0' }));
  offer('win-x64', second);
  const stale = await get('win-x64', { Range: 'bytes=10-', 'If-Range': before.headers.etag });
  assert.equal(stale.status, 200);
  assert.ok(stale.body.equals(second));
  fs.rmSync(join(folder, zipName('win-x64')));
  assert.equal((await get('win-x64')).status, 404);
});

test('a zip with a token, a private one and what is no bundle are not given out, and the log says why once', async () => {
  const log = () => server.child.text.stderr;
  const withToken = bundleZip(bundleFiles({ platform: 'darwin-x64', token: 'occ_secret' }));
  const cases = [
    ['darwin-x64', withToken, 0o644, /token.*--pre-token/],
    ['darwin-arm64', bundleZip(bundleFiles({ platform: 'darwin-arm64' })), 0o600, /only its owner may read/],
    ['linux-arm64', Buffer.from('hello'), 0o644, /it is refused|zip/],
    ['win-arm64', bytes.subarray(0, 5000), 0o644, /it is refused|zip/],
  ];
  for (const [platform, content, mode, why] of cases) {
    offer(platform, content, mode);
    assert.equal((await get(platform)).status, 404, platform);
    assert.equal((await get(platform)).status, 404, platform);
    const lines = log()
      .split('\n')
      .filter((line) => line.includes(zipName(platform)));
    assert.equal(lines.length, 1, log());
    assert.match(lines[0], /is not offered/);
    assert.match(lines[0], why);
    assert.ok(!lines[0].includes('occ_secret'));
  }
  assert.deepEqual(
    (await list()).map(({ platform }) => platform),
    ['linux-x64'],
  );
  fs.chmodSync(join(folder, zipName('darwin-arm64')), 0o644);
  assert.equal((await get('darwin-arm64')).status, 200);
});

test('nothing else of the folder, and nothing outside of it, can be reached', async () => {
  fs.writeFileSync(join(folder, 'tokens.csv'), 'secret');
  for (const name of ['tokens.csv', '..%2f..%2fetc%2fpasswd', 'linux-x64.zip', 'linux-x64%00', 'plan9-x64'])
    assert.equal((await ask(`${server.url}/download/${name}`)).status, 404, name);
});

test('the page is there with --bundles, and only then', async () => {
  const page = await ask(`${server.url}/download`);
  assert.equal(page.status, 200);
  assert.ok(!page.headers['content-security-policy'].includes('unsafe'));
  const without = await startServer();
  try {
    for (const path of ['/download', '/api/downloads', '/download/linux-x64'])
      assert.equal((await ask(without.url + path)).status, 404, path);
  } finally {
    await without.stop();
  }
});

test('a folder that is not there ends it at the start, with the flag named', async () => {
  const dir = await newFolder();
  const { code, stderr } = await runOpencat(
    ['serve', '--demo', '--port', '0', '--data-dir', dir, '--bundles', join(dir, 'gone')],
    { cwd: dir },
  );
  fs.rmSync(dir, { recursive: true });
  assert.equal(code, 2);
  assert.match(stderr, /--bundles: there is no folder .*gone/);
});

test('at the start the log says what is offered', () =>
  eventually(() => server.child.text.stderr.includes(`${zipName('linux-x64')} is offered`), 'the line'));
