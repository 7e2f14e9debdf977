// SPDX-License-Identifier: MIT
// Several upstreams: whose turn it is, what is tried again, who comes back when, and the file that names them.
import assert from 'node:assert/strict';
import { execFileSync } from 'node:child_process';
import { once } from 'node:events';
import { readdir, readFile, rm, writeFile } from 'node:fs/promises';
import { join } from 'node:path';
import { createServer } from 'node:https';
import { test } from 'node:test';
import { startUpstream } from '../fakes/upstream.mjs';
import { hangUp, refused, used } from '../support/checks.mjs';
import { ask, bearer, chat, chatStream, eventually, hello } from '../support/http.mjs';
import { freePort, newFolder, runOpencat, startServer } from '../support/server.mjs';

const key = (name) => `sk-key-of-the-upstream-${name}`;

/** [[upstreams]] of the given tables. */
const toml = (tables) =>
  tables
    .map((table) => {
      const lines = Object.entries(table).map(([name, value]) => `${name} = ${tomlValue(value)}`);
      return ['[[upstreams]]', ...lines].join('\n');
    })
    .join('\n\n');
const tomlValue = (value) =>
  value !== null && typeof value === 'object' && !Array.isArray(value)
    ? `{ ${Object.entries(value).map(([name, inner]) => `"${name}" = ${JSON.stringify(inner)}`)} }`
    : JSON.stringify(value);

const table = (name, upstream, more = {}) => ({
  name,
  url: upstream.url ?? upstream,
  key: key(name),
  models: [`model-of-${name}`, 'common'],
  ...more,
});

async function startWith(t, tables, { args = [], env } = {}) {
  const dir = await newFolder();
  t.after(() => rm(dir, { recursive: true, force: true }));
  await writeFile(join(dir, 'opencat.toml'), toml(tables));
  const server = await startServer({ dir, args: ['--rpm-limit', '1000', ...args], env });
  t.after(() => server.stop());
  return {
    ...server,
    rewrite: (text) => writeFile(join(dir, 'opencat.toml'), text),
    reload: () => hangUp(server),
    async upstreams() {
      const answer = await ask(`${server.origin}/api/admin/upstreams`, {
        headers: { 'X-Admin-Secret': server.secret },
      });
      assert.equal(answer.status, 200);
      return Object.fromEntries(answer.json().upstreams.map((status) => [status.name, status]));
    },
  };
}

/** An upstream that answers all by itself, and by `status` fails. */
async function automatic(t, name) {
  const upstream = await startUpstream({
    handle: (exchange) => {
      if (upstream.act) return upstream.act(exchange);
      if (exchange.body.stream) {
        exchange.say(name);
        exchange.usage(7, 1);
        return exchange.done();
      }
      exchange.answer({ choices: [{ message: { content: name } }], usage: { prompt_tokens: 7 } });
    },
  });
  t.after(() => upstream.stop());
  return upstream;
}
const who = (answer) => answer.json().choices[0].message.content;

test('priority, then weight; models and aliases; each with its own key', async (t) => {
  const [big, small, spare] = await Promise.all(['big', 'small', 'spare'].map((name) => automatic(t, name)));
  const server = await startWith(
    t,
    [
      table('spare', spare, { priority: 2, aliases: { best: 'model-of-spare' } }),
      table('big', big, { weight: 3, key: undefined, key_env: 'KEY_OF_BIG' }),
      table('small', small),
    ].map((entry) => JSON.parse(JSON.stringify(entry))),
    { env: { KEY_OF_BIG: key('big') } },
  );
  const { token } = await server.issue();
  const answers = [];
  for (let i = 0; i < 8; ++i) answers.push(who(await chat(server, token, { ...hello, model: 'common' })));
  assert.equal(answers.filter((name) => name === 'big').length, 6);
  assert.equal(answers.filter((name) => name === 'small').length, 2);
  assert.equal(who(await chat(server, token, { ...hello, model: 'best' })), 'spare');
  assert.equal(spare.requests[0].body.model, 'model-of-spare');
  for (const [name, upstream] of Object.entries({ big, small, spare })) {
    for (const { headers } of upstream.requests) assert.equal(headers.authorization, `Bearer ${key(name)}`);
  }
  const listed = (await ask(`${server.origin}/v1/models`, { headers: bearer(token) })).json();
  assert.deepEqual(
    listed.data.map(({ id }) => id),
    ['auto', 'model-of-big', 'common', 'model-of-small', 'model-of-spare', 'best'],
  );
  refused(await chat(server, token, { ...hello, model: 'none' }), 400, 'MODEL_NOT_FOUND');
});

