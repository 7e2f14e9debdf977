// SPDX-License-Identifier: MIT
// Counting: exact however many come at once, durable, and told in the protocol's words.
import assert from 'node:assert/strict';
import { spawn } from 'node:child_process';
import { once } from 'node:events';
import { Agent } from 'node:http';
import { join } from 'node:path';
import { after, before, test } from 'node:test';
import { startUpstream } from '../fakes/upstream.mjs';
import { refused, sql, used, whereToken } from '../support/checks.mjs';
import { ask, bearer, chat } from '../support/http.mjs';
import { newFolder, startServer } from '../support/server.mjs';
import { rm } from 'node:fs/promises';

let upstream;
before(async () => (upstream = await startUpstream({ handle: (model) => model.answer() })));
after(() => upstream.stop());

async function start(t, args, more = {}) {
  const server = await startServer({
    args: ['--upstream-url', upstream.url, '--upstream-model', 'm', ...args],
    ...more,
  });
  t.after(() => server.stop());
  return server;
}
const count = (answers, status) => answers.filter((answer) => answer.status === status).length;

async function burst(server, token, times, connections = 50) {
  const agent = new Agent({ keepAlive: true, maxSockets: connections });
  const answers = await Promise.all(
    Array.from({ length: times }, () => chat(server, token, undefined, { agent })),
  );
  agent.destroy();
  return answers;
}

test('500 requests at once against a daily limit of 100 admit exactly 100', async (t) => {
  const server = await start(t, ['--daily-limit', '100', '--rpm-limit', '1000']);
  const { token, quota } = await server.issue();
  assert.deepEqual(quota, { daily_limit: 100, monthly_limit: 3000 });
  const heard = upstream.requests.length;
  // Each on a connection of its own, all of them open before the first is answered.
  const answers = await burst(server, token, 500, 500);
  assert.equal(count(answers, 200), 100);
  assert.equal(count(answers, 429), 400);
  assert.equal(upstream.requests.length - heard, 100);
  for (const answer of answers.filter(({ status }) => status !== 200)) {
    const error = refused(answer, 429, 'QUOTA_EXCEEDED');
    assert.equal(error.type, 'insufficient_quota');
    assert.equal(answer.headers['x-should-retry'], 'false');
    const wait = Number(answer.headers['retry-after']);
    assert.ok(wait >= 1 && wait <= 86_400, `${wait}`);
    assert.equal(answer.headers['x-ratelimit-remaining-requests'], '0');
  }
  await used(server, token, 100);
  assert.equal((await server.status(token)).status, 'quota_exceeded');
  const other = (await server.issue()).token;
  assert.equal((await chat(server, other)).status, 200);
});

test('the monthly limit binds as exactly, and remains count down one by one', async (t) => {
  const server = await start(t, ['--monthly-limit', '30', '--rpm-limit', '1000']);
  const { token } = await server.issue();
  const answers = await burst(server, token, 100);
  assert.equal(count(answers, 200), 30);
  const left = answers
    .filter(({ status }) => status === 200)
    .map(({ headers }) => headers['x-ratelimit-remaining-requests']);
  assert.deepEqual(
    left.map(Number).sort((a, b) => a - b),
    Array.from({ length: 30 }, (_, i) => i),
  );
  const late = await chat(server, token);
  refused(late, 429, 'QUOTA_EXCEEDED');
  assert.ok(Number(late.headers['retry-after']) <= 31 * 86_400);
  await used(server, token, 30);
});

test('a limit of nothing admits nothing', async (t) => {
  const server = await start(t, ['--daily-limit', '0']);
  const { token } = await server.issue();
  refused(await chat(server, token), 429, 'QUOTA_EXCEEDED');
});

test('a burst over the minute’s limit is refused without being counted', async (t) => {
  const server = await start(t, ['--rpm-limit', '20']);
  const { token } = await server.issue();
  const answers = await burst(server, token, 60);
  assert.equal(count(answers, 200), 20);
  for (const answer of answers.filter(({ status }) => status !== 200)) {
    const error = refused(answer, 429, 'RATE_LIMITED');
    assert.equal(error.type, 'rate_limit_exceeded');
    assert.equal(answer.headers['x-should-retry'], undefined);
    const wait = Number(answer.headers['retry-after']);
    assert.ok(wait >= 1 && wait <= 60, `${wait}`);
  }
  await used(server, token, 20);
});

