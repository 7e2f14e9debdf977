// SPDX-License-Identifier: MIT
// What users of other gateways suffer from, where no other file here has a test of it.
import assert from 'node:assert/strict';
import { readFile, readdir } from 'node:fs/promises';
import { join } from 'node:path';
import { after, before, describe, test } from 'node:test';
import { event, startUpstream } from '../fakes/upstream.mjs';
import { refused, used } from '../support/checks.mjs';
import { ask, bearer, chat, chatStream, connect, eventually, hello } from '../support/http.mjs';
import { startServer } from '../support/server.mjs';

const upstreamKey = 'sk-the-upstreams-key-of-the-pains';
let upstream;
let server;
const start = (more = []) =>
  startServer({
    args: ['--upstream-url', upstream.url, '--upstream-model', 'm', '--rpm-limit', '1000', ...more],
    env: { OPENCAT_UPSTREAM_KEY: upstreamKey },
  });
before(async () => {
  upstream = await startUpstream();
  server = await start();
});
after(async () => {
  await server?.stop();
  await upstream.stop();
});
const newToken = async () => (await server.issue()).token;
const kilobytes = async (name, { pid }) =>
  Number(new RegExp(`${name}:\\s+(\\d+)`).exec(await readFile(`/proc/${pid}/status`, 'utf8'))[1]);
const sleep = (ms) => new Promise((resolve) => setTimeout(resolve, ms));

test('a line of 10 MB in a stream arrives whole, and one over 16 MiB ends it with an error that says so', async () => {
  const token = await newToken();
  const stream = chatStream(server, token);
  const model = await upstream.next();
  const content = 'x'.repeat(10_000_000);
  model.say(content);
  model.done();
  const { next, rest } = await stream;
  assert.equal(JSON.parse(await next()).choices[0].delta.content, content);
  assert.equal((await rest()).at(-1), '[DONE]');

  const broken = chatStream(server, token);
  const too = await upstream.next();
  too.say('half');
  too.send(`data: "${'x'.repeat((16 << 20) + 1)}`);
  const events = await (await broken).rest();
  assert.equal(events.length, 2);
  const { error } = JSON.parse(events[1]);
  assert.equal(error.code, 'UPSTREAM_ERROR');
  assert.match(error.message, /too long/);
  await too.closed;
  await used(server, token, 2);
  // The server goes on.
  const answered = chat(server, token);
  (await upstream.next()).answer();
  assert.equal((await answered).status, 200);
});

test('an event nested a million times, usage and all, passes like any other', async () => {
  const token = await newToken();
  const stream = chatStream(server, token);
  const model = await upstream.next();
  const deep = `${'{"message":'.repeat(1e6)}{"usage":{"prompt_tokens":1}}${'}'.repeat(1e6)}`;
  model.send(event(deep));
  model.done();
  assert.equal((await (await stream).rest())[0], deep);
});

test('a stream has no time limit of its own, however short those for silence are', async (t) => {
  const short = await start(['--connect-timeout', '1', '--first-byte-timeout', '1', '--idle-timeout', '1']);
  t.after(() => short.stop());
  const stream = chatStream(short, (await short.issue()).token);
  const model = await upstream.next();
  for (let i = 0; i < 12; ++i) {
    model.say(`${i}`);
    await sleep(400);
  }
  model.done();
  const events = await (await stream).rest();
  assert.equal(events.length, 14);
  assert.equal(events.at(-1), '[DONE]');
});

test('a header’s value reaches the upstream as it was written, and begins no other header there', async () => {
  const token = await newToken();
  const values = ['a%0d%0aX-Evil:%201', 'b%00c', 'beta-1,beta%2D2'];
  for (const value of values) {
    const answered = chat(server, token, hello, { headers: { 'anthropic-beta': value } });
    const model = await upstream.next();
    model.answer();
    assert.equal((await answered).status, 200);
    assert.equal(model.headers['anthropic-beta'], value);
    assert.equal(model.headers['x-evil'], undefined);
  }
  // Nor is a token another way of writing one.
  const odd = { Authorization: `Bearer %6fcc${token.slice(3)}` };
  refused(await ask(`${server.origin}/v1/models`, { headers: odd }), 401, 'UNAUTHORIZED');
});

