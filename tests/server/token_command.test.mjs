// SPDX-License-Identifier: MIT
// `opencat token`: the same on a running server and on its data, in tables and in JSON.
import assert from 'node:assert/strict';
import { mkdir, readFile, rm, writeFile } from 'node:fs/promises';
import { createServer } from 'node:http';
import { once } from 'node:events';
import { join } from 'node:path';
import { after, before, test } from 'node:test';
import { sql } from '../support/checks.mjs';
import { chat } from '../support/http.mjs';
import { freePort, newFolder, runOpencat, startServer } from '../support/server.mjs';

let home;
before(async () => (home = await newFolder()));
after(() => rm(home, { recursive: true, force: true }));

/** Runs `opencat token …` in a folder of its own and holds it to its exit code; its text, or its document. */
async function token(words, { code = 0, env = {}, cwd = home } = {}) {
  const ran = await runOpencat(['token', ...words], { cwd, env });
  assert.equal(ran.code, code, `opencat token ${words.join(' ')}\n${ran.stdout}${ran.stderr}`);
  if (code !== 0) assert.match(ran.stderr, /^opencat: .+\n$/);
  return words.includes('--json') ? JSON.parse(ran.stdout) : code === 0 ? ran.stdout : ran.stderr;
}

/** The whole life of a token; `where` are the words that say where the server is. */
async function wholeLife(where, options) {
  const json = (...words) => token([...words, ...where, '--json'], options);
  const text = (...words) => token([...words, ...where], options);
  const made = await json('create', '--label', 'Ms Li', '--daily-limit', '5', '--platform', 'win-x64');
  assert.match(made.token, /^occ_[0-9a-f]{32}$/);
  assert.deepEqual(made.quota, { daily_limit: 5, monthly_limit: 3000 });
  const { tokens: many } = await json('create', '--count', '3', '--label', 'class 3');
  assert.equal(many.length, 3);

  const list = await json('list');
  assert.deepEqual([list.total, list.tokens.at(-1).id], [4, made.id]);
  assert.deepEqual((await json('list', '--search', 'ms li')).tokens[0].id, made.id);
  const ids = (await json('list', '--sort', 'id', '--order', 'asc', '--limit', '2', '--page', '2')).tokens;
  const sorted = [made, ...many].map(({ id }) => id).sort();
  assert.deepEqual(
    ids.map(({ id }) => id),
    sorted.slice(2),
  );
  const table = await text('list', '--limit', '2');
  assert.match(table, /^ID +TOKEN +STATUS +PLATFORM +PLAN +TODAY +MONTH +LAST USED +LABEL\n/);
  assert.match(table, /\n4 tokens, page 1 of 2/);
  assert.ok(!table.includes(made.token));

  assert.equal((await json('show', made.id)).label, 'Ms Li');
  assert.equal((await json('show', made.token)).id, made.id);
  const shown = await text('show', made.id, many[0].id);
  assert.match(shown, /status +active\n/);
  assert.equal(shown.match(/^id /gm).length, 2);
  assert.equal((await json('disable', made.id)).status, 'disabled');
  assert.deepEqual(
    (await json('list', '--status', 'disabled')).tokens.map(({ id }) => id),
    [made.id],
  );
  assert.equal((await json('enable', made.id)).status, 'active');
  const { quota } = await json('set-quota', made.id, '--daily-limit', '0');
  assert.deepEqual([quota.daily_limit, quota.monthly_limit], [0, 3000]);
  assert.equal((await json('show', made.id)).status, 'quota_exceeded');
  assert.match(await text('usage'), /^DAY +REQUESTS +PROMPT TOKENS/);
  assert.equal((await json('usage', '--group', 'model', '--from', '2026-01-01')).group, 'model');
  assert.match(await text('usage', '--group', 'plan'), /^PLAN +REQUESTS/);
  assert.deepEqual(await json('delete', many[0].id), { deleted: many[0].id });
  assert.equal(
    await text('delete', many[1].id, many[2].id),
    `deleted ${many[1].id}\ndeleted ${many[2].id}\n`,
  );
  assert.equal((await json('list')).total, 1);
  assert.equal((await json('list', '--status', 'deleted')).total, 3);
  assert.equal((await json('restore', many[0].id)).status, 'active');
  assert.match(await text('restore', many[1].id), /status +active\n/);
  assert.equal((await json('list')).total, 3);
  await text('delete', many[0].id, many[1].id);
  assert.match(await token(['restore', 'tok_0', ...where], { ...options, code: 1 }), /no such token/);

  assert.match(await token(['show', 'tok_0', ...where], { ...options, code: 1 }), /no such token/);
  const refused = await token(['create', '--platform', 'amiga', ...where], { ...options, code: 2 });
  assert.match(refused, /'platform' must be one of/);
  const day = await token(['usage', '--from', 'monday', ...where], { ...options, code: 2 });
  assert.match(day, /'from' must be a day/);
  return made;
}