test('a disabled token is told so, and its models and chat are closed', async (t) => {
  const server = await start(t, []);
  const { token } = await server.issue();
  assert.equal((await chat(server, token)).status, 200);
  sql(server, `UPDATE tokens SET status = 'disabled' WHERE ${whereToken(token)}`);
  const error = refused(await chat(server, token), 403, 'TOKEN_DISABLED');
  assert.equal(error.type, 'permission_error');
  assert.equal((await server.status(token)).status, 'disabled');
  sql(server, `UPDATE tokens SET status = 'active', daily_limit = 1 WHERE ${whereToken(token)}`);
  refused(await chat(server, token), 429, 'QUOTA_EXCEEDED');
  refused(
    await ask(`${server.origin}/v1/chat/completions`, { method: 'POST', headers: bearer('x') }),
    401,
    'UNAUTHORIZED',
  );
});

test('an operator’s own session on the database disturbs nothing', async (t) => {
  const server = await start(t, ['--rpm-limit', '1000']);
  const { token } = await server.issue();
  const answered = burst(server, token, 100);
  for (let i = 0; i < 10; ++i) sql(server, `UPDATE tokens SET label = 'l${i}' WHERE ${whereToken(token)}`);
  assert.equal(count(await answered, 200), 100);
  await used(server, token, 100);
});

test('while another program holds the database, requests wait; the log and clients hear no lock', async (t) => {
  const server = await start(t, ['--rpm-limit', '1000']);
  const { token } = await server.issue();
  const hold = spawn('sqlite3', [join(server.dir, 'opencat.db')], { stdio: ['pipe', 'pipe', 'inherit'] });
  hold.stdin.write("BEGIN IMMEDIATE; SELECT 'held';\n");
  await once(hold.stdout, 'data');
  const began = Date.now();
  const waiting = burst(server, token, 30);
  const status = await server.status(token); // who only reads does not wait
  assert.equal(status.quota.daily_used, 0);
  assert.ok(Date.now() - began < 1500);
  await new Promise((resolve) => setTimeout(resolve, 2000 - (Date.now() - began)));
  hold.stdin.end('COMMIT;\n');
  assert.equal(count(await waiting, 200), 30);
  assert.ok(Date.now() - began >= 1900);
  await used(server, token, 30);
  assert.doesNotMatch(server.child.text.stderr, /locked/);
});

test('held for longer than a server can wait, requests are told to come again, and none is counted', async (t) => {
  const server = await start(t, []);
  const { token } = await server.issue();
  const hold = spawn('sqlite3', [join(server.dir, 'opencat.db')], { stdio: ['pipe', 'pipe', 'inherit'] });
  hold.stdin.write("BEGIN IMMEDIATE; SELECT 'held';\n");
  await once(hold.stdout, 'data');
  const error = refused(await chat(server, token), 503, 'SERVICE_UNAVAILABLE');
  assert.doesNotMatch(error.message, /locked|opencat\.db/);
  hold.stdin.end('COMMIT;\n');
  await once(hold, 'close');
  await used(server, token, 0);
  assert.equal((await chat(server, token)).status, 200);
});

test('counts outlive a restart, and so do tokens and secrets', async () => {
  const dir = await newFolder();
  const args = ['--upstream-url', upstream.url, '--upstream-model', 'm', '--daily-limit', '3'];
  let server = await startServer({ args, dir });
  const { token } = await server.issue();
  const secret = server.secret;
  assert.equal((await chat(server, token)).status, 200);
  assert.equal(await server.stop(), 0);
  server = await startServer({ args, dir });
  assert.equal(server.secret, secret);
  await used(server, token, 1);
  assert.equal(count(await burst(server, token, 5), 200), 2);
  assert.equal(await server.stop(), 0);
  await rm(dir, { recursive: true });
});
