// SPDX-License-Identifier: MIT
// The relay of POST /v1/chat/completions: what reaches the upstream, what comes back, what is counted.
import assert from 'node:assert/strict';
import { after, before, test } from 'node:test';
import { answer, event, startUpstream, usageChunk } from '../fakes/upstream.mjs';
import { ask, bearer, chat, chatStream, eventually, hello } from '../support/http.mjs';
import { refused, usageOf, used } from '../support/checks.mjs';
import { startServer } from '../support/server.mjs';

const upstreamKey = 'sk-the-upstreams-key-of-the-tests';
let upstream;
let server;
let token;
before(async () => {
  upstream = await startUpstream();
  const models = ['--upstream-model', 'fake-model', '--upstream-model', 'other/model'];
  server = await startServer({
    args: ['--upstream-url', upstream.url, ...models, '--rpm-limit', '1000', '--daily-limit', '500'],
    env: { OPENCAT_UPSTREAM_KEY: upstreamKey },
  });
  ({ token } = await server.issue());
});
after(async () => {
  await server.stop();
  await upstream.stop();
});

test('a body reaches the upstream bit for bit, but for the model', async () => {
  const body =
    ' {"seed":123456789012345678901234567890, "temperature" :1.0,\n"x":1e300,"y":-0,"z":[1E5,0.10],' +
    '"model":"auto","messages":[{"role":"user","content":"\\u00e9 \\ud83d\\ude00 😀 \\/"}],"a":{},"a":[ ]}\r\n';
  const answered = chat(server, token, body);
  const seen = await upstream.next();
  seen.answer();
  assert.equal((await answered).status, 200);
  assert.equal(seen.bytes.toString(), body.replace('"auto"', '"fake-model"'));
  assert.equal(seen.path, '/v1/chat/completions');
  assert.equal(seen.headers.authorization, `Bearer ${upstreamKey}`);
  assert.equal(seen.headers['content-type'], 'application/json');
  assert.ok(!JSON.stringify(seen.headers).includes(token));
});

test('a stream is asked for usage, and nothing else is added', async () => {
  for (const [sent, expected] of [
    [
      '{"messages":[],"stream":true}',
      '{"messages":[],"stream":true,"model":"fake-model","stream_options":{"include_usage":true}}',
    ],
    [
      '{"messages":[],"stream": true ,"model":"other/model","stream_options":{"include_usage": false, "more":1.0}}',
      '{"messages":[],"stream": true ,"model":"other/model","stream_options":{"include_usage": true, "more":1.0}}',
    ],
    [
      '{"messages":[],"stream":true,"model":null,"stream_options":null}',
      '{"messages":[],"stream":true,"model":"fake-model","stream_options":{"include_usage":true}}',
    ],
  ]) {
    const stream = chat(server, token, sent);
    const seen = await upstream.next();
    seen.done();
    assert.equal((await stream).status, 200);
    assert.equal(seen.bytes.toString(), expected);
  }
});

test('a whole answer comes back bit for bit, with the quota in headers', async () => {
  const { token: own } = await server.issue();
  const bytes =
    ' {"id":12345678901234567890123,"x":1.0, "choices":[], "usage":{"prompt_tokens":7,"completion_tokens":3}}\n';
  const answered = chat(server, own);
  (await upstream.next()).answer(bytes);
  const { status, headers, body } = await answered;
  assert.equal(status, 200);
  assert.equal(body.toString(), bytes);
  assert.equal(headers['content-type'], 'application/json');
  assert.equal(headers['x-ratelimit-limit-requests'], '500');
  assert.equal(headers['x-ratelimit-remaining-requests'], '499');
  assert.match(headers['x-ratelimit-reset-requests'], /^\d+s$/);
  assert.equal(headers['x-protocol-version'], '1.0.0');
  await used(server, own, 1);
  assert.deepEqual(await usageOf(server, own), [['fake-model', 1, 7, 3]]);
});

test('a stream is relayed event by event, as each arrives', async () => {
  const stream = chatStream(server, token);
  const model = await upstream.next();
  for (const content of ['one', '二', '😀', 'four']) {
    model.say(content);
    const { next, headers } = await stream;
    assert.equal(JSON.parse(await next()).choices[0].delta.content, content);
    assert.equal(headers['content-type'], 'text/event-stream; charset=utf-8');
    assert.equal(headers['x-accel-buffering'], 'no');
    assert.equal(headers['cache-control'], 'no-cache');
  }
  model.done();
  const rest = await (await stream).rest();
  assert.equal(rest.length, 2);
  assert.equal(rest[1], '[DONE]');
});

test('events come out the same however the upstream cuts and ends its lines', async () => {
  const first = '{"choices":[{"delta":{"content":"é 😀"}}]}';
  const expected = `data: ${first}\n\nevent: odd\ndata: {"a":\ndata: 1}\n\ndata: [DONE]\n\n`;
  for (const [end, start] of [
    ['\n', ''],
    ['\r\n', '\ufeff'],
    ['\r', ': a comment\r'],
  ]) {
    const lines = [
      `data: ${first}`,
      '',
      ': ping',
      'id: 7',
      'event:odd',
      'data:{"a":',
      'data: 1}',
      '',
      'data: [DONE]',
      '',
    ];
    const bytes = Buffer.from(start + lines.map((line) => line + end).join(''));
    const answered = chat(server, token, { ...hello, stream: true });
    const model = await upstream.next();
    for (const byte of bytes) await model.send(Buffer.from([byte]));
    model.end();
    assert.equal((await answered).body.toString(), expected);
  }
});

