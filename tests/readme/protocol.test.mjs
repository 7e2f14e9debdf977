// SPDX-License-Identifier: MIT
// Holds docs/protocol.md to the server: its addresses, error codes, examples and limits are those of the program.
import assert from 'node:assert/strict';
import { execFileSync } from 'node:child_process';
import fs from 'node:fs';
import { after, before, test } from 'node:test';
import { bundleFiles, bundleZip } from '../cli/bundles.mjs';
import { ask, bearer, chat } from '../support/http.mjs';
import { newFolder, startServer } from '../support/server.mjs';

const source = (path) => fs.readFileSync(new URL(`../../${path}`, import.meta.url), 'utf8');
const page = source('docs/protocol.md');
/** "METHOD /path" of every address on the page, headed or in passing. */
const addresses = [
  ...new Set([...page.matchAll(/(?:GET|POST|PUT|PATCH|DELETE) \/[^`\n]*/g)].map(([text]) => text)),
];

/** The same value with the kind of each thing instead of the thing. */
const shape = (value) =>
  value !== null && typeof value === 'object' && !Array.isArray(value)
    ? Object.fromEntries(Object.entries(value).map(([name, inner]) => [name, shape(inner)]))
    : typeof value;

let server;
let bundles;
before(async () => {
  bundles = await newFolder();
  const zip = bundleZip(bundleFiles({ platform: 'linux-x64' }));
  fs.writeFileSync(`${bundles}/opencat-portable-linux-x64.zip`, zip, { mode: 0o644 });
  server = await startServer({ args: ['--demo', '--bundles', bundles] });
});
after(async () => {
  await server.stop();
  fs.rmSync(bundles, { recursive: true });
});

test('every address on the page is there', async () => {
  const { token } = await server.issue();
  await ask(`${server.url}/api/admin/plans`, {
    method: 'POST',
    headers: { 'X-Admin-Secret': server.secret },
    body: '{"name": "a-plan"}',
  });
  for (const address of addresses) {
    const [method, path] = address
      .replace('/models/{id}', '/models/auto')
      .replace('/download/{platform}', '/download/linux-x64')
      .replace('{plan}', 'a-plan')
      .replace(/\{id or token\}|\{token\}|\{id\}/, token)
      .split(' ');
    const headers = { ...bearer(token), 'X-Admin-Secret': server.secret };
    const answer = await ask(server.url + path, {
      method,
      headers,
      body: ['POST', 'PATCH'].includes(method) ? '{}' : undefined,
    });
    assert.ok(![404, 405, 501].includes(answer.status), `${address}: ${answer.status}`);
    assert.equal(answer.headers['x-protocol-version'], /^Version (\d+\.\d+\.\d+)\./m.exec(page)[1]);
    assert.ok(answer.headers['x-request-id']);
    // A DELETE ended the token, and all behind it would be about an unknown one.
    if (method === 'DELETE' && path.includes('/tokens/'))
      assert.equal((await server.status(token)).error.code, 'TOKEN_NOT_FOUND');
  }
});

test('every address of the server is on the page', () => {
  const files = fs.readdirSync(new URL('../../server/routes/', import.meta.url));
  const routes = files
    .filter((name) => name.endsWith('.cpp'))
    .flatMap((name) => [...source(`server/routes/${name}`).matchAll(/\{\s*"([A-Z]+)",\s*"([^"]+)"/g)])
    .flatMap(([, method, pattern]) => pattern.split('|').map((path) => `${method} ${path}`))
    .filter((route) => route !== 'POST /v1'); // the begin of what the table of endpoints completes
  const endpoints = [...source('server/upstream/endpoint.cpp').matchAll(/^ +\{"(\/[a-z/]+)"/gm)];
  assert.ok(endpoints.length >= 5, 'the endpoints were found');
  routes.push(...endpoints.map(([, path]) => `POST /v1${path}`));
  assert.ok(routes.length >= 9, 'the routes were found');
  const plain = addresses.map((address) =>
    address.replace(/\{[^}]*\}/, address.includes('/models/') ? '(.+)' : '([^/]+)'),
  );
  assert.deepEqual(
    routes.filter((route) => !plain.includes(route)),
    [],
  );
});

test('the table of errors is that of the program', () => {
  const rows = (text, pattern) => [...text.matchAll(pattern)].map(([, ...row]) => row.join(' ')).sort();
  const told = new Set(rows(page, /^\| (\d+) \| `([A-Z_]+)` \| `([a-z_]+)` \|/gm));
  const known = new Set(rows(source('opencat/error.cpp'), /\{\d+, (\d+), "([A-Z_]+)", "([a-z_]+)"\}/g));
  known.delete('500 INTEGRITY_ERROR server_error'); // of bundles: no request meets it
  assert.deepEqual([...told].sort(), [...known].sort());
});

test('the examples have the members that the server sends', async () => {
  const examples = [...page.matchAll(/```json\n([\s\S]*?)```/g)].map(([, text]) => JSON.parse(text));
  const example = (member) => examples.find((value) => member in value);
  const { downloads } = (await ask(`${server.url}/api/downloads`)).json();
  assert.deepEqual(shape(downloads[0]), shape(example('downloads').downloads[0]));
  const issued = await server.issue();
  assert.deepEqual(shape(issued), shape(example('chat_url')));
  assert.deepEqual(issued.quota, example('chat_url').quota);
  for (const name of [issued.token, 'self']) {
    const status = await ask(`${server.url}/api/tokens/${name}/status`, { headers: bearer(issued.token) });
    assert.deepEqual(shape(status.json()), shape(example('status')));
    assert.match(status.json().created_at, /^\d{4}-\d\d-\d\dT\d\d:\d\d:\d\d(\.\d+)?Z$/);
  }
  const models = (await ask(`${server.url}/v1/models`, { headers: bearer(issued.token) })).json();
  assert.deepEqual(models.data[0], example('data').data[0]);
  const refused = (await ask(`${server.url}/v1/models`)).json();
  assert.deepEqual(shape(refused), shape(example('error')));
});

test('the admin examples have the members that the server sends', async () => {
  const examples = [...page.matchAll(/```json\n([\s\S]*?)```/g)].map(([, text]) => JSON.parse(text));
  const example = (...members) => examples.find((value) => members.every((member) => member in value));
  const admin = async (method, path, body) => {
    const headers = { 'X-Admin-Secret': server.secret };
    const answer = await ask(`${server.url}/api/admin${path}`, {
      method,
      headers,
      body: body && JSON.stringify(body),
    });
    assert.equal(answer.status, 200, answer.body.toString());
    return answer.json();
  };
  const [made, other] = (await admin('POST', '/tokens', { count: 2, label: 'Ms Li' })).tokens;
  assert.deepEqual(shape(made), shape(example('chat_url')));
  assert.deepEqual(shape(await admin('POST', '/tokens', {})), shape(example('chat_url')));
  assert.equal((await chat(server, made.token)).status, 200);
  const list = await admin('GET', '/tokens?q=Ms%20Li');
  const wanted = example('tokens', 'total');
  assert.deepEqual({ ...shape(list), tokens: 0 }, { ...shape(wanted), tokens: 0 });
  const row = list.tokens.find(({ id }) => id === made.id);
  assert.deepEqual(shape(row), shape(wanted.tokens[0]));
  assert.equal(list.tokens.find(({ id }) => id === other.id).last_used_at, null);
  assert.equal(row.platform, 'any');
  for (const name of [made.id, made.token]) {
    assert.deepEqual(await admin('GET', `/tokens/${name}`), row);
    assert.deepEqual(shape(await admin('PATCH', `/tokens/${name}`, { status: 'active' })), shape(row));
  }
  const usage = example('usage', 'group');
  for (const [group, names] of [
    ['day', ['date']],
    ['token', ['id', 'token', 'label']],
    ['model', ['model']],
  ]) {
    const told = await admin('GET', `/usage?group=${group}`);
    assert.deepEqual({ ...shape(told), usage: 0 }, { ...shape(usage), usage: 0 });
    const { date, ...sums } = shape(usage.usage[0]);
    assert.deepEqual(shape(told.usage[0]), { ...sums, ...Object.fromEntries(names.map((n) => [n, date])) });
  }
  const { date: _, ...sums } = usage.usage[0];
  const [withoutPlan] = (await admin('GET', '/usage?group=plan')).usage;
  assert.deepEqual(shape(withoutPlan), shape({ ...sums, plan: null }));
  const named = {
    name: 'class-4',
    quota: { daily_limit: 5 },
    requests_per_minute: 10,
    models: ['small-model'],
  };
  const plan = await admin('POST', '/plans', { ...named, expires_at: '2026-07-01T00:00:00Z' });
  const { monthly_limit, ...quota } = shape(example('plans').plans[0].quota);
  assert.equal(monthly_limit, shape(plan.quota.monthly_limit));
  assert.deepEqual(shape(plan), { ...shape(example('plans').plans[0]), quota: { monthly_limit, ...quota } });
  assert.deepEqual(shape(await admin('GET', '/plans')), shape(example('plans')));
  assert.deepEqual(shape(await admin('GET', '/server')), shape(example('uptime_s')));
  const rotated = await admin('POST', '/enrollment/rotate', { old_valid_s: 1 });
  assert.deepEqual(shape(rotated), shape(example('old_valid_until')));
  const enrollment = await admin('GET', '/enrollment');
  assert.deepEqual(enrollment, { mode: 'open', key: rotated.key });
});

test('the values that the page gives for admin parameters and members are taken, and no others', async () => {
  const headers = { 'X-Admin-Secret': server.secret };
  const status = async (query) => (await ask(`${server.url}/api/admin/${query}`, { headers })).status;
  const between = (from, to) => page.slice(page.indexOf(from), page.indexOf(to));
  const words = (text) => [...text.matchAll(/`([a-z_]+)`/g)].map(([, word]) => word);
  const rowOf = (section, name) => section.split('\n').find((line) => line.startsWith(`| ${name}`));
  const list = between('### GET /api/admin/tokens\n', '### POST /api/admin/tokens');
  const [, ...statuses] = words(rowOf(list, '`status`'));
  const sorts = words(rowOf(list, '`sort`, `order`')).slice(2);
  assert.deepEqual(statuses, ['active', 'disabled', 'expired', 'quota_exceeded', 'deleted']);
  for (const value of statuses) assert.equal(await status(`tokens?status=${value}`), 200, value);
  for (const value of sorts.slice(0, -2)) assert.equal(await status(`tokens?sort=${value}`), 200, value);
  for (const value of sorts.slice(-2)) assert.equal(await status(`tokens?order=${value}`), 200, value);
  const usage = between('### GET /api/admin/usage', '### GET /api/admin/enrollment');
  const [, ...groups] = words(rowOf(usage, '`group`'));
  for (const value of groups) assert.equal(await status(`usage?group=${value}`), 200, value);
  for (const query of ['tokens?limit=1000', 'tokens?page=1', 'usage?limit=10000'])
    assert.equal(await status(query), 200, query);
  for (const query of [
    'tokens?limit=1001',
    'tokens?page=0',
    'tokens?status=x',
    'tokens?sort=x',
    'tokens?order=x',
    `tokens?q=${'q'.repeat(201)}`,
    'usage?group=x',
    'usage?from=x',
    'usage?to=x',
    'usage?limit=10001',
  ]) {
    assert.equal(await status(query), 400, query);
  }
  const send = async (method, path, body) =>
    (await ask(`${server.url}/api/admin/${path}`, { method, headers, body })).status;
  for (const [method, path] of [
    ['POST', 'tokens'],
    ['PATCH', `tokens/tok_0`],
    ['POST', 'enrollment/rotate'],
  ]) {
    assert.equal(await send(method, path, '{"unknown":1}'), 400);
    assert.equal(await send(method, path, ' '.repeat(17 << 10)), 413);
  }
  assert.equal(await send('POST', 'tokens/bulk', '{"unknown":1}'), 400);
  assert.equal(await send('POST', 'tokens/bulk', ' '.repeat(257 << 10)), 413);
  assert.equal(await send('POST', 'tokens', '{"count":1001}'), 400);
  for (const method of ['GET', 'PATCH', 'DELETE']) {
    assert.equal(await send(method, 'tokens/tok_0', method === 'PATCH' ? '{}' : undefined), 404);
  }
});

test('what the page says of heads, methods and secrets is so', async () => {
  const head = await ask(`${server.url}/healthz`, { method: 'HEAD' });
  assert.deepEqual([head.status, head.body.length], [200, 0]);
  const other = await ask(`${server.url}/healthz`, { method: 'DELETE' });
  assert.deepEqual([other.status, other.json().error.code], [405, 'NOT_FOUND']);
  const long = await ask(`${server.url}/healthz`, { headers: { 'X-Long': 'x'.repeat(33 << 10) } });
  assert.equal(long.status, 431);
  const kept = await ask(`${server.url}/healthz`, { headers: { 'X-Request-Id': 'a-Z_0.9:' } });
  assert.equal(kept.headers['x-request-id'], 'a-Z_0.9:');
  const statuses = [];
  for (let i = 0; i < 11; ++i) statuses.push((await ask(`${server.url}/api/admin/enrollment`)).status);
  assert.deepEqual(statuses, [...Array(10).fill(401), 429]);
});

test('every option on the page is one of opencat serve', () => {
  const help = execFileSync(process.env.OPENCAT, ['serve', '--help'], { encoding: 'utf8' });
  const flags = [...page.matchAll(/`(--[a-z-]+)/g)].map(([, flag]) => flag);
  assert.ok(flags.length > 8);
  for (const flag of flags) assert.match(help, new RegExp(`^ +${flag} `, 'm'));
});