test('over the admin API, with the secret in the environment or in a file', async (t) => {
  const server = await startServer({ env: { OPENCAT_ADMIN_SECRET: 'a-secret-of-the-tests' } });
  t.after(() => server.stop());
  sql(server, 'DELETE FROM tokens');
  const where = ['--server-url', server.url];
  await wholeLife(where, { env: { OPENCAT_ADMIN_SECRET: server.secret } });
  const file = join(home, 'secret');
  await writeFile(file, `${server.secret}\n`);
  await token(['list', ...where, '--admin-secret-file', file]);
  const wrong = { env: { OPENCAT_ADMIN_SECRET: 'another-secret' }, code: 5 };
  assert.match(await token(['list', ...where], wrong), /refuses the admin secret/);
  assert.match(await token(['list', ...where], { code: 2 }), /OPENCAT_ADMIN_SECRET/);
});

test('on the data folder: of a server that runs by its address, else directly', async () => {
  const dir = join(home, 'data');
  await mkdir(dir);
  const server = await startServer({ dir });
  sql(server, 'DELETE FROM tokens');
  await wholeLife(['--data-dir', dir]);
  const issued = (await token(['create', '--data-dir', dir, '--json'])).token;
  assert.equal((await chat(server, issued)).status, 200);
  assert.equal(await server.stop(), 0);

  sql(server, 'DELETE FROM tokens');
  const made = await wholeLife(['--data-dir', dir]);
  await token(['set-quota', made.id, '--daily-limit', '1', '--data-dir', dir]);
  const again = await startServer({ dir });
  assert.equal((await chat(again, made.token)).status, 200);
  assert.equal((await chat(again, made.token)).status, 429);
  const { total } = await token(['usage', '--group', 'token', '--data-dir', dir, '--json']);
  assert.equal(total.requests, 1);
  assert.equal(await again.stop('SIGKILL'), null);
  // The address of a server that is gone misleads nobody.
  assert.match(await readFile(join(dir, 'address'), 'utf8'), /^http:/);
  const { tokens } = await token(['list', '--data-dir', dir, '--json']);
  assert.ok(tokens.some(({ id }) => id === made.id));
});

test('tokens that are created without a server get the limits and address of its configuration', async () => {
  const dir = join(home, 'configured');
  await mkdir(dir);
  await (await startServer({ dir })).stop();
  const config = 'public_url = "https://chat.example.com/x"\n[limits]\ndaily = 12\nmonthly = 34\n';
  await writeFile(join(dir, 'opencat.toml'), config);
  const made = await token(['create', '--data-dir', dir, '--json']);
  assert.equal(made.proxy_base_url, 'https://chat.example.com/x/v1');
  assert.deepEqual(made.quota, { daily_limit: 12, monthly_limit: 34 });
  const limited = await token(['create', '--data-dir', dir, '--monthly-limit', '5', '--json']);
  assert.deepEqual(limited.quota, { daily_limit: 12, monthly_limit: 5 });
});

test('what nobody can be asked about is said with what to do', async (t) => {
  const empty = join(home, 'empty');
  await mkdir(empty);
  assert.match(await token(['list', '--data-dir', empty], { code: 2 }), /--data-dir, or .*--server-url/);
  assert.match(await token(['list'], { code: 2 }), /opencat-data/);
  const env = { OPENCAT_ADMIN_SECRET: 'x' };
  const nobody = `http://127.0.0.1:${await freePort()}`;
  await token(['list', '--server-url', nobody], { env, code: 3 });
  const other = createServer((_, response) => response.writeHead(404).end('no')).listen(0, '127.0.0.1');
  await once(other, 'listening');
  t.after(() => other.close());
  const url = `http://127.0.0.1:${other.address().port}`;
  assert.match(await token(['list', '--server-url', url], { env, code: 2 }), /no OpenCat server/);
  const dir = join(home, 'locked');
  await mkdir(dir);
  const server = await startServer({ dir });
  t.after(() => server.stop());
  await rm(join(dir, 'address'));
  assert.match(await token(['list', '--data-dir', dir], { code: 2 }), /name it with --server-url/);
});

test('mistakes in the words are named', async () => {
  assert.match(await token([], { code: 2 }), /opencat token list/);
  assert.match(await token(['lst'], { code: 2 }), /did you mean list\?/);
  assert.match(await token(['show'], { code: 2 }), /wants a token's id/);
  assert.match(await token(['list', 'tok_1'], { code: 2 }), /does not take 'tok_1'/);
  assert.match(await token(['set-quota', 'tok_1'], { code: 2 }), /--daily-limit/);
  assert.match(await token(['set-quota', 'tok_1', '--daily-limit', '-1'], { code: 2 }), /at least 0/);
  assert.match(await token(['list', '--statu', 'active'], { code: 2 }), /did you mean '--status'/);
  const { error } = await token(['show', '--json'], { code: 2 });
  assert.equal(error.exit_code, 2);
});

test('a label cannot command the terminal of the operator', async () => {
  const dir = join(home, 'hostile');
  await mkdir(dir);
  const server = await startServer({ dir });
  await server.issue({ meta: { label: '\u001b[2Jx\r\n\u009b2J' } });
  for (const words of [['list'], ['list', '--search', '2J']]) {
    const text = await token([...words, '--data-dir', dir]);
    assert.ok(text.includes('?[2Jx'), text);
    assert.doesNotMatch(text, /[\u0000-\u0009\u000b-\u001f\u007f-\u009f]/);
  }
  await server.stop();
});
