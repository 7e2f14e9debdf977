// SPDX-License-Identifier: MIT
// HTTP itself, down to the bytes: what is answered, what is refused, when a connection stays.
import assert from 'node:assert/strict';
import { after, before, test } from 'node:test';
import { gzipSync } from 'node:zlib';
import { startUpstream } from '../fakes/upstream.mjs';
import { refused, used } from '../support/checks.mjs';
import { ask, bearer, chat, connect, hello } from '../support/http.mjs';
import { startServer } from '../support/server.mjs';

let upstream;
let server;
let token;
before(async () => {
  upstream = await startUpstream();
  server = await startServer({
    args: [
      '--upstream-url',
      upstream.url,
      '--upstream-model',
      'm',
      '--rpm-limit',
      '1000',
      '--max-body',
      '64KiB',
    ],
  });
  ({ token } = await server.issue());
});
after(async () => {
  await server.stop();
  await upstream.stop();
});

const get = (path, headers) => ask(`${server.origin}${path}`, { headers });
const head = (more) =>
  `POST /v1/chat/completions HTTP/1.1\r\nHost: x\r\nAuthorization: Bearer ${token}\r\n${more}\r\n`;
const body = JSON.stringify(hello);

/** Writes `bytes` on a connection of their own; all that comes until the server ends it. */
async function raw(bytes) {
  const client = await connect(server.port);
  client.write(bytes);
  const text = await client.ended;
  client.close();
  return text;
}
const answersIn = (text) => text.split('HTTP/1.1 ').slice(1);

test('every answer carries the protocol’s version and a request id, the client’s own if it is sane', async () => {
  for (const path of ['/healthz', '/chat', '/nothing', '/v1/models', '/api/tokens/x/status', '/']) {
    const own = await get(path, { 'X-Request-Id': 'abc-1.2:3_4' });
    assert.equal(own.headers['x-protocol-version'], '1.0.0', path);
    assert.equal(own.headers['x-request-id'], 'abc-1.2:3_4', path);
    const ids = [];
    for (const odd of [undefined, 'a b', '<script>', 'x'.repeat(200), 'é']) {
      const { headers } = await get(path, odd === undefined ? {} : { 'X-Request-Id': odd });
      assert.match(headers['x-request-id'], /^req_[0-9a-f]{12}_\d+$/);
      ids.push(headers['x-request-id']);
    }
    assert.equal(new Set(ids).size, ids.length);
  }
});

test('what is not there is 404, a wrong method 405, both in the errors’ shape', async () => {
  refused(await get('/nothing'), 404, 'NOT_FOUND');
  refused(await get('/api/tokens/'), 404, 'NOT_FOUND');
  refused(await get('/v1/chat/completions'), 405, 'NOT_FOUND');
  for (const method of ['PUT', 'DELETE', 'OPTIONS', 'PATCH']) {
    refused(await ask(`${server.origin}/healthz`, { method }), 405, 'NOT_FOUND');
  }
  refused(await get(`/${'x'.repeat(5000)}`), 404, 'NOT_FOUND');
});

test('health and pages need no token; their data is what it says', async () => {
  for (const path of ['/healthz', '/health']) {
    const answer = await get(path);
    assert.equal(answer.headers['content-type'], 'application/json; charset=utf-8');
    assert.deepEqual(answer.json(), { status: 'ok', protocol_version: '1.0.0' });
  }
  const page = await get('/chat');
  assert.match(page.headers['content-type'], /^text\/html/);
  assert.equal(page.headers['referrer-policy'], 'no-referrer');
  assert.equal((await get('/')).headers.location, '/chat');
  const again = await get('/chat', { 'If-None-Match': page.headers.etag });
  assert.equal(again.status, 304);
  assert.equal(again.body.length, 0);
});

test('HEAD is GET without its body', async () => {
  for (const path of ['/healthz', '/chat', '/nothing']) {
    const whole = await get(path);
    const only = await ask(`${server.origin}${path}`, { method: 'HEAD' });
    assert.equal(only.status, whole.status);
    assert.equal(only.headers['content-length'], `${whole.body.length}`);
    assert.equal(only.body.length, 0);
  }
});