test('with all logs on, no key, secret or token is in any file or byte that the server wrote', async (t) => {
  const noisy = await start(['--verbose', '--access-log', 'access.log', '--ops-port', '0']);
  let stopped = false;
  t.after(() => stopped || noisy.stop());
  const { token } = await noisy.issue();
  const other = `occ_${'ab'.repeat(16)}`;
  const enrolKey = (await readFile(noisy.ready.enroll_key_file, 'utf8')).trim();
  const answers = [];
  const quote = `Incorrect API key: ${upstreamKey}`;
  for (const act of [
    (model) => model.answer(),
    (model) => model.fail(400, { message: quote }),
    (model) => model.fail(401, { message: quote }),
    (model) => model.answer(`<p>${quote}`, 500),
    (model) => model.answer(`<p>${quote}`, 200),
  ]) {
    for (const stream of [false, true]) {
      const answered = chat(noisy, token, { ...hello, stream });
      act(await upstream.next());
      answers.push(await answered);
    }
  }
  const stream = chatStream(noisy, token);
  const model = await upstream.next();
  model.say('half');
  const { next, rest } = await stream;
  await next();
  model.breakOff();
  answers.push({ headers: {}, body: (await rest()).join('\n') });

  const get = async (path, headers = {}) => answers.push(await ask(noisy.origin + path, { headers }));
  for (const secret of [token, other, noisy.secret, enrolKey]) {
    await get(`/none/${secret}?token=${secret}`);
    await get(`/api/tokens/${secret}/status?token=${secret}`);
    await get('/v1/models', bearer(secret));
    await get('/api/admin/tokens', { 'X-Admin-Secret': `${secret}x`, 'X-Enroll-Key': secret });
    const raw = await connect(noisy.port);
    raw.write(`GET /${secret} HTTP/1.1\r\nX: ${secret}\n\n`);
    answers.push({ headers: {}, body: await raw.ended });
  }
  const asAdmin = { 'X-Admin-Secret': noisy.secret };
  for (const what of ['tokens', 'usage?group=token', 'usage?group=model', 'upstreams'])
    await get(`/api/admin/${what}`, asAdmin);
  await get('/metrics');
  noisy.child.kill('SIGHUP');
  const log = join(noisy.dir, 'access.log');
  await eventually(async () => (await readFile(log, 'utf8')).includes('/metrics'), 'all lines of the log');

  const { enroll_key_file, admin_secret_file } = noisy.ready;
  const files = (await readdir(noisy.dir)).map((name) => join(noisy.dir, name));
  assert.ok(files.includes(log) && files.includes(join(noisy.dir, 'opencat.db')));
  const written = [];
  for (const file of files) {
    if (file !== enroll_key_file && file !== admin_secret_file) written.push(await readFile(file, 'latin1'));
  }
  stopped = true;
  assert.equal(await noisy.stop(), 0);
  const { stdout, stderr } = noisy.child.text;
  const bytes = [...written, ...answers.map(({ headers, body }) => JSON.stringify(headers) + body)];
  for (const secret of [upstreamKey, token, other, noisy.secret, enrolKey]) {
    for (const text of [...bytes, stdout, stderr]) {
      const at = text.indexOf(secret);
      assert.equal(at, -1, `${secret} in: ${text.slice(Math.max(at - 200, 0), at + 100)}`);
    }
  }
});

describe('clients that send a byte a second', { concurrency: true }, () => {
  // A head has 20 seconds; a body 30 without a byte, and at 500 bytes a second no more than that altogether.
  for (const [what, begin, patience_s] of [
    ['of a head', 'GET /healthz HTTP/1.1\r\nX: ', 20],
    ['of a body', 'POST /api/tokens HTTP/1.1\r\nHost: x\r\nContent-Length: 5000\r\n\r\n', 30],
  ]) {
    test(`${what} cost a slot each, for ${patience_s} seconds, and nobody else anything`, async (t) => {
      const narrow = await start(['--max-connections', '20']);
      t.after(() => narrow.stop());
      const before = await kilobytes('VmRSS', narrow.child);
      const began = performance.now();
      const slow = await Promise.all(Array.from({ length: 15 }, () => connect(narrow.port)));
      for (const { write } of slow) write(begin);
      const dripping = setInterval(() => slow.forEach(({ write }) => write('x')), 1000);
      t.after(() => {
        clearInterval(dripping);
        slow.forEach(({ close }) => close());
      });
      let over = false;
      const ended = Promise.all(slow.map((client) => client.ended)).then(() => (over = true));
      while (!over && performance.now() - began < (patience_s + 10) * 1000) {
        assert.equal((await ask(`${narrow.origin}/healthz`)).status, 200);
        await Promise.race([ended, sleep(500)]);
      }
      assert.ok(over, 'they still hold their slots');
      assert.ok(performance.now() - began > (patience_s - 1) * 1000, 'they were cut off too early');
      const grown = (await kilobytes('VmRSS', narrow.child)) - before;
      if (!process.env.OPENCAT_TEST_SANITIZER) assert.ok(grown < 4 << 10, `it grew by ${grown} KiB`);
    });
  }
});