test('what fails before its first byte goes to the next, once, and counts once', async (t) => {
  const first = await automatic(t, 'first');
  const second = await automatic(t, 'second');
  for (const act of [
    (exchange) => exchange.reset(),
    ...[401, 408, 429, 500, 502, 503].map((status) => (exchange) => exchange.fail(status, { message: 'no' })),
  ]) {
    for (const stream of [false, true]) {
      const server = await startWith(t, [table('first', first), table('second', second, { priority: 2 })]);
      const { token } = await server.issue();
      first.act = act;
      const before = second.requests.length;
      const answer = await chat(server, token, { ...hello, stream });
      assert.equal(answer.status, 200, answer.body.toString());
      assert.match(answer.body.toString(), /second/);
      assert.equal(second.requests.length, before + 1);
      await used(server, token, 1);
      // Now it cools down: the next request does not meet it.
      const met = first.requests.length;
      assert.equal((await chat(server, token, hello)).status, 200);
      assert.equal(first.requests.length, met);
      assert.equal((await server.upstreams()).first.state, 'cooling');
      await server.stop();
    }
  }
});

test('one that is not there is passed over; when all fail, the last answer is told and nothing is counted', async (t) => {
  const second = await automatic(t, 'second');
  const server = await startWith(t, [
    table('gone', `http://127.0.0.1:${await freePort()}/v1`),
    table('second', second, { priority: 2 }),
  ]);
  const { token } = await server.issue();
  assert.equal(who(await chat(server, token, hello)), 'second');
  second.act = (exchange) => exchange.answer({ error: { message: 'busy' } }, 503, { 'Retry-After': '9' });
  const answer = await chat(server, token, hello);
  assert.deepEqual(
    [answer.status, answer.json().error.message, answer.headers['retry-after']],
    [503, 'busy', '9'],
  );
  await used(server, token, 1);
});

test('other 4xx and a silence in the middle are not tried again', async (t) => {
  const first = await automatic(t, 'first');
  const second = await automatic(t, 'second');
  const server = await startWith(t, [table('first', first), table('second', second, { priority: 2 })]);
  const { token } = await server.issue();
  for (const status of [400, 403, 404, 422]) {
    first.act = (exchange) => exchange.fail(status, { message: 'yours' });
    assert.equal((await chat(server, token, hello)).status, status);
  }
  first.act = async (exchange) => {
    await exchange.say('half');
    exchange.breakOff();
  };
  const events = await (await chatStream(server, token)).rest();
  assert.equal(JSON.parse(events.at(-1)).error.code, 'UPSTREAM_ERROR');
  assert.equal(second.requests.length, 0);
});

test('one that failed is probed before it gets traffic again', async (t) => {
  const probes = [];
  const first = await automatic(t, 'first');
  const second = await automatic(t, 'second');
  const server = await startWith(t, [table('first', first), table('second', second, { priority: 2 })]);
  const { token } = await server.issue();
  first.act = (exchange) => exchange.fail(500, {});
  await chat(server, token, hello);
  first.act = undefined;
  // The fake answers GET with 404: somebody is there.
  first.onGet = (request) => probes.push(request);
  assert.equal(who(await chat(server, token, hello)), 'second');
  await eventually(async () => (await server.upstreams()).first.state === 'healthy', 'its return');
  assert.deepEqual(
    probes.map(({ url, headers }) => [url, headers.authorization]),
    [['/v1/models', `Bearer ${key('first')}`]],
  );
  assert.equal(who(await chat(server, token, hello)), 'first');
});

test('a cap is held: beyond it the next one serves, and when all are full the answer is 503', async (t) => {
  const upstream = await startUpstream();
  t.after(() => upstream.stop());
  const server = await startWith(t, [table('only', upstream, { max_concurrent: 2 })]);
  const { token } = await server.issue();
  const held = [chat(server, token, hello), chat(server, token, hello)];
  const models = [await upstream.next(), await upstream.next()];
  refused(await chat(server, token, hello), 503, 'SERVICE_UNAVAILABLE');
  await used(server, token, 2);
  models.forEach((model) => model.answer());
  for (const answer of await Promise.all(held)) assert.equal(answer.status, 200);
  const after = chat(server, token, hello);
  (await upstream.next()).answer();
  assert.equal((await after).status, 200);
});

test('SIGHUP takes the file over without dropping a stream; a broken file is refused and the old one stays', async (t) => {
  const old = await startUpstream();
  t.after(() => old.stop());
  const fresh = await automatic(t, 'fresh');
  const server = await startWith(t, [table('old', old)]);
  const { token } = await server.issue();
  const stream = chatStream(server, token);
  const model = await old.next();
  await model.say('before');
  const { next, rest } = await stream;
  assert.match(await next(), /before/);

  for (const broken of [
    'port = \n',
    '[[upstreams]]\nname = "x"\n',
    toml([table('a', fresh), table('a', fresh)]),
    toml([{ ...table('a', fresh), modls: ['x'] }]),
  ]) {
    await server.rewrite(broken);
    assert.match(await server.reload(), /SIGHUP: .*; nothing was changed/);
    assert.deepEqual(Object.keys(await server.upstreams()), ['old']);
  }
  await server.rewrite(toml([table('fresh', fresh)]));
  await server.reload();
  assert.equal(who(await chat(server, token, hello)), 'fresh');
  await model.say('after');
  assert.match(await next(), /after/);
  model.done();
  assert.equal((await rest()).at(-1), '[DONE]');
});

