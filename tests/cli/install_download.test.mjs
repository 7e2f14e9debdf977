// SPDX-License-Identifier: MIT
// `opencat install URL`: downloads that break off and go on, from a server of the test's and from the real one.
import assert from 'node:assert/strict';
import { createHash, randomBytes } from 'node:crypto';
import fs from 'node:fs';
import { createServer } from 'node:http';
import path from 'node:path';
import { test } from 'node:test';
import { startServer } from '../support/server.mjs';
import { bundleFiles, bundleZip, hostPlatform } from './bundles.mjs';
import { run, sandbox, start, tree, until } from './helpers.mjs';

const large = (options = {}) =>
  bundleZip(
    bundleFiles({
      more: { 'lib/app/large.bin': { bytes: randomBytes(3 << 20), mode: 0o100644 } },
      ...options,
    }),
  );

/**
 * Serves `site.bytes` with ranges. `site.stop_at`: sends no more than so many bytes of a body and then waits; the
 * requests' headers and how they were answered are in `site.requests`.
 */
async function serve(t, bytes, { validator = true } = {}) {
  const site = { bytes, stop_at: Infinity, requests: [] };
  const server = createServer((request, response) => {
    const etag = `"${createHash('sha256').update(site.bytes).digest('hex')}"`;
    const { range, 'if-range': condition } = request.headers;
    const from = range && (!condition || condition === etag) ? Number(/^bytes=(\d+)-$/.exec(range)[1]) : null;
    const size = site.bytes.length;
    const status = from === null ? 200 : from < size ? 206 : 416;
    site.requests.push({ range, condition, status, url: request.url });
    const headers = validator ? { ETag: etag } : {};
    if (status === 416)
      return response.writeHead(416, { ...headers, 'Content-Range': `bytes */${size}` }).end();
    if (status === 206) headers['Content-Range'] = `bytes ${from}-${size - 1}/${size}`;
    const body = site.bytes.subarray(from ?? 0);
    response.writeHead(status, { ...headers, 'Content-Length': body.length });
    if (body.length <= site.stop_at) response.end(body);
    else response.write(body.subarray(0, site.stop_at));
  });
  await new Promise((resolve) => server.listen(0, '127.0.0.1', resolve));
  t.after(() => (server.closeAllConnections(), server.close()));
  site.url = `http://127.0.0.1:${server.address().port}/a.zip`;
  return site;
}

function pc(t) {
  const folder = sandbox(t);
  const prefix = path.join(folder, 'pc');
  const words = (url) => ['install', url, '--prefix', prefix];
  const part = () => {
    const found = tree(path.join(prefix, 'downloads')).find((name) => name.endsWith('.zip'));
    return found ? path.join(prefix, 'downloads', found) : null;
  };
  return {
    folder,
    prefix,
    part,
    installing: (url) => start(folder, words(url)),
    install: (url) => run(folder, words(url)),
    uninstall: (...more) => run(folder, ['uninstall', '--prefix', prefix, ...more]),
    size: () => (part() ? fs.statSync(part()).size : 0),
  };
}

/** Starts to install, and ends that with the signal once 1,000,000 bytes have come. */
async function breakOff(site, { installing, size }, signal) {
  site.stop_at = 1_000_000;
  const child = installing(site.url);
  await until(() => size() === 1_000_000, 'the first bytes');
  child.kill(signal);
  site.stop_at = Infinity;
  return child.done;
}

for (const signal of ['SIGINT', 'SIGKILL']) {
  test(`a download ended by ${signal} goes on where it was`, async (t) => {
    const here = pc(t);
    const site = await serve(t, large());
    const ended = await breakOff(site, here, signal);
    if (signal === 'SIGINT') {
      assert.equal(ended.code, 130);
      assert.ok(!fs.existsSync(path.join(here.prefix, 'versions')));
    }
    assert.equal(fs.statSync(here.part()).mode & 0o777, 0o600);
    assert.equal((await here.install(site.url)).code, 0);
    const { range, condition, status } = site.requests.at(-1);
    assert.deepEqual([range, status], ['bytes=1000000-', 206]);
    assert.match(condition, /^"[0-9a-f]{64}"$/);
    assert.equal(here.part(), null);
    assert.ok(!fs.existsSync(path.join(here.prefix, 'downloads')));
  });
}