test('a connection serves many requests, one after the other and pipelined', async () => {
  const client = await connect(server.port);
  const once = 'GET /healthz HTTP/1.1\r\nHost: x\r\n\r\n';
  for (let i = 1; i <= 12; ++i) {
    client.write(once);
    await client.until((text) => answersIn(text).length === i && text.endsWith('}'));
  }
  // Mixed with one that takes its time: answers keep the order of the requests.
  client.write(
    once + head(`Content-Length: ${body.length}\r\n`) + body + once.replace('healthz', 'nothing') + once,
  );
  (await upstream.next()).answer('{"late":true}');
  const text = await client.until((seen) => answersIn(seen).length === 16 && seen.endsWith('"ok"}'));
  const statuses = answersIn(text).map((answer) => answer.slice(0, 3));
  assert.deepEqual(statuses.slice(12), ['200', '200', '404', '200']);
  assert.match(answersIn(text)[13], /\{"late":true\}$/);
  client.close();
});

test('a thousand pipelined requests in one packet are all answered', async () => {
  const client = await connect(server.port);
  client.write('GET /healthz HTTP/1.1\r\nHost: x\r\n\r\n'.repeat(1000));
  await client.until((text) => answersIn(text).length === 1000 && text.endsWith('}'));
  client.close();
});

test('a request byte by byte is the same request', async () => {
  const client = await connect(server.port);
  client.socket.setNoDelay(true);
  for (const byte of head(`Content-Length: ${body.length}\r\n`) + body) {
    await new Promise((taken) => client.socket.write(byte, taken));
  }
  const model = await upstream.next();
  assert.deepEqual(model.body.messages, hello.messages);
  model.answer('{"ok":1}');
  await client.until('{"ok":1}');
  client.close();
});

test('HTTP/1.0 gets its answer and the connection’s end, also for a stream', async () => {
  const text = await raw('GET /healthz HTTP/1.0\r\nConnection: keep-alive\r\n\r\n');
  assert.match(text, /^HTTP\/1\.1 200 /);
  assert.match(text, /"ok"\}$/);
  const stream = JSON.stringify({ ...hello, stream: true });
  const streamed = raw(
    `POST /v1/chat/completions HTTP/1.0\r\nAuthorization: Bearer ${token}\r\nContent-Length: ${stream.length}\r\n\r\n${stream}`,
  );
  const model = await upstream.next();
  model.say('x');
  model.done();
  const answer = await streamed;
  assert.ok(!/transfer-encoding/i.test(answer));
  assert.match(answer, /data: \[DONE\]\n\n$/);
});

test('Connection: close is honoured', async () => {
  const text = await raw('GET /healthz HTTP/1.1\r\nHost: x\r\nConnection: close\r\n\r\n');
  assert.match(text, /\r\nConnection: close\r\n/);
});

test('Expect: 100-continue is answered before the body, and a body too long is refused instead', async () => {
  const client = await connect(server.port);
  client.write(head(`Content-Length: ${body.length}\r\nExpect: 100-continue\r\n`));
  await client.until('HTTP/1.1 100 Continue\r\n\r\n');
  client.write(body);
  (await upstream.next()).answer('{"ok":1}');
  await client.until('{"ok":1}');
  client.close();
  const refusal = await raw(head('Content-Length: 70000\r\nExpect: 100-continue\r\n'));
  assert.match(refusal, /^HTTP\/1\.1 413 /);
});

test('a chunked body, with extensions and a trailer, arrives as one', async () => {
  const client = await connect(server.port);
  const [a, b] = [body.slice(0, 7), body.slice(7)];
  const hex = (text) => text.length.toString(16);
  client.write(head('Transfer-Encoding: chunked\r\n') + `${hex(a)};x=y\r\n${a}\r\n`);
  client.write(`${hex(b).toUpperCase()}\r\n${b}\r\n0\r\nX-Trailer: 1\r\n\r\n`);
  const model = await upstream.next();
  assert.deepEqual(model.body.messages, hello.messages);
  model.answer('{"ok":1}');
  await client.until('{"ok":1}');
  client.close();
});

test('a body over the limit is 413, told or chunked; one just within passes', async () => {
  const { token: own } = await server.issue();
  refused(await chat(server, own, ' '.repeat(65_537)), 413, 'INVALID_REQUEST');
  assert.match(await raw(head('Transfer-Encoding: chunked\r\n') + '10001\r\n'), /^HTTP\/1\.1 413 /);
  const fits = chat(server, own, body.padEnd(65_536));
  (await upstream.next()).answer();
  assert.equal((await fits).status, 200);
  await used(server, own, 1);
});

test('a compressed body is not unpacked', async () => {
  const bomb = gzipSync(Buffer.alloc(32 << 20, ' '));
  refused(
    await chat(server, token, bomb, { headers: { 'Content-Encoding': 'gzip' } }),
    400,
    'INVALID_REQUEST',
  );
});

