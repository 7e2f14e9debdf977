// SPDX-License-Identifier: MIT
// `opencat backup`: whole and consistent while the server writes, private, and never half-made.
import assert from 'node:assert/strict';
import { execFileSync } from 'node:child_process';
import { mkdir, readFile, readdir, rm, stat, truncate, writeFile } from 'node:fs/promises';
import { join } from 'node:path';
import { after, before, test } from 'node:test';
import { startUpstream } from '../fakes/upstream.mjs';
import { allUsage } from '../support/checks.mjs';
import { chat } from '../support/http.mjs';
import { newFolder, runOpencat, startOpencat, startServer } from '../support/server.mjs';

let home;
let upstream;
before(async () => {
  home = await newFolder();
  upstream = await startUpstream({ handle: (model) => model.answer() });
});
after(async () => {
  await upstream.stop();
  await rm(home, { recursive: true, force: true });
});

const sqlite = (file, sql) => execFileSync('sqlite3', [file, sql], { encoding: 'utf8' }).trim();
async function backup(words, code = 0) {
  const ran = await runOpencat(['backup', ...words], { cwd: home });
  assert.equal(ran.code, code, `${words.join(' ')}\n${ran.stdout}${ran.stderr}`);
  return code === 0 ? ran.stdout : ran.stderr;
}
async function folder(name) {
  await mkdir(join(home, name));
  return join(home, name);
}

test('backups under load are whole, consistent and can be served', async () => {
  const dir = await folder('loaded');
  const limits = ['--rpm-limit', '1000000', '--daily-limit', '1000000', '--monthly-limit', '1000000'];
  const args = ['--upstream-url', upstream.url, '--upstream-model', 'm', ...limits];
  const server = await startServer({ args, dir });
  const { token, id } = await server.issue();
  let load = true;
  let answered = 0;
  const work = async () => {
    while (load) {
      assert.equal((await chat(server, token)).status, 200);
      ++answered;
    }
  };
  const workers = Array.from({ length: 8 }, work);
  const files = await folder('backups');
  for (let i = 0; i < 5; ++i) {
    const before = answered;
    const file = join(files, `${i}.db`);
    await backup(['--data-dir', dir, file]);
    assert.equal(sqlite(file, 'PRAGMA integrity_check'), 'ok');
    assert.equal(sqlite(file, 'PRAGMA foreign_key_check'), '');
    const count = Number(sqlite(file, `SELECT sum(request_count) FROM ${allUsage}`));
    assert.ok(count >= before && count <= answered + 8, `${before} <= ${count} <= ${answered}`);
    assert.equal((await stat(file)).mode & 0o777, 0o600);
  }
  load = false;
  await Promise.all(workers);
  assert.deepEqual(await readdir(files), ['0.db', '1.db', '2.db', '3.db', '4.db']);
  await server.stop();

  const restored = await folder('restored');
  await writeFile(join(restored, 'opencat.db'), await readFile(join(files, '4.db')));
  const again = await startServer({ args, dir: restored });
  assert.equal((await chat(again, token)).status, 200);
  const shown = await runOpencat(['token', 'show', id, '--data-dir', restored, '--json'], { cwd: home });
  assert.ok(JSON.parse(shown.stdout).quota.daily_used > 1);
  await again.stop();
});

test('it replaces nothing unless it is told to, and says what is missing', async () => {
  const dir = await folder('small');
  await (await startServer({ dir })).stop();
  const file = join(home, 'kept.db');
  await writeFile(file, 'precious');
  assert.match(await backup(['--data-dir', dir, file], 2), /--force/);
  assert.equal(await readFile(file, 'utf8'), 'precious');
  assert.match(await backup(['--data-dir', dir, '--force', file]), /kept\.db, /);
  assert.equal(sqlite(file, 'PRAGMA integrity_check'), 'ok');
  assert.match(await backup(['--data-dir', dir], 2), /name the file/);
  assert.match(await backup(['--data-dir', dir, home], 2), /is a folder/);
  assert.match(await backup(['--data-dir', join(home, 'nowhere'), 'x.db'], 2), /--data-dir/);
  await backup(['--data-dir', dir, join(home, 'no', 'x.db'), '--json']);
  await assert.rejects(stat(join(home, 'x.db')));
});

test('a backup that is killed leaves nothing under its name', async () => {
  const dir = await folder('large');
  const server = await startServer({ dir });
  await server.stop();
  sqlite(join(dir, 'opencat.db'), 'CREATE TABLE big (x); INSERT INTO big VALUES (zeroblob(200000000))');
  const target = await folder('target');
  for (const signal of ['SIGKILL', 'SIGINT']) {
    const words = ['backup', '--data-dir', dir, join(target, 'x.db')];
    const child = await startOpencat(words, { cwd: home });
    while (child.exitCode === null && (await readdir(target)).length === 0);
    child.kill(signal);
    const [code] = await child.ended;
    assert.notEqual(code, 0);
    if (signal === 'SIGINT') assert.equal(code, 130);
    const left = await readdir(target);
    assert.ok(!left.includes('x.db'));
    if (signal === 'SIGINT') assert.deepEqual(left, []);
    for (const name of left) await rm(join(target, name), { recursive: true });
  }
});

test('serve, token and backup refuse a damaged or newer database with what to do, and leave it', async () => {
  const dir = await folder('damaged');
  const file = join(dir, 'opencat.db');
  const server = await startServer({ dir });
  for (let i = 0; i < 50; ++i) await server.issue({ meta: { label: `label ${i}`.repeat(10) } });
  await server.stop();
  const whole = await readFile(file);
  const noise = Buffer.alloc(whole.length, 'opencat');
  const cases = {
    'random bytes': [noise, /damaged.*backup/],
    'no header': [Buffer.concat([noise.subarray(0, 100), whole.subarray(100)]), /damaged.*backup/],
    'cut in half': [whole.subarray(0, whole.length / 2), /damaged.*backup/],
    'cut to a page': [whole.subarray(0, 4096), /damaged.*backup/],
  };
  const check = async (name, wanted) => {
    const before = await readFile(file);
    for (const words of [
      ['serve', '--demo', '--port', '0', '--data-dir', dir],
      ['token', 'list', '--data-dir', dir],
      ['backup', '--data-dir', dir, join(home, 'never.db')],
    ]) {
      const ran = await runOpencat(words, { cwd: home });
      assert.equal(ran.code, 2, `${name}: ${words[0]}\n${ran.stdout}${ran.stderr}`);
      assert.match(ran.stderr, wanted, `${name}: ${words[0]}`);
      assert.deepEqual(await readFile(file), before, `${name}: ${words[0]} changed it`);
    }
  };
  for (const [name, [bytes, wanted]] of Object.entries(cases)) {
    await writeFile(file, bytes);
    for (const more of ['-wal', '-shm']) await rm(file + more, { force: true });
    await check(name, wanted);
  }
  await writeFile(file, whole);
  sqlite(file, 'PRAGMA user_version = 99');
  await check('newer', /newer opencat \(schema 99, this program knows \d+\); use that one/);
  await truncate(file, 0); // an empty file is what a crash before the first write leaves
  const fresh = await startServer({ dir });
  await fresh.stop();
});
