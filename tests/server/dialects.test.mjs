// SPDX-License-Identifier: MIT
// The calls beside chat completions: how each is relayed, streamed, ended, broken off and counted.
import assert from 'node:assert/strict';
import { after, before, test } from 'node:test';
import { event, startUpstream } from '../fakes/upstream.mjs';
import { refused, usageIs, usageOf, used } from '../support/checks.mjs';
import { ask, bearer, chat, chatStream, connect, hello } from '../support/http.mjs';
import { startServer } from '../support/server.mjs';

let upstream;
let server;
before(async () => {
  upstream = await startUpstream();
  server = await startServer({
    args: [
      ...['--upstream-url', upstream.url, '--upstream-model', 'fake-model'],
      ...['--rpm-limit', '1000', '--ping-interval', '1'],
    ],
  });
});
after(async () => {
  await server.stop();
  await upstream.stop();
});
const newToken = async () => (await server.issue()).token;

const post = (token, path, body, headers = {}) =>
  ask(`${server.origin}/v1${path}`, {
    method: 'POST',
    headers: { ...bearer(token), ...headers },
    body: JSON.stringify(body),
  });

/** A typed event, as Anthropic and OpenAI's responses have them. */
const typed = (value) => `event: ${value.type}\n${event(value)}`;

/** Posts a stream, lets `act` answer at the upstream, and gives the client's bytes. */
async function streamed(token, path, body, act) {
  const answered = post(token, path, { ...body, stream: true });
  const model = await upstream.next();
  await act(model);
  const { status, headers, body: bytes } = await answered;
  assert.equal(status, 200);
  assert.match(headers['content-type'], /^text\/event-stream/);
  return { model, text: bytes.toString() };
}

test('each call is relayed below the upstream’s base, with the model named, unknown members and big numbers kept', async () => {
  const token = await newToken();
  for (const [path, body] of [
    ['/completions', { prompt: 'hello' }],
    ['/embeddings', { input: ['a', 'b'], encoding_format: 'base64' }],
    ['/responses', { input: 'hello', seed: 7 }],
    ['/messages', { messages: [], max_tokens: 5 }],
  ]) {
    const text = JSON.stringify(body).replace(/}$/, ',"big":12345678901234567890}');
    const answered = ask(`${server.origin}/v1${path}`, {
      method: 'POST',
      headers: { ...bearer(token), 'anthropic-version': '2023-06-01', 'openai-beta': 'x=1', 'x-own': 'no' },
      body: text,
    });
    const model = await upstream.next();
    assert.equal(model.path, `/v1${path}`);
    assert.equal(model.bytes.toString(), text.replace(/}$/, ',"model":"fake-model"}'));
    assert.equal(model.headers['anthropic-version'], '2023-06-01');
    assert.equal(model.headers['openai-beta'], 'x=1');
    assert.equal(model.headers['x-own'], undefined);
    model.answer('{"id":"x","big":12345678901234567890,"usage":{"prompt_tokens":1}}');
    const answer = await answered;
    assert.equal(answer.body.toString(), '{"id":"x","big":12345678901234567890,"usage":{"prompt_tokens":1}}');
    assert.ok(answer.headers['x-ratelimit-remaining-requests']);
  }
  await used(server, token, 4);
});

test('completions stream like chat: usage is asked for, learnt, and left out again', async () => {
  const token = await newToken();
  const { model, text } = await streamed(token, '/completions', { prompt: 'x' }, async (exchange) => {
    await exchange.send(event({ choices: [{ text: 'hi' }] }));
    await exchange.usage(11, 12);
    exchange.end(event('[DONE]'));
  });
  assert.equal(model.body.stream_options.include_usage, true);
  assert.equal(text, event({ choices: [{ text: 'hi' }] }) + event('[DONE]'));
  await usageIs(server, token, [['fake-model', 1, 11, 12]]);
});

const started = { type: 'message_start', message: { usage: { input_tokens: 20, output_tokens: 1 } } };
const delta = { type: 'content_block_delta', index: 0, delta: { type: 'text_delta', text: '你好' } };
const stopping = { type: 'message_delta', delta: { stop_reason: 'end_turn' }, usage: { output_tokens: 30 } };
const stopped = { type: 'message_stop' };

test('Anthropic’s messages: events as they are, usage of both events, and a token in x-api-key', async () => {
  const token = await newToken();
  const all = [started, delta, stopping, stopped].map(typed).join('');
  const answered = ask(`${server.origin}/v1/messages`, {
    method: 'POST',
    headers: { 'x-api-key': token },
    body: JSON.stringify({ messages: [], stream: true }),
  });
  const model = await upstream.next();
  assert.equal(model.body.stream_options, undefined);
  await model.send(all); // and it never ends by itself
  const answer = await answered;
  assert.equal(answer.body.toString(), all);
  await usageIs(server, token, [['fake-model', 1, 20, 30]]);
  await model.closed;

  const whole = post(token, '/messages', { messages: [] });
  (await upstream.next()).answer({ type: 'message', usage: { input_tokens: 2, output_tokens: 3 } });
  assert.equal((await whole).json().type, 'message');
});