test('a zip that is another one by then is downloaded anew, and so is one that nobody can tell', async (t) => {
  const changed = pc(t);
  const site = await serve(t, large());
  await breakOff(site, changed, 'SIGKILL');
  site.bytes = large({ version: '2.0.0' });
  assert.equal((await changed.install(site.url)).code, 0);
  assert.deepEqual([site.requests.at(-1).range, site.requests.at(-1).status], ['bytes=1000000-', 200]);
  assert.match(fs.readdirSync(path.join(changed.prefix, 'versions')).join(), /^2\.0\.0-/);

  const untold = pc(t);
  const plain = await serve(t, large(), { validator: false });
  await breakOff(plain, untold, 'SIGKILL');
  assert.equal((await untold.install(plain.url)).code, 0);
  assert.deepEqual(
    plain.requests.map(({ range, status }) => [range, status]),
    [
      [undefined, 200],
      [undefined, 200],
    ],
  );
});

test('after a setup that failed, what was downloaded stays for the next try, and uninstall says so', async (t) => {
  const here = pc(t);
  const site = await serve(t, large({ label: '3' }));
  assert.equal((await here.install(site.url)).code, 3);
  const part = here.part();
  assert.ok(fs.readFileSync(part).equals(site.bytes));
  assert.ok(!fs.existsSync(path.join(here.prefix, 'versions')));
  assert.equal((await here.install(site.url)).code, 3);
  assert.equal(site.requests.at(-1).status, 416); // nothing came twice
  const done = await here.uninstall();
  assert.equal(done.code, 0);
  assert.match(done.stdout, /no version was installed/);
  assert.ok(done.stdout.includes(part));
  assert.ok(done.stdout.includes(path.join(here.prefix, 'logs/install.log')));
  assert.ok(!fs.existsSync(here.prefix));
});

test('what came broken or for another PC does not stay', async (t) => {
  const here = pc(t);
  const site = await serve(t, large().subarray(0, 2_000_000));
  assert.equal((await here.install(site.url)).code, 4);
  assert.ok(!fs.existsSync(here.prefix));
  site.bytes = large({ platform: 'win-x64' });
  assert.equal((await here.install(site.url)).code, 2);
  assert.ok(!fs.existsSync(here.prefix));
});

test('no secret of a URL is kept, and a plain address elsewhere is not asked', async (t) => {
  const here = pc(t);
  const site = await serve(t, large());
  site.stop_at = 1000;
  const child = here.installing(`${site.url}?key=occ_secret`);
  await until(() => here.size() === 1000, 'the first bytes');
  child.kill('SIGINT');
  const { stderr } = await child.done;
  for (const name of tree(here.prefix)) {
    assert.ok(!name.includes('secret'));
    const file = path.join(here.prefix, name);
    if (fs.statSync(file).isFile()) assert.ok(!fs.readFileSync(file, 'latin1').includes('secret'), name);
  }
  assert.ok(!stderr.includes('secret'));
  await here.uninstall();
  const plain = await here.install('http://192.0.2.1/a.zip');
  assert.equal(plain.code, 2);
  assert.match(plain.stderr, /https/);
  assert.ok(!fs.existsSync(here.prefix));
});

test('from `opencat serve --bundles`: install, and upgrade once the zip there is a newer one', async (t) => {
  const here = pc(t);
  const dist = path.join(here.folder, 'dist');
  fs.mkdirSync(dist);
  const zip = path.join(dist, `opencat-portable-${hostPlatform}.zip`);
  fs.writeFileSync(zip, large(), { mode: 0o644 });
  const server = await startServer({ args: ['--demo', '--bundles', dist], prefix: '/opencat' });
  t.after(() => server.stop());
  const url = `${server.url}/download/${hostPlatform}`;
  assert.equal((await here.install(url)).code, 0);
  fs.writeFileSync(`${zip}.new`, large({ version: '2.0.0' }), { mode: 0o644 });
  fs.renameSync(`${zip}.new`, zip);
  assert.equal((await here.install(url)).code, 0);
  assert.match(fs.readdirSync(path.join(here.prefix, 'versions')).join(), /^2\.0\.0-[0-9a-f]{8}$/);
});
