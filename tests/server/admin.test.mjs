// SPDX-License-Identifier: MIT
// The admin API: lists, searches, issues, changes, sums up, and holds to what it says of wrong requests.
import assert from 'node:assert/strict';
import { readFile, rm, stat } from 'node:fs/promises';
import { join } from 'node:path';
import { after, before, test } from 'node:test';
import { startUpstream } from '../fakes/upstream.mjs';
import { refused, sql, used, usageOf, whereToken } from '../support/checks.mjs';
import { ask, chat } from '../support/http.mjs';
import { newFolder, startServer, tokenRequest } from '../support/server.mjs';

let upstream;
let server;
before(async () => {
  upstream = await startUpstream({ handle: (model) => model.answer() });
  server = await startServer({ args: ['--upstream-url', upstream.url, '--upstream-model', 'm'] });
});
after(async () => {
  assert.equal(await server.stop(), 0);
  await upstream.stop();
});

const admin = (method, path, body, { to = server, secret = to.secret } = {}) =>
  ask(`${to.origin}/api/admin${path}`, {
    method,
    headers: { 'X-Admin-Secret': secret, 'Content-Type': 'application/json' },
    body: body === undefined ? undefined : typeof body === 'string' ? body : JSON.stringify(body),
  });
const tokens = async (query) => {
  const answer = await admin('GET', `/tokens?${new URLSearchParams(query)}`);
  assert.equal(answer.status, 200, answer.body.toString());
  return answer.json();
};
const issue = async (body) => {
  const answer = await admin('POST', '/tokens', body);
  assert.equal(answer.status, 200, answer.body.toString());
  return answer.json();
};

test('every admin address asks for the secret', async (t) => {
  // Each from an address of its own, for guesses are counted.
  const own = await startServer({ args: ['--demo', '--trusted-proxy', '127.0.0.1'] });
  t.after(() => own.stop());
  let client = 0;
  for (const [method, path] of [
    ['GET', '/tokens'],
    ['POST', '/tokens'],
    ['GET', '/tokens/x'],
    ['PATCH', '/tokens/x'],
    ['DELETE', '/tokens/x'],
    ['POST', '/tokens/x/restore'],
    ['POST', '/tokens/bulk'],
    ['GET', '/export/tokens'],
    ['GET', '/export/usage'],
    ['GET', '/server'],
    ['GET', '/upstreams'],
    ['GET', '/usage'],
    ['GET', '/enrollment'],
    ['POST', '/enrollment/rotate'],
  ]) {
    // The right secret would be let through: nothing else of the request is looked at before.
    const headers = { 'X-Forwarded-For': `192.0.2.${++client}` };
    const answer = await ask(`${own.origin}/api/admin${path}`, { method, headers });
    refused(answer, 401, 'UNAUTHORIZED');
    assert.equal(answer.headers['www-authenticate'], 'Bearer');
  }
});

test('one token is issued like POST /api/tokens, many in a list, and all work', async () => {
  const one = await issue({ label: 'one of its own', platform: 'win-x64' });
  const same = await server.issue();
  assert.deepEqual(Object.keys(one).sort(), Object.keys(same).sort());
  assert.equal((await chat(server, one.token)).status, 200);
  const { tokens: many } = await issue({ count: 1000, label: 'many', quota: { daily_limit: 7 } });
  assert.equal(new Set(many.map(({ token }) => token)).size, 1000);
  assert.deepEqual(many[999].quota, { daily_limit: 7, monthly_limit: 3000 });
  assert.equal((await chat(server, many[999].token)).status, 200);
  const { total } = await tokens({ q: 'many' });
  assert.equal(total, 1000);
  const { tokens: found } = await tokens({ q: 'one of its own' });
  assert.equal(found[0].platform, 'win-x64');
  assert.match(found[0].install_id, /^[0-9a-f-]{36}$/);
  assert.equal((await issue({ count: 1 })).quota.daily_limit, 100);
});

