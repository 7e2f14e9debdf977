// SPDX-License-Identifier: MIT
// The admin API for many tokens at once: labels, cursors, bulk actions, deleting with a way back, CSV; and what
// the server says of itself.
import assert from 'node:assert/strict';
import { rm } from 'node:fs/promises';
import { after, before, test } from 'node:test';
import { startUpstream } from '../fakes/upstream.mjs';
import { refused, sql, usageOf } from '../support/checks.mjs';
import { ask, begin, bearer, chat, chatStream, eventually } from '../support/http.mjs';
import { newFolder, startServer } from '../support/server.mjs';

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

const admin = (method, path, body, headers = { 'X-Admin-Secret': server.secret }) =>
  ask(`${server.origin}/api/admin${path}`, {
    method,
    headers: { 'Content-Type': 'application/json', ...headers },
    body: body === undefined ? undefined : JSON.stringify(body),
  });
const good = async (method, path, body) => {
  const answer = await admin(method, path, body);
  assert.equal(answer.status, 200, answer.body.toString());
  return answer.json();
};
const list = (query) => good('GET', `/tokens?${new URLSearchParams(query)}`);
const labelled = async (...labels) => (await good('POST', '/tokens', { labels })).tokens;

test('the secret is taken as a bearer, too, and a wrong one is refused', async () => {
  assert.equal((await admin('GET', '/server', undefined, bearer(server.secret))).status, 200);
  refused(await admin('GET', '/server', undefined, bearer('wrong')), 401, 'UNAUTHORIZED');
  // The header of its own goes first.
  const both = { 'X-Admin-Secret': 'wrong', ...bearer(server.secret) };
  refused(await admin('GET', '/server', undefined, both), 401, 'UNAUTHORIZED');
});

test('tokens are issued with a label each, in the order of the labels', async () => {
  const labels = ['Ms Li', '张三', '', '"quoted", with a comma', '\u0001'.repeat(200)];
  const made = await labelled(...labels);
  assert.equal(new Set(made.map(({ token }) => token)).size, labels.length);
  for (const [i, { id, token }] of made.entries()) {
    assert.equal((await good('GET', `/tokens/${id}`)).label, labels[i]);
    assert.equal((await chat(server, token)).status, 200);
  }
  assert.equal((await labelled('alone')).length, 1);
  // A thousand at their longest are not too much.
  assert.equal((await labelled(...Array(1000).fill('\u0001'.repeat(200)))).length, 1000);
});

test('what is wrong with labels is said, and none is issued', async () => {
  const { total } = await list({});
  for (const body of [
    { labels: [] },
    { labels: 'x' },
    { labels: [7] },
    { labels: ['x'.repeat(201)] },
    { labels: Array(1001).fill('x') },
    { labels: ['x'], count: 1 },
    { labels: ['x'], label: 'y' },
  ]) {
    const error = refused(await admin('POST', '/tokens', body), 400, 'INVALID_REQUEST');
    assert.match(error.message, /'labels'/);
  }
  assert.equal((await list({})).total, total);
});

test('a list is followed by its cursor, in every order, and new tokens in between move nothing', async () => {
  const made = await labelled('cursor b', 'cursor a', 'Cursor B', 'cursor c', 'cursor: %', 'cursor b');
  const ids = made.map(({ id }) => id);
  for (const sort of ['created_at', 'last_used_at', 'label', 'platform', 'id']) {
    for (const order of ['asc', 'desc']) {
      const whole = await list({ q: 'cursor', sort, order });
      const seen = [];
      let page = await list({ q: 'cursor', sort, order, limit: 2 });
      assert.notEqual(page.next, null);
      for (;;) {
        seen.push(...page.tokens.map(({ id }) => id));
        if (page.next === null) break;
        page = await list({ q: 'cursor', sort, order, limit: 2, after: page.next });
      }
      assert.deepEqual(
        seen,
        whole.tokens.map(({ id }) => id),
        `${sort} ${order}`,
      );
      assert.deepEqual([...seen].sort(), [...ids].sort());
    }
  }
  const first = await list({ q: 'cursor', limit: 3 });
  await labelled('cursor new');
  const second = await list({ q: 'cursor', limit: 3, after: first.next });
  assert.deepEqual(
    second.tokens.map(({ id }) => id),
    ids.slice(0, 3).reverse(),
  );
  for (const after of ['x', '7', ':', "1' OR 1"])
    refused(await admin('GET', `/tokens?after=${encodeURIComponent(after)}`), 400, 'INVALID_REQUEST');
  refused(await admin('GET', '/tokens?after=1:x&page=2'), 400, 'INVALID_REQUEST');
});

