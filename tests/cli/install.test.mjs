// SPDX-License-Identifier: MIT
import assert from 'node:assert/strict';
import { execFileSync } from 'node:child_process';
import fs from 'node:fs';
import { createServer } from 'node:http';
import path from 'node:path';
import { test } from 'node:test';
import { run, sandbox, start, tree, until } from './helpers.mjs';
import { bundleFiles, bundleZip, hostPlatform, writeFolder, writeZip } from './bundles.mjs';
import { zip } from '../fakes/zip.mjs';

/** A sandbox with a prefix in it, and install and uninstall into that. */
function pc(t) {
  const folder = sandbox(t);
  const prefix = path.join(folder, '我的 PC & (1)');
  const install = (bundle, ...more) => run(folder, ['install', bundle, '--prefix', prefix, ...more]);
  const uninstall = (...more) => run(folder, ['uninstall', '--prefix', prefix, ...more]);
  const versions = () => {
    const found = path.join(prefix, 'versions');
    return fs.existsSync(found) ? fs.readdirSync(found) : [];
  };
  const calls = () =>
    fs
      .readFileSync(path.join(prefix, 'data/calls'), 'utf8')
      .trim()
      .split('\n')
      .map((line) => JSON.parse(line));
  const launched = () =>
    fs.readFileSync(path.join(prefix, 'opencat-chat'), 'utf8').match(/versions\/([^/]*)/)[1];
  return { folder, prefix, install, uninstall, versions, calls, launched };
}

test('a zip: unpacked into a version folder, set up by its own node, launcher in place', async (t) => {
  const { folder, prefix, install, versions, calls, launched } = pc(t);
  const bundle = writeZip(folder, 'a.zip', { token: 'occ_1' });
  const done = await install(bundle, '--no-browser', '--no-shortcut', '--yes', '--json');
  assert.equal(done.code, 0, done.stderr);
  assert.equal(versions().length, 1);
  assert.match(versions()[0], /^1\.0\.0-[0-9a-f]{8}$/);
  const version = path.join(prefix, 'versions', versions()[0]);
  assert.deepEqual(done.json, {
    home: prefix,
    launcher: path.join(prefix, 'opencat-chat'),
    prefix,
    folder: version,
  });
  assert.deepEqual(calls(), [['--home', prefix, '--no-shortcut', '--no-browser', '--yes', '--json']]);
  assert.equal(launched(), versions()[0]);
  assert.equal(fs.statSync(path.join(version, 'tools/node/bin/node')).mode & 0o777, 0o755);
  assert.equal(fs.statSync(path.join(version, 'token.json')).mode & 0o777, 0o600);
  assert.equal(fs.readFileSync(path.join(version, 'lib/app/说明.txt'), 'utf8'), '你好');
  execFileSync('sh', [path.join(prefix, 'opencat-chat')], { input: '' });
});

test('an unpacked folder, this folder, and a URL', async (t) => {
  const { folder, prefix, versions, install } = pc(t);
  const unpacked = writeFolder(path.join(folder, 'opencat-portable'), {});
  // As scripts that ran there before leave it.
  fs.mkdirSync(path.join(unpacked, 'lib/app/node_modules'));
  fs.writeFileSync(path.join(unpacked, 'lib/app/node_modules/old.js'), '');
  assert.equal((await install(unpacked)).code, 0);
  assert.ok(!tree(prefix).some((name) => name.endsWith('old.js')));
  const here = await run(folder, ['install', '--prefix', prefix], { cwd: unpacked });
  assert.equal(here.code, 0, here.stderr);
  assert.match(here.stdout, /installed/);
  assert.equal(versions().length, 1);

  const bytes = bundleZip(bundleFiles({ version: '2.0.0' }));
  const server = createServer((request, response) =>
    request.url === '/a.zip' ? response.end(bytes) : response.writeHead(404).end(),
  );
  await new Promise((resolve) => server.listen(0, '127.0.0.1', resolve));
  t.after(() => server.close());
  const url = `http://127.0.0.1:${server.address().port}`;
  assert.equal((await install(`${url}/b.zip`)).code, 1);
  assert.equal((await install(`${url}/a.zip`)).code, 0);
  assert.match(versions().join(), /^2\.0\.0-/);
});

