// SPDX-License-Identifier: MIT
// The one static file for Linux x64, in roots that have nothing to lean on: no libc, no name service modules, no
// locales, the certificates elsewhere.
import assert from 'node:assert/strict';
import { execFileSync, spawn } from 'node:child_process';
import { createHash } from 'node:crypto';
import { once } from 'node:events';
import fs from 'node:fs';
import path from 'node:path';
import { createInterface } from 'node:readline';
import { test } from 'node:test';
import { sandbox, tree, until } from '../cli/helpers.mjs';
import { bundleFiles, bundleZip } from '../cli/bundles.mjs';
import { certificate } from '../fakes/certificate.mjs';
import { startDns } from '../fakes/dns.mjs';
import { NodeMirror } from '../fakes/node_mirror.mjs';
import { makeRoot, noRoots, release, runIn, startIn } from './roots.mjs';

const built = release('linux-x64');
const skip = built.skip || noRoots;

/** Roots by what their systems have: nothing but busybox; Debian 10's name service, whose modules would not load. */
const SYSTEMS = {
  'busybox alone, certificates as on Alpine': (cert) => ({
    'bin/busybox': { from: '/bin/busybox', mode: 0o755 },
    'etc/ssl/cert.pem': cert,
  }),
  'as Debian 10, with its name service modules': (cert) => ({
    'etc/ssl/certs/ca-certificates.crt': cert,
    'etc/debian_version': '10.13\n',
    'etc/nsswitch.conf': 'hosts: files mdns4_minimal [NOTFOUND=return] dns myhostname\n',
    'lib/x86_64-linux-gnu/libnss_files.so.2': 'for another glibc',
    'lib/x86_64-linux-gnu/libnss_dns.so.2': 'for another glibc',
    'lib/x86_64-linux-gnu/libnss_mdns4_minimal.so.2': 'for another glibc',
  }),
  'as Fedora': (cert) => ({ 'etc/pki/tls/certs/ca-bundle.crt': cert }),
};

test('it needs no library and no loader', { skip: built.skip }, () => {
  const header = execFileSync('readelf', ['--program-headers', '--dynamic', '--wide', built.file], {
    encoding: 'utf8',
  });
  assert.doesNotMatch(header, /INTERP|NEEDED/);
  assert.match(header, /DYN \(Position-Independent Executable file\)/, 'loaded at an address of chance');
});

for (const [system, filesOf] of Object.entries(SYSTEMS)) {
  test(`${system}: HTTPS by a name that DNS knows`, { skip }, async (t) => {
    const folder = sandbox(t);
    const tls = certificate(folder, ['mirror.example']);
    const mirror = await NodeMirror.start(tls);
    t.after(() => mirror.stop());
    mirror.addDist('22.5.0', ['linux-x64'], { lts: 'Jod' });
    const dns = await startDns({ 'mirror.example': '127.0.0.1' }, '127.0.0.153');
    t.after(() => dns.stop());
    const root = makeRoot(path.join(folder, 'root'), built.file, {
      'etc/resolv.conf': 'nameserver 127.0.0.153\n',
      ...filesOf(tls.cert),
    });
    const url = `https://mirror.example:${mirror.port}/dist`;
    const fetched = await runIn(root, [
      '/opencat',
      'fetch',
      '--mirror',
      url,
      '--platform',
      'linux-x64',
      '--json',
    ]);
    assert.equal(fetched.code, 0, fetched.stderr);
    const [runtime] = JSON.parse(fetched.stdout).runtimes;
    assert.ok(fs.existsSync(path.join(root, runtime.path, 'bin/node')));
    assert.ok(dns.asked.includes('mirror.example'));

    // A certificate that nobody on this system vouches for is still refused.
    const other = await NodeMirror.start(certificate(folder, ['mirror.example']));
    t.after(() => other.stop());
    const elsewhere = `https://mirror.example:${other.port}/dist`;
    const words = [
      'fetch',
      '--mirror',
      elsewhere,
      '--source',
      'dist',
      '--node-version',
      '22.6.0',
      '--retries',
      '0',
    ];
    const refused = await runIn(root, ['/opencat', ...words]);
    assert.equal(refused.code, 3, refused.stderr);
    assert.match(refused.stderr, /certificate of https:\/\/mirror\.example:\d+\/\S* is not trusted/);
  });
}

