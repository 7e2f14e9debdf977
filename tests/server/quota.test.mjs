// SPDX-License-Identifier: MIT
// Counting: exact however many come at once, durable, and told in the protocol's words.
import assert from 'node:assert/strict';
import { Agent } from 'node:http';
import { after, before, test } from 'node:test';
import { startUpstream } from '../fakes/upstream.mjs';
import { refused, sql, used, whereToken } from '../support/checks.mjs';
import { ask, bearer, chat, eventually } from '../support/http.mjs';
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

async function burst(server, token, times) {
  const agent = new Agent({ keepAlive: true, maxSockets: 50 });
  const answers = await Promise.all(
    Array.from({ length: times }, () => chat(server, token, undefined, { agent })),
  );
  agent.destroy();
  return answers;
}

test('200 requests at once against a daily limit of 50 admit exactly 50', async (t) => {
  const server = await start(t, ['--daily-limit', '50', '--rpm-limit', '1000']);
  const { token, quota } = await server.issue();
  assert.deepEqual(quota, { daily_limit: 50, monthly_limit: 3000 });
  const heard = upstream.requests.length;
  const answers = await burst(server, token, 200);
  assert.equal(count(answers, 200), 50);
  assert.equal(upstream.requests.length - heard, 50);
  for (const answer of answers.filter(({ status }) => status !== 200)) {
    const error = refused(answer, 429, 'QUOTA_EXCEEDED');
    assert.equal(error.type, 'insufficient_quota');
    assert.equal(answer.headers['x-should-retry'], 'false');
    const wait = Number(answer.headers['retry-after']);
    assert.ok(wait >= 1 && wait <= 86_400, `${wait}`);
    assert.equal(answer.headers['x-ratelimit-remaining-requests'], '0');
  }
  await used(server, token, 50);
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

test('kill -9 in the middle of a burst loses no count of what the upstream heard', async () => {
  const dir = await newFolder();
  const args = [
    '--upstream-url',
    upstream.url,
    '--upstream-model',
    'm',
    '--rpm-limit',
    '100000',
    '--daily-limit',
    '100000',
  ];
  let server = await startServer({ args, dir });
  const { token } = await server.issue();
  const heard = upstream.requests.length;
  for (let round = 0; round < 5; ++round) {
    const began = upstream.requests.length;
    const answers = Array.from({ length: 60 }, () => chat(server, token).catch((error) => error));
    await eventually(() => upstream.requests.length >= began + 20, 'twenty requests at the upstream');
    await server.stop('SIGKILL');
    await Promise.all(answers);
    server = await startServer({ args, dir });
    const { daily_used } = (await server.status(token)).quota;
    const requests = upstream.requests.length - heard;
    assert.ok(daily_used >= requests, `round ${round}: ${daily_used} counted, ${requests} heard`);
    assert.ok(daily_used <= (round + 1) * 60);
  }
  assert.equal(await server.stop(), 0);
  await rm(dir, { recursive: true });
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