test('a damaged or hostile bundle: exit 4, and nothing is left', async (t) => {
  const { folder, prefix, install } = pc(t);
  const change = (edit) => {
    const files = bundleFiles({});
    edit(files);
    return bundleZip(files);
  };
  const entry = (name, more) => zip([{ name, bytes: 'x', ...more }]);
  const bundles = {
    changed: change((files) => (files['lib/app/main.mjs'].bytes += '//')),
    missing: change((files) => delete files['lib/app/main.mjs']),
    extra: change((files) => (files['lib/app/more.mjs'] = { bytes: '', mode: 0o100644 })),
    'no description': change((files) => delete files['bundle.json']),
    'another format': bundleZip(bundleFiles({ format: 2 })),
    'no setup': change((files) => {
      const description = JSON.parse(files['bundle.json'].bytes);
      delete description.files['setup.mjs'];
      delete files['setup.mjs'];
      files['bundle.json'].bytes = JSON.stringify(description);
    }),
    'cut off': bundleZip(bundleFiles({})).subarray(0, 900),
    'not a zip': Buffer.from('hello'),
    climbing: entry('opencat-portable/../../escaped'),
    absolute: entry('/tmp/opencat-escaped'),
    elsewhere: entry('other/file'),
    link: entry('opencat-portable/link', { bytes: '/etc/passwd', mode: 0o120777 }),
    twice: zip([1, 2].map(() => ({ name: 'opencat-portable/a', bytes: 'x' }))),
    'differing in case': zip(['a', 'A'].map((name) => ({ name: `opencat-portable/${name}`, bytes: 'x' }))),
  };
  for (const [kind, bytes] of Object.entries(bundles)) {
    const file = path.join(folder, 'bad.zip');
    fs.writeFileSync(file, bytes);
    const done = await install(file);
    assert.equal(done.code, 4, `${kind}: ${done.stderr}`);
    assert.ok(!fs.existsSync(prefix), kind);
    assert.ok(!tree(folder).some((name) => name.includes('escaped')), kind);
  }
  assert.ok(!fs.existsSync('/tmp/opencat-escaped'));
});

test('another platform’s bundle, or none: exit 2, with what to get', async (t) => {
  const { folder, prefix, install } = pc(t);
  const other = await install(writeZip(folder, 'win.zip', { platform: 'win-x64' }));
  assert.equal(other.code, 2);
  assert.match(other.stderr, /win-x64/);
  assert.ok(other.stderr.includes(`opencat-portable-${hostPlatform}.zip`));
  assert.equal((await install(path.join(folder, 'gone.zip'))).code, 2);
  assert.ok(!fs.existsSync(prefix));
});

test('an upgrade switches over and removes the old version; the configuration stays', async (t) => {
  const { folder, prefix, install, versions, launched } = pc(t);
  await install(writeZip(folder, '1.zip', {}));
  const [first] = versions();
  assert.equal((await install(writeZip(folder, '2.zip', { version: '2.0.0' }))).code, 0);
  assert.equal(versions().length, 1);
  assert.notEqual(versions()[0], first);
  assert.equal(launched(), versions()[0]);
  assert.ok(fs.existsSync(path.join(prefix, 'data/config.json')));
});

test('installing again uses what is there; a damaged version is put in place anew', async (t) => {
  const { folder, prefix, install, versions, launched } = pc(t);
  const bundle = writeZip(folder, '1.zip', {});
  await install(bundle);
  const [first] = versions();
  const inode = () => fs.statSync(path.join(prefix, 'versions', first, 'setup.mjs')).ino;
  const before = inode();
  assert.equal((await install(bundle)).code, 0);
  assert.deepEqual(versions(), [first]);
  assert.equal(inode(), before);
  fs.appendFileSync(path.join(prefix, 'versions', first, 'lib/app/main.mjs'), 'damage');
  assert.equal((await install(bundle)).code, 0);
  assert.equal(versions().length, 1);
  assert.equal(launched(), versions()[0]);
  const main = path.join(prefix, 'versions', versions()[0], 'lib/app/main.mjs');
  assert.equal(fs.readFileSync(main, 'utf8'), "console.log('1.0.0');\n");
});

