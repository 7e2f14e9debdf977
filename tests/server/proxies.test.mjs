// SPDX-License-Identifier: MIT
// Whose word is taken for where a request came from: --trusted-proxy.
import assert from 'node:assert/strict';
import { test } from 'node:test';
import { ask } from '../support/http.mjs';
import { runOpencat, startServer } from '../support/server.mjs';

/** Statuses of `count` wrong admin secrets with these headers; ten in a minute are let through per address. */
async function guess(server, count, headers) {
  const statuses = [];
  for (let i = 0; i < count; ++i) {
    const wrong = { 'X-Admin-Secret': 'wrong', ...headers(i) };
    statuses.push((await ask(`${server.origin}/api/admin/enrollment`, { headers: wrong })).status);
  }
  return statuses;
}
const ten = Array(10).fill(401);

test('a forged X-Forwarded-For does not help a client past a limit of its address', async (t) => {
  for (const args of [['--demo'], ['--demo', '--trusted-proxy', '10.0.0.0/8']]) {
    const server = await startServer({ args });
    t.after(() => server.stop());
    const forged = await guess(server, 11, (i) => ({ 'X-Forwarded-For': `198.51.100.${i}` }));
    assert.deepEqual(forged, [...ten, 429]);
  }
});

test('behind a trusted proxy each client has limits of its own, and cannot forge its way out', async (t) => {
  const args = ['--demo', '--trusted-proxy', '::1', '--trusted-proxy', '127.0.0.0/8'];
  const server = await startServer({ args });
  t.after(() => server.stop());
  const one = await guess(server, 11, (i) => ({ 'X-Forwarded-For': `1.1.1.${i}, 198.51.100.1, 127.0.0.9` }));
  assert.deepEqual(one, [...ten, 429]);
  const other = await guess(server, 1, () => ({ 'X-Forwarded-For': '198.51.100.1, 198.51.100.2' }));
  assert.deepEqual(other, [401]);
  const standard = await guess(server, 1, () => ({ Forwarded: 'for=198.51.100.77' }));
  assert.deepEqual(standard, [401]);
});

test('what is no range of addresses is refused', async () => {
  for (const range of ['proxy.example.com', '10.0.0.0/64']) {
    const { code, stderr } = await runOpencat(['serve', '--demo', '--trusted-proxy', range]);
    assert.equal(code, 2);
    assert.match(stderr, /--trusted-proxy wants .*10\.0\.0\.0\/8/);
  }
});
