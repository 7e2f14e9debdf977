// SPDX-License-Identifier: MIT
// An app's dependencies, by the real npm: the lock that every PC installs from, and node_modules in the zip with the
// right native program for each platform. Packages are real, served over loopback from a cache that is filled once.
import assert from 'node:assert/strict';
import { execFile, execFileSync } from 'node:child_process';
import { createHash } from 'node:crypto';
import fs from 'node:fs';
import path from 'node:path';
import { promisify } from 'node:util';
import { after, before, test } from 'node:test';
import { DEAD, environment, run, sandbox } from './helpers.mjs';
import { NodeMirror } from '../fakes/node_mirror.mjs';
import { NODE_VERSION as NODE, NPM_VERSION as NPM, hostPlatform } from '../fakes/runtime.mjs';
import { FakeOpencat } from '../fakes/opencat_server.mjs';

const ESBUILD = '0.25.0';
const PLATFORMS = ['win-x64', 'darwin-arm64', 'darwin-x64', 'linux-x64', 'linux-arm64'];
const esbuildOf = (platform) => platform.replace(/^win-/, 'win32-');

const cleanups = [];
after(async () => {
  for (const clean of cleanups.reverse()) await clean();
});

let shared; // { folder, registry, server }

before(async () => {
  const folder = sandbox({ after: (clean) => cleanups.push(clean) });
  const registry = await NodeMirror.start();
  cleanups.push(() => registry.stop());
  const server = await FakeOpencat.start({ enrollment: { mode: 'open' } });
  cleanups.push(() => server.stop());
  const others = PLATFORMS.filter((platform) => platform !== hostPlatform());
  registry.addRuntimePackages(NODE, others, NPM);
  registry.addRealPackage(`node-${hostPlatform()}`, NODE);
  registry.addRealPackage('npm', NPM);
  registry.addRealPackage('esbuild', ESBUILD);
  for (const platform of PLATFORMS) registry.addRealPackage(`@esbuild/${esbuildOf(platform)}`, ESBUILD);
  shared = { folder, registry, server };
});

async function bundle(words, out) {
  const { folder, registry, server } = shared;
  const all = ['bundle', '--source', 'npm', '--server-url', server.url, '--node-version', NODE];
  const env = { npm_config_registry: registry.url };
  const made = await run(folder, [...all, '--out-dir', path.join(folder, out), ...words], { env });
  assert.equal(made.code, 0, made.stderr);
  return (platform) => path.join(folder, out, `opencat-portable-${platform}.zip`);
}

function unzipped(t, zip) {
  const folder = sandbox(t);
  execFileSync('unzip', ['-q', zip, '-d', folder]);
  return path.join(folder, 'opencat-portable');
}

/** An app in a folder that needs esbuild, without a lock. */
function builder() {
  const app = path.join(shared.folder, 'builder');
  fs.mkdirSync(app, { recursive: true });
  const manifest = {
    name: 'builder',
    version: '1.0.0',
    main: 'main.mjs',
    dependencies: { esbuild: '^0.25.0' },
  };
  fs.writeFileSync(path.join(app, 'package.json'), JSON.stringify(manifest));
  const code =
    "import esbuild from 'esbuild';\nconsole.log(esbuild.transformSync('let a: number = 1', { loader: 'ts' }).code);\n";
  fs.writeFileSync(path.join(app, 'main.mjs'), code);
  return app;
}

/** The file format that a program's first bytes show: Mach-O's cputype, ELF's e_machine, PE's Machine. */
function format(bytes) {
  if (bytes.readUInt32BE(0) === 0x7f454c46)
    return `ELF ${{ 0x3e: 'x64', 0xb7: 'arm64' }[bytes.readUInt16LE(18)]}`;
  if (bytes.readUInt32LE(0) === 0xfeedfacf)
    return `Mach-O ${{ 0x01000007: 'x64', 0x0100000c: 'arm64' }[bytes.readUInt32LE(4)]}`;
  const header = bytes.readUInt32LE(0x3c);
  assert.equal(bytes.toString('latin1', header, header + 4), 'PE\0\0');
  return `PE ${{ 0x8664: 'x64' }[bytes.readUInt16LE(header + 4)]}`;
}