test('what is wrong in a body is named, and nothing is issued or changed', async () => {
  const { id } = await server.issue();
  const { total } = await tokens({});
  for (const [body, named] of [
    ['', 'object'],
    ['[]', 'object'],
    [{ count: 0 }, 'count'],
    [{ count: 1001 }, 'count'],
    [{ count: 1.5 }, 'count'],
    [{ count: '2' }, 'count'],
    ['{"count":18446744073709551615}', 'count'],
    [{ label: 7 }, 'label'],
    [{ label: 'l'.repeat(201) }, 'label'],
    [{ platform: 'amiga' }, 'platform'],
    [{ quota: 5 }, 'quota'],
    [{ quota: { daily_limit: -1 } }, 'daily_limit'],
    [{ quota: { weekly: 1 } }, 'weekly'],
    [{ lable: 'x' }, 'lable'],
  ]) {
    const error = refused(await admin('POST', '/tokens', body), 400, 'INVALID_REQUEST');
    assert.ok(error.message.includes(named), `${JSON.stringify(body)}: ${error.message}`);
  }
  for (const [body, named] of [
    ['{', 'object'],
    [{ status: 'quota_exceeded' }, 'status'],
    [{ status: true }, 'status'],
    [{ daily_limit: 5 }, 'daily_limit'],
    [{ quota: { daily_limit: 5, daily_used: 0 } }, 'daily_used'],
    [{ quota: { monthly_limit: 1e30 } }, 'monthly_limit'],
    [{ label: 'ok', id: 'tok_1' }, 'id'],
  ]) {
    const error = refused(await admin('PATCH', `/tokens/${id}`, body), 400, 'INVALID_REQUEST');
    assert.ok(error.message.includes(named), `${JSON.stringify(body)}: ${error.message}`);
  }
  refused(await admin('POST', '/tokens', ' '.repeat(20_000)), 413, 'INVALID_REQUEST');
  assert.equal((await tokens({})).total, total);
  const { label, quota } = (await admin('GET', `/tokens/${id}`)).json();
  assert.deepEqual([label, quota.daily_limit], ['', 100]);
});

test('a change is answered with the whole token, and counts from the next request on', async () => {
  const { token, id, created_at } = await server.issue();
  assert.equal((await chat(server, token)).status, 200);
  const answer = await admin('PATCH', `/tokens/${id}`, { label: '张三', quota: { daily_limit: 1 } });
  assert.equal(answer.status, 200);
  const { install_id, last_used_at, ...changed } = answer.json();
  assert.deepEqual(changed, {
    id,
    token: `${token.slice(0, 8)}****`,
    status: 'quota_exceeded',
    platform: 'linux-x64',
    version: '0.1.0',
    label: '张三',
    quota: {
      daily_limit: 1,
      daily_used: 1,
      daily_remaining: 0,
      monthly_limit: 3000,
      monthly_used: 1,
      monthly_remaining: 2999,
    },
    plan: null,
    requests_per_minute: 20,
    models: null,
    expires_at: null,
    own_quota: { daily_limit: 1, monthly_limit: 3000 },
    created_at,
  });
  assert.match(install_id, /^[0-9a-f-]{36}$/);
  assert.ok(Math.abs(Date.parse(last_used_at) - Date.now()) < 120_000);
  assert.deepEqual((await admin('GET', `/tokens/${token}`)).json(), answer.json());
  refused(await chat(server, token), 429, 'QUOTA_EXCEEDED');
  // By the token itself, too; what is not named stays.
  const disabled = (await admin('PATCH', `/tokens/${token}`, { status: 'disabled' })).json();
  assert.deepEqual([disabled.status, disabled.label], ['disabled', '张三']);
  refused(await chat(server, token), 403, 'TOKEN_DISABLED');
  await admin('PATCH', `/tokens/${id}`, { status: 'active', quota: { daily_limit: 2 } });
  assert.equal((await chat(server, token)).status, 200);
  assert.equal((await admin('DELETE', `/tokens/${id}`)).status, 204);
  refused(await admin('PATCH', `/tokens/${id}`, {}), 404, 'TOKEN_NOT_FOUND');
  refused(await admin('GET', `/tokens/${id}`), 404, 'TOKEN_NOT_FOUND');
});

