// SPDX-License-Identifier: MIT
// Archives from strangers: whatever is wrong with one, it is refused for that, with exit 4, and nothing is left of it.
import assert from 'node:assert/strict';
import { execFileSync } from 'node:child_process';
import fs from 'node:fs';
import path from 'node:path';
import { test } from 'node:test';
import { cachedRuntimes, run, sandbox, tree } from './helpers.mjs';
import { bundleFiles } from './bundles.mjs';
import {
  gzipped,
  hostileTars,
  hostileZips,
  rawTar,
  rawZip,
  unusualZips,
  xzipped,
} from '../fakes/hostile_archives.mjs';
import { NodeMirror, distFiles } from '../fakes/node_mirror.mjs';

const ESCAPED = '/tmp/opencat-escaped';
const bundle = Object.entries(bundleFiles()).map(([name, file]) => ({
  name: `opencat-portable/${name}`,
  ...file,
}));

/** The bundle as other tools pack its folder: { tool: file }. */
function packedByOthers(folder) {
  for (const { name, bytes, mode } of bundle) {
    const file = path.join(folder, name);
    fs.mkdirSync(path.dirname(file), { recursive: true });
    fs.writeFileSync(file, bytes, { mode: mode & 0o777 });
  }
  const python = 'import shutil; shutil.make_archive("python", "zip", ".", "opencat-portable")';
  const commands = {
    'info-zip': 'zip -qr info-zip.zip opencat-portable',
    'info-zip-streaming': 'zip -qr - opencat-portable | cat >info-zip-streaming.zip',
    bsdtar: 'bsdtar --format zip -cf bsdtar.zip opencat-portable',
    '7z': '{ 7zz a 7z.zip opencat-portable || 7z a 7z.zip opencat-portable; } >/dev/null 2>&1',
    python: `python3 -c '${python}'`,
    tar: 'tar -czf tar.zip opencat-portable',
    'tar-xz': 'tar -cJf tar-xz.zip opencat-portable',
  };
  for (const command of Object.values(commands)) execFileSync('sh', ['-c', command], { cwd: folder });
  return Object.fromEntries(Object.keys(commands).map((tool) => [tool, path.join(folder, `${tool}.zip`)]));
}

/** Nothing was written outside of where it belongs. */
function checkNothingEscaped(folder, kind) {
  assert.ok(!fs.existsSync(ESCAPED), kind);
  assert.ok(!tree(folder).some((name) => name.includes('escaped')), kind);
}

async function install(folder, bytes) {
  fs.writeFileSync(path.join(folder, 'bundle.zip'), bytes);
  return run(folder, ['install', 'bundle.zip', '--prefix', 'installed', '--no-shortcut', '--no-browser']);
}

async function fetch(folder, mirror, platform) {
  const words = ['fetch', '--platform', platform, '--mirror', mirror.dist, '--source', 'dist'];
  return run(folder, [...words, '--node-version', '22.14.0']);
}

test('what people’s tools pack is installed', async (t) => {
  for (const [tool, file] of Object.entries(packedByOthers(sandbox(t)))) {
    const folder = sandbox(t);
    const { code, stderr } = await install(folder, fs.readFileSync(file));
    // Python's make_archive() keeps modes, and so do all the others.
    assert.equal(code, 0, `${tool}: ${stderr}`);
  }
});

test('unusual zips, as streaming tools make them, are installed', async (t) => {
  for (const [kind, bytes] of Object.entries({ plain: rawZip(bundle), ...unusualZips(bundle) })) {
    const folder = sandbox(t);
    const { code, stderr } = await install(folder, bytes);
    assert.equal(code, 0, `${kind}: ${stderr}`);
  }
});

test('hostile bundles: exit 4 for what is wrong with each, and nothing is installed', async (t) => {
  const folder = sandbox(t);
  for (const [kind, { bytes, why }] of Object.entries(hostileZips('opencat-portable', bundle))) {
    const { code, stderr } = await install(folder, bytes);
    assert.equal(code, 4, `${kind}: ${stderr}`);
    assert.match(stderr, why, kind);
    assert.equal(
      stderr
        .trim()
        .split('\n')
        .filter((line) => line.startsWith('opencat: ')).length,
      1,
      kind,
    );
    assert.ok(!/[\x00-\x09\x0b-\x1f]/.test(stderr), `${kind}: nothing that commands a terminal`);
    assert.ok(!fs.existsSync(path.join(folder, 'installed')), kind);
    checkNothingEscaped(folder, kind);
  }
});

/** Fetches each archive as the runtime of a mirror that signs for it. */
async function checkFetched(t, platform, archives, pack) {
  const folder = sandbox(t);
  for (const [kind, { bytes, why }] of Object.entries(archives)) {
    const mirror = await NodeMirror.start();
    try {
      mirror.addDist('22.14.0', [platform], { archive: () => pack(bytes) });
      const { code, stderr } = await fetch(folder, mirror, platform);
      assert.equal(code, why ? 4 : 0, `${kind}: ${stderr}`);
      if (!why) continue;
      assert.match(stderr, why, kind);
      assert.deepEqual(cachedRuntimes(folder), [], kind);
      checkNothingEscaped(folder, kind);
    } finally {
      await mirror.stop();
      fs.rmSync(path.join(folder, 'cache'), { recursive: true, force: true });
    }
  }
}

for (const [name, pack] of Object.entries({ gzip: gzipped, xz: xzipped })) {
  test(`hostile runtimes in tars, ${name}: exit 4 for what is wrong with each, and nothing is kept`, async (t) => {
    const root = 'node-v22.14.0-linux-x64';
    const harmless = distFiles('linux-x64', '22.14.0', '10.9.8');
    await checkFetched(t, 'linux-x64', { whole: { bytes: rawTar(harmless) } }, pack);
    await checkFetched(t, 'linux-x64', hostileTars(root, harmless), pack);
  });
}

test('hostile runtimes in zips: exit 4 for what is wrong with each, and nothing is kept', async (t) => {
  const root = 'node-v22.14.0-win-x64';
  const harmless = distFiles('win-x64', '22.14.0', '10.9.8');
  const asIs = (bytes) => bytes;
  const whole = Object.fromEntries(
    Object.entries(unusualZips(harmless)).map(([name, bytes]) => [name, { bytes }]),
  );
  await checkFetched(t, 'win-x64', whole, asIs);
  await checkFetched(t, 'win-x64', hostileZips(root, harmless, 'node_modules/npm/'), asIs);
});
