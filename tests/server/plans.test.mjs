// SPDX-License-Identifier: MIT
// Plans: made in the admin API or in the file, and held by every request of their tokens.
import assert from 'node:assert/strict';
import { rm, writeFile } from 'node:fs/promises';
import { join } from 'node:path';
import { after, before, test } from 'node:test';
import { startUpstream } from '../fakes/upstream.mjs';
import { hangUp, refused, usageOf, used } from '../support/checks.mjs';
import { ask, bearer, chat } from '../support/http.mjs';
import { newFolder, runOpencat, startServer, tokenRequest } from '../support/server.mjs';

let upstream;
before(async () => (upstream = await startUpstream({ handle: (model) => model.answer() })));
after(() => upstream.stop());

/** A server with two models and the file's text, and what an operator asks of it. */
async function start(t, { file = '', args = [] } = {}) {
  const dir = await newFolder();
  t.after(() => rm(dir, { recursive: true, force: true }));
  const rewrite = (text) => writeFile(join(dir, 'opencat.toml'), text);
  await rewrite(file);
  const models = ['--upstream-model', 'large', '--upstream-model', 'small'];
  const server = await startServer({ dir, args: ['--upstream-url', upstream.url, ...models, ...args] });
  t.after(() => server.stop());
  const admin = (method, path, body) =>
    ask(`${server.origin}/api/admin${path}`, {
      method,
      headers: { 'X-Admin-Secret': server.secret, 'Content-Type': 'application/json' },
      body: body === undefined ? undefined : JSON.stringify(body),
    });
  return {
    ...server,
    rewrite,
    admin,
    /** The answer's JSON, of one that must be good. */
    async json(...words) {
      const answer = await admin(...words);
      assert.equal(answer.status, 200, answer.body);
      return JSON.parse(answer.body);
    },
    reload: () => hangUp(server),
  };
}
const hello = (model) => ({ model, messages: [{ role: 'user', content: 'hello' }] });

test('a change of a plan holds for the next request of all its tokens', async (t) => {
  const server = await start(t);
  const made = await server.json('POST', '/plans', { name: 'class', quota: { daily_limit: 1 } });
  assert.deepEqual(made.quota, { daily_limit: 1, monthly_limit: null });
  const { tokens } = await server.json('POST', '/tokens', { count: 3, plan: 'class' });
  assert.deepEqual(tokens[0].quota, { daily_limit: 1, monthly_limit: 3000 });
  for (const { token } of tokens) {
    assert.equal((await chat(server, token)).status, 200);
    refused(await chat(server, token), 429, 'QUOTA_EXCEEDED');
  }
  const changed = await server.json('PATCH', '/plans/class', { quota: { daily_limit: 2 }, description: 'x' });
  assert.equal(changed.tokens, 3);
  for (const { token } of tokens) {
    const answer = await chat(server, token);
    assert.equal(answer.status, 200);
    assert.equal(answer.headers['x-ratelimit-limit-requests'], '2');
    await used(server, token, 2);
  }
  const { quota, plan, requests_per_minute, models, expires_at } = await server.status(tokens[0].token);
  assert.equal(quota.daily_limit, 2);
  assert.deepEqual(
    { plan, requests_per_minute, models, expires_at },
    {
      plan: 'class',
      requests_per_minute: 20,
      models: null,
      expires_at: null,
    },
  );
});

test('models outside the plan are refused uncounted, are not listed, and auto is one inside', async (t) => {
  const server = await start(t);
  await server.json('POST', '/plans', { name: 'small', models: ['small'] });
  const { token } = await server.json('POST', '/tokens', { plan: 'small' });
  const error = refused(await chat(server, token, hello('large')), 403, 'MODEL_NOT_ALLOWED');
  assert.match(error.message, /'large'/);
  await used(server, token, 0);
  const heard = upstream.requests.length;
  assert.equal((await chat(server, token, hello('auto'))).status, 200);
  assert.equal((await chat(server, token, hello('small'))).status, 200);
  const asked = upstream.requests
    .slice(heard)
    .map(({ body }) => (typeof body === 'string' ? JSON.parse(body) : body).model);
  assert.deepEqual(asked, ['small', 'small']);
  const { usage } = await server.json('GET', '/usage?group=model');
  assert.deepEqual(
    usage.map(({ model, requests }) => [model, requests]),
    [['small', 2]],
  );
  const list = await ask(`${server.url}/v1/models`, { headers: bearer(token) });
  assert.deepEqual(
    JSON.parse(list.body).data.map(({ id }) => id),
    ['auto', 'small'],
  );
  const one = await ask(`${server.url}/v1/models/large`, { headers: bearer(token) });
  refused(one, 404, 'NOT_FOUND');
});

