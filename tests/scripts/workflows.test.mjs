// SPDX-License-Identifier: MIT
// tools/workflows.mjs, by which ./dev lint checks GitHub's workflows.
import assert from 'node:assert/strict';
import { spawnSync } from 'node:child_process';
import { existsSync, mkdtempSync, readFileSync, readdirSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { test } from 'node:test';
import { fileURLToPath } from 'node:url';

const repository = fileURLToPath(new URL('../..', import.meta.url));
const workflows = join(repository, '.github/workflows');
const installed = existsSync(join(repository, 'tools/node_modules/@actions/languageservice'));
const skip = installed ? false : 'tools/ is without its packages: ./dev lint installs them';
const check = (...files) =>
  spawnSync(process.execPath, [join(repository, 'tools/workflows.mjs'), ...files], { encoding: 'utf8' });

test('the workflows are as GitHub wants them', { skip }, () => {
  const files = readdirSync(workflows).map((name) => join(workflows, name));
  const { status, stderr } = check(...files);
  assert.equal(status, 0, stderr);
  assert.equal(stderr, '');
});

test('a permission, a job and a value that do not exist are told by file and line', { skip }, (t) => {
  const folder = mkdtempSync(join(tmpdir(), 'opencat-test-'));
  t.after(() => rmSync(folder, { recursive: true, force: true }));
  const file = join(folder, 'release.yml');
  const right = readFileSync(join(workflows, 'release.yml'), 'utf8');
  for (const [good, bad, said] of [
    ['attestations: write', 'atestations: write', "Unexpected value 'atestations'"],
    ['needs: bundles', 'needs: bundels', "depends on unknown job 'bundels'"],
    ['matrix.runner', 'matrx.runner', "Unrecognized named-value: 'matrx'"],
  ]) {
    const line = right.split('\n').findIndex((one) => one.includes(good)) + 1;
    assert.ok(line > 0, good);
    writeFileSync(file, right.replace(good, bad));
    const { status, stderr } = check(file);
    assert.equal(status, 1);
    assert.match(stderr, new RegExp(`^\\S+release\\.yml:${line}:\\d+: .*${said}`, 'm'));
  }
});
