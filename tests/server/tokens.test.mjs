// SPDX-License-Identifier: MIT
// Tokens: who gets one, what it looks like, what its status says.
import assert from 'node:assert/strict';
import { randomUUID } from 'node:crypto';
import { after, before, test } from 'node:test';
import { refused } from '../support/checks.mjs';
import { ask, bearer } from '../support/http.mjs';
import { startServer, tokenRequest } from '../support/server.mjs';

const enrolKey = 'an-enrolment-key-of-the-tests';
const servers = {};
before(async () => {
  const start = (mode) =>
    startServer({ args: ['--demo', '--enrollment', mode], env: { OPENCAT_ENROLL_KEY: enrolKey } });
  [servers.open, servers.key, servers.closed] = await Promise.all(['open', 'key', 'closed'].map(start));
});
after(() => Promise.all(Object.values(servers).map((server) => server.stop())));

const request = (server, headers = {}, body = tokenRequest()) =>
  ask(`${server.origin}/api/tokens`, {
    method: 'POST',
    headers: { 'Content-Type': 'application/json', ...headers },
    body: typeof body === 'string' ? body : JSON.stringify(body),
  });

test('an issued token is answered with all that a client needs', async () => {
  const { key: server } = servers;
  const answer = await request(
    server,
    { 'X-Enroll-Key': enrolKey },
    tokenRequest({ meta: { hostname: 'pc', label: '张三' } }),
  );
  assert.equal(answer.status, 200);
  const issued = answer.json();
  assert.match(issued.token, /^occ_[0-9a-f]{32}$/);
  assert.equal(issued.chat_url, `${server.url}/chat#token=${issued.token}`);
  assert.equal(issued.proxy_base_url, `${server.url}/v1`);
  assert.deepEqual(issued.quota, { daily_limit: 100, monthly_limit: 3000 });
  assert.match(issued.created_at, /^\d{4}-\d\d-\d\dT\d\d:\d\d:\d\dZ$/);
  assert.ok(Math.abs(Date.parse(issued.created_at) - Date.now()) < 60_000);
  const again = (await request(server, { 'X-Enroll-Key': enrolKey })).json();
  assert.notEqual(again.token, issued.token);
});

test('the body is checked member by member', async () => {
  const headers = { 'X-Enroll-Key': enrolKey };
  const wrong = [
    ['', 'JSON'],
    ['[]', 'object'],
    ['{"platform":', 'JSON'],
    [tokenRequest({ platform: undefined }), 'platform'],
    [tokenRequest({ platform: 'amiga' }), 'platform'],
    [tokenRequest({ platform: 7 }), 'platform'],
    [tokenRequest({ install_id: undefined }), 'install_id'],
    [tokenRequest({ install_id: 'x' }), 'install_id'],
    [tokenRequest({ install_id: `${randomUUID()}0` }), 'install_id'],
    [tokenRequest({ version: undefined }), 'version'],
    [tokenRequest({ version: 1 }), 'version'],
    [tokenRequest({ version: '' }), 'version'],
    [tokenRequest({ version: 'v'.repeat(300) }), 'version'],
    [tokenRequest({ meta: [] }), 'meta'],
    [tokenRequest({ meta: 'text' }), 'meta'],
    [tokenRequest({ meta: { text: 'x'.repeat(5000) } }), 'meta'],
  ];
  for (const [body, named] of wrong) {
    const error = refused(await request(servers.key, headers, body), 400, 'INVALID_REQUEST');
    assert.ok(error.message.includes(named), `${error.message} does not name ${named}`);
    assert.equal(error.type, 'invalid_request_error');
  }
  for (const platform of ['win-x64', 'win-arm64', 'darwin-x64', 'darwin-arm64', 'linux-x64', 'linux-arm64']) {
    assert.equal((await request(servers.key, headers, tokenRequest({ platform, meta: null }))).status, 200);
  }
});

test('a deeply nested body is refused, and the server lives on', async () => {
  const deep = `${'['.repeat(2_000_000)}${']'.repeat(2_000_000)}`;
  const body = JSON.stringify(tokenRequest()).replace(/}$/, `,"meta":{"a":${deep}}}`);
  const answer = await request(servers.key, { 'X-Enroll-Key': enrolKey }, body);
  assert.ok([400, 413].includes(answer.status), `${answer.status}`);
  assert.equal((await ask(`${servers.key.origin}/healthz`)).status, 200);
});

test('key: only with the enrolment key, in either header, or the admin secret', async () => {
  const { key: server } = servers;
  refused(await request(server), 401, 'UNAUTHORIZED');
  refused(await request(server, { 'X-Enroll-Key': 'wrong' }), 401, 'UNAUTHORIZED');
  assert.equal((await request(server, { 'X-Enroll-Key': enrolKey })).status, 200);
  assert.equal((await request(server, { 'X-Build-Secret': enrolKey })).status, 200);
  assert.equal((await request(server, { 'X-Admin-Secret': server.secret })).status, 200);
  refused(
    await request(server, { 'X-Admin-Secret': 'wrong', 'X-Enroll-Key': enrolKey }),
    401,
    'UNAUTHORIZED',
  );
  for (let i = 0; i < 8; ++i) assert.equal((await request(server, { 'X-Enroll-Key': enrolKey })).status, 200);
});

