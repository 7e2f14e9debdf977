// SPDX-License-Identifier: MIT
// `opencat migrate`: all of an installation, there and back, whatever stops it, and nothing of the source changed.
import assert from 'node:assert/strict';
import { execFileSync } from 'node:child_process';
import { createHash } from 'node:crypto';
import { mkdirSync, readFileSync } from 'node:fs';
import { rm } from 'node:fs/promises';
import { join } from 'node:path';
import { test } from 'node:test';
import { startUpstream } from '../fakes/upstream.mjs';
import { chat, eventually } from '../support/http.mjs';
import { noPostgres as skip, startPostgres } from '../support/postgres.mjs';
import { newFolder, runOpencat, startOpencat, startServer } from '../support/server.mjs';

const sqlite = (file, statement) =>
  execFileSync('sqlite3', [file, statement], {
    encoding: 'utf8',
    maxBuffer: 1 << 28,
    stdio: ['ignore', 'pipe', 'pipe'],
  });
const tokens =
  'SELECT seq, id, lower(hex(token_hash)), token_prefix, status, platform, install_id, version, label, daily_limit, ' +
  "monthly_limit, meta, created_at, coalesce(last_used_at, '-'), coalesce(deleted_at, '-'), coalesce(used_up_until, '-') " +
  'FROM tokens ORDER BY seq';
const usage = 'SELECT * FROM usage ORDER BY token_id, date, model';
const rowsIn = (file) => sqlite(file, `${tokens}; ${usage}`).trimEnd().split('\n');
const columns =
  'request_count prompt_tokens completion_tokens estimated_requests estimated_prompt_tokens estimated_completion_tokens';
const allUsage =
  `SELECT token_id, date, model, ${columns.replace(/(\S+) ?/g, 'sum($1), ').slice(0, -2)} FROM all_usage ` +
  'GROUP BY token_id, date, model ORDER BY token_id, date, model';
const rowsInPostgres = (postgres) =>
  [tokens.replace('lower(hex(token_hash))', "encode(token_hash, 'hex')"), allUsage].flatMap((query) =>
    postgres.sql(query).map((row) => row.join('|')),
  );
const digest = (file) => createHash('sha256').update(readFileSync(file)).digest('hex');

/** A data folder as a server leaves it, with as many tokens more as are asked for. */
async function installation(t, more) {
  const dir = await newFolder();
  t.after(() => rm(dir, { recursive: true, force: true }));
  const upstream = await startUpstream({ handle: (model) => model.answer() });
  t.after(() => upstream.stop());
  const args = ['--upstream-url', upstream.url, '--upstream-model', 'm'];
  const server = await startServer({ args, dir });
  const { token } = await server.issue({ meta: { label: '张三 "100%" \\ {a,b} NULL' } });
  for (let i = 0; i < 3; ++i) assert.equal((await chat(server, token)).status, 200);
  const { secret } = server;
  const key = readFileSync(server.ready.enroll_key_file, 'utf8');
  assert.equal(await server.stop(), 0);
  const file = join(dir, 'opencat.db');
  sqlite(
    file,
    `INSERT INTO tokens (id, token_hash, token_prefix, status, platform, install_id, version, label, daily_limit,
       monthly_limit, meta, created_at, last_used_at, deleted_at, used_up_until)
       WITH RECURSIVE n (i) AS (SELECT 1 UNION ALL SELECT i + 1 FROM n WHERE i < ${more})
       SELECT 'tok_' || i, CAST(printf('%032d', i) AS BLOB), 'occ_0000', iif(i % 7 = 0, 'disabled', 'active'), 'linux-x64', 'i', '1',
         'label ' || i, i, 3000, '{"n":' || i || '}', '2026-01-01', iif(i % 2, NULL, '2026-02-03'),
         iif(i % 11, NULL, '2099-03-04'), iif(i % 13, NULL, '9999-12-31') FROM n;
     INSERT INTO usage SELECT id, '2099-01-0' || (seq % 9 + 1), 'm', seq, 2, 3, 1, 1, 1 FROM tokens WHERE seq > 1;`,
  );
  return { dir, file, token, secret, key, args };
}

