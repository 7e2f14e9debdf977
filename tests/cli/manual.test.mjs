// SPDX-License-Identifier: MIT
// `opencat manual`: man pages and the commented configuration file, both of what --help knows.
import assert from 'node:assert/strict';
import { execFileSync, spawnSync } from 'node:child_process';
import { writeFileSync } from 'node:fs';
import { rm } from 'node:fs/promises';
import { join } from 'node:path';
import { test } from 'node:test';
import { newFolder, runOpencat } from '../support/server.mjs';

const manual = async (...page) => {
  const { code, stdout, stderr } = await runOpencat(['manual', ...page]);
  assert.equal(code, 0, stderr);
  return stdout;
};
const overview = execFileSync(process.env.OPENCAT, ['--help'], { encoding: 'utf8' });
const commands = [...overview.matchAll(/^  ([a-z]+) {2,}/gm)].map(([, name]) => name);

test('opencat.toml names every setting that the file may have, and each line is one when its # goes', async (t) => {
  const dir = await newFolder();
  t.after(() => rm(dir, { recursive: true, force: true }));
  const file = join(dir, 'opencat.toml');
  const text = await manual('opencat.toml');
  const shown = async (content) => {
    writeFileSync(file, content);
    const words = ['serve', '--config', file, '--data-dir', dir, '--show-config', '--json'];
    const { code, stdout, stderr } = await runOpencat(words);
    assert.equal(code, 0, stderr);
    return JSON.parse(stdout);
  };
  const origins = (rows, from) =>
    Object.keys(rows)
      .filter((name) => rows[name].origin.startsWith(from))
      .sort();

  assert.deepEqual(origins(await shown(text), 'file'), [], 'as it is, it says nothing');
  const all = await shown(text.replace(/^#(?! |$)/gm, ''));
  assert.deepEqual(origins(all, 'default'), []);
  assert.deepEqual(origins(all, 'flag'), ['--data-dir']);

  // What is a default is told as it is.
  const defaults = await shown('');
  for (const name of ['--port', '--max-body', '--keep-usage', '--drain-timeout', '--daily-limit', '--host'])
    assert.deepEqual(all[name].value, defaults[name].value, name);
});

test('each command has a man page, which man reads without a complaint', async (t) => {
  if (spawnSync('man', ['--version']).error) return t.skip('there is no man');
  assert.ok(commands.includes('serve') && commands.includes('manual'));
  for (const page of ['opencat', ...commands]) {
    const source = await manual(page);
    const read = spawnSync('man', ['--warnings', '-E', 'UTF-8', '-l', '-Tutf8', '-'], {
      input: source,
      encoding: 'utf8',
      env: { ...process.env, MANROFFSEQ: '', MANWIDTH: '100' },
    });
    assert.equal(read.status, 0, read.stderr);
    assert.equal(read.stderr, '', page);
    const plain = read.stdout.replace(/.\x08|\x1b\[[0-9;]*m/g, '').replace(/[‐−–]/g, '-');
    assert.match(plain, page === 'opencat' ? /opencat-serve\(1\)/ : new RegExp(`opencat-${page} +- `));
  }
});

test('a page tells all that --help does, and what is no page is refused with those there are', async () => {
  const help = execFileSync(process.env.OPENCAT, ['serve', '--help'], { encoding: 'utf8' });
  const page = (await manual('serve')).replaceAll('\\-', '-');
  const flags = [...help.matchAll(/^ {2}(?:-\w,)?(--[a-z-]+)/gm)].map(([, flag]) => flag);
  assert.ok(flags.length > 30, `${flags.length}`);
  for (const flag of flags) assert.ok(page.includes(flag), flag);
  const { code, stderr } = await runOpencat(['manual', 'sevre']);
  assert.equal(code, 2);
  assert.match(stderr, /no page 'sevre'; one of: opencat, opencat\.toml, serve/);
});
