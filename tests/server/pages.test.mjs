// SPDX-License-Identifier: MIT
// The pages as the server sends them.
import assert from 'node:assert/strict';
import { createHash } from 'node:crypto';
import { test } from 'node:test';
import { brotliDecompressSync, gunzipSync } from 'node:zlib';
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

test('pages and what they load come packed as the client wants, each packing with an ETag of its own', async (t) => {
  const server = await startServer();
  t.after(() => server.stop());
  const html = (await ask(`${server.url}/admin`)).body.toString();
  const paths = [
    'admin',
    'chat',
    ...[...html.matchAll(/(?:src|href)="(assets[^"]+)"/g)].map(([, path]) => path),
  ];
  assert.equal(paths.length, 4);
  for (const path of paths) {
    const get = (headers) => ask(`${server.url}/${path}`, { headers });
    const plain = await get({});
    const etags = new Set();
    for (const [accept, coding, unpack] of [
      ['identity', undefined, (bytes) => bytes],
      ['gzip', 'gzip', gunzipSync],
      ['br', 'br', brotliDecompressSync],
      ['gzip, deflate, br, zstd', 'br', brotliDecompressSync],
      ['br;q=0, gzip;q=0.5', 'gzip', gunzipSync],
      ['*;q=0', undefined, (bytes) => bytes],
    ]) {
      const answer = await get({ 'Accept-Encoding': accept });
      assert.equal(answer.headers['content-encoding'], coding, `${path} ${accept}`);
      assert.equal(answer.headers.vary, 'Accept-Encoding');
      assert.deepEqual(unpack(answer.body), plain.body, `${path} ${accept}`);
      assert.equal(Number(answer.headers['content-length']), answer.body.length);
      etags.add(answer.headers.etag);
      const digest = createHash('sha256').update(answer.body).digest('hex');
      assert.equal(
        answer.headers.etag,
        `"${digest.slice(0, 16)}"`,
        `${path} ${accept}: of the bytes that come`,
      );
      for (const known of [
        answer.headers.etag,
        `W/${answer.headers.etag}`,
        `"x", ${answer.headers.etag}`,
        '*',
      ]) {
        const again = await get({ 'Accept-Encoding': accept, 'If-None-Match': known });
        assert.deepEqual([again.status, again.body.length], [304, 0], known);
        assert.equal(again.headers.etag, answer.headers.etag);
        assert.equal(again.headers.vary, 'Accept-Encoding');
      }
      const other = { 'Accept-Encoding': accept, 'If-None-Match': '"0123456789abcdef"' };
      assert.equal((await get(other)).status, 200);
    }
    assert.equal(etags.size, 3, path);
    // A tag of one packing does not stand for another.
    const gzip = await get({ 'Accept-Encoding': 'gzip' });
    assert.equal((await get({ 'Accept-Encoding': 'br', 'If-None-Match': gzip.headers.etag })).status, 200);
    const lasting = plain.headers['cache-control'];
    assert.equal(
      lasting,
      path.startsWith('assets') ? 'public, max-age=31536000, immutable' : 'no-cache',
      path,
    );
    const head = await ask(`${server.url}/${path}`, { method: 'HEAD', headers: { 'Accept-Encoding': 'br' } });
    assert.deepEqual([head.headers['content-encoding'], head.body.length], ['br', 0]);
  }
});

test('the policy lets nothing in from elsewhere, nothing inline, and demands Trusted Types', async (t) => {
  const server = await startServer();
  t.after(() => server.stop());
  for (const path of ['chat', 'admin']) {
    const { headers } = await ask(`${server.url}/${path}`);
    const directives = headers['content-security-policy'].split(';').map((each) => each.trim().split(/\s+/));
    const policy = Object.fromEntries(directives.map(([name, ...values]) => [name, values.join(' ')]));
    for (const [name, value] of Object.entries({
      'default-src': "'none'",
      'script-src': "'self'",
      'style-src': "'self'",
      'connect-src': "'self'",
      'img-src': "'self' data: blob:",
      'base-uri': "'none'",
      'form-action': "'none'",
      'frame-ancestors': "'none'",
      'require-trusted-types-for': "'script'",
    }))
      assert.equal(policy[name], value, name);
    assert.doesNotMatch(headers['content-security-policy'], /unsafe|\*|https?:/);
    assert.equal(headers['referrer-policy'], 'no-referrer');
    assert.equal(headers['x-content-type-options'], 'nosniff');
    assert.equal(headers['cross-origin-opener-policy'], 'same-origin');
    for (const feature of ['camera', 'microphone', 'geolocation', 'payment', 'usb'])
      assert.ok(headers['permissions-policy'].includes(`${feature}=()`), feature);
  }
});
