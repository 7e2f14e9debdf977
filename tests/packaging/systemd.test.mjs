// SPDX-License-Identifier: MIT
// The systemd units, as far as systemd's own tools judge them without running: nothing here runs systemd.
import assert from 'node:assert/strict';
import { execFileSync, spawnSync } from 'node:child_process';
import { mkdirSync, mkdtempSync, readFileSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { test } from 'node:test';
import { fileURLToPath } from 'node:url';

const unit = (name) => fileURLToPath(new URL(`../../packaging/systemd/${name}`, import.meta.url));

/** All "Name=value" of a unit. */
const settings = (name) =>
  readFileSync(unit(name), 'utf8')
    .split('\n')
    .filter((line) => /^[A-Z]\w*=/.test(line));

test('the exposure that systemd-analyze finds is at most 2.0', () => {
  const words = ['security', '--offline=true', '--no-pager', '--threshold=20', unit('opencat.service')];
  const { status, stdout, stderr } = spawnSync('systemd-analyze', words, { encoding: 'utf8' });
  assert.equal(status, 0, stdout + stderr);
  assert.match(stdout, /Overall exposure level for opencat\.service: [0-2]\.\d/);
});

test('systemd finds no mistake in the units, once the program is there', (t) => {
  const root = mkdtempSync(join(tmpdir(), 'opencat-test-'));
  t.after(() => rmSync(root, { recursive: true, force: true }));
  // As in a root of its own: the programs that the unit names are empty ones.
  for (const program of ['usr/bin/opencat', 'bin/kill']) {
    mkdirSync(join(root, program, '..'), { recursive: true });
    writeFileSync(join(root, program), '#!/bin/sh\n', { mode: 0o755 });
  }
  const folder = join(root, 'etc/systemd/system');
  mkdirSync(folder, { recursive: true });
  for (const name of ['opencat.service', 'opencat.socket']) {
    writeFileSync(join(folder, name), readFileSync(unit(name)));
  }
  const words = ['verify', '--man=no', `--root=${root}`, 'opencat.service', 'opencat.socket'];
  const { stdout, stderr } = spawnSync('systemd-analyze', words, { encoding: 'utf8' });
  // Of the units of the system itself there is none in this root.
  const ours = (stdout + stderr)
    .split('\n')
    .filter((line) => /opencat/.test(line) && !/not found/.test(line));
  assert.deepEqual(ours, []);
});

test('the unit starts what the program takes', () => {
  const start = settings('opencat.service').find((line) => line.startsWith('ExecStart='));
  const [program, ...words] = start.slice('ExecStart='.length).split(' ');
  assert.equal(program, '/usr/bin/opencat');
  const help = execFileSync(process.env.OPENCAT, [words[0], '--help'], { encoding: 'utf8' });
  for (const word of words.filter((one) => one.startsWith('--'))) assert.ok(help.includes(word), word);
  for (const wanted of ['Type=notify', 'DynamicUser=yes', 'ProtectSystem=strict', 'StateDirectory=opencat'])
    assert.ok(settings('opencat.service').includes(wanted), wanted);
});