test('a plan that has ended ends its tokens until it is put off', async (t) => {
  const server = await start(t);
  await server.json('POST', '/plans', { name: 'term', expires_at: '2020-01-31T08:00:00Z' });
  const { token, id } = await server.json('POST', '/tokens', { plan: 'term' });
  refused(await chat(server, token), 403, 'TOKEN_EXPIRED');
  assert.equal((await server.status(token)).status, 'expired');
  const { tokens } = await server.json('GET', '/tokens?status=expired');
  assert.deepEqual(
    tokens.map((each) => each.id),
    [id],
  );
  await server.json('PATCH', '/plans/term', { expires_at: null });
  assert.equal((await chat(server, token)).status, 200);
});

test('a plan is refused in one clear line for what cannot be', async (t) => {
  const server = await start(t);
  for (const [body, what] of [
    [{}, /'name' must be a text/],
    [{ name: 'Big' }, /'name' must have 1 to 40 of a-z/],
    [{ name: 'none' }, /'name' must have/],
    [{ name: 'a', quota: { daily_limit: -1 } }, /'daily_limit' must be a whole number/],
    [{ name: 'a', requests_per_minute: 0 }, /'requests_per_minute' must be a whole number from 1/],
    [{ name: 'a', models: ['auto'] }, /without 'auto'/],
    [{ name: 'a', expires_at: '2026-02-30T00:00:00Z' }, /must be a moment in UTC/],
    [{ name: 'a', expires_at: 'soon' }, /must be a moment in UTC/],
    [{ name: 'a', limit: 1 }, /has no member 'limit'/],
  ]) {
    const error = refused(await server.admin('POST', '/plans', body), 400, 'INVALID_REQUEST');
    assert.match(error.message, what);
  }
  await server.json('POST', '/plans', { name: 'a' });
  refused(await server.admin('POST', '/plans', { name: 'a' }), 409, 'CONFLICT');
  refused(await server.admin('PATCH', '/plans/b', {}), 404, 'NOT_FOUND');
  refused(await server.admin('POST', '/tokens', { plan: 'b' }), 400, 'INVALID_REQUEST');
  const { id } = await server.json('POST', '/tokens', {});
  refused(await server.admin('PATCH', `/tokens/${id}`, { plan: 'b' }), 400, 'INVALID_REQUEST');
});

test('a plan with tokens is deleted only when it is said which plan they get', async (t) => {
  const server = await start(t);
  for (const name of ['old', 'new']) await server.json('POST', '/plans', { name });
  const { id } = await server.json('POST', '/tokens', { plan: 'old' });
  const error = refused(await server.admin('DELETE', '/plans/old'), 409, 'CONFLICT');
  assert.match(error.message, /1 token/);
  refused(await server.admin('DELETE', '/plans/old?move_to=gone'), 400, 'INVALID_REQUEST');
  assert.equal((await server.admin('DELETE', '/plans/old?move_to=new')).status, 204);
  assert.equal((await server.json('GET', `/tokens/${id}`)).plan, 'new');
  const { plans } = await server.json('GET', '/plans');
  assert.deepEqual(
    plans.map(({ name, tokens }) => [name, tokens]),
    [['new', 1]],
  );
});

const filed = (limit) => `default_plan = "filed"\n[[plans]]\nname = "filed"\ndaily_limit = ${limit}\n`;

test('plans of the file hold, change at SIGHUP, and are refused for change elsewhere', async (t) => {
  const server = await start(t, { file: filed(1) });
  const { token } = await server.issue();
  assert.equal((await server.status(token)).plan, 'filed');
  assert.equal((await chat(server, token)).status, 200);
  refused(await chat(server, token), 429, 'QUOTA_EXCEEDED');
  for (const [method, body] of [['PATCH', { quota: { daily_limit: 9 } }], ['DELETE']]) {
    const error = refused(await server.admin(method, '/plans/filed', body), 409, 'CONFLICT');
    assert.match(error.message, /opencat\.toml/);
  }
  for (const broken of [
    '[[plans]]\nname = "filed"\ndaily_limit = "many"\n',
    '[[plans]]\nname = "Filed"\n',
    `${filed(5)}[[plans]]\nname = "filed"\n`,
    'default_plan = "absent"\n',
    '[[plans]]\nname = "filed"\nlimit = 5\n',
  ]) {
    await server.rewrite(broken);
    assert.match(await server.reload(), /SIGHUP: .*; nothing was changed/);
    assert.equal((await server.json('GET', '/plans/filed')).quota.daily_limit, 1);
  }
  await server.rewrite(filed(3));
  assert.match(await server.reload(), /1 plan\(s\)/);
  assert.equal((await chat(server, token)).status, 200);
  // Out of the file it stays, and can be changed.
  await server.rewrite('');
  await server.reload();
  assert.equal((await server.json('PATCH', '/plans/filed', { quota: { daily_limit: 4 } })).source, 'api');
  assert.equal((await server.status(token)).quota.daily_limit, 4);
});

