// SPDX-License-Identifier: MIT
// What a network and a machine do to a fetch: broken connections, busy servers, proxies, kills.
import assert from 'node:assert/strict';
import { spawn } from 'node:child_process';
import { randomBytes } from 'node:crypto';
import { once } from 'node:events';
import fs from 'node:fs';
import path from 'node:path';
import { test } from 'node:test';
import { DEAD, cachedRuntimes, environment, opencat, run, sandbox, start, until } from './helpers.mjs';
import { certificate } from '../fakes/certificate.mjs';
import { NodeMirror, distArchive, distFiles } from '../fakes/node_mirror.mjs';
import { Signer } from '../fakes/openpgp.mjs';
import { Proxy } from '../fakes/proxy.mjs';
import { tarGz, zip } from '../fakes/zip.mjs';

const VERSION = '22.14.0';
const ARCHIVE = `node-v${VERSION}-linux-x64.tar.gz`;
const BIG = 3 << 20;

/** A runtime that does not compress, so that its archive comes in many pieces. */
function bigArchive(platform, version, npm, bytes = BIG) {
  if (platform.startsWith('win')) return distArchive(platform, version, npm);
  const root = `node-v${version}-${platform}`;
  const module = `${root}/lib/node_modules/npm`;
  return tarGz([
    { name: `${root}/bin/node`, bytes: randomBytes(bytes), mode: 0o755 },
    { name: `${module}/package.json`, bytes: JSON.stringify({ name: 'npm', version: npm }) },
    { name: `${module}/bin/npm-cli.js`, bytes: '' },
  ]);
}

async function mirror(t, platforms = ['linux-x64'], tls = undefined) {
  const made = await NodeMirror.start(tls);
  t.after(() => made.stop());
  made.addDist(VERSION, platforms, { lts: 'Jod', archive: bigArchive });
  return made;
}

const words = (base, ...more) => [
  ...['fetch', '--platform', 'linux-x64', '--node-version', VERSION, '--source', 'dist', '--json'],
  ...(base ? ['--mirror', base] : []),
  ...more,
];
const archives = (dist) => dist.requests.filter((each) => each.path.endsWith(ARCHIVE));
const kept = (folder) => {
  const downloads = path.join(folder, 'cache', 'downloads');
  const names = fs.existsSync(downloads) ? fs.readdirSync(downloads) : [];
  return names.filter((name) => !/\.(lock|json)$/.test(name)).map((name) => path.join(downloads, name));
};

async function whole(folder, result) {
  assert.equal(result.code, 0, result.stderr);
  assert.equal((await run(folder, ['fetch', '--verify'])).code, 0);
  assert.deepEqual(kept(folder), [], 'nothing is kept of a download that ended well');
}