test('a system without certificates: one line says so', { skip }, async (t) => {
  const folder = sandbox(t);
  const mirror = await NodeMirror.start(certificate(folder, ['localhost']));
  t.after(() => mirror.stop());
  const root = makeRoot(path.join(folder, 'root'), built.file, { 'etc/hosts': '127.0.0.1 localhost\n' });
  const words = [
    'fetch',
    '--mirror',
    `https://localhost:${mirror.port}/dist`,
    '--source',
    'dist',
    '--retries',
    '0',
  ];
  const { code, stderr } = await runIn(root, ['/opencat', ...words]);
  assert.equal(code, 3, stderr);
  assert.match(stderr, /^[^\n]*no certificates to check https:\/\/localhost[^\n]*ca-certificates[^\n]*\n$/);
});

test('busybox alone: serve answers, and its pages and its database are in it', { skip }, async (t) => {
  const folder = sandbox(t);
  const root = makeRoot(path.join(folder, 'root'), built.file);
  const words = ['serve', '--demo', '--port', '0', '--data-dir', '/data', '--json'];
  const server = startIn(root, ['/opencat', ...words]);
  t.after(() => server.kill('SIGKILL'));
  await until(() => server.said.stdout.includes('\n') || server.exitCode !== null, 'its first line');
  const { url } = JSON.parse(server.said.stdout.split('\n')[0]);
  assert.equal((await fetch(`${url}/healthz`)).status, 200);
  assert.equal((await fetch(`${url}/chat`)).status, 200, 'the pages are in it');
  const secret = fs.readFileSync(path.join(root, 'data/admin-secret'), 'utf8').trim();
  const listed = await runIn(root, ['/opencat', 'token', 'list', '--server-url', url, '--json'], {
    OPENCAT_ADMIN_SECRET: secret,
  });
  assert.equal(listed.code, 0, listed.stderr);
  const labels = JSON.parse(listed.stdout).tokens.map((token) => token.label);
  assert.deepEqual(labels, ['demo']);
});

// What it takes depends on what the kernel has of the file, too: a third of the limit is room for that.
test('a server at rest takes less than 15 MB', { skip: built.skip }, async (t) => {
  const words = ['serve', '--demo', '--port', '0', '--data-dir', path.join(sandbox(t), 'data'), '--json'];
  const server = spawn(built.file, words, { stdio: ['ignore', 'pipe', 'inherit'] });
  const closed = once(server, 'close');
  t.after(async () => {
    server.kill('SIGKILL');
    await closed;
  });
  const [line] = await once(createInterface({ input: server.stdout }), 'line');
  assert.equal((await fetch(`${JSON.parse(line).url}/healthz`)).status, 200);
  const status = fs.readFileSync(`/proc/${server.pid}/status`, 'utf8');
  const resident = Number(/^VmRSS:\s+(\d+) kB$/m.exec(status)[1]) * 1024;
  assert.ok(resident < 15_000_000, `${resident} bytes, of\n${status.match(/^Rss.*$/gm).join('\n')}`);
});

test('without locales, Chinese names in a zip stay what they are', { skip }, async (t) => {
  const folder = sandbox(t);
  const files = bundleFiles();
  // In the place of Node: a script for busybox that tells that all before it went well.
  const node = files['tools/node/bin/node'];
  node.bytes = '#!/bin/sh\necho started >/started\n';
  const description = JSON.parse(files['bundle.json'].bytes);
  description.files['tools/node/bin/node'] = createHash('sha256').update(node.bytes).digest('hex');
  files['bundle.json'].bytes = JSON.stringify(description);
  const root = makeRoot(path.join(folder, 'root'), built.file, {
    'bin/sh': { from: '/bin/busybox', mode: 0o755 },
    'b.zip': bundleZip(files),
  });
  const words = ['install', '/b.zip', '--prefix', '/p', '--no-browser', '--no-shortcut'];
  const { stderr } = await runIn(root, ['/opencat', ...words]);
  assert.ok(fs.existsSync(path.join(root, 'started')), stderr);
  assert.ok(tree(path.join(root, 'p')).some((name) => name.endsWith('/lib/app/说明.txt')));
});
