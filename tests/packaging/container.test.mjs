// SPDX-License-Identifier: MIT
// The image of packaging/container, built by hand as its Containerfile says (no container engine runs here), and started
// as that says: in a root of its own, by a user who is not root.
import assert from 'node:assert/strict';
import { spawn, spawnSync } from 'node:child_process';
import { once } from 'node:events';
import { chownSync, copyFileSync, chmodSync, mkdirSync, readFileSync, rmSync } from 'node:fs';
import { dirname, join } from 'node:path';
import { test } from 'node:test';
import { noRoots, release } from '../pcs/roots.mjs';
import { ask } from '../support/http.mjs';
import { freePort, newFolder } from '../support/server.mjs';

const text = readFileSync(new URL('../../packaging/container/Containerfile', import.meta.url), 'utf8');
const lines = text
  .replace(/\\\n/g, ' ')
  .split('\n')
  .filter((line) => /^[A-Z]+ /.test(line));
/** What stands behind an instruction of the last stage. */
const last = lines.slice(lines.findLastIndex((line) => line.startsWith('FROM ')));
const of = (name) =>
  last.filter((line) => line.startsWith(`${name} `)).map((line) => line.slice(name.length + 1));

const built = release('linux-x64');

test('the last stage is from scratch, and all that it does is known to this test', () => {
  assert.equal(last[0], 'FROM scratch');
  const known = [
    'FROM',
    'ARG',
    'COPY',
    'USER',
    'ENV',
    'VOLUME',
    'EXPOSE',
    'HEALTHCHECK',
    'ENTRYPOINT',
    'CMD',
  ];
  for (const line of last) assert.ok(known.includes(line.split(' ')[0]), line);
});

test('it serves in that root as its user, and its health check tells well from ill', async (t) => {
  if (built.skip || noRoots) return t.skip(built.skip || noRoots);
  if (!spawnSync(built.file, ['--help'], { encoding: 'utf8' }).stdout.includes('doctor'))
    return t.skip(`${built.file} is older than opencat doctor: ./dev release linux-x64 makes it anew`);
  const root = await newFolder();
  t.after(() => rmSync(root, { recursive: true, force: true }));
  chmodSync(root, 0o755);
  const [uid, gid] = of('USER')[0].split(':').map(Number);
  assert.ok(uid > 0 && gid > 0);
  for (const copy of of('COPY')) {
    const [from, to] = copy.split(' ').filter((word) => !word.startsWith('--'));
    const target = join(root, to);
    if (from === '/data') {
      mkdirSync(target, { mode: 0o700 });
      const [owner, group] = /--chown=(\d+):(\d+)/.exec(copy).slice(1).map(Number);
      chownSync(target, owner, group);
      continue;
    }
    mkdirSync(dirname(target), { recursive: true });
    copyFileSync(from.replace('${EXECUTABLE}', built.file), target);
    const mode = /--chmod=(\d+)/.exec(copy);
    if (mode) chmodSync(target, Number.parseInt(mode[1], 8));
  }

  const env = Object.fromEntries(
    of('ENV')[0]
      .split(' ')
      .map((pair) => pair.split('=')),
  );
  const port = await freePort();
  const start = (words) =>
    spawn('/usr/sbin/chroot', [`--userspec=${uid}:${gid}`, root, ...words], {
      env: { ...env, OPENCAT_PORT: String(port) },
      stdio: ['ignore', 'pipe', 'inherit'],
    });
  const [entry] = of('ENTRYPOINT').map((words) => JSON.parse(words));
  const [command] = of('CMD').map((words) => JSON.parse(words));
  const probe = JSON.parse(of('HEALTHCHECK')[0].replace(/^.*CMD /, '')).map((word) =>
    word.replace(':3000', `:${port}`),
  );
  const healthy = async () => (await once(start(probe), 'exit'))[0];

  assert.equal(await healthy(), 3, 'nothing serves yet');
  const server = start([...entry, ...command, '--demo']);
  t.after(() => server.kill('SIGKILL'));
  await once(server.stdout, 'data');
  assert.equal((await ask(`http://127.0.0.1:${port}/healthz`)).status, 200);
  assert.equal(await healthy(), 0);
  server.kill('SIGTERM');
  const [code] = await once(server, 'exit');
  assert.equal(code, 0);
});

test('every variable of compose.yaml is one of opencat serve’s, and example.env has what it wants', (t) => {
  const source = (name) =>
    readFileSync(new URL(`../../packaging/container/${name}`, import.meta.url), 'utf8');
  const compose = source('compose.yaml');
  const wanted = new Set([...compose.matchAll(/\$\{(\w+)\}/g)].map(([, name]) => name));
  const given = new Set([...source('example.env').matchAll(/^(\w+)=/gm)].map(([, name]) => name));
  assert.deepEqual(given, wanted);
  const { stdout } = spawnSync(process.env.OPENCAT, ['serve', '--help'], { encoding: 'utf8' });
  const set = [...compose.matchAll(/^ {6}(OPENCAT_\w+):/gm)].map(([, name]) => name);
  for (const name of set.filter((one) => !['OPENCAT_DOMAIN', 'OPENCAT_STORE'].includes(one)))
    assert.match(stdout, new RegExp(`env ${name}\\b`), name);
  if (!/OPENCAT_STORE\b/.test(stdout)) t.skip('this opencat has no --store yet, which compose.yaml wants');
});