test('a deleted token is unknown at once, and works again with its label and counts once restored', async () => {
  const [{ id, token }] = await labelled('to be missed');
  assert.equal((await chat(server, token)).status, 200);
  await usageOf(server, token);
  const before = await good('GET', `/tokens/${id}`);
  assert.equal((await admin('DELETE', `/tokens/${id}`)).status, 204);
  refused(await chat(server, token), 401, 'UNAUTHORIZED');
  refused(await ask(`${server.origin}/api/tokens/${token}/status`), 404, 'TOKEN_NOT_FOUND');
  refused(await ask(`${server.origin}/v1/models`, { headers: bearer(token) }), 401, 'UNAUTHORIZED');
  for (const [method, body] of [['GET'], ['PATCH', { status: 'active' }], ['DELETE']])
    refused(await admin(method, `/tokens/${id}`, body), 404, 'TOKEN_NOT_FOUND');
  assert.equal((await list({ q: 'to be missed' })).total, 0);
  const [row] = (await list({ q: 'to be missed', status: 'deleted' })).tokens;
  assert.deepEqual([row.id, row.status], [id, 'deleted']);
  assert.ok(Math.abs(Date.parse(row.deleted_at) - Date.now()) < 60_000);
  assert.deepEqual(await good('POST', `/tokens/${id}/restore`), before);
  assert.equal((await chat(server, token)).status, 200);
  // Again changes nothing; by the token itself, too.
  await admin('DELETE', `/tokens/${token}`);
  await good('POST', `/tokens/${token}/restore`);
  await good('POST', `/tokens/${token}/restore`);
  refused(await admin('POST', '/tokens/tok_none/restore'), 404, 'TOKEN_NOT_FOUND');
});

test('a deleted token ends with its counts after --keep-deleted, and not before', async (t) => {
  const dir = await newFolder();
  const args = ['--demo', '--keep-deleted', '3d'];
  const own = await startServer({ args, dir });
  const days = (n) => new Date(Date.now() - n * 86_400_000).toISOString().replace(/\.\d+/, '');
  const made = [];
  for (const age of [2, 4]) {
    const { id, token } = await own.issue();
    assert.equal((await chat(own, token)).status, 200);
    sql(own, `UPDATE tokens SET deleted_at = '${days(age)}' WHERE id = '${id}'`);
    made.push(id);
  }
  await own.stop();
  // It is looked at every minute, and at the start.
  const again = await startServer({ args, dir });
  t.after(async () => {
    await again.stop();
    await rm(dir, { recursive: true });
  });
  const there = (table, column) =>
    sql(again, `SELECT DISTINCT ${column} FROM ${table} WHERE ${column} IN ('${made.join("','")}')`).flat();
  await eventually(() => there('tokens', 'id').length === 1, 'one purged');
  assert.deepEqual(there('tokens', 'id'), [made[0]]);
  assert.deepEqual(there('usage', 'token_id'), [made[0]]);
});

test('many are changed, deleted and restored at once, and those there are not are named', async () => {
  const made = await labelled('bulk', 'bulk', 'bulk');
  const ids = made.map(({ id }) => id);
  const bulk = (body) => good('POST', '/tokens/bulk', body);
  const change = { status: 'disabled', label: 'bulked', quota: { daily_limit: 3 } };
  assert.deepEqual(await bulk({ ids: [...ids, 'tok_none'], action: 'change', change }), {
    done: 3,
    missing: ['tok_none'],
  });
  for (const { token } of made) refused(await chat(server, token), 403, 'TOKEN_DISABLED');
  const { tokens } = await list({ q: 'bulked' });
  assert.deepEqual(
    tokens.map((each) => [each.status, each.quota.daily_limit, each.quota.monthly_limit]),
    Array(3).fill(['disabled', 3, 3000]),
  );
  assert.deepEqual(await bulk({ ids, action: 'delete' }), { done: 3, missing: [] });
  assert.equal((await list({ q: 'bulked' })).total, 0);
  assert.deepEqual(await bulk({ ids: ids.slice(1), action: 'restore' }), { done: 2, missing: [] });
  // A whole token is a name, too, and is not said back.
  assert.deepEqual(await bulk({ ids: [made[0].token], action: 'delete' }), {
    done: 0,
    missing: [`${made[0].token.slice(0, 8)}****`],
  });
  assert.equal((await list({ q: 'bulked' })).total, 2);
  for (const [body, named] of [
    [{ action: 'delete' }, 'ids'],
    [{ ids: [], action: 'delete' }, 'ids'],
    [{ ids: Array(1001).fill('x'), action: 'delete' }, 'ids'],
    [{ ids, action: 'burn' }, 'action'],
    [{ ids, action: 'change' }, 'change'],
    [{ ids, action: 'delete', change }, 'change'],
    [{ ids, action: 'change', change: { colour: 'red' } }, 'colour'],
  ]) {
    const error = refused(await admin('POST', '/tokens/bulk', body), 400, 'INVALID_REQUEST');
    assert.ok(error.message.includes(named), error.message);
  }
  assert.equal((await list({ q: 'bulked' })).total, 2);
});

