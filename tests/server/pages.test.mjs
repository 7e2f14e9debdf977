// SPDX-License-Identifier: MIT
// The pages as the server sends them.
import assert from 'node:assert/strict';
import { test } from 'node:test';
import { ask, bearer } from '../support/http.mjs';
import { startServer } from '../support/server.mjs';

test('the pages come with a policy, an ETag, and 304 when nothing changed', async () => {
  const server = await startServer({ prefix: '/opencat' });
  try {
    const page = await ask(`${server.url}/chat`);
    assert.equal(page.status, 200);
    assert.match(page.headers['content-security-policy'], /script-src 'self'/);
    assert.ok(!page.headers['content-security-policy'].includes('unsafe'));
    assert.equal(page.headers['referrer-policy'], 'no-referrer');
    const again = await ask(`${server.url}/chat`, { headers: { 'If-None-Match': page.headers.etag } });
    assert.equal(again.status, 304);
    assert.equal(again.body.length, 0);
    // A proxy may take the prefix off.
    assert.equal((await ask(`${server.origin}/chat`)).status, 200);
    assert.equal((await ask(`${server.url}/v1/models`, { headers: bearer('occ_x') })).status, 401);
    const home = await ask(server.url);
    assert.equal(home.headers.location, '/opencat/chat');
  } finally {
    await server.stop();
  }
});
