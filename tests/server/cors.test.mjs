// SPDX-License-Identifier: MIT
// Pages of other origins: off unless --cors-origin allows them, and never for the admin API.
import assert from 'node:assert/strict';
import { readdir, rm } from 'node:fs/promises';
import { test } from 'node:test';
import { refused } from '../support/checks.mjs';
import { ask, bearer, chat } from '../support/http.mjs';
import { newFolder, runOpencat, startServer } from '../support/server.mjs';

const app = 'https://app.example.com';
const corsOf = ({ headers }) =>
  Object.fromEntries(Object.entries(headers).filter(([name]) => /^(access-control-|vary)/.test(name)));
const preflight = (server, path, origin = app) =>
  ask(server.origin + path, {
    method: 'OPTIONS',
    headers: {
      Origin: origin,
      'Access-Control-Request-Method': 'POST',
      'Access-Control-Request-Headers': 'authorization,content-type,x-stainless-os',
    },
  });

async function start(t, ...origins) {
  const args = ['--demo', ...origins.flatMap((origin) => ['--cors-origin', origin])];
  const server = await startServer({ args });
  t.after(() => server.stop());
  return server;
}

test('unless it is configured no page of another origin may', async (t) => {
  const server = await start(t);
  const { token } = await server.issue();
  refused(await preflight(server, '/v1/chat/completions'), 405, 'NOT_FOUND');
  const answer = await chat(server, token, undefined, { headers: { Origin: app } });
  assert.equal(answer.status, 200);
  assert.deepEqual(corsOf(answer), {});
});

test('an allowed origin may use what takes a token, and sees limits and request ids', async (t) => {
  const server = await start(t, app, 'http://localhost:5173');
  const { token } = await server.issue();
  for (const path of ['/v1/chat/completions', '/v1/models', '/api/tokens', '/api/tokens/self/status']) {
    for (const origin of [app, 'http://localhost:5173']) {
      const asked = await preflight(server, path, origin);
      assert.equal(asked.status, 204);
      assert.deepEqual(corsOf(asked), {
        'access-control-allow-origin': origin,
        'access-control-allow-methods': 'GET, POST',
        'access-control-allow-headers': 'authorization,content-type,x-stainless-os',
        'access-control-expose-headers': asked.headers['access-control-expose-headers'],
        'access-control-max-age': '7200',
        vary: 'Origin',
      });
    }
  }
  const headers = { Origin: app };
  const answers = [
    await chat(server, token, undefined, { headers }),
    await chat(server, token, { stream: true, messages: [{ role: 'user', content: 'x' }] }, { headers }),
    await chat(server, 'wrong', undefined, { headers }),
    await chat(server, token, ' '.repeat((10 << 20) + 1), { headers }),
    await ask(`${server.origin}/v1/nothing`, { headers }),
    await ask(`${server.origin}/v1/models`, { headers: { ...bearer(token), ...headers } }),
  ];
  assert.deepEqual(
    answers.map(({ status }) => status),
    [200, 200, 401, 413, 404, 200],
  );
  for (const answer of answers) {
    assert.equal(answer.headers['access-control-allow-origin'], app);
    assert.equal(answer.headers.vary, 'Origin');
    assert.equal(answer.headers['access-control-allow-credentials'], undefined);
    for (const name of ['x-ratelimit-remaining-requests', 'x-request-id', 'retry-after'])
      assert.ok(answer.headers['access-control-expose-headers'].split(', ').includes(name));
  }
});

test('other origins, and all for the admin API and the pages, may not', async (t) => {
  for (const server of [await start(t, app), await start(t, '*')]) {
    for (const path of ['/api/admin/tokens', '/api/admin/enrollment', '/chat', '/healthz', '/metrics']) {
      const asked = await preflight(server, path);
      assert.ok([404, 405].includes(asked.status), `${path}: ${asked.status}`);
      assert.deepEqual(corsOf(asked), {});
      const answer = await ask(server.origin + path, {
        headers: { Origin: app, 'X-Admin-Secret': server.secret },
      });
      // A page is packed by another header of the request.
      assert.deepEqual(corsOf(answer), path === '/chat' ? { vary: 'Accept-Encoding' } : {});
    }
  }
  const server = await start(t, app);
  for (const origin of ['https://app.example.com.evil.net', 'http://app.example.com', 'null', `${app}:444`]) {
    const asked = await preflight(server, '/v1/models', origin);
    assert.equal(asked.status, 405);
    assert.deepEqual(corsOf(asked), { vary: 'Origin' });
  }
});

test('"*" allows every page', async (t) => {
  const server = await start(t, '*');
  assert.equal((await preflight(server, '/v1/models', 'null')).headers['access-control-allow-origin'], '*');
  const { token } = await server.issue();
  const answer = await chat(server, token, undefined, { headers: { Origin: app } });
  assert.equal(answer.headers['access-control-allow-origin'], '*');
  assert.equal(answer.headers.vary, undefined);
});

test('what is no origin is refused, before there is a data folder', async (t) => {
  const dir = await newFolder();
  t.after(() => rm(dir, { recursive: true, force: true }));
  for (const origin of [
    'app.example.com',
    'https://app.example.com/',
    'https://',
    'https://*.example.com',
    'null',
  ]) {
    const { code, stderr } = await runOpencat(['serve', '--demo', '--cors-origin', origin], { cwd: dir });
    assert.equal(code, 2, origin);
    assert.match(stderr, /--cors-origin wants an origin/);
  }
  assert.deepEqual(await readdir(dir), []);
});