test('an installation moves to PostgreSQL and back, and goes on there as it was', { skip }, async (t) => {
  const { dir, file, token, secret, key, args } = await installation(t, 5000);
  const postgres = await startPostgres(t);
  execFileSync('sqlite3', [
    file,
    "INSERT INTO plans (name, daily_limit, models, source) VALUES ('class', 7, 'm' || char(10) || 'n', 'api');" +
      "UPDATE tokens SET plan = 'class', daily_limit = NULL WHERE seq = 2;",
  ]);
  const before = digest(file);
  const all = rowsIn(file);
  assert.equal(all.length, 10_002);
  const there = await runOpencat(['migrate', '--from', `sqlite:${dir}`, '--json'], {
    env: { OPENCAT_MIGRATE_TO: postgres.url },
  });
  assert.equal(there.code, 0, there.stderr);
  assert.deepEqual(JSON.parse(there.stdout), { plans: 1, tokens: 5001, usage: 5001, written: 10_003 });
  assert.doesNotMatch(there.stdout + there.stderr, /secret-word/);
  assert.deepEqual(rowsInPostgres(postgres), all);
  const planned =
    "SELECT plan, plans.daily_limit, replace(models, chr(10), ',') FROM tokens JOIN plans ON name = plan WHERE seq = 2";
  assert.deepEqual(postgres.sql(planned), [['class', '7', 'm,n']]);
  assert.equal(digest(file), before);

  // The same folder, now with the other store: the same secrets, token and counts, and new tokens come last.
  const server = await startServer({ args, dir, env: { OPENCAT_STORE: postgres.url } });
  assert.equal(server.secret, secret);
  assert.equal(postgres.sql("SELECT value FROM secrets WHERE name = 'enroll-keys'")[0][0], key.trim());
  assert.equal((await server.status(token)).quota.daily_used, 3);
  assert.equal((await chat(server, token)).status, 200);
  await server.issue();
  assert.equal(await server.stop(), 0);
  assert.equal(postgres.sql('SELECT max(seq) FROM tokens')[0][0], '5002');

  const again = await runOpencat(['migrate', '--from', `sqlite:${dir}`, '--to', postgres.url]);
  assert.equal(again.code, 2);
  assert.match(again.stderr, /has tokens already/);

  const back = join(dir, 'back', 'opencat.db');
  mkdirSync(join(dir, 'back'));
  const returned = await runOpencat(['migrate', '--from', postgres.url, '--to', `sqlite:${back}`]);
  assert.equal(returned.code, 0, returned.stderr);
  assert.match(returned.stdout, /5002 tokens and 5001 rows of usage/);
  assert.deepEqual(rowsIn(back), rowsInPostgres(postgres));
  const home = await startServer({ args, dir: join(dir, 'back') });
  assert.equal((await home.status(token)).quota.daily_used, 4);
  assert.equal(await home.stop(), 0);
});

test('what a killed server had counted and not folded into `usage` moves with it', { skip }, async (t) => {
  const { dir, file } = await installation(t, 3000);
  const postgres = await startPostgres(t);
  const first = sqlite(file, 'SELECT token_id, date, model FROM usage LIMIT 1').trim().split('|');
  sqlite(
    file,
    `INSERT INTO recent_usage VALUES ('${first.join("', '")}', 5, 60, 70, 1, 8, 9), ('tok_gone', '2099-01-01', 'm', 1, 1, 1, 0, 0, 0),
       ('tok_7', '2099-12-31', 'later', 2, 3, 4, 0, 0, 0), ('tok_7', '2099-12-31', 'later', -1, 5, 6, 0, 0, 0);
     INSERT INTO recent_usage SELECT id, '2098-01-01', 'before', 1, 0, 0, 0, 0, 0 FROM tokens WHERE seq > 1;`,
  );
  const before = digest(file);
  const moved = await runOpencat(['migrate', '--from', `sqlite:${dir}`, '--to', postgres.url, '--json']);
  assert.equal(moved.code, 0, moved.stderr);
  assert.equal(digest(file), before);
  const rows = postgres.sql(usage).map((row) => row.join('|'));
  // What the next server makes of it is the same.
  const server = await startServer({ dir });
  assert.equal(await server.stop(), 0);
  assert.deepEqual(rows, sqlite(file, usage).trimEnd().split('\n'));
  assert.equal(rows.length, 6002);
  assert.ok(rows.includes('tok_7|2099-12-31|later|1|8|10|0|0|0'));
  assert.ok(rows.some((row) => row.startsWith(first.join('|')) && row.split('|')[3] === '8'));
});