test('a connection that breaks again and again: each request asks for the rest only', async (t) => {
  const folder = sandbox(t);
  const dist = await mirror(t);
  dist.fail('.tar.gz', 'drop', 6);
  await whole(folder, await run(folder, words(dist.dist)));
  const asked = archives(dist);
  assert.equal(asked.length, 7);
  const begins = asked.map((each) => Number(/^bytes=(\d+)-$/.exec(each.headers.range ?? 'bytes=0-')[1]));
  assert.deepEqual(
    begins.toSorted((a, b) => a - b),
    begins,
  );
  assert.ok(begins.at(-1) > BIG * 0.9, `${begins}`);
  assert.ok(asked.slice(1).every((each) => /^"/.test(each.headers['if-range'])));
});

test('what Ctrl-C or a kill left of a download is not fetched again', async (t) => {
  for (const signal of ['SIGINT', 'SIGKILL']) {
    const folder = sandbox(t);
    const dist = await mirror(t);
    dist.fail('.tar.gz', 'stall', 1);
    const child = start(folder, words(dist.dist));
    const half = dist.files.get(`/dist/v${VERSION}/${ARCHIVE}`).length >> 1;
    await until(() => kept(folder).some((file) => fs.statSync(file).size === half), 'half of it to come');
    child.kill(signal);
    await child.done;
    assert.deepEqual((await run(folder, ['fetch', '--list', '--json'])).json.runtimes, []);
    await whole(folder, await run(folder, words(dist.dist)));
    assert.equal(archives(dist)[1].headers.range, `bytes=${half}-`);
  }
});

test('a server without ranges, and one whose file changed meanwhile: whole all the same', async (t) => {
  const folder = sandbox(t);
  const dist = await mirror(t);
  dist.ranges = false;
  dist.fail('.tar.gz', 'drop', 1);
  await whole(folder, await run(folder, words(dist.dist)));

  // Half of another release with the same name and sum list entry cannot be told from ours before the end.
  const other = sandbox(t);
  dist.ranges = true;
  dist.fail('.tar.gz', 'drop');
  assert.equal((await run(other, words(dist.dist, '--retries', '0'))).code, 3);
  const [part] = kept(other);
  fs.writeFileSync(part, Buffer.alloc(fs.statSync(part).size, 'x'));
  dist.faults.clear();
  const result = await run(other, words(dist.dist));
  assert.match(result.stderr, /does not fit; beginning again/);
  await whole(other, result);
});

test('a part that is whole already needs no request for the rest', async (t) => {
  const folder = sandbox(t);
  const dist = await mirror(t);
  dist.fail('.tar.gz', 'drop');
  assert.equal((await run(folder, words(dist.dist, '--retries', '0'))).code, 3);
  const before = archives(dist).length;
  fs.writeFileSync(kept(folder)[0], dist.files.get(`/dist/v${VERSION}/${ARCHIVE}`));
  await whole(folder, await run(folder, words(dist.dist)));
  assert.equal(archives(dist).length, before);
});

test('--prune removes what is kept of downloads', async (t) => {
  const folder = sandbox(t);
  const dist = await mirror(t);
  dist.fail('.tar.gz', 'drop');
  await run(folder, words(dist.dist, '--retries', '0'));
  assert.equal(kept(folder).length, 1);
  assert.equal((await run(folder, ['fetch', '--prune'])).code, 0);
  assert.equal(kept(folder).length, 0);
});

test('--prune removes apps that were not used for a month, and what a killed run left of one', async (t) => {
  const folder = sandbox(t);
  const cache = path.join(folder, 'cache');
  const day = 24 * 3600;
  const made = (name, ageDays) => {
    const file = path.join(cache, name);
    fs.mkdirSync(path.dirname(file), { recursive: true });
    fs.writeFileSync(file, '');
    const then = Date.now() / 1000 - ageDays * day;
    for (const each of [file, path.dirname(file)]) fs.utimesSync(each, then, then);
  };
  made('app-killed/package.json', 2);
  made('app-running/package.json', 0);
  made('packages/old.tgz', 31);
  made('packages/used.tgz', 29);
  assert.equal((await run(folder, ['fetch', '--prune'])).code, 0);
  const left = ['app-killed', 'app-running', 'packages/old.tgz', 'packages/used.tgz'];
  assert.deepEqual(
    left.filter((name) => fs.existsSync(path.join(cache, name))),
    ['app-running', 'packages/used.tgz'],
  );
});

test('--prune leaves alone what another one is fetching, and clears up behind a killed one', async (t) => {
  const folder = sandbox(t);
  const dist = await mirror(t);
  dist.fail('.tar.gz', 'stall');
  const child = start(folder, words(dist.dist));
  const staged = () => cachedRuntimes(folder).filter((file) => file.startsWith('.staging'));
  await until(() => staged().some((file) => file.endsWith('bin/node')), 'the unpacking to begin');
  const before = staged();
  assert.equal((await run(folder, ['fetch', '--prune'])).code, 0);
  assert.deepEqual(staged(), before);
  assert.equal(kept(folder).length, 1);
  child.kill('SIGKILL');
  await child.done;
  assert.equal((await run(folder, ['fetch', '--prune'])).code, 0);
  assert.deepEqual([staged(), kept(folder)], [[], []]);
});

test('busy servers are asked again, as Retry-After says, and not for ever', async (t) => {
  const folder = sandbox(t);
  const dist = await mirror(t);
  dist.fail('SHASUMS256.txt', 503, 2);
  dist.fail('.tar.gz', { status: 429, headers: { 'retry-after': '1' } }, 1);
  const began = Date.now();
  await whole(folder, await run(folder, words(dist.dist)));
  assert.ok(Date.now() - began >= 1000, 'it waited as it was asked to');
  assert.equal(archives(dist).length, 2);

  const other = sandbox(t);
  dist.fail('.tar.gz', { status: 429, headers: { 'retry-after': '3600' } });
  const busy = await run(other, words(dist.dist));
  assert.notEqual(busy.code, 0);
  assert.equal(archives(dist).length, 3, 'an hour is too long to wait');
  dist.fail('.tar.gz', 404);
  assert.notEqual((await run(other, words(dist.dist))).code, 0);
  assert.equal(archives(dist).length, 4, '404 is an answer');
});

test('a transfer that stalls is broken off, and goes on', async (t) => {
  const folder = sandbox(t);
  const dist = await mirror(t);
  dist.fail('.tar.gz', 'stall', 1);
  await whole(folder, await run(folder, words(dist.dist, '--stall-timeout', '1s')));
  assert.equal(archives(dist).length, 2);
});

test('archives of either kind are unpacked while they arrive', async (t) => {
  for (const platform of ['linux-x64', 'win-x64']) {
    const folder = sandbox(t);
    const dist = await NodeMirror.start();
    t.after(() => dist.stop());
    const archive = (...release) => {
      const root = `node-v${VERSION}-${platform}`;
      const first = { name: `${root}/LICENSE`, bytes: 'the first' };
      const rest = { name: `${root}/README.md`, bytes: randomBytes(BIG) };
      const others = distFiles(...release).filter(({ name }) => name !== first.name);
      return platform.startsWith('win') ? zip([first, rest, ...others]) : tarGz([first, rest, ...others]);
    };
    dist.addDist(VERSION, [platform], { archive });
    dist.fail(`${platform}.`, 'stall', 1);
    const asked = words(dist.dist, '--stall-timeout', '1h').with(2, platform);
    const child = start(folder, asked);
    const cache = path.join(folder, 'cache');
    const arrived = () => {
      const names = fs.existsSync(cache) ? fs.readdirSync(cache, { recursive: true }) : [];
      const file = names.find((name) => path.basename(name) === 'LICENSE');
      return file && fs.readFileSync(path.join(cache, file), 'utf8') === 'the first' && file;
    };
    await until(arrived, 'its first file');
    assert.deepEqual((await run(folder, ['fetch', '--list', '--json'])).json.runtimes, []);
    child.kill('SIGKILL');
    await child.done;
    await whole(folder, await run(folder, asked));
  }
});

test('mirrors in their order: one that is away, one that lags, one that breaks off', async (t) => {
  const folder = sandbox(t);
  const lagging = await NodeMirror.start();
  t.after(() => lagging.stop());
  lagging.addDist('22.1.0', ['linux-x64'], { lts: 'Jod' });
  const breaking = await mirror(t);
  breaking.fail('.tar.gz', 'drop');
  const good = await mirror(t);
  for (const [file, bytes] of breaking.files) good.files.set(file, bytes);
  const list = `${DEAD}/dist,${lagging.dist}`;
  const flags = ['--mirror', breaking.dist, '--mirror', good.dist, '--retries', '0'];
  await whole(folder, await run(folder, words('', '--mirror', list, ...flags)));
  assert.ok(lagging.requests.length > 0);
  assert.match(archives(good)[0].headers.range, /^bytes=[1-9]/, 'it goes on where the other one broke off');
  assert.equal(archives(good)[0].headers['if-range'], undefined, 'whose ETag says nothing here');

  const env = { OPENCAT_NODE_MIRROR: `${DEAD}/dist, ${good.dist}` };
  const other = sandbox(t);
  assert.equal((await run(other, words('', '--retries', '0'), { env })).code, 0);
});

test('platforms are fetched at the same time; the first failure ends the others', async (t) => {
  const folder = sandbox(t);
  const platforms = ['linux-x64', 'linux-arm64', 'darwin-x64'];
  const dist = await mirror(t, platforms);
  dist.fail('.tar.gz', 'stall');
  const many = [
    'fetch',
    '--platform',
    platforms.join(','),
    '--source',
    'dist',
    '--mirror',
    dist.dist,
    '--json',
  ];
  const child = start(folder, many);
  await until(() => dist.count('.tar.gz') === 3, 'all three to be asked for');
  child.kill('SIGINT');
  assert.equal((await child.done).code, 130);
  dist.faults.clear();
  dist.fail('linux-arm64', 404);
  dist.fail('darwin-x64', 'stall');
  const failed = await run(folder, many);
  assert.notEqual(failed.code, 0);
  assert.match(failed.stderr, /linux-arm64/);
  dist.faults.clear();
  const { json } = await run(folder, many);
  assert.deepEqual(
    json.runtimes.map((each) => each.platform),
    platforms,
  );
  assert.equal((await run(folder, ['fetch', '--verify'])).code, 0);
});

test('on a terminal each download has a bar of its own', async (t) => {
  const folder = sandbox(t);
  const platforms = ['linux-x64', 'linux-arm64'];
  const dist = await mirror(t, platforms);
  dist.fail('.tar.gz', 'stall');
  const line = [
    opencat,
    'fetch',
    '--platform',
    platforms.join(','),
    '--source',
    'dist',
    '--mirror',
    dist.dist,
  ];
  // Both stall, so that both are there at the same time; it ends by itself.
  const command = [...line, '--stall-timeout', '1s', '--retries', '0'].join(' ');
  const child = spawn('script', ['-qec', command, '/dev/null'], { env: environment(folder) });
  let shown = '';
  child.stdout.setEncoding('utf8').on('data', (text) => (shown += text));
  await once(child, 'close');
  const bars = platforms.map((platform) => `  node-v${VERSION}-${platform}.tar.gz [^\\n]*#[^\\n]*50%[^\\n]*`);
  assert.match(shown, new RegExp(`${bars[1]}\r?\n${bars[0]}\r?\n`));
});

test('killed at any moment: nothing or a whole runtime, and the next fetch works', async (t) => {
  const folder = sandbox(t);
  const dist = await mirror(t, ['linux-x64', 'linux-arm64']);
  const all = [
    'fetch',
    '--platform',
    'linux-x64,linux-arm64',
    '--source',
    'dist',
    '--mirror',
    dist.dist,
    '--json',
  ];
  const began = Date.now();
  assert.equal((await run(folder, all)).code, 0);
  const usual = Date.now() - began;
  let found = 0;
  for (let i = 0; i < 40; i++) {
    if (i % 4 === 0) fs.rmSync(path.join(folder, 'cache'), { recursive: true, force: true });
    const child = start(folder, all);
    const timer = setTimeout(() => child.kill('SIGKILL'), Math.random() * usual * 1.1);
    await child.done;
    clearTimeout(timer);
    const listed = await run(folder, ['fetch', '--list', '--json']);
    assert.equal(listed.code, 0, listed.stderr);
    found += listed.json.runtimes.length;
    const verified = await run(folder, ['fetch', '--verify']);
    assert.equal(verified.code, 0, verified.stderr);
  }
  t.diagnostic(`${found} whole runtimes were found after 40 kills`);
  assert.equal((await run(folder, all)).code, 0);
  assert.equal((await run(folder, ['fetch', '--verify', '--json'])).json.runtimes.length, 2);
  assert.deepEqual(kept(folder), []);
  assert.ok(!cachedRuntimes(folder).some((file) => file.startsWith('.staging')));
});

test('a proxy is used as the environment says, with its CA from a flag or a variable', async (t) => {
  const folder = sandbox(t);
  const tls = certificate(folder, ['mirror.test', '127.0.0.1']);
  const dist = await mirror(t, ['linux-x64'], tls);
  const proxy = await Proxy.start({ 'mirror.test:443': dist.port });
  t.after(() => proxy.stop());
  const clean = {
    https_proxy: '',
    no_proxy: '',
    NO_PROXY: '',
    ALL_PROXY: '',
    SSL_CERT_FILE: '',
    CURL_CA_BUNDLE: '',
  };
  const env = { ...clean, HTTPS_PROXY: proxy.url };
  const away = ['--retries', '0'];

  const untrusted = await run(folder, words('https://mirror.test/dist', ...away), { env });
  assert.equal(untrusted.code, 3);
  assert.match(untrusted.stderr, /certificate .* not trusted/);
  const missing = await run(folder, words('https://mirror.test/dist', '--cacert', 'nowhere.pem'), { env });
  assert.equal(missing.code, 2);
  const flag = await run(folder, words('https://mirror.test/dist', '--cacert', tls.file), { env });
  assert.equal(flag.code, 0, flag.stderr);
  assert.ok(proxy.asked.length > 0 && proxy.asked.every((name) => name === 'mirror.test:443'));
  fs.rmSync(path.join(folder, 'cache'), { recursive: true });
  const variable = { env: { ...env, SSL_CERT_FILE: tls.file } };
  assert.equal((await run(folder, words('https://mirror.test/dist'), variable)).code, 0);

  fs.rmSync(path.join(folder, 'cache'), { recursive: true });
  proxy.asked.length = 0;
  const direct = { env: { ...env, NO_PROXY: '127.0.0.1' } };
  assert.equal((await run(folder, words(dist.dist, '--cacert', tls.file), direct)).code, 0);
  assert.deepEqual(proxy.asked, []);
  fs.rmSync(path.join(folder, 'cache'), { recursive: true });
  const closed = await run(folder, words('https://elsewhere.test/dist', ...away, '--cacert', tls.file), {
    env,
  });
  assert.equal(closed.code, 3, 'the proxy refuses it');
});

test('nodejs.org must sign, whatever the flags say', async (t) => {
  const folder = sandbox(t);
  const tls = certificate(folder, ['nodejs.org']);
  const dist = await mirror(t, ['linux-x64'], tls);
  const proxy = await Proxy.start({ 'nodejs.org:443': dist.port, 'nodejs.org.:443': dist.port });
  t.after(() => proxy.stop());
  const env = { https_proxy: '', no_proxy: '', NO_PROXY: '', HTTPS_PROXY: proxy.url };
  for (const base of ['', 'https://nodejs.org/dist', 'https://NodeJS.org.:443/dist/']) {
    const unsigned = await run(folder, words(base, '--cacert', tls.file), { env });
    assert.equal(unsigned.code, 4, unsigned.stderr);
    assert.match(unsigned.stderr, /nodejs\.org signs every release/);
    assert.deepEqual(cachedRuntimes(folder), []);
  }
  const signer = new Signer(t, 'releaser');
  const sums = `/dist/v${VERSION}/SHASUMS256.txt`;
  dist.files.set(`${sums}.sig`, signer.detached(dist.files.get(sums)));
  const unknown = await run(folder, words('', '--cacert', tls.file), { env });
  assert.equal(unknown.code, 4);
  assert.match(unknown.stderr, /not among those trusted.*--update-keys/);
  const keyring = path.join(folder, 'keys.asc');
  fs.writeFileSync(keyring, signer.publicKey);
  const trust = ['--keyring', keyring, '--trust-key', signer.fingerprint];
  const signed = await run(folder, words('', '--cacert', tls.file, ...trust), { env });
  assert.equal(signed.code, 0, signed.stderr);
  assert.equal(signed.json.runtimes[0].verified, 'sha256+signature');
});

test('redirects lead neither from https to http nor from this machine to plain http elsewhere', async (t) => {
  const folder = sandbox(t);
  const target = await mirror(t);
  const proxy = await Proxy.start({ 'elsewhere.test:80': target.port });
  t.after(() => proxy.stop());
  const env = {
    http_proxy: proxy.url,
    no_proxy: '127.0.0.1',
    NO_PROXY: '127.0.0.1',
    https_proxy: '',
    HTTPS_PROXY: '',
  };
  const dist = await mirror(t);
  const to = (location) => dist.fail('SHASUMS256.txt', { status: 302, headers: { location } });
  to(`http://elsewhere.test/dist/v${VERSION}/SHASUMS256.txt`);
  const plain = await run(folder, words(dist.dist), { env });
  assert.equal(plain.code, 2);
  assert.match(plain.stderr, /redirect leads to http:\/\/elsewhere\.test.* no TLS/);
  assert.deepEqual(proxy.asked, ['elsewhere.test:80'], 'it was asked, and what it said did not count');

  const tls = certificate(folder, ['127.0.0.1']);
  const secure = await mirror(t, ['linux-x64'], tls);
  secure.fail('SHASUMS256.txt', {
    status: 302,
    headers: { location: `${target.url}/dist/v${VERSION}/SHASUMS256.txt` },
  });
  const down = await run(folder, words(secure.dist, '--cacert', tls.file, '--retries', '0'), { env });
  assert.notEqual(down.code, 0);
  assert.equal(target.count('SHASUMS256.txt'), 1, 'only what the proxy passed on');
  assert.deepEqual(cachedRuntimes(folder), []);
});
