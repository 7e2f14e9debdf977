// SPDX-License-Identifier: MIT
// The zips themselves: the rules that every platform sets, the readers that people use, and equal bytes.
import assert from 'node:assert/strict';
import { execFileSync, spawnSync } from 'node:child_process';
import { createHash, randomBytes } from 'node:crypto';
import fs from 'node:fs';
import path from 'node:path';
import { test } from 'node:test';
import { run, sandbox, start, tree } from './helpers.mjs';
import { checkZip } from './zip_rules.mjs';
import { NodeMirror } from '../fakes/node_mirror.mjs';

const sha256 = (file) => createHash('sha256').update(fs.readFileSync(file)).digest('hex');
const PLATFORMS = ['win-x64', 'darwin-arm64', 'linux-x64'];
const root = 'opencat-portable';

/** An app with all that a zip may have trouble with, and enough files for several threads. */
function writeApp(folder, more = {}) {
  const files = {
    'package.json': JSON.stringify({ name: 'mine', version: '1.0.0', main: 'main.mjs' }),
    'main.mjs': 'console.log("hello");\n'.repeat(200),
    'empty.txt': '',
    'one.txt': '1',
    'random.bin': randomBytes(300_000),
    '说明/读我.md': '你好'.repeat(1000),
    ...Object.fromEntries(
      Array.from({ length: 300 }, (_, i) => [`lib/${i % 7}/file${i}.js`, `export default ${i};\n`.repeat(i)]),
    ),
    ...more,
  };
  for (const [name, bytes] of Object.entries(files)) {
    fs.mkdirSync(path.dirname(path.join(folder, name)), { recursive: true });
    fs.writeFileSync(path.join(folder, name), bytes);
  }
  fs.chmodSync(path.join(folder, 'main.mjs'), 0o755);
  return folder;
}

async function workshop(t, more) {
  const folder = sandbox(t);
  const registry = await NodeMirror.start();
  t.after(() => registry.stop());
  registry.addRuntimePackages('22.5.0', PLATFORMS);
  const app = writeApp(path.join(folder, 'app'), more);
  const words = (out, platforms = PLATFORMS) => [
    ...['bundle', '--platform', platforms.join(','), '--source', 'npm', '--app', app],
    ...['--server-url', 'http://127.0.0.1:9', '--out-dir', out],
  ];
  return { folder, app, words, env: { npm_config_registry: registry.url } };
}

const zipOf = (folder, out, platform) => path.join(folder, out, `${root}-${platform}.zip`);

test('every zip keeps the rules, and its entries are what went in', async (t) => {
  const { folder, app, words, env } = await workshop(t);
  const made = await run(folder, words('dist'), { env: { ...env, SOURCE_DATE_EPOCH: '1700000001' } });
  assert.equal(made.code, 0, made.stderr);
  for (const platform of PLATFORMS) {
    const entries = checkZip(fs.readFileSync(zipOf(folder, 'dist', platform)));
    for (const name of tree(app)) {
      const file = path.join(app, name);
      if (fs.statSync(file).isDirectory()) continue;
      const entry = entries.get(`${root}/lib/app/${name}`);
      assert.ok(entry.bytes.equals(fs.readFileSync(file)), name);
      assert.equal(entry.mode, name === 'main.mjs' ? 0o755 : 0o644, name);
    }
    const stored = [...entries].filter(([, { method }]) => method === 0).map(([name]) => path.basename(name));
    assert.ok(
      stored.includes('random.bin') && stored.includes('empty.txt'),
      'what deflates to more is stored',
    );
    const node = platform === 'win-x64' ? 'tools/node/node.exe' : 'tools/node/bin/node';
    if (platform !== 'win-x64') assert.equal(entries.get(`${root}/${node}`).mode, 0o755);
    // 2023-11-14 22:13:20 UTC, as MS-DOS has it: even seconds.
    const time = ((43 << 9) | (11 << 5) | 14) * 65536 + ((22 << 11) | (13 << 5) | 10);
    assert.equal(entries.get(`${root}/${node}`).time, time);
  }
});

