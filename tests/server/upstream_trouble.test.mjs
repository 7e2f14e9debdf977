// SPDX-License-Identifier: MIT
// What clients see, and what is counted, when the model behind the server fails in one of its many ways.
import assert from 'node:assert/strict';
import { once } from 'node:events';
import { createServer } from 'node:net';
import { after, before, test } from 'node:test';
import { event, startUpstream } from '../fakes/upstream.mjs';
import { refused, used } from '../support/checks.mjs';
import { chat, chatStream, hello } from '../support/http.mjs';
import { freePort, startServer } from '../support/server.mjs';

const upstreamKey = 'sk-the-upstreams-key-of-the-tests';
let upstream;
let server;
const start = (url, more = []) =>
  startServer({
    args: ['--upstream-url', url, '--upstream-model', 'fake-model', '--rpm-limit', '1000', ...more],
    env: { OPENCAT_UPSTREAM_KEY: upstreamKey },
  });
before(async () => {
  upstream = await startUpstream();
  server = await start(upstream.url, ['--first-byte-timeout', '2', '--idle-timeout', '2']);
});
after(async () => {
  await server.stop();
  await upstream.stop();
});

const both = [false, true];
const newToken = async () => (await server.issue()).token;

/** Sends a request and lets `act` answer it at the upstream. */
async function exchange(token, stream, act) {
  const answered = chat(server, token, { ...hello, stream });
  act(await upstream.next());
  return answered;
}

test('an upstream that is not there: 502, and given back', async (t) => {
  const lonely = await start(`http://127.0.0.1:${await freePort()}/v1`);
  t.after(() => lonely.stop());
  const { token } = await lonely.issue();
  for (const stream of both) {
    const answer = await chat(lonely, token, { ...hello, stream });
    const error = refused(answer, 502, 'UPSTREAM_ERROR');
    const { limit, remaining } = Object.fromEntries(
      ['limit', 'remaining'].map((name) => [name, answer.headers[`x-ratelimit-${name}-requests`]]),
    );
    assert.ok(limit > 0);
    assert.equal(remaining, limit, 'the answer tells that it was given back');
    assert.ok(!/127\.0\.0\.1|curl/i.test(error.message), error.message);
  }
  await used(lonely, token, 0);
});

test('no upstream configured: 503, and nothing counted', async (t) => {
  const bare = await startServer({ args: [] });
  t.after(() => bare.stop());
  const { token } = await bare.issue();
  refused(await chat(bare, token), 503, 'SERVICE_UNAVAILABLE');
  await used(bare, token, 0);
});

test('an upstream that breaks off before it answers: 502, and given back', async () => {
  const token = await newToken();
  for (const stream of both) {
    for (const act of [(model) => model.reset(), (model) => model.breakOff()]) {
      refused(await exchange(token, stream, act), 502, 'UPSTREAM_ERROR');
    }
  }
  await used(server, token, 0);
});

test('a whole answer that breaks off in the middle is no answer', async () => {
  const token = await newToken();
  const cut = (model) => {
    model.response.writeHead(200, { 'Content-Type': 'application/json', 'Content-Length': 1000 });
    model.response.write('{"choices":[', () => model.breakOff());
  };
  refused(await exchange(token, false, cut), 502, 'UPSTREAM_ERROR');
  await used(server, token, 0);
});

test('a 200 that is empty, a page, or half a document is no answer', async () => {
  const token = await newToken();
  const page = (model) => model.answer('<html>sign in</html>', 200, { 'Content-Type': 'text/html' });
  for (const stream of both) {
    for (const act of [(model) => model.answer(''), page, (model) => model.answer('{"choices":[')]) {
      refused(await exchange(token, stream, act), 502, 'UPSTREAM_ERROR');
    }
  }
  await used(server, token, 0);
});

test('an upstream that does not answer in time: 504, given back, and cancelled', async () => {
  const token = await newToken();
  await Promise.all(
    both.map(async (stream) => {
      const answered = chat(server, token, { ...hello, stream });
      const model = await upstream.next();
      const error = refused(await answered, 504, 'UPSTREAM_TIMEOUT');
      assert.equal(error.type, 'upstream_error');
      await model.closed;
    }),
  );
  await used(server, token, 0);
});

test('an upstream that falls silent inside a stream: an error event, no [DONE]', async () => {
  const token = await newToken();
  const stream = chatStream(server, token);
  const model = await upstream.next();
  model.say('half');
  const { next, rest } = await stream;
  assert.match(await next(), /half/);
  const events = await rest();
  assert.equal(events.length, 1);
  assert.equal(JSON.parse(events[0]).error.code, 'UPSTREAM_TIMEOUT');
  await used(server, token, 1);
});

for (const [how, breakIt] of [
  ['is cut off', (model) => model.breakOff()],
  ['ends without [DONE]', (model) => model.end()],
  ['ends inside an event', (model) => model.end('data: {"choi')],
]) {
  test(`a stream that ${how} ends with an error event and no [DONE]`, async () => {
    const token = await newToken();
    const stream = chatStream(server, token);
    const model = await upstream.next();
    model.say('half');
    const { status, next, rest } = await stream;
    assert.equal(status, 200);
    assert.match(await next(), /half/);
    breakIt(model);
    const events = await rest();
    assert.equal(events.length, 1, events.join('\n'));
    const { error } = JSON.parse(events[0]);
    assert.equal(error.code, 'UPSTREAM_ERROR');
    assert.equal(error.param, null);
    await used(server, token, 1);
  });
}

