// SPDX-License-Identifier: MIT
// An upgrade: what it keeps, and that whatever breaks leaves the version before working.
import assert from 'node:assert/strict';
import { execFileSync } from 'node:child_process';
import { randomBytes } from 'node:crypto';
import fs from 'node:fs';
import { createServer } from 'node:http';
import path from 'node:path';
import { test } from 'node:test';
import { DEAD, run, sandbox, tree } from './helpers.mjs';
import { bundleFiles, bundleZip, writeZip } from './bundles.mjs';

function pc(t) {
  const folder = sandbox(t);
  const prefix = path.join(folder, '我的 PC & (1)');
  const install = (bundle, ...more) => run(folder, ['install', bundle, '--prefix', prefix, ...more]);
  const versions = () => fs.readdirSync(path.join(prefix, 'versions'));
  const inVersion = (name) => path.join(prefix, 'versions', versions()[0], name);
  return { folder, prefix, install, versions, inVersion };
}

/** All that a working installation is; of the bundle's files also when each was written. */
const state = (prefix) =>
  tree(prefix)
    .map((name) => path.join(prefix, name))
    .filter(
      (file) => fs.statSync(file).isFile() && !/data.(calls|receipt.json)$|logs.install.log$/.test(file),
    )
    .map((file) => {
      const written = file.includes('versions') ? fs.statSync(file).mtimeMs : 'at any time';
      return [file, written, fs.readFileSync(file, 'latin1')];
    });

const change = (edit, options = { version: '2.0.0' }) => {
  const files = bundleFiles(options);
  edit(files);
  return bundleZip(files);
};
const broken = {
  'no such file': () => path.join('gone.zip'),
  'a zip that is cut off': () => change(() => {}).subarray(0, 1500),
  'no zip at all': () => Buffer.from('hello'),
  'a file that differs': () => change((files) => (files['lib/app/main.mjs'].bytes += '//')),
  'a file that is missing': () => change((files) => delete files['lib/app/main.mjs']),
  'a file too many': () => change((files) => (files['lib/app/x.mjs'] = { bytes: '', mode: 0o100644 })),
  'another platform': () => change(() => {}, { platform: 'win-x64' }),
  'another format': () => change(() => {}, { format: 2 }),
  'a server that cannot be reached': () => `${DEAD}/a.zip`,
  'a server without it': (url) => `${url}/gone.zip`,
  'a node that does not start': () => change(() => {}, { version: '2.0.0', program: '#!/no/such/shell\n' }),
  'a setup that fails': () => change(() => {}, { version: '2.0.0', label: '3' }),
  'a setup that is killed': () => change(() => {}, { version: '2.0.0', label: 'killed' }),
};

for (const [what, make] of Object.entries(broken)) {
  test(`an upgrade broken by ${what} leaves the version before as it was, and working`, async (t) => {
    const { folder, prefix, install } = pc(t);
    assert.equal((await install(writeZip(folder, '1.zip', { token: 'occ_1' }))).code, 0);
    const before = state(prefix);
    const server = createServer((request, response) => response.writeHead(404).end());
    await new Promise((resolve) => server.listen(0, '127.0.0.1', resolve));
    t.after(() => server.close());

    let bundle = make(`http://127.0.0.1:${server.address().port}`);
    if (Buffer.isBuffer(bundle)) {
      fs.writeFileSync(path.join(folder, '2.zip'), bundle);
      bundle = path.join(folder, '2.zip');
    }
    const failed = await install(bundle);
    assert.notEqual(failed.code, 0);
    assert.equal(
      failed.stderr
        .trim()
        .split('\n')
        .filter((line) => line.startsWith('opencat: ')).length,
      1,
    );
    assert.deepEqual(state(prefix), before);
    execFileSync('sh', [path.join(prefix, 'opencat-chat')], { input: '' });
    // And then one that is not broken.
    assert.equal((await install(writeZip(folder, '3.zip', { version: '3.0.0' }))).code, 0);
  });
}

test('an upgrade that finds no room on the disk says so, and leaves the version before as it was', async (t) => {
  const { folder, prefix, install } = pc(t);
  await install(writeZip(folder, '1.zip', {}));
  const before = state(prefix);
  const more = { 'lib/app/large.bin': { bytes: randomBytes(1 << 20), mode: 0o100644 } };
  const bundle = writeZip(folder, '2.zip', { version: '2.0.0', more });
  // A write behind the limit fails as one on a full disk does, but for its reason.
  const via = ['sh', '-c', 'trap "" XFSZ; ulimit -f 200; exec "$@"', 'sh'];
  const failed = await run(folder, ['install', bundle, '--prefix', prefix], { via });
  assert.equal(failed.code, 1);
  assert.match(failed.stderr, /^opencat: cannot write .*large\.bin: /m);
  assert.deepEqual(state(prefix), before);
  execFileSync('sh', [path.join(prefix, 'opencat-chat')], { input: '' });
});

test('an upgrade takes the runtime and what else is the same over from the version before', async (t) => {
  const { folder, install, versions, inVersion } = pc(t);
  const more = { 'tools/node/large': { bytes: randomBytes(1 << 20), mode: 0o100644 } };
  await install(writeZip(folder, '1.zip', { more }));
  const inode = (name) => fs.statSync(inVersion(name)).ino;
  const names = ['tools/node/bin/node', 'tools/node/large', 'lib/app/说明.txt'];
  const before = names.map(inode);
  const main = inode('lib/app/main.mjs');
  assert.equal((await install(writeZip(folder, '2.zip', { version: '2.0.0', more }))).code, 0);
  assert.match(versions().join(), /^2\.0\.0-[0-9a-f]{8}$/);
  assert.deepEqual(names.map(inode), before);
  assert.notEqual(inode('lib/app/main.mjs'), main);
  assert.equal(fs.statSync(inVersion('tools/node/bin/node')).nlink, 1);
  assert.equal(fs.readFileSync(inVersion('lib/app/main.mjs'), 'utf8'), "console.log('2.0.0');\n");
});

test('what was changed in the version before is not taken over', async (t) => {
  const { folder, install, inVersion } = pc(t);
  const more = { 'tools/node/large': { bytes: randomBytes(1000), mode: 0o100644 } };
  await install(writeZip(folder, '1.zip', { more }));
  fs.appendFileSync(inVersion('tools/node/large'), 'damage');
  fs.rmSync(inVersion('lib/app/说明.txt'));
  fs.symlinkSync('/etc/hostname', inVersion('lib/app/说明.txt'));
  assert.equal((await install(writeZip(folder, '2.zip', { version: '2.0.0', more }))).code, 0);
  assert.deepEqual(fs.readFileSync(inVersion('tools/node/large')), more['tools/node/large'].bytes);
  assert.ok(!fs.lstatSync(inVersion('lib/app/说明.txt')).isSymbolicLink());
});

test('many files, unpacked by several threads, all arrive', async (t) => {
  const { folder, install, inVersion } = pc(t);
  const more = Object.fromEntries(
    Array.from({ length: 500 }, (_, i) => [
      `lib/app/${i % 7}/${i}.bin`,
      { bytes: randomBytes(i * 50), mode: 0o100644 },
    ]),
  );
  assert.equal((await install(writeZip(folder, '1.zip', { more }))).code, 0);
  for (const [name, { bytes }] of Object.entries(more))
    assert.ok(fs.readFileSync(inVersion(name)).equals(bytes), name);
});