test('the list has pages, filters and an order, and says what is wrong with a query', async () => {
  const { tokens: five } = await issue({ count: 5, label: 'paged' });
  const made = five.map(({ id }) => id);
  const list = async (query) => (await tokens({ q: 'paged', ...query })).tokens.map(({ id }) => id);
  assert.deepEqual(await list({ order: 'asc' }), made);
  assert.deepEqual(await list({ limit: 2, page: 2, order: 'asc' }), made.slice(2, 4));
  assert.deepEqual(await list({ sort: 'id', order: 'asc' }), [...made].sort());
  assert.deepEqual(
    { ...(await tokens({ q: 'paged', limit: 2, page: 9 })) },
    { tokens: [], total: 5, page: 9, limit: 2, next: null },
  );
  await admin('PATCH', `/tokens/${made[0]}`, { status: 'disabled' });
  await admin('PATCH', `/tokens/${made[1]}`, { quota: { monthly_limit: 0 } });
  assert.deepEqual(await list({ status: 'disabled' }), [made[0]]);
  assert.deepEqual(await list({ status: 'quota_exceeded' }), [made[1]]);
  assert.deepEqual(await list({ status: 'active', order: 'asc' }), made.slice(2));
  assert.deepEqual(
    (await tokens({ q: five[3].token })).tokens.map(({ id }) => id),
    [made[3]],
  );
  for (const query of [
    'page=0',
    'page=x',
    'page=-1',
    'page=99999999999999999999',
    'limit=0',
    'limit=1001',
    'limit=2;',
    'status=gone',
    'sort=token_hash',
    'order=up',
    `q=${'x'.repeat(201)}`,
  ]) {
    const error = refused(await admin('GET', `/tokens?${query}`), 400, 'INVALID_REQUEST');
    assert.ok(error.message.includes(`'${query.split('=')[0]}'`), error.message);
  }
});

test('no text is SQL: hostile tokens, ids, searches and orders find nothing and change nothing', async () => {
  const rows = () =>
    sql(server, 'SELECT count(*), sum(length(id)), max(status) FROM tokens WHERE deleted_at IS NULL');
  const before = rows();
  const hostile = [
    "' OR '1'='1",
    "x'; DROP TABLE tokens; --",
    '" OR ""="',
    '1) UNION SELECT token_hash FROM tokens --',
    '%',
    "\\' OR 1=1 --",
    "tok_' || (SELECT id FROM tokens LIMIT 1) || '",
    'created_at; DELETE FROM usage',
    '\u0000',
  ];
  for (const text of hostile) {
    const name = encodeURIComponent(text);
    refused(await admin('GET', `/tokens/${name}`), 404, 'TOKEN_NOT_FOUND');
    refused(await admin('PATCH', `/tokens/${name}`, { status: 'disabled' }), 404, 'TOKEN_NOT_FOUND');
    refused(await admin('DELETE', `/tokens/${name}`), 404, 'TOKEN_NOT_FOUND');
    refused(await admin('GET', `/tokens?sort=${name}`), 400, 'INVALID_REQUEST');
    refused(await admin('GET', `/tokens?order=${name}`), 400, 'INVALID_REQUEST');
    refused(await admin('GET', `/usage?group=${name}`), 400, 'INVALID_REQUEST');
    refused(await admin('GET', `/usage?from=${name}`), 400, 'INVALID_REQUEST');
    if (text === '\u0000') refused(await admin('GET', `/tokens?q=${name}`), 400, 'INVALID_REQUEST');
    else assert.equal((await tokens({ q: text })).total, 0);
    const answer = await chat(server, text.replace('\u0000', ''));
    refused(answer, 401, 'UNAUTHORIZED');
  }
  const { id } = await issue({ label: hostile[1] });
  assert.equal((await tokens({ q: hostile[1] })).tokens[0].id, id);
  await admin('DELETE', `/tokens/${id}`);
  assert.deepEqual(rows(), before);
});