test('a setup that fails: its exit code, and the version before it stays', async (t) => {
  const { folder, prefix, install, versions, launched } = pc(t);
  for (const [label, code] of [
    ['5', 5],
    ['3', 3],
    ['77', 1],
  ]) {
    const done = await install(writeZip(folder, 'bad.zip', { version: '2.0.0', label }));
    assert.equal(done.code, code);
    assert.match(done.stderr, /install\.log/);
    assert.deepEqual(versions(), []);
  }
  await install(writeZip(folder, '1.zip', {}));
  const [first] = versions();
  assert.equal((await install(writeZip(folder, 'bad.zip', { version: '2.0.0', label: '5' }))).code, 5);
  assert.deepEqual(versions(), [first]);
  assert.equal(launched(), first);
  execFileSync('sh', [path.join(prefix, 'opencat-chat')], { input: '' });
});

test('a first installation that fails leaves nothing but the log that the error names', async (t) => {
  const { folder, prefix, install, uninstall } = pc(t);
  const bad = writeZip(folder, 'bad.zip', { label: '5' });
  const failed = await install(bad);
  assert.equal(failed.code, 5);
  assert.ok(failed.stderr.includes(path.join(prefix, 'logs/install.log')));
  assert.deepEqual(tree(prefix), ['logs', 'logs/install.log']);
  assert.equal(fs.readFileSync(path.join(prefix, 'logs/install.log'), 'utf8'), 'what happened');
  assert.ok(!fs.existsSync(path.join(folder, 'shortcut')));
  assert.equal((await uninstall()).code, 0);
  assert.ok(!fs.existsSync(prefix));
  // Ctrl-C has no reason to be read.
  const bundle = writeZip(folder, '1.zip', { label: 'wait' });
  const child = start(folder, ['install', bundle, '--prefix', prefix]);
  await until(() => fs.existsSync(path.join(prefix, 'waiting')), 'setup.mjs to wait');
  child.kill('SIGINT');
  assert.equal((await child.done).code, 130);
  assert.ok(!fs.existsSync(prefix));
});

test('a token that was kept survives an installation that fails, and a later uninstall', async (t) => {
  const { folder, prefix, install, uninstall } = pc(t);
  await install(writeZip(folder, '1.zip', {}));
  assert.equal((await uninstall('--keep-token')).code, 0);
  const kept = ['data', 'data/config.json', 'data/receipt.json'];
  assert.deepEqual(tree(prefix), kept);
  assert.equal((await install(writeZip(folder, 'bad.zip', { label: '5' }))).code, 5);
  assert.deepEqual(tree(prefix), [...kept, 'logs', 'logs/install.log']);
  assert.equal((await uninstall('--keep-token')).code, 0);
  assert.deepEqual(tree(prefix), kept);
  assert.equal((await uninstall('--keep-token')).code, 2);
  assert.deepEqual(tree(prefix), kept);
  assert.equal((await uninstall()).code, 0);
  assert.ok(!fs.existsSync(prefix));
  assert.equal((await uninstall()).code, 2);
});

test('a receipt that was tampered with is no way to delete what is another’s', async (t) => {
  const { folder, prefix, uninstall } = pc(t);
  fs.writeFileSync(path.join(folder, 'mine.txt'), '');
  fs.mkdirSync(path.join(prefix, 'data'), { recursive: true });
  const made = ['../mine.txt', path.join(folder, 'mine.txt'), 'data/../../mine.txt', 3, null];
  const receipt = { format: 1, made: made.map((name) => ({ path: name, kind: 'file' })) };
  fs.writeFileSync(path.join(prefix, 'data/receipt.json'), JSON.stringify(receipt));
  assert.equal((await uninstall()).code, 0);
  assert.ok(fs.existsSync(path.join(folder, 'mine.txt')));
  assert.ok(!fs.existsSync(prefix));
});

const alive = (pid) => {
  try {
    return process.kill(pid, 0);
  } catch {
    return false;
  }
};