test('an error event of the upstream’s own is relayed, and no clean end follows it', async () => {
  const token = await newToken();
  const own = JSON.stringify({ error: { message: 'overloaded', type: 'server_error' } });
  const stream = chatStream(server, token);
  const model = await upstream.next();
  model.say('half');
  model.send(event(own));
  model.end(event('[DONE]'));
  const events = await (await stream).rest();
  assert.equal(events.length, 2);
  assert.equal(events[1], own);
});

test('[DONE] ends the client’s stream, though the upstream never ends its own', async () => {
  const token = await newToken();
  const stream = chatStream(server, token);
  const model = await upstream.next();
  model.say('all');
  model.send(event('[DONE]'));
  const began = performance.now();
  assert.deepEqual((await (await stream).rest()).slice(1), ['[DONE]']);
  assert.ok(performance.now() - began < 1900, 'it waited for the idle timeout');
  await model.closed;
});

test('connections are used again: ten streams and ten answers need one', async () => {
  const token = await newToken();
  const ports = new Set();
  // Loops have connections of their own; one client connection stays with one loop.
  const { Agent } = await import('node:http');
  const agent = new Agent({ keepAlive: true, maxSockets: 1 });
  for (let i = 0; i < 20; ++i) {
    const answered = chat(server, token, { ...hello, stream: i % 2 === 0 }, { agent });
    const model = await upstream.next();
    ports.add(model.response.socket.remotePort);
    if (i % 2 === 0) model.done();
    else model.answer();
    assert.equal((await answered).status, 200);
  }
  agent.destroy();
  assert.ok(ports.size <= 2, `${ports.size} connections`);
});

test('an upstream’s 4xx is relayed with its body, and counts', async () => {
  const token = await newToken();
  const error = { message: 'too long', type: 'invalid_request_error', code: 'context_length_exceeded', n: 1 };
  for (const stream of both) {
    for (const status of [400, 404, 413, 422]) {
      const answer = await exchange(token, stream, (model) => model.fail(status, error));
      assert.equal(answer.status, status);
      assert.deepEqual(answer.json(), { error });
    }
  }
  await used(server, token, 8);
});

test('an upstream’s 429 and 503 carry Retry-After, its own if it has one', async () => {
  const token = await newToken();
  for (const status of [429, 503]) {
    const own = await exchange(token, false, (model) =>
      model.answer({ error: {} }, status, { 'Retry-After': '17' }),
    );
    assert.equal(own.status, status);
    assert.equal(own.headers['retry-after'], '17');
    const none = await exchange(token, false, (model) => model.answer({ error: {} }, status));
    assert.ok(Number(none.headers['retry-after']) >= 1);
  }
});

test('401 and 403 of the upstream are relayed without the server’s key, and the operator is told', async () => {
  const token = await newToken();
  for (const stream of both) {
    for (const status of [401, 403]) {
      const quote = { message: `Incorrect API key: ${upstreamKey} (sk-th****ests)`, code: 'invalid_api_key' };
      const answer = await exchange(token, stream, (model) => model.fail(status, quote));
      assert.equal(answer.status, status);
      assert.equal(answer.json().error.code, 'invalid_api_key');
      assert.ok(!answer.body.includes('sk-') && !JSON.stringify(answer.headers).includes('sk-'));
    }
  }
  await used(server, token, 2); // a 403 may be about what was asked; a 401 never is
  assert.match(server.child.text.stderr, /does not take this server's key/);
  assert.ok(!server.child.text.stderr.includes(upstreamKey));
});

test('an upstream’s 5xx is an error, with or without a body of its own, and is given back', async () => {
  const token = await newToken();
  const own = await exchange(token, false, (model) => model.fail(500, { message: 'boom' }));
  assert.equal(own.status, 500);
  assert.equal(own.json().error.message, 'boom');
  for (const stream of both) {
    const page = await exchange(token, stream, (model) => model.answer('<html>502</html>', 502));
    refused(page, 502, 'UPSTREAM_ERROR');
  }
  await used(server, token, 0);
});

test('a redirect is not followed with the server’s key', async () => {
  const token = await newToken();
  const answer = await exchange(token, false, (model) => model.answer('', 307, { Location: '/elsewhere' }));
  assert.ok(answer.status >= 300, `${answer.status}`);
  assert.equal(answer.headers.location, undefined);
});

test('an upstream that talks something else than HTTP: 502', async (t) => {
  const odd = createServer((socket) => socket.on('error', () => {}).end('220 mail.example ESMTP\r\n'));
  odd.listen(0, '127.0.0.1');
  await once(odd, 'listening');
  const confused = await start(`http://127.0.0.1:${odd.address().port}`);
  t.after(() => Promise.all([confused.stop(), odd.close()]));
  const { token } = await confused.issue();
  refused(await chat(confused, token), 502, 'UPSTREAM_ERROR');
  await used(confused, token, 0);
});
