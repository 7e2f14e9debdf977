// SPDX-License-Identifier: MIT
// Holds docs/protocol.md to the server: its addresses, error codes, examples and limits are those of the program.
import assert from 'node:assert/strict';
import { execFileSync } from 'node:child_process';
import fs from 'node:fs';
import { after, before, test } from 'node:test';
import { ask, bearer } from '../support/http.mjs';
import { startServer } from '../support/server.mjs';

const source = (path) => fs.readFileSync(new URL(`../../${path}`, import.meta.url), 'utf8');
const page = source('docs/protocol.md');
/** "METHOD /path" of every address on the page, headed or in passing. */
const addresses = [
  ...new Set([...page.matchAll(/(?:GET|POST|PUT|PATCH|DELETE) \/[^`\n]*/g)].map(([text]) => text)),
];

let server;
before(async () => (server = await startServer()));
after(() => server.stop());

test('every address on the page is there', async () => {
  const { token } = await server.issue();
  for (const address of addresses) {
    const [method, path] = address
      .replace('/models/{id}', '/models/auto')
      .replace(/\{id or token\}|\{token\}|\{id\}/, token)
      .split(' ');
    const headers = { ...bearer(token), 'X-Admin-Secret': server.secret };
    const answer = await ask(server.url + path, {
      method,
      headers,
      body: method === 'POST' ? '{}' : undefined,
    });
    assert.ok(![404, 405, 501].includes(answer.status), `${address}: ${answer.status}`);
    assert.equal(answer.headers['x-protocol-version'], /^Version (\d+\.\d+\.\d+)\./m.exec(page)[1]);
    assert.ok(answer.headers['x-request-id']);
    // A DELETE ended the token, and all behind it would be about an unknown one.
    if (method === 'DELETE') assert.equal((await server.status(token)).error.code, 'TOKEN_NOT_FOUND');
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
  const shape = (value) =>
    value !== null && typeof value === 'object' && !Array.isArray(value)
      ? Object.fromEntries(Object.entries(value).map(([name, inner]) => [name, shape(inner)]))
      : typeof value;
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