test('Info-ZIP, 7-Zip, libarchive and Python read every zip, and unpack the same from it', async (t) => {
  const { folder, words, env } = await workshop(t);
  assert.equal((await run(folder, words('dist'), { env })).code, 0);
  const quiet = { stdio: ['ignore', 'pipe', 'pipe'] };
  const sevenZip = ['7zz', '7z'].find((name) => spawnSync(name, ['--help']).status === 0);
  assert.ok(sevenZip, '7-Zip is there');
  const python = `
import sys, zipfile
with zipfile.ZipFile(sys.argv[1]) as z:
    assert z.testzip() is None
    z.extractall(sys.argv[2])
`;
  for (const platform of PLATFORMS) {
    const zip = zipOf(folder, 'dist', platform);
    execFileSync('unzip', ['-tq', zip], quiet);
    assert.match(execFileSync(sevenZip, ['t', zip], { encoding: 'utf8' }), /Everything is Ok/);
    const listing = execFileSync('zipinfo', ['-l', zip], { encoding: 'utf8' });
    for (const line of listing.split('\n').filter((text) => text.includes(`${root}/`))) {
      assert.match(line, /^-rw[-x]r-[-x]r-[-x] +\d\.\d unx +\d+ b- +\d+ (stor|defN) 80-Jan-01 00:00 /);
    }
    const readers = {
      'Info-ZIP': (to) => ['unzip', ['-q', zip, '-d', to]],
      '7-Zip': (to) => [sevenZip, ['x', `-o${to}`, zip]],
      libarchive: (to) => ['bsdtar', ['-xf', zip, '-C', to]],
      // Reads from the beginning on, and so believes the local headers.
      'libarchive streaming': (to) => ['sh', ['-c', 'cat "$1" | bsdtar -xf - -C "$2"', 'sh', zip, to]],
      Python: (to) => ['python3', ['-c', python, zip, to]],
    };
    const expected = checkZip(fs.readFileSync(zip));
    for (const [reader, command] of Object.entries(readers)) {
      const to = path.join(folder, `${reader}-${platform}`);
      fs.mkdirSync(to);
      execFileSync(...command(to), { ...quiet, env: { ...process.env, LC_ALL: 'C.UTF-8' } });
      const found = tree(to).filter((name) => fs.lstatSync(path.join(to, name)).isFile());
      assert.deepEqual(found, [...expected.keys()].sort(), reader);
      for (const name of found) {
        const { bytes, mode } = expected.get(name);
        assert.ok(fs.readFileSync(path.join(to, name)).equals(bytes), `${reader}: ${name}`);
        // Python's and streaming readers have no modes: those stand in the directory alone.
        if (/^(Info-ZIP|7-Zip|libarchive)$/.test(reader)) {
          assert.equal(fs.statSync(path.join(to, name)).mode & 0o100, mode & 0o100, `${reader}: ${name}`);
        }
      }
    }
  }
});

test('equal bytes on one core and on all, in any time zone and locale, under any umask, cache warm or cold', async (t) => {
  const { folder, words, env } = await workshop(t);
  const digests = new Map();
  const oneCore = ['sh', '-c', 'umask 077; exec taskset -c 0 "$@"', 'sh'];
  const ways = {
    cold: {},
    warm: {},
    'one core': { via: oneCore, cold: true, env: { TZ: 'Asia/Shanghai', LC_ALL: 'C' } },
    elsewhere: { cold: true, env: { TZ: 'America/St_Johns', LANG: 'de_DE.UTF-8' } },
  };
  for (const [name, way] of Object.entries(ways)) {
    if (way.cold) fs.rmSync(path.join(folder, 'cache'), { recursive: true });
    const made = await run(folder, words(name), { via: way.via, env: { ...env, ...way.env } });
    assert.equal(made.code, 0, made.stderr);
    const sums = fs.readFileSync(path.join(folder, name, 'SHA256SUMS'), 'utf8');
    for (const platform of PLATFORMS)
      assert.ok(sums.includes(sha256(zipOf(folder, name, platform))), platform);
    digests.set(name, sums);
  }
  assert.equal(new Set(digests.values()).size, 1, JSON.stringify(Object.fromEntries(digests)));
});

test('two at once with a cold cache: one packs, both get the same', async (t) => {
  const { folder, words, env } = await workshop(t);
  assert.equal((await run(folder, words('first'), { env })).code, 0);
  const cached = path.join(folder, 'cache/node/22.5.0');
  const packed = () => tree(cached).filter((name) => path.basename(name).startsWith('packed-'));
  const before = packed();
  assert.equal(before.length, PLATFORMS.length);
  for (const name of before) fs.rmSync(path.join(cached, name));
  const ended = await Promise.all(['a', 'b', 'c'].map((out) => start(folder, words(out), { env }).done));
  for (const { code, stderr } of ended) assert.equal(code, 0, stderr);
  const said = ended.map(({ stderr }) => stderr).join('');
  assert.equal(said.match(/^packing/gm).length, PLATFORMS.length);
  assert.deepEqual(packed(), before);
  const sums = ['first', 'a', 'b', 'c'].map((out) =>
    fs.readFileSync(path.join(folder, out, 'SHA256SUMS'), 'utf8'),
  );
  assert.equal(new Set(sums).size, 1);
  const staging = fs.readdirSync(path.join(folder, 'cache/node')).filter((name) => name.startsWith('.'));
  assert.deepEqual(staging, []);
});

test('a path too long for Windows is warned of, once and by its name, for Windows alone', async (t) => {
  const long = `lib/${'long-folder-name/'.repeat(11)}module.js`;
  const { folder, words, env } = await workshop(t, { [long]: '//' });
  const made = await run(folder, words('dist'), { env });
  assert.equal(made.code, 0, made.stderr);
  const warnings = made.stderr.split('\n').filter((line) => line.includes('warning'));
  assert.equal(warnings.length, 1, made.stderr);
  assert.ok(warnings[0].includes(`lib/app/${long}`));
  const elsewhere = await run(folder, words('dist', ['linux-x64']), { env });
  assert.ok(!elsewhere.stderr.includes('warning'), elsewhere.stderr);
});

test('names that not every system can have: exit 2, the file is named, nothing is made', async (t) => {
  for (const [more, message] of [
    [{ 'lib/aux.js': '' }, /aux\.js/],
    [{ 'lib/ends.': '' }, /ends\./],
    [{ 'lib/what?.js': '' }, /what\?\.js/],
    [{ 'lib/Name.js': '', 'lib/name.js': '' }, /Name\.js.*name\.js/],
  ]) {
    const { folder, words, env } = await workshop(t, more);
    const made = await run(folder, words('dist'), { env });
    assert.equal(made.code, 2, made.stderr);
    assert.match(made.stderr, message);
    assert.deepEqual(tree(path.join(folder, 'dist')), []);
  }
});
