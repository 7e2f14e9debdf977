// SPDX-License-Identifier: MIT
// What goes wrong on either side of the relay, and what is counted then.
import assert from 'node:assert/strict';
import { once } from 'node:events';
import { readdirSync, readFileSync } from 'node:fs';
import { join } from 'node:path';
import { after, before, test } from 'node:test';
import { event, startUpstream } from '../fakes/upstream.mjs';
import { refused, sql, used, whereToken } from '../support/checks.mjs';
import { begin, bearer, chat, chatStream, connect, eventually, hello } from '../support/http.mjs';
import { freePort, startServer } from '../support/server.mjs';

const upstreamKey = 'sk-the-upstreams-key-of-these-tests';
let upstream;
let server;
before(async () => {
  upstream = await startUpstream();
  server = await startServer({
    args: [
      '--upstream-url',
      upstream.url,
      '--upstream-model',
      'fake-model',
      '--rpm-limit',
      '1000',
      '--first-byte-timeout',
      '1s',
      '--idle-timeout',
      '1s',
    ],
    env: { OPENCAT_UPSTREAM_KEY: upstreamKey },
  });
});
after(async () => {
  await server.stop();
  await upstream.stop();
});

test('an upstream that is not there is 502, and the request is given back', async () => {
  const gone = await startServer({
    args: ['--upstream-url', `http://127.0.0.1:${await freePort()}/v1`, '--upstream-model', 'm'],
  });
  try {
    const { token } = await gone.issue();
    refused(await chat(gone, token), 502, 'UPSTREAM_ERROR');
    refused(await chat(gone, token, { ...hello, stream: true }), 502, 'UPSTREAM_ERROR');
    await used(gone, token, 0);
  } finally {
    await gone.stop();
  }
});

test('no upstream at all is 503 with Retry-After', async () => {
  const none = await startServer({ args: [] });
  try {
    const { token } = await none.issue();
    refused(await chat(none, token), 503, 'SERVICE_UNAVAILABLE');
    await used(none, token, 0);
  } finally {
    await none.stop();
  }
});

test('an upstream that never answers is 504, and the request is given back', async () => {
  const { token } = await server.issue();
  const answered = chat(server, token);
  const model = await upstream.next();
  refused(await answered, 504, 'UPSTREAM_TIMEOUT');
  await model.closed;
  await used(server, token, 0);
});

test('a connection that breaks before the answer is 502, never an empty 200', async () => {
  for (const stream of [false, true]) {
    for (const ending of ['breakOff', 'reset']) {
      const { token } = await server.issue();
      const answered = chat(server, token, { ...hello, stream });
      (await upstream.next())[ending]();
      refused(await answered, 502, 'UPSTREAM_ERROR');
      await used(server, token, 0);
    }
  }
});

test('a stream that breaks ends with an error event and no [DONE], and stays counted', async () => {
  for (const ending of ['breakOff', 'reset', 'end']) {
    const { token } = await server.issue();
    const stream = chatStream(server, token);
    const model = await upstream.next();
    await model.say('half');
    const { next, rest } = await stream;
    assert.equal(JSON.parse(await next()).choices[0].delta.content, 'half');
    model[ending]();
    const events = await rest();
    assert.equal(events.length, 1, ending);
    assert.equal(JSON.parse(events[0]).error.code, 'UPSTREAM_ERROR');
    await used(server, token, 1);
  }
});

test('a stream that falls silent ends with an error event', async () => {
  const { token } = await server.issue();
  const stream = chatStream(server, token);
  const model = await upstream.next();
  await model.say('half');
  const events = await (await stream).rest();
  assert.equal(JSON.parse(events.at(-1)).error.code, 'UPSTREAM_TIMEOUT');
  await model.closed;
});

test('an error event of the upstream is relayed, and ours not added', async () => {
  const { token } = await server.issue();
  const stream = chatStream(server, token);
  const model = await upstream.next();
  await model.say('half');
  model.end(event({ error: { message: 'overloaded', code: 'busy' } }));
  const events = await (await stream).rest();
  assert.deepEqual(JSON.parse(events.at(-1)), { error: { message: 'overloaded', code: 'busy' } });
  assert.equal(events.length, 2);
});