test('usage by day, token and model, within days that are checked', async () => {
  const { token, id } = await issue({ label: 'user of usage' });
  assert.equal((await chat(server, token)).status, 200);
  await usageOf(server, token);
  const usage = async (query) => {
    const answer = await admin('GET', `/usage?${new URLSearchParams(query)}`);
    assert.equal(answer.status, 200, answer.body.toString());
    return answer.json();
  };
  const today = new Date().toISOString().slice(0, 10);
  const byToken = await usage({ group: 'token' });
  assert.deepEqual(
    byToken.usage.find((row) => row.id === id),
    {
      id,
      token: `${token.slice(0, 8)}****`,
      label: 'user of usage',
      requests: 1,
      prompt_tokens: 7,
      completion_tokens: 3,
      estimated: { requests: 0, prompt_tokens: 0, completion_tokens: 0 },
    },
  );
  const where = `token_id = '${id}' AND date = '${today}'`;
  sql(server, `UPDATE usage SET estimated_requests = 1, estimated_prompt_tokens = 7 WHERE ${where}`);
  const byDay = await usage({});
  assert.deepEqual([byDay.group, byDay.to], ['day', today]);
  assert.equal(Date.parse(byDay.to) - Date.parse(byDay.from), 29 * 86_400_000);
  const row = byDay.usage.find(({ date }) => date === today);
  assert.ok(row.requests >= 1 && row.prompt_tokens >= 7);
  assert.deepEqual(row.estimated, { requests: 1, prompt_tokens: 7, completion_tokens: 0 });
  assert.deepEqual(byDay.total.estimated, row.estimated);
  const byModel = await usage({ group: 'model', from: today, to: today });
  assert.deepEqual(
    byModel.usage.map(({ model }) => model),
    ['m'],
  );
  assert.equal(byModel.total.requests, byModel.usage[0].requests);
  assert.equal((await usage({ from: '2020-01-01', to: '2020-12-31' })).total.requests, 0);
  for (const query of [
    'from=2026-13-01',
    'from=2026-02-30',
    'to=yesterday',
    'from=2026-1-1',
    'to=2026-01-01T00:00:00Z',
    'group=week',
    'limit=0',
    'from=2026-02-02&to=2026-02-01',
  ]) {
    refused(await admin('GET', `/usage?${query}`), 400, 'INVALID_REQUEST');
  }
});

test('a new enrolment key is kept, and the old one is valid for a time', async () => {
  const dir = await newFolder();
  const args = ['--demo', '--enrollment', 'key'];
  let own = await startServer({ args, dir });
  const enroll = (key) =>
    ask(`${own.origin}/api/tokens`, {
      method: 'POST',
      headers: { 'Content-Type': 'application/json', 'X-Enroll-Key': key },
      body: JSON.stringify(tokenRequest()),
    });
  const first = (await admin('GET', '/enrollment', undefined, { to: own })).json();
  assert.equal(first.mode, 'key');
  const answer = await admin('POST', '/enrollment/rotate', undefined, { to: own });
  assert.equal(answer.status, 200);
  const second = answer.json();
  assert.match(second.key, /^[0-9a-f]{48}$/);
  assert.notEqual(second.key, first.key);
  const until = Date.parse(second.old_valid_until);
  assert.ok(Math.abs(until - Date.now() - 86_400_000) < 60_000);
  for (const key of [first.key, second.key]) assert.equal((await enroll(key)).status, 200);
  const third = (await admin('POST', '/enrollment/rotate', { old_valid_s: 0 }, { to: own })).json();
  const check = async () => {
    assert.equal((await enroll(first.key)).status, 200);
    refused(await enroll(second.key), 401, 'UNAUTHORIZED');
    assert.equal((await enroll(third.key)).status, 200);
  };
  await check();
  assert.equal((await readFile(join(dir, 'enroll-key'), 'utf8')).trim(), third.key);
  for (const name of ['enroll-key', 'enroll-key-before']) {
    assert.equal((await stat(join(dir, name))).mode & 0o777, 0o600);
  }
  for (const body of ['x', { old_valid_s: -1 }, { old_valid_s: 'a day' }, { valid: 1 }]) {
    refused(await admin('POST', '/enrollment/rotate', body, { to: own }), 400, 'INVALID_REQUEST');
  }
  await own.stop('SIGKILL');
  own = await startServer({ args, dir });
  await check();
  assert.equal((await admin('GET', '/enrollment', undefined, { to: own })).json().key, third.key);
  assert.equal(await own.stop(), 0);
  await rm(dir, { recursive: true });
});

test('a key from the settings cannot be rotated here, and the answer says where', async (t) => {
  const own = await startServer({ args: ['--demo'], env: { OPENCAT_ENROLL_KEY: 'a-key-of-the-operator' } });
  t.after(() => own.stop());
  const error = refused(await admin('POST', '/enrollment/rotate', {}, { to: own }), 400, 'INVALID_REQUEST');
  assert.match(error.message, /OPENCAT_ENROLL_KEY/);
  assert.ok(!error.message.includes('a-key-of-the-operator'));
});

test('what an operator changes in the database shows in the list', async () => {
  const { token, id } = await server.issue();
  sql(server, `UPDATE tokens SET label = 'by hand', daily_limit = 0 WHERE ${whereToken(token)}`);
  const [row] = (await tokens({ q: 'by hand' })).tokens;
  assert.deepEqual([row.id, row.status, row.last_used_at], [id, 'quota_exceeded', null]);
  await used(server, token, 0);
});