test('--deps bundled: each platform has its own esbuild, and no other; twice the same bytes', async (t) => {
  const digests = [];
  for (const out of ['first', 'second']) {
    const zipOf = await bundle(['--app', builder(), '--deps', 'bundled', '--platform', 'all'], out);
    digests.push(
      PLATFORMS.map((each) =>
        createHash('sha256')
          .update(fs.readFileSync(zipOf(each)))
          .digest('hex'),
      ),
    );
    if (out === 'second') continue;
    const found = {};
    for (const platform of PLATFORMS) {
      const modules = path.join(unzipped(t, zipOf(platform)), 'lib/app/node_modules');
      assert.deepEqual(fs.readdirSync(modules).sort(), ['@esbuild', 'esbuild']);
      assert.deepEqual(fs.readdirSync(path.join(modules, '@esbuild')), [esbuildOf(platform)]);
      const program = platform.startsWith('win') ? 'esbuild.exe' : 'bin/esbuild';
      const file = path.join(modules, '@esbuild', esbuildOf(platform), program);
      found[platform] = format(fs.readFileSync(file));
      if (!platform.startsWith('win')) assert.equal(fs.statSync(file).mode & 0o111, 0o111, platform);
    }
    assert.deepEqual(found, {
      'win-x64': 'PE x64',
      'darwin-arm64': 'Mach-O arm64',
      'darwin-x64': 'Mach-O x64',
      'linux-x64': 'ELF x64',
      'linux-arm64': 'ELF arm64',
    });
  }
  assert.deepEqual(digests[0], digests[1]);
});

/** Installs an unpacked bundle with install.sh and gives back what its launcher prints. */
async function installed(t, root, registry) {
  // Not execFileSync: the registry answers from this very process.
  const start = promisify(execFile);
  const env = environment(sandbox(t), { npm_config_registry: registry });
  await start('sh', [path.join(root, 'install.sh'), '--no-browser', '--no-shortcut'], { env });
  return (await start(path.join(root, 'opencat-chat'), [], { env })).stdout;
}

test('a bundle that brings its dependencies installs and runs without any registry', async (t) => {
  const zipOf = await bundle(['--app', builder(), '--deps', 'bundled'], 'whole');
  assert.equal(await installed(t, unzipped(t, zipOf(hostPlatform())), DEAD), 'let a = 1;\n\n');
});

test('an app without a lock gets one for every platform, without this registry’s address; npm ci follows it', async (t) => {
  const { registry } = shared;
  const zipOf = await bundle(['--app', builder()], 'locked');
  const root = unzipped(t, zipOf(hostPlatform()));
  const lock = fs.readFileSync(path.join(root, 'lib/app/package-lock.json'), 'utf8');
  for (const platform of PLATFORMS) assert.ok(lock.includes(`node_modules/@esbuild/${esbuildOf(platform)}`));
  assert.ok(!lock.includes(registry.url));
  // A newer version does not come between the bundle and the PC.
  registry.addApp({ name: 'esbuild', version: '0.25.99' });
  t.after(() => delete registry.packages.get('esbuild')['0.25.99']);
  assert.equal(await installed(t, root, registry.url), 'let a = 1;\n\n');
});

test('a package without dependencies needs no npm to be locked, and no registry to be installed', async (t) => {
  const { registry } = shared;
  const files = { 'cli.mjs': 'console.log("hello");\n' };
  registry.addApp(
    { name: 'hello', version: '1.0.0', bin: 'cli.mjs', scripts: { preinstall: 'exit 1' } },
    files,
  );
  const zipOf = await bundle(['--app', 'hello'], 'hello');
  assert.equal(await installed(t, unzipped(t, zipOf(hostPlatform())), DEAD), 'hello\n');
});

test('a package with dependencies: what it bundles itself stays, the rest is locked', async (t) => {
  const { registry } = shared;
  registry.addApp(
    { name: 'left', version: '1.0.0', main: 'index.js' },
    { 'index.js': 'module.exports = "left";' },
  );
  registry.addApp(
    {
      name: '@team/both',
      version: '1.0.0',
      bin: 'cli.cjs',
      dependencies: { left: '^1.0.0', own: '1.0.0' },
      bundleDependencies: ['own'],
      devDependencies: { absent: 'workspace:*' },
    },
    {
      'cli.cjs': 'console.log(require("left"), require("own"));\n',
      'node_modules/own/package.json': '{"name":"own","version":"1.0.0"}',
      'node_modules/own/index.js': 'module.exports = "own";',
    },
  );
  for (const deps of ['install', 'bundled']) {
    const zipOf = await bundle(['--app', '@team/both', '--deps', deps], `both-${deps}`);
    const root = unzipped(t, zipOf(hostPlatform()));
    assert.equal(fs.existsSync(path.join(root, 'lib/app/team-both-1.0.0.tgz')), deps === 'install');
    assert.equal(await installed(t, root, deps === 'install' ? registry.url : DEAD), 'left own\n');
  }
});