test('a default plan that there is not is one clear line', async (t) => {
  const dir = await newFolder();
  t.after(() => rm(dir, { recursive: true, force: true }));
  const words = ['serve', '--demo', '--port', '0', '--data-dir', dir, '--default-plan', 'absent'];
  const { code, stderr } = await runOpencat(words);
  assert.equal(code, 2);
  assert.match(stderr, /--default-plan .*names 'absent', and there is no such plan/);
});

test('many tokens get a plan at once, and opencat token shows and sets it', async (t) => {
  const server = await start(t);
  await server.json('POST', '/plans', { name: 'class', quota: { daily_limit: 7 } });
  const { tokens } = await server.json('POST', '/tokens', { count: 2 });
  const ids = tokens.map(({ id }) => id);
  const done = await server.json('POST', '/tokens/bulk', {
    ids,
    action: 'change',
    change: { plan: 'class' },
  });
  assert.equal(done.done, 2);
  const listed = await server.json('GET', '/tokens?plan=class');
  assert.equal(listed.total, 2);
  assert.deepEqual(listed.tokens[0].own_quota, { daily_limit: null, monthly_limit: null });
  const run = (...words) =>
    runOpencat(['token', ...words, '--server-url', server.origin, '--json'], {
      env: { OPENCAT_ADMIN_SECRET: server.secret },
    });
  const off = await run('set-plan', ids[0], '--plan', 'none');
  assert.equal(off.code, 0, off.stderr);
  assert.equal(JSON.parse(off.stdout).plan, null);
  assert.equal(JSON.parse(off.stdout).quota.daily_limit, 100);
  const on = await run('set-plan', ids[0], '--plan', 'class');
  assert.equal(JSON.parse(on.stdout).quota.daily_limit, 7);
  const created = await run('create', '--plan', 'class');
  assert.equal(JSON.parse(created.stdout).plan, 'class');
});

test('who asks for a token chooses its plan with the admin secret only', async (t) => {
  const server = await start(t, { file: filed(5), args: ['--enroll-key', 'the-key'] });
  await server.json('POST', '/plans', { name: 'better' });
  const post = (plan, headers) =>
    ask(`${server.origin}/api/tokens`, {
      method: 'POST',
      headers,
      body: JSON.stringify(tokenRequest({ plan })),
    });
  const operator = { 'X-Admin-Secret': server.secret };
  assert.equal((await post('better', operator)).json().plan, 'better');
  assert.equal((await post(null, operator)).json().plan, null);
  assert.equal((await post(undefined, operator)).json().plan, 'filed');
  refused(await post('absent', operator), 400, 'INVALID_REQUEST');
  const user = { 'X-Enroll-Key': 'the-key' };
  assert.equal((await post(undefined, user)).json().plan, 'filed');
  for (const plan of ['better', null]) {
    const { message } = refused(await post(plan, user), 400, 'INVALID_REQUEST');
    assert.match(message, /'plan' goes with the admin secret only; leave it out/);
  }
  assert.equal((await server.json('GET', '/tokens')).total, 4, 'and nothing was issued');
});

test('usage by plan: in JSON, as CSV and as a table, with those that have none', async (t) => {
  const server = await start(t);
  await server.json('POST', '/plans', { name: 'class' });
  const { tokens } = await server.json('POST', '/tokens', { count: 2, plan: 'class' });
  const alone = await server.json('POST', '/tokens', {});
  for (const { token } of [...tokens, alone]) {
    assert.equal((await chat(server, token, hello('small'))).status, 200);
    await usageOf(server, token);
  }
  const told = await server.json('GET', '/usage?group=plan');
  assert.equal(told.group, 'plan');
  assert.deepEqual(
    told.usage.map(({ plan, requests, prompt_tokens }) => [plan, requests, prompt_tokens]),
    [
      ['class', 2, 14],
      [null, 1, 7],
    ],
  );
  assert.equal(told.total.requests, 3);
  const csv = (await server.admin('GET', '/export/usage?group=plan')).body.toString();
  const [head, first, second] = csv.split('\r\n');
  assert.match(head, /^\ufeffplan,requests,prompt_tokens,/);
  assert.deepEqual([first, second], ['class,2,14,6,0,0,0', ',1,7,3,0,0,0']);
  const table = await runOpencat(['token', 'usage', '--group', 'plan', '--data-dir', server.dir]);
  assert.match(table.stdout, /^PLAN +REQUESTS.*\nclass +2 +14 .*\n- +1 +7 .*\nall +3 +21 /);
});