test('responses: the stream ends with response.completed, and its usage is learnt', async () => {
  const token = await newToken();
  const completed = {
    type: 'response.completed',
    response: { usage: { input_tokens: 5, output_tokens: 6 } },
  };
  const all = [{ type: 'response.output_text.delta', delta: 'hi' }, completed].map(typed).join('');
  const { text } = await streamed(token, '/responses', { input: 'x' }, (model) => model.send(all));
  assert.equal(text, all);
  await usageIs(server, token, [['fake-model', 1, 5, 6]]);
});

test('a broken stream is told in the words of its dialect, and never ends like a whole one', async () => {
  const token = await newToken();
  for (const [path, body, piece] of [
    ['/messages', { messages: [] }, typed(delta)],
    ['/responses', { input: 'x' }, typed({ type: 'response.output_text.delta', delta: 'hi' })],
  ]) {
    for (const breakIt of [(model) => model.breakOff(), (model) => model.end()]) {
      const { text } = await streamed(token, path, body, async (model) => {
        await model.send(piece);
        breakIt(model);
      });
      assert.ok(text.startsWith(piece));
      const last = text.slice(piece.length);
      assert.match(last, /^event: error\ndata: \{.*\}\n\n$/);
      const data = JSON.parse(last.slice(last.indexOf('{')));
      assert.equal(data.type, 'error');
      assert.equal(data.error.code, 'UPSTREAM_ERROR');
    }
  }
  const own = { type: 'error', error: { type: 'overloaded_error', message: 'Overloaded' } };
  const { text } = await streamed(token, '/messages', { messages: [] }, async (model) => {
    await model.send(typed(own));
    model.end();
  });
  assert.equal(text, typed(own));
});

test('usage that nobody reports is estimated from what passed, also when the client leaves', async () => {
  const words = 'four words of text '.repeat(8);
  const unsaid = await newToken();
  const whole = chat(server, unsaid, { messages: [{ role: 'user', content: words }] });
  (await upstream.next()).answer({ choices: [{ message: { content: words } }] });
  await whole;
  const [[, , prompt, completion]] = await usageOf(server, unsaid);
  assert.ok(prompt >= 30 && prompt <= 50, `${prompt}`);
  assert.ok(completion >= 30 && completion <= 50, `${completion}`);

  const left = await newToken();
  const stream = await chatStreamOf(left, words);
  await stream.model.say(words);
  await stream.next();
  stream.request.destroy();
  await stream.model.closed;
  const [[, requests, asked, received]] = await usageOf(server, left);
  assert.equal(requests, 1);
  assert.ok(asked >= 30 && received >= 30, `${asked}, ${received}`);

  const impatient = await newToken();
  const body = JSON.stringify({ messages: [{ role: 'user', content: words }] });
  const client = await connect(server.port);
  client.write(
    `POST /v1/chat/completions HTTP/1.1\r\nHost: x\r\nAuthorization: Bearer ${impatient}\r\n` +
      `Content-Length: ${body.length}\r\n\r\n${body}`,
  );
  const model = await upstream.next();
  client.close();
  await model.closed;
  const [[, , promptOnly, nothing]] = await usageOf(server, impatient);
  assert.ok(promptOnly >= 30);
  assert.equal(nothing, 0);
});

async function chatStreamOf(token, words) {
  const stream = chatStream(server, token, { messages: [{ role: 'user', content: words }] });
  const model = await upstream.next();
  await model.say('');
  return { ...(await stream), model };
}

test('a silent stream is kept open by comments, before its first byte and after', async () => {
  const token = await newToken();
  const stream = chatStream(server, token, hello);
  const model = await upstream.next();
  const { status, next } = await stream; // the head comes though the upstream has said nothing
  assert.equal(status, 200);
  assert.equal(await next(), ': ping');
  await model.say('at last');
  assert.match(await next(), /at last/);
  assert.equal(await next(), ': ping');
  model.done();
  assert.match(await next(), /"stop"/);
  assert.equal(await next(), '[DONE]');
  assert.equal(await next(), null);
});

test('what an upstream says after a comment went out is told by an event', async () => {
  const token = await newToken();
  for (const [act, code] of [
    [(model) => model.fail(400, { message: 'no' }), 'UPSTREAM_ERROR'],
    [(model) => model.answer('<html>', 502), 'UPSTREAM_ERROR'],
    [(model) => model.fail(429, { message: 'busy' }), 'RATE_LIMITED'],
  ]) {
    const stream = chatStream(server, token, hello);
    const model = await upstream.next();
    const { next, rest } = await stream;
    assert.equal(await next(), ': ping');
    act(model);
    const events = (await rest()).filter((data) => data !== ': ping');
    assert.equal(events.length, 1);
    assert.equal(JSON.parse(events[0]).error.code, code);
  }
});

test('the demo takes chat completions, and says of the rest that nobody here takes them', async (t) => {
  const demo = await startServer();
  t.after(() => demo.stop());
  const { token } = await demo.issue();
  const answer = await ask(`${demo.origin}/v1/embeddings`, {
    method: 'POST',
    headers: bearer(token),
    body: '{"input":"x"}',
  });
  assert.match(refused(answer, 400, 'MODEL_NOT_FOUND').message, /\/v1\/embeddings/);
  await used(demo, token, 0);
});