/** Runs the move and kills it once some rows are there, twice if it lasts; then to the end. */
async function killAndResume(words, counted, whole) {
  let kills = 0;
  let last = 0;
  let done = null;
  for (const moment of [0.01, 0.4]) {
    const child = await startOpencat([...words, '--json']);
    await eventually(() => child.exitCode !== null || counted() >= whole * moment, 'some rows', 60_000);
    child.kill('SIGKILL');
    const [code, signal] = await child.ended;
    if (signal !== 'SIGKILL') {
      assert.equal(code, 0, child.text.stderr);
      done = child.text.stdout;
      break;
    }
    ++kills;
    assert.ok(counted() >= last, 'what was there stays');
    last = counted();
  }
  assert.ok(kills > 0 && last > 0, `${kills} kills, ${last} rows`);
  if (done === null) {
    const ran = await runOpencat([...words, '--json']);
    assert.equal(ran.code, 0, ran.stderr);
    done = ran.stdout;
  }
  return { ...JSON.parse(done), last };
}

test('killed in the middle, a move goes on where it was, in either direction', { skip }, async (t) => {
  const { dir, file } = await installation(t, 20_000);
  const postgres = await startPostgres(t);
  const inPostgres = () => {
    try {
      return Number(
        postgres.sql('SELECT (SELECT count(*) FROM tokens) + (SELECT count(*) FROM usage)')[0][0],
      );
    } catch {
      return 0; // there are no tables yet
    }
  };
  const words = ['migrate', '--from', `sqlite:${file}`, '--to', postgres.url];
  const there = await killAndResume(words, inPostgres, 40_000);
  assert.equal(there.written, 40_002 - there.last);
  assert.deepEqual(rowsInPostgres(postgres), rowsIn(file));

  const back = join(dir, 'back.db');
  const inFile = () => {
    try {
      return Number(sqlite(back, 'SELECT (SELECT count(*) FROM tokens) + (SELECT count(*) FROM usage)'));
    } catch {
      return 0;
    }
  };
  const returned = await killAndResume(
    ['migrate', '--from', postgres.url, '--to', `sqlite:${back}`],
    inFile,
    60_000,
  );
  assert.equal(returned.written, 40_002 - returned.last);
  assert.deepEqual(rowsIn(back), rowsIn(file));
});

test('what is half moved is not served, and a folder that is served is not moved', { skip }, async (t) => {
  const { dir, args } = await installation(t, 10);
  const postgres = await startPostgres(t);
  const serve = (words, env) =>
    runOpencat(['serve', '--data-dir', dir, '--port', '0', ...args, ...words], { cwd: dir, env });
  const move = (from, to) => runOpencat(['migrate', '--from', from, '--to', to]);
  assert.equal((await move(`sqlite:${dir}`, postgres.url)).code, 0);
  postgres.sql("CREATE TABLE moving (source TEXT PRIMARY KEY); INSERT INTO moving VALUES ('sqlite:/other')");
  const half = await serve([], { OPENCAT_STORE: postgres.url });
  assert.equal(half.code, 2, half.stderr);
  assert.match(half.stderr, /half of a move/);
  assert.match((await move(`sqlite:${dir}`, postgres.url)).stderr, /half of a move/);

  const server = await startServer({ args, dir });
  t.after(() => server.stop());
  const served = await move(`sqlite:${dir}`, postgres.url);
  assert.equal(served.code, 3, served.stderr);
  assert.match(served.stderr, /another opencat serves/);
});

test('mistakes are one clear line', { skip }, async (t) => {
  const postgres = await startPostgres(t);
  const dir = await newFolder();
  t.after(() => rm(dir, { recursive: true }));
  for (const [words, pattern] of [
    [[], /name both/],
    [['--from', 'sqlite:', '--to', postgres.url], /--from wants sqlite:FILE/],
    [['--from', `sqlite:${dir}/none.db`, '--to', postgres.url], /there is no .*none\.db/],
    [['--from', postgres.url, '--to', `sqlite:${dir}/made.db`], /has no tables of opencat/],
    [['--from', postgres.url, '--to', postgres.url], /are the same/],
  ]) {
    const { code, stderr, stdout } = await runOpencat(['migrate', ...words]);
    assert.equal(code, 2, stderr);
    assert.match(stderr, pattern);
    assert.equal(stderr.trim().split('\n').length, 1, stderr);
    assert.doesNotMatch(stderr + stdout, /secret-word/);
  }
});