/** A CSV's rows, by RFC 4180. */
function rowsOf(text) {
  const cells = [...text.matchAll(/("(?:[^"]|"")*"|[^,\r\n]*)(,|\r\n|$)/g)];
  const rows = [[]];
  for (const [all, cell, end] of cells) {
    if (all === '') break;
    rows.at(-1).push(cell.startsWith('"') ? cell.slice(1, -1).replaceAll('""', '"') : cell);
    if (end !== ',') rows.push([]);
  }
  return rows.filter((row) => row.length > 0);
}

test('all tokens of a list come as CSV, Chinese and quotes whole, and no label becomes a formula', async () => {
  const labels = ['csv "a", b', 'csv 张三\nnext', '=csv cmd()', '+csv', '-csv', '@csv'];
  const many = Array(997).fill('csv many');
  const made = [...(await labelled(...labels)), ...(await labelled(...many)), ...(await labelled(...many))];
  const answer = await admin('GET', '/export/tokens?q=csv&order=asc');
  assert.equal(answer.status, 200);
  assert.match(answer.headers['content-type'], /^text\/csv/);
  assert.match(answer.headers['content-disposition'], /filename="tokens.csv"/);
  assert.equal(answer.headers['cache-control'], 'no-store');
  const text = answer.body.toString();
  assert.equal(text[0], '\ufeff');
  const [head, ...rows] = rowsOf(text.slice(1));
  assert.deepEqual(
    rows.map((row) => row[head.indexOf('id')]),
    made.map(({ id }) => id),
  );
  assert.deepEqual(
    rows.slice(0, labels.length).map((row) => row[head.indexOf('label')]),
    labels.map((label) => (/^[=+@-]/.test(label) ? `'${label}` : label)),
  );
  assert.ok(!text.includes(made[0].token), 'no token is in it');
  assert.equal((await admin('HEAD', '/export/tokens')).body.length, 0);
  refused(await admin('GET', '/export/tokens?status=gone'), 400, 'INVALID_REQUEST');
});

test('who leaves in the middle of an export ends it, and the next one comes whole', async () => {
  const url = `${server.origin}/api/admin/export/tokens`;
  for (let i = 0; i < 5; ++i) {
    const { response } = await begin(url, { headers: { 'X-Admin-Secret': server.secret } });
    response.destroy();
  }
  const rows = rowsOf((await admin('GET', '/export/tokens')).body.toString());
  assert.equal(rows.length - 1, (await list({})).total);
});

test('usage comes as CSV, and of one token alone when asked', async () => {
  const [one, other] = await labelled('=usage one', 'usage other');
  for (const { token } of [one, one, other]) assert.equal((await chat(server, token)).status, 200);
  await usageOf(server, one.token);
  await usageOf(server, other.token);
  const rows = rowsOf((await admin('GET', '/export/usage?group=token')).body.toString());
  assert.deepEqual(rows.find(([id]) => id === one.id).slice(0, 4), [
    one.id,
    `${one.token.slice(0, 8)}****`,
    "'=usage one",
    '2',
  ]);
  for (const name of [one.id, one.token]) {
    const { usage, total } = await good('GET', `/usage?token=${name}`);
    assert.deepEqual([usage.length, usage[0].requests, total.requests], [1, 2, 2]);
  }
  assert.equal((await good('GET', '/usage?token=tok_none')).total.requests, 0);
});

test('the server says what it is, how long it is up, what is open and how many tokens there are', async () => {
  const before = await good('GET', '/server');
  assert.match(before.version, /^\d+\.\d+\.\d+/);
  assert.ok(before.uptime_s >= 0 && Date.parse(before.started_at) <= Date.now());
  assert.ok(before.database_bytes > 10_000);
  assert.deepEqual(before.default_quota, { daily_limit: 100, monthly_limit: 3000 });
  for (const status of ['active', 'disabled', 'quota_exceeded', 'deleted'])
    assert.equal((await list({ status, limit: 1 })).total, before.tokens[status], status);
  assert.equal((await list({ limit: 1 })).total, before.tokens.total);
});

test('the server counts the streams that are open', async (t) => {
  const slow = await startUpstream();
  const own = await startServer({ args: ['--upstream-url', slow.url, '--upstream-model', 'm'] });
  t.after(async () => {
    await own.stop();
    await slow.stop();
  });
  const open = async () => {
    const headers = { 'X-Admin-Secret': own.secret };
    return (await ask(`${own.origin}/api/admin/server`, { headers })).json().streams_open;
  };
  assert.equal(await open(), 0);
  const { token } = await own.issue();
  const streaming = chatStream(own, token);
  const model = await slow.next();
  await model.say('half');
  const stream = await streaming;
  await stream.next();
  assert.equal(await open(), 1);
  stream.request.destroy();
  await eventually(async () => (await open()) === 0, 'no stream open');
});
