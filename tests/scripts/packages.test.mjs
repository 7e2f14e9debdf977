// SPDX-License-Identifier: MIT
// scripts/packages.sh on a machine that we pretend: dpkg-query, apt-get, sudo and node are stubs.
import assert from 'node:assert/strict';
import { spawnSync } from 'node:child_process';
import { existsSync, mkdirSync, mkdtempSync, readFileSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { delimiter, dirname, join } from 'node:path';
import { test } from 'node:test';
import { fileURLToPath } from 'node:url';

const script = join(dirname(fileURLToPath(import.meta.url)), '../../scripts/packages.sh');

/** Answers as dpkg-query does: a line per package it knows, 1 when it has never heard of one. */
const dpkgQuery = `#!/bin/sh
status=0
for word; do
  case $word in -*) continue ;; esac
  case $word in
    installed*) printf 'ii  %s\\n' "$word" ;;
    removed*) printf 'rc  %s\\n' "$word" ;;
    *) echo "dpkg-query: no packages found matching $word" >&2; status=1 ;;
  esac
done
exit $status
`;

/** Runs ensure_packages for a group of these packages; `installed` is what apt-get was told to install. */
function ensure(t, packages) {
  const folder = mkdtempSync(join(tmpdir(), 'opencat-test-'));
  t.after(() => rmSync(folder, { recursive: true, force: true }));
  const stubs = join(folder, 'stubs');
  mkdirSync(stubs);
  const stub = (name, text) => writeFileSync(join(stubs, name), text, { mode: 0o755 });
  stub('dpkg-query', dpkgQuery);
  stub('apt-get', `#!/bin/sh\necho "$*" >>'${join(folder, 'calls')}'\n`);
  stub('sudo', '#!/bin/sh\nexec "$@"\n');
  for (const name of ['node', 'npm']) stub(name, '#!/bin/sh\n');
  const commands = `
    set -euo pipefail
    say() { printf '%s\\n' "$*"; }
    fail() { printf 'failed: %s\\n' "$*"; exit 1; }
    . '${script}'
    packages_test='${packages}'
    ensure_packages test
    echo and on it goes`;
  const env = { ...process.env, PATH: stubs + delimiter + process.env.PATH };
  const done = spawnSync('bash', ['-c', commands], { encoding: 'utf8', env });
  const calls = existsSync(join(folder, 'calls')) ? readFileSync(join(folder, 'calls'), 'utf8') : '';
  const install = calls.split('\n').find((line) => line.startsWith('install')) ?? '';
  const installed = install.split(' ').filter((word) => !word.startsWith('-') && word !== 'install' && word);
  return { code: done.status, said: done.stdout.trim().split('\n'), stderr: done.stderr, calls, installed };
}

test('what dpkg has never heard of, and what was removed, is installed and said', (t) => {
  const done = ensure(t, 'installed-one unknown-one removed-one installed-two unknown-two');
  assert.equal(done.code, 0, done.stderr);
  const missing = ['unknown-one', 'removed-one', 'unknown-two'];
  assert.deepEqual(done.installed, missing);
  assert.deepEqual(done.said, [`installing from Debian: ${missing.join(' ')}`, 'and on it goes']);
  assert.match(done.calls, /^update /);
});

test('on a machine with none of them, all are installed', (t) => {
  const done = ensure(t, 'unknown-one unknown-two');
  assert.equal(done.code, 0, done.stderr);
  assert.deepEqual(done.installed, ['unknown-one', 'unknown-two']);
});

test('when all is there, nothing is done or said', (t) => {
  const done = ensure(t, 'installed-one installed-two');
  assert.equal(done.code, 0, done.stderr);
  assert.deepEqual([done.said, done.calls], [['and on it goes'], '']);
});