test('closed: only with the admin secret', async () => {
  const { closed: server } = servers;
  refused(await request(server), 401, 'UNAUTHORIZED');
  refused(await request(server, { 'X-Enroll-Key': enrolKey }), 401, 'UNAUTHORIZED');
  assert.equal((await request(server, { 'X-Admin-Secret': server.secret })).status, 200);
});

test('open: anyone, five an hour from one address, and bad requests do not count', async () => {
  const { open: server } = servers;
  for (let i = 0; i < 7; ++i) refused(await request(server, {}, '{}'), 400, 'INVALID_REQUEST');
  // All at once: the limit holds however they arrive. X-Forwarded-For is anyone's to write.
  const forged = (i) => request(server, { 'X-Forwarded-For': `10.0.0.${i}` });
  const answers = await Promise.all(Array.from({ length: 20 }, (_, i) => forged(i)));
  assert.equal(answers.filter(({ status }) => status === 200).length, 5);
  for (const answer of answers.filter(({ status }) => status !== 200)) {
    assert.equal(refused(answer, 429, 'RATE_LIMITED').type, 'rate_limit_exceeded');
    const wait = Number(answer.headers['retry-after']);
    assert.ok(wait > 3500 && wait <= 3600, `${wait}`);
  }
  assert.equal((await request(server, { 'X-Admin-Secret': server.secret })).status, 200);
});

test('guessing secrets is slowed down, the right one still works', async (t) => {
  const server = await startServer({ args: ['--demo'] });
  t.after(() => server.stop());
  const guess = (i) =>
    ask(`${server.origin}/api/admin/enrollment`, { headers: { 'X-Admin-Secret': `guess-${i}` } });
  for (let i = 0; i < 10; ++i) refused(await guess(i), 401, 'UNAUTHORIZED');
  const answer = await guess(10);
  refused(answer, 429, 'RATE_LIMITED');
  assert.ok(Number(answer.headers['retry-after']) >= 1);
  const right = await ask(`${server.origin}/api/admin/enrollment`, {
    headers: { 'X-Admin-Secret': server.secret },
  });
  assert.equal(right.status, 200);
});

test('status: by path, by header, by ?token=, and the header wins', async () => {
  const { key: server } = servers;
  const { token, created_at } = await server.issue();
  const expected = {
    token: `${token.slice(0, 8)}****`,
    status: 'active',
    plan: null,
    quota: {
      daily_limit: 100,
      daily_used: 0,
      daily_remaining: 100,
      monthly_limit: 3000,
      monthly_used: 0,
      monthly_remaining: 3000,
    },
    requests_per_minute: 20,
    models: null,
    expires_at: null,
    created_at,
  };
  const other = (await server.issue()).token;
  const self = `${server.origin}/api/tokens/self/status`;
  for (const answer of [
    await ask(`${server.origin}/api/tokens/${token}/status`),
    await ask(self, { headers: bearer(token) }),
    await ask(self, { headers: { authorization: `bearer  ${token} ` } }),
    await ask(`${self}?token=${token}`),
    await ask(`${self}?token=occ_${'0'.repeat(32)}`, { headers: bearer(token) }),
  ]) {
    assert.equal(answer.status, 200, answer.body.toString());
    assert.deepEqual(answer.json(), expected);
    assert.ok(!answer.body.includes(token) && !answer.body.includes(other));
  }
});

test('status of what is no token, or not a known one, is 404; without any, 401', async () => {
  const { key: server } = servers;
  const unknown = `occ_${'0'.repeat(32)}`;
  for (const name of [unknown, 'occ_1', "x' OR '1'='1", '%27%20OR%201=1--', 'occ_'.padEnd(36, 'A'), '%00']) {
    const answer = await ask(`${server.origin}/api/tokens/${encodeURI(name)}/status`);
    refused(answer, 404, 'TOKEN_NOT_FOUND');
  }
  const self = `${server.origin}/api/tokens/self/status`;
  refused(await ask(self, { headers: bearer(unknown) }), 404, 'TOKEN_NOT_FOUND');
  refused(await ask(self), 401, 'UNAUTHORIZED');
  refused(await ask(self, { headers: { Authorization: 'Basic eDp5' } }), 401, 'UNAUTHORIZED');
});

test('a deleted token is unknown at once', async () => {
  const { key: server } = servers;
  const { token, id } = await server.issue();
  const remove = (name) =>
    ask(`${server.origin}/api/admin/tokens/${name}`, {
      method: 'DELETE',
      headers: { 'X-Admin-Secret': server.secret },
    });
  const removed = await remove(id);
  assert.equal(removed.status, 204);
  assert.equal(removed.body.length, 0);
  refused(await ask(`${server.origin}/api/tokens/${token}/status`), 404, 'TOKEN_NOT_FOUND');
  refused(await remove(token), 404, 'TOKEN_NOT_FOUND');
});