test('an upstream’s key is nowhere but on its way to it', async (t) => {
  const first = await automatic(t, 'first');
  const server = await startWith(t, [table('first', first)], { args: ['--verbose'] });
  const { token } = await server.issue();
  const quote = `Incorrect API key provided: ${key('first')}`;
  const answers = [];
  for (const act of [
    (exchange) => exchange.fail(401, { message: quote }),
    (exchange) => exchange.fail(500, { message: quote }),
    (exchange) => exchange.answer(`<p>${quote}</p>`, 502),
    (exchange) => exchange.reset(),
  ]) {
    first.act = act;
    answers.push(await chat(server, token, hello));
  }
  answers.push(
    await ask(`${server.origin}/api/admin/upstreams`, { headers: { 'X-Admin-Secret': server.secret } }),
  );
  await server.reload();
  const files = (await readdir(server.dir)).filter((name) => name !== 'opencat.toml');
  const written = await Promise.all(files.map((name) => readFile(join(server.dir, name), 'latin1')));
  const shown = await runOpencat(['serve', '--show-config', '--data-dir', server.dir]);
  assert.match(shown.stdout, /\*{8}/);
  const bytes = [
    ...written,
    ...answers.map(({ body, headers }) => body + JSON.stringify(headers)),
    server.child.text.stdout,
    server.child.text.stderr,
    shown.stdout,
    shown.stderr,
  ].join('\n');
  assert.ok(!bytes.includes(key('first')) && !bytes.includes('sk-key'));
});

test('mistakes in the file are named with their table, their place and the cure', async (t) => {
  const dir = await newFolder();
  t.after(() => rm(dir, { recursive: true }));
  const good = { name: 'a', url: 'http://127.0.0.1:1/v1', models: ['m'] };
  const cases = [
    [[{ ...good, url: undefined }], /upstream 1 wants its base URL as 'url'/],
    [[good, { ...good, name: 'b', models: [] }], /upstream 2 wants at least one of its models in 'models'/],
    [[{ ...good, url: 'ftp://x' }], /the url of upstream 'a' wants an address/],
    [[{ ...good, wieght: 1 }], /upstream 1 has no setting 'wieght'; did you mean 'weight'\?/],
    [[{ ...good, weight: 0 }], /upstream 1 wants a number from 1 to 1000000 for 'weight'/],
    [[{ ...good, kind: 'azure' }], /upstream 1 wants openai, anthropic or demo for 'kind', not 'azure'/],
    [
      [{ ...good, key_env: 'NOT_SET_AT_ALL' }],
      /upstream 1 takes its key from NOT_SET_AT_ALL, which is not set/,
    ],
    [[{ ...good, key_file: 'none' }], /upstream 1 takes its key from none, which holds none/],
    [[{ ...good, key: 'a', key_env: 'B' }], /upstream 1 wants its key once/],
    [[good, good], /two upstreams are named 'a'/],
  ];
  for (const [tables, pattern] of cases) {
    await writeFile(
      join(dir, 'opencat.toml'),
      toml(tables.map((entry) => JSON.parse(JSON.stringify(entry)))),
    );
    const { code, stderr } = await runOpencat(['serve', '--port', '0', '--data-dir', dir]);
    assert.equal(code, 2, stderr);
    assert.match(stderr, pattern);
    assert.equal(stderr.trim().split('\n').length, 1, stderr);
  }
  await writeFile(join(dir, 'opencat.toml'), toml([good]));
  const both = await runOpencat(['serve', '--demo', '--port', '0', '--data-dir', dir]);
  assert.equal(both.code, 2);
  assert.match(both.stderr, /--demo answers by itself/);
});

test('an upstream over TLS is trusted by the file of certificates that is named, and by nothing else', async (t) => {
  const dir = await newFolder();
  t.after(() => rm(dir, { recursive: true }));
  const [key, cert] = [join(dir, 'key.pem'), join(dir, 'cert.pem')];
  const subject = ['-subj', '/CN=127.0.0.1', '-addext', 'subjectAltName=IP:127.0.0.1'];
  execFileSync(
    'openssl',
    [
      ...['req', '-x509', '-newkey', 'rsa:2048', '-nodes', '-days', '2', '-keyout', key, '-out', cert],
      ...subject,
    ],
    { stdio: 'ignore' },
  );
  const secure = createServer(
    { key: await readFile(key), cert: await readFile(cert) },
    (request, response) => {
      request.resume();
      response.end('{"choices":[{"message":{"content":"secret"}}]}');
    },
  ).listen(0, '127.0.0.1');
  await once(secure, 'listening');
  t.after(() => (secure.closeAllConnections(), secure.close()));
  const url = `https://127.0.0.1:${secure.address().port}/v1`;
  for (const [args, env, status] of [
    [[], {}, 502],
    [['--ca-file', cert], {}, 200],
    [[], { SSL_CERT_FILE: cert }, 200],
  ]) {
    const server = await startWith(t, [table('secure', url)], { args, env });
    const { token } = await server.issue();
    assert.equal((await chat(server, token, hello)).status, status);
    if (status === 502) assert.match(server.child.text.stderr, /certificate of .* is not trusted/);
  }
});