test("the upstream's own 4xx comes with its body, its 5xx too when that is JSON", async () => {
  for (const [status, counted] of [
    [400, 1],
    [404, 1],
    [422, 1],
    [429, 1],
    [500, 0],
    [503, 0],
  ]) {
    const { token } = await server.issue();
    const answered = chat(server, token);
    (await upstream.next()).answer({ error: { message: 'its own words', code: 'its_own' } }, status);
    const answer = await answered;
    assert.equal(answer.status, status);
    assert.equal(answer.json().error.code, 'its_own');
    if (status === 429 || status === 503) assert.ok(Number(answer.headers['retry-after']) >= 1);
    await used(server, token, counted);
  }
  const { token } = await server.issue();
  const answered = chat(server, token);
  (await upstream.next()).answer('<html>Bad gateway</html>', 502, { 'Content-Type': 'text/html' });
  refused(await answered, 502, 'UPSTREAM_ERROR');
});

test('a key that the upstream refuses is no matter of the client, and is nowhere to be read', async () => {
  for (const status of [401, 403]) {
    const { token } = await server.issue();
    const answered = chat(server, token);
    (await upstream.next()).fail(status, { message: `Incorrect API key provided: ${upstreamKey}` });
    const answer = await answered;
    refused(answer, 502, 'UPSTREAM_ERROR');
    assert.ok(!answer.body.includes('sk-'));
    await used(server, token, 0);
  }
});

test('a client that leaves cancels the upstream within a second', async () => {
  for (const stream of [false, true]) {
    const { token } = await server.issue();
    const url = `${server.origin}/v1/chat/completions`;
    const body = JSON.stringify({ ...hello, stream });
    const asked = begin(url, { method: 'POST', headers: bearer(token), body });
    asked.catch(() => {});
    const model = await upstream.next();
    const left = stream ? (await model.say('one'), (await asked).request) : null;
    const began = Date.now();
    if (left) left.destroy();
    else {
      const bare = await connect(server.port);
      bare.write(
        `POST /v1/chat/completions HTTP/1.1\r\nHost: x\r\nAuthorization: Bearer ${token}\r\nContent-Length: ${body.length}\r\n\r\n${body}`,
      );
      const second = await upstream.next();
      bare.close();
      await second.closed;
      model.answer();
      await asked;
    }
    if (left) await model.closed;
    assert.ok(Date.now() - began < 1000, 'cancelled within a second');
  }
});

test('a client that reads nothing stops the upstream instead of filling memory', async () => {
  const { token } = await server.issue();
  const bare = await connect(server.port);
  bare.socket.pause();
  const body = JSON.stringify({ ...hello, stream: true });
  bare.write(
    `POST /v1/chat/completions HTTP/1.1\r\nHost: x\r\nAuthorization: Bearer ${token}\r\nContent-Length: ${body.length}\r\n\r\n${body}`,
  );
  const model = await upstream.next();
  const piece = event({ choices: [{ delta: { content: 'x'.repeat(64 << 10) } }] });
  // Until the upstream cannot get rid of more: what all buffers between hold is far less than this.
  let taken = 0;
  const stuck = async () => {
    const sent = model.send(piece).then(() => 'sent');
    const waited = new Promise((resolve) => setTimeout(resolve, 700, 'stuck'));
    return (await Promise.race([sent, waited])) === 'stuck';
  };
  while (!(await stuck())) {
    taken += piece.length;
    assert.ok(taken < 256 << 20, 'the server took 256 MiB for a client that reads nothing');
  }
  bare.close();
  await model.closed;
});

test('a disabled token is 403, a deleted one 401', async () => {
  const { token } = await server.issue();
  sql(server, `UPDATE tokens SET status = 'disabled' WHERE ${whereToken(token)}`);
  refused(await chat(server, token), 403, 'TOKEN_DISABLED');
  assert.equal((await server.status(token)).status, 'disabled');
  sql(server, `DELETE FROM tokens WHERE ${whereToken(token)}`);
  refused(await chat(server, token), 401, 'UNAUTHORIZED');
});

test('what the server wrote holds no token and no key', async () => {
  const { token } = await server.issue();
  const answered = chat(server, token);
  (await upstream.next()).fail(401, { message: upstreamKey });
  await answered;
  await eventually(() => server.child.text.stderr.includes('refused'), 'the log line');
  const written = [server.child.text.stdout, server.child.text.stderr];
  for (const name of readdirSync(server.dir)) written.push(readFileSync(join(server.dir, name), 'latin1'));
  for (const text of written) {
    assert.ok(!text.includes(token));
    assert.ok(!text.includes(upstreamKey));
  }
});

test('a keep-alive connection goes on after an error', async () => {
  const bare = await connect(server.port);
  for (let i = 0; i < 8; ++i) bare.write('GET /nothing HTTP/1.1\r\nHost: x\r\n\r\n');
  await bare.until((text) => text.split('HTTP/1.1 404').length === 9);
  bare.socket.end();
  await once(bare.socket, 'close');
});
