// SPDX-License-Identifier: MIT
// The whole way with the real Node and npm of the registry: fetched from both kinds of source, bundled, installed by
// the script and by `opencat install`. The big packages come over loopback from a cache that is filled once.
import assert from 'node:assert/strict';
import { execFileSync, spawnSync } from 'node:child_process';
import fs from 'node:fs';
import path from 'node:path';
import { after, before, test } from 'node:test';
import { DEAD, environment, run, sandbox, tree } from './helpers.mjs';
import { hostPlatform } from './bundles.mjs';
import { NodeMirror, realDistArchive } from '../fakes/node_mirror.mjs';
import { ADMIN_SECRET, FakeOpencat } from '../fakes/opencat_server.mjs';

const NODE = '22.23.2';
const NPM = '10.9.8';
let shared; // { folder, registry, runtime }: the runtime, fetched once for all tests

// Registered out here: an after() within the before() would run as soon as that one ends.
const cleanups = [];
after(async () => {
  for (const clean of cleanups.reverse()) await clean();
});

before(async () => {
  const folder = sandbox({ after: (clean) => cleanups.push(clean) });
  const registry = await NodeMirror.start();
  cleanups.push(() => registry.stop());
  registry.addRealPackage(`node-${hostPlatform}`, NODE);
  registry.addRealPackage('npm', NPM);
  const words = ['fetch', '--source', 'npm', '--npm-registry', registry.url, '--json'];
  const { code, json, stderr } = await run(folder, words);
  assert.equal(code, 0, stderr);
  shared = { folder, registry, runtime: json.runtimes[0] };
});

const nodeOf = (folder) => path.join(folder, 'bin/node');
const npmOf = (folder) => path.join(folder, 'lib/node_modules/npm/bin/npm-cli.js');
const said = (program, words) => execFileSync(program, words, { encoding: 'utf8' }).trim();

test('the npm source: Node runs, with the npm that its change log names', () => {
  const { runtime } = shared;
  assert.deepEqual([runtime.version, runtime.npm_version], [NODE, NPM]);
  assert.match(runtime.verified, /^sha512/, 'and more where the registry signs');
  assert.equal(said(nodeOf(runtime.path), ['--version']), `v${NODE}`);
  assert.equal(said(nodeOf(runtime.path), [npmOf(runtime.path), '--version']), NPM);
  execFileSync('sha256sum', ['--check', '--quiet', '../SHA256SUMS'], { cwd: runtime.path });
});

test('a mirror made of the same binaries gives the same files', async (t) => {
  const folder = sandbox(t);
  const mirror = await NodeMirror.start();
  t.after(() => mirror.stop());
  const archive = (platform, version) => realDistArchive(shared.runtime.path, platform, version);
  mirror.addDist(NODE, [hostPlatform], { lts: 'Jod', npm: NPM, archive });
  const { code, json, stderr } = await run(folder, ['fetch', '--mirror', mirror.dist, '--json']);
  assert.equal(code, 0, stderr);
  assert.equal(json.runtimes[0].verified, 'sha256 (checksum only)');
  const sums = (runtime) => fs.readFileSync(path.join(runtime.path, '../SHA256SUMS'), 'utf8');
  assert.equal(sums(json.runtimes[0]), sums(shared.runtime));
});

/** Makes a bundle with the shared runtime, from no network but the token server. */
async function makeBundle(t, words) {
  const server = await FakeOpencat.start();
  t.after(() => server.stop());
  const out = path.join(sandbox(t), 'dist');
  const env = { OPENCAT_ADMIN_SECRET: ADMIN_SECRET };
  const all = [
    'bundle',
    '--pre-token',
    '--server-url',
    server.url,
    '--node-version',
    NODE,
    '--out-dir',
    out,
    ...words,
  ];
  const made = await run(shared.folder, all, { env });
  assert.equal(made.code, 0, made.stderr);
  return {
    server,
    zip: path.join(out, `opencat-portable-${hostPlatform}.zip`),
    token: [...server.tokens.keys()][0],
  };
}

function checkInstalled(home, token, server) {
  const config = JSON.parse(fs.readFileSync(path.join(home, 'data/config.json')));
  assert.equal(config.token, token);
  assert.equal(config.server_url, server.url);
  assert.equal(fs.statSync(path.join(home, 'data/config.json')).mode & 0o777, 0o600);
  const launched = spawnSync(path.join(home, 'opencat-chat'), ['--version'], { encoding: 'utf8' });
  assert.equal(launched.status, 0, launched.stderr);
  assert.match(launched.stdout, /0\.1\.0/);
}

test('unzip and sh install.sh: a real npm ci by the bundled Node', async (t) => {
  const { server, zip, token } = await makeBundle(t, []);
  const folder = sandbox(t);
  execFileSync('unzip', ['-q', zip, '-d', folder]);
  const root = path.join(folder, 'opencat-portable');
  const installed = spawnSync('sh', [path.join(root, 'install.sh'), '--no-browser', '--no-shortcut'], {
    env: environment(folder),
    encoding: 'utf8',
  });
  assert.equal(installed.status, 0, installed.stdout + installed.stderr);
  checkInstalled(root, token, server);
  assert.ok(fs.existsSync(path.join(root, 'lib/app/node_modules/openai/package.json')));
});

test('opencat install of a bundle that brings its dependencies: no registry, again, and gone', async (t) => {
  const { server, zip, token } = await makeBundle(t, ['--deps', 'bundled']);
  const folder = sandbox(t);
  const prefix = path.join(folder, 'p');
  const options = { env: { npm_config_registry: DEAD } };
  const words = ['install', zip, '--prefix', prefix, '--no-browser', '--no-shortcut', '--json'];
  for (let i = 0; i < 2; ++i) {
    const installed = await run(folder, words, options);
    assert.equal(installed.code, 0, installed.stderr);
    assert.equal(fs.readdirSync(path.join(prefix, 'versions')).length, 1);
    checkInstalled(prefix, token, server);
    assert.ok(fs.existsSync(path.join(installed.json.folder, 'lib/app/node_modules/openai/package.json')));
    assert.ok(!tree(installed.json.folder).some((name) => name.includes('.bin')));
  }
  const gone = await run(folder, ['uninstall', '--prefix', prefix]);
  assert.equal(gone.code, 0, gone.stderr);
  assert.ok(!fs.existsSync(prefix), tree(prefix).join('\n'));
});