test('what two servers could read differently is refused, and the connection ends', async () => {
  const smuggled = 'GET /healthz HTTP/1.1\r\nHost: x\r\n\r\n';
  for (const [why, bytes, status] of [
    ['length and chunks', head('Content-Length: 5\r\nTransfer-Encoding: chunked\r\n') + '0\r\n\r\n', 400],
    ['two lengths', head('Content-Length: 5\r\nContent-Length: 6\r\n') + 'aaaaaa', 400],
    ['a list of lengths', head('Content-Length: 5, 5\r\n') + 'aaaaa', 400],
    ['a negative length', head('Content-Length: -1\r\n'), 400],
    ['a signed length', head('Content-Length: +1\r\n') + 'a', 400],
    ['space before the colon', head('Content-Length : 5\r\n') + 'aaaaa', 400],
    ['a folded header', head('X: a\r\n b\r\n'), 400],
    ['a bare LF head', 'GET /healthz HTTP/1.1\nHost: x\n\n', 400],
    ['a bare LF line', 'GET /healthz HTTP/1.1\r\nX: a\nContent-Length: 5\r\n\r\n', 400],
    ['a bare CR', 'GET /healthz HTTP/1.1\r\nX: a\rContent-Length: 5\r\n\r\n', 400],
    ['another coding', head('Transfer-Encoding: gzip, chunked\r\n') + '0\r\n\r\n', 501],
    ['chunks of HTTP/1.0', head('Transfer-Encoding: chunked\r\n').replace('1.1', '1.0') + '0\r\n\r\n', 400],
    ['a chunk size of words', head('Transfer-Encoding: chunked\r\n') + 'five\r\n', 400],
    ['a chunk that is too long', head('Transfer-Encoding: chunked\r\n') + '2\r\nabc\r\n0\r\n\r\n', 400],
    ['no HTTP', '\x16\x03\x01 hello\r\n\r\n', 400],
    ['a huge head', `GET / HTTP/1.1\r\nX: ${'a'.repeat(40_000)}\r\n\r\n`, 431],
  ]) {
    const text = await raw(bytes + smuggled);
    assert.equal(answersIn(text).length, 1, `${why}: ${text}`);
    assert.match(text, new RegExp(`^HTTP/1.1 ${status} `), why);
    const { error } = JSON.parse(text.slice(text.indexOf('\r\n\r\n')));
    assert.equal(error.code, 'INVALID_REQUEST', why);
  }
});

test('a header cannot be smuggled into the answer', async () => {
  const answer = await get('/healthz', { 'X-Request-Id': 'a%0d%0aSet-Cookie:x' });
  assert.equal(answer.headers['set-cookie'], undefined);
  const text = await raw('GET /%0d%0aX-Evil:1 HTTP/1.1\r\nHost: x\r\nConnection: close\r\n\r\n');
  assert.ok(!/\r\nX-Evil/.test(text));
});

test('below a prefix: with it, as a proxy leaves it on, and without, as another takes it off', async (t) => {
  const prefixed = await startServer({ prefix: '/opencat' });
  t.after(() => prefixed.stop());
  const { token: own, chat_url, proxy_base_url } = await prefixed.issue();
  assert.equal(chat_url, `${prefixed.origin}/opencat/chat#token=${own}`);
  assert.equal(proxy_base_url, `${prefixed.origin}/opencat/v1`);
  for (const base of [prefixed.origin, `${prefixed.origin}/opencat`]) {
    assert.equal((await ask(`${base}/healthz`)).status, 200);
    assert.equal((await ask(`${base}/v1/models`, { headers: bearer(own) })).status, 200);
    assert.equal(
      (await ask(`${base}/`)).headers.location,
      `${prefixed.url}/chat`.replace(prefixed.origin, ''),
    );
  }
  assert.equal((await ask(`${prefixed.origin}/opencat`)).status, 302);
  assert.equal((await ask(`${prefixed.origin}/opencats/healthz`)).status, 404);
});

test('a deeply nested question does not end the demo', async (t) => {
  const demo = await startServer();
  t.after(() => demo.stop());
  const { token: own } = await demo.issue();
  const deep = `${'['.repeat(500_000)}${']'.repeat(500_000)}`;
  for (const messages of [deep, `[{"role":${deep}}]`, `[{"role":"user","content":${deep}}]`]) {
    assert.equal((await chat(demo, own, `{"n":1e400,"messages":${messages}}`)).status, 200);
  }
});