test('the usage chunk is learnt, and given only to who asked for it', async () => {
  const { token: own } = await server.issue();
  for (const include_usage of [false, true]) {
    const options = include_usage ? { stream_options: { include_usage } } : {};
    const stream = chatStream(server, own, { ...hello, ...options });
    const model = await upstream.next();
    model.say('a');
    model.usage(20, 5);
    model.done();
    const events = await (await stream).rest();
    assert.equal(events.at(-1), '[DONE]');
    assert.equal(events.includes(JSON.stringify(usageChunk(20, 5))), include_usage);
    assert.equal(events.length, include_usage ? 4 : 3);
  }
  await used(server, own, 2);
  // Each is settled by itself, a moment after its answer.
  await eventually(async () => (await usageOf(server, own))[0][2] > 20, 'both to be settled');
  assert.deepEqual(await usageOf(server, own), [['fake-model', 2, 40, 10]]);
});

test('cumulative usage in every chunk counts once, and those chunks stay', async () => {
  const { token: own } = await server.issue();
  const stream = chatStream(server, own);
  const model = await upstream.next();
  const chunk = (n) => ({ ...usageChunk(9, n), choices: [{ index: 0, delta: { content: `${n}` } }] });
  for (const n of [1, 2, 3]) model.send(event(chunk(n)));
  model.done();
  assert.equal((await (await stream).rest()).length, 5);
  assert.deepEqual(await usageOf(server, own), [['fake-model', 1, 9, 3]]);
});

test('a model by its name reaches the upstream, an unknown one is refused before it is counted', async () => {
  const { token: own } = await server.issue();
  const answered = chat(server, own, { ...hello, model: 'other/model' });
  const seen = await upstream.next();
  assert.equal(seen.body.model, 'other/model');
  seen.answer();
  await answered;
  refused(await chat(server, own, { ...hello, model: 'gpt-none' }), 400, 'MODEL_NOT_FOUND');
  await used(server, own, 1);
});

test('the models are listed, "auto" first', async () => {
  const list = await ask(`${server.origin}/v1/models`, { headers: bearer(token) });
  assert.equal(list.status, 200);
  assert.deepEqual(list.json(), {
    object: 'list',
    data: ['auto', 'fake-model', 'other/model'].map((id) => ({ id, object: 'model', owned_by: 'proxy' })),
  });
  refused(await ask(`${server.origin}/v1/models`), 401, 'UNAUTHORIZED');
  refused(
    await ask(`${server.origin}/v1/models`, { headers: bearer(`occ_${'0'.repeat(32)}`) }),
    401,
    'UNAUTHORIZED',
  );
});

test('what is no chat request is refused with the member that is wrong', async () => {
  const { token: own } = await server.issue();
  for (const [body, named] of [
    ['', 'JSON'],
    ['[]', 'object'],
    ['{"messages":[]', 'JSON'],
    ['{"messages":[],}', 'JSON'],
    [Buffer.from('{"messages":["\xff"]}', 'latin1'), 'JSON'],
    ['{}', 'messages'],
    ['{"messages":"hi"}', 'messages'],
    ['{"messages":[],"model":7}', 'model'],
    ['{"messages":[],"stream":"yes"}', 'stream'],
    ['{"messages":[],"stream_options":[]}', 'stream_options'],
  ]) {
    const { message } = refused(await chat(server, own, body), 400, 'INVALID_REQUEST');
    assert.ok(message.includes(named), `${message} does not name ${named}`);
  }
  await used(server, own, 0);
});

test('a form content type is no reason to read the body as a form', async () => {
  const content = 'x'.repeat(20_000);
  for (const type of ['application/x-www-form-urlencoded', 'multipart/form-data; boundary=b', 'text/plain']) {
    const answered = chat(
      server,
      token,
      { messages: [{ role: 'user', content }] },
      { headers: { 'Content-Type': type } },
    );
    const seen = await Promise.race([upstream.next(), answered]);
    assert.ok(seen.bytes?.includes(content), `${type}: ${seen.status} ${seen.body}`);
    seen.answer();
    assert.equal((await answered).status, 200);
  }
});

test('a stream asked for and answered whole is relayed whole', async () => {
  const answered = chat(server, token, { ...hello, stream: true });
  (await upstream.next()).answer();
  const { status, headers, json } = await answered;
  assert.equal(status, 200);
  assert.equal(headers['content-type'], 'application/json');
  assert.deepEqual(json(), answer('hello'));
});

test('a very long event arrives whole', async () => {
  const stream = chatStream(server, token);
  const model = await upstream.next();
  const content = 'é'.repeat(2_000_000);
  model.say(content);
  model.done();
  assert.equal(JSON.parse(await (await stream).next()).choices[0].delta.content, content);
  assert.equal((await (await stream).rest()).at(-1), '[DONE]');
});

test('a token is taken from ?token= too, and the header wins', async () => {
  const url = `${server.origin}/v1/chat/completions`;
  const body = JSON.stringify(hello);
  const { token: own } = await server.issue();
  for (const [address, headers] of [
    [`${url}?token=${own}`, {}],
    [`${url}?token=occ_${'0'.repeat(32)}`, bearer(own)],
  ]) {
    const answered = ask(address, { method: 'POST', headers, body });
    (await upstream.next()).answer();
    assert.equal((await answered).status, 200);
  }
  await used(server, own, 2);
  for (const wrong of [`occ_${'0'.repeat(32)}`, 'sk-1', "' OR 1=1 --", `${own}0`, own.toUpperCase()]) {
    refused(await ask(url, { method: 'POST', headers: bearer(wrong), body }), 401, 'UNAUTHORIZED');
  }
  refused(await ask(url, { method: 'POST', body }), 401, 'UNAUTHORIZED');
});