test('Ctrl-C before the switch takes all back, also what setup.mjs started; after it, keeps it', async (t) => {
  const { folder, prefix, install, versions, launched } = pc(t);
  await install(writeZip(folder, '1.zip', {}));
  const [first] = versions();
  const waiting = path.join(prefix, 'waiting');
  for (const [label, switched] of [
    ['wait', false],
    ['wait-after', true],
  ]) {
    const bundle = writeZip(folder, '2.zip', { version: '2.0.0', label });
    const child = start(folder, ['install', bundle, '--prefix', prefix]);
    await until(() => fs.existsSync(waiting) && fs.readFileSync(waiting, 'utf8'), 'setup.mjs to wait');
    const pid = Number(fs.readFileSync(waiting, 'utf8'));
    child.kill('SIGINT');
    assert.equal((await child.done).code, 130);
    await until(() => !alive(pid), 'setup.mjs to be gone');
    fs.rmSync(waiting);
    assert.equal(versions().length, 1);
    assert.equal(versions()[0] !== first, switched);
    assert.equal(launched(), versions()[0]);
  }
});

test('kill -9 at any point: the next installation ends as an undisturbed one', async (t) => {
  const { folder, prefix, install, versions, launched } = pc(t);
  const waiting = path.join(prefix, 'waiting');
  for (const label of ['wait', 'wait-after']) {
    const child = start(folder, ['install', writeZip(folder, '1.zip', { label }), '--prefix', prefix]);
    await until(() => fs.existsSync(waiting) && fs.readFileSync(waiting, 'utf8'), 'setup.mjs to wait');
    child.kill('SIGKILL');
    fs.rmSync(waiting);
    await child.done; // and the end of the orphaned setup.mjs, which shares its output
    const done = await install(writeZip(folder, '2.zip', { version: '2.0.0' }));
    assert.equal(done.code, 0, done.stderr);
    assert.equal(versions().length, 1);
    assert.match(launched(), /^2\.0\.0-/);
  }
});

test('two at once: the second is refused and says why', async (t) => {
  const { folder, prefix, install, versions } = pc(t);
  const waiting = path.join(prefix, 'waiting');
  const child = start(folder, ['install', writeZip(folder, '1.zip', { label: 'wait' }), '--prefix', prefix]);
  await until(() => fs.existsSync(waiting), 'the first to be at work');
  const second = await install(writeZip(folder, '2.zip', { version: '2.0.0' }));
  assert.equal(second.code, 3);
  assert.match(second.stderr, /another opencat/);
  fs.rmSync(waiting);
  assert.equal((await child.done).code, 0);
  assert.match(versions().join(), /^1\.0\.0-[0-9a-f]{8}$/);
});

test('uninstalling leaves nothing; with --keep-token, the configuration; not what is another’s', async (t) => {
  const { folder, prefix, install, uninstall } = pc(t);
  const bundle = writeZip(folder, '1.zip', {});
  assert.equal((await uninstall()).code, 2);
  assert.ok(!fs.existsSync(prefix));
  await install(bundle);
  const done = await uninstall('--json');
  assert.deepEqual([done.code, done.json], [0, { prefix, removed: true }]);
  assert.ok(!fs.existsSync(prefix));
  await install(bundle);
  fs.writeFileSync(path.join(prefix, 'mine.txt'), 'mine');
  assert.equal((await uninstall('--keep-token')).code, 0);
  assert.deepEqual(tree(prefix), ['data', 'data/config.json', 'data/receipt.json', 'mine.txt']);
});

test('without --prefix it goes to the user’s own data folder', async (t) => {
  const { folder } = pc(t);
  const done = await run(folder, ['install', writeZip(folder, '1.zip', {}), '--json']);
  assert.equal(done.json.prefix, path.join(folder, 'home/.local/share/opencat'));
  assert.equal((await run(folder, ['uninstall'])).code, 0);
  assert.ok(!fs.existsSync(path.join(folder, 'home/.local/share/opencat')));
});

test('setup.mjs uses the PC’s proxies and certificates, unless its user says otherwise', async (t) => {
  const { folder, prefix } = pc(t);
  const bundle = writeZip(folder, 'a.zip', { label: 'network' });
  const install = (env) => run(folder, ['install', bundle, '--prefix', prefix], { env });
  const said = 'proxies of the environment: 1, certificates of the system: ';
  assert.ok((await install({})).stdout.includes(`${said}1`));
  assert.ok((await install({ NODE_USE_SYSTEM_CA: '0' })).stdout.includes(`${said}0`));
});
