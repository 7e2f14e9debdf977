// SPDX-License-Identifier: MIT
// Starting, draining, stopping; what is on disk and in the log.
import assert from 'node:assert/strict';
import { readdir, readFile, rm, stat, writeFile } from 'node:fs/promises';
import { createServer } from 'node:net';
import { once } from 'node:events';
import { join } from 'node:path';
import { after, before, test } from 'node:test';
import { execFileSync } from 'node:child_process';
import { startUpstream } from '../fakes/upstream.mjs';
import { sql, used } from '../support/checks.mjs';
import { ask, chat, chatStream, connect, eventually, hello } from '../support/http.mjs';
import { newFolder, runOpencat, startServer, tokenRequest } from '../support/server.mjs';

const upstreamKey = 'sk-the-upstreams-key-of-the-tests';
let upstream;
before(async () => (upstream = await startUpstream()));
after(() => upstream.stop());

function start(more = [], options = {}) {
  const args = ['--upstream-url', upstream.url, '--upstream-model', 'm', ...more];
  return startServer({ args, ...options, env: { OPENCAT_UPSTREAM_KEY: upstreamKey, ...options.env } });
}
async function folder(t) {
  const dir = await newFolder();
  t.after(() => rm(dir, { recursive: true, force: true }));
  return dir;
}
const serve = (dir, ...more) => runOpencat(['serve', '--demo', '--port', '0', '--data-dir', dir, ...more]);

for (const signal of ['SIGTERM', 'SIGINT']) {
  test(`${signal}: streams end whole, nobody new is let in, and the exit code is 0`, async () => {
    const server = await start();
    const { token } = await server.issue();
    const idle = await connect(server.port);
    const half = await connect(server.port);
    half.write('GET /heal');
    const stream = chatStream(server, token);
    const model = await upstream.next();
    model.say('one');
    const { next, rest } = await stream;
    await next();
    const whole = chat(server, token);
    const second = await upstream.next();
    const stopped = server.stop(signal);
    await Promise.all([idle.ended, half.ended]);
    await eventually(
      () =>
        connect(server.port).then(
          (late) => late.close(),
          () => true,
        ),
      'a closed door',
    );
    model.say('two');
    model.done();
    const events = await rest();
    assert.match(events[0], /two/);
    assert.equal(events.at(-1), '[DONE]');
    second.answer();
    const answer = await whole;
    assert.equal(answer.status, 200);
    assert.equal(answer.headers.connection, 'close');
    assert.equal(await stopped, 0);
    assert.match(server.child.text.stderr, /all counts are on disk/);
  });
}

test('a request whose body is on its way at SIGTERM is answered, and then its connection ends', async () => {
  const server = await start();
  const { token } = await server.issue();
  const text = JSON.stringify(hello);
  const client = await connect(server.port);
  client.write(
    `POST /v1/chat/completions HTTP/1.1\r\nHost: x\r\nAuthorization: Bearer ${token}\r\n` +
      `Content-Length: ${text.length}\r\nExpect: 100-continue\r\n\r\n`,
  );
  await client.until('100 Continue');
  // A connection that the server has, and not only the system.
  const idle = await connect(server.port);
  idle.write('GET /healthz HTTP/1.1\r\nHost: x\r\n\r\n');
  await idle.until('"ok"}');
  const stopped = server.stop();
  await idle.ended; // it has begun to drain
  client.write(text);
  (await upstream.next()).answer('{"late":true}');
  assert.match(await client.ended, /HTTP\/1\.1 200 [\s\S]*Connection: close[\s\S]*\{"late":true\}$/);
  client.close();
  assert.equal(await stopped, 0);
});

test('what does not end in time is cut when the drain timeout is over', async () => {
  const server = await start(['--drain-timeout', '1']);
  const { token } = await server.issue();
  const stream = chatStream(server, token);
  const model = await upstream.next();
  model.say('one');
  const { next, rest } = await stream;
  await next();
  const began = performance.now();
  const stopped = server.stop();
  await assert.rejects(rest());
  await model.closed;
  assert.equal(await stopped, 0);
  assert.ok(performance.now() - began < 5000);
});

test('a second server on the same data is refused, and the first goes on', async (t) => {
  const dir = await folder(t);
  const server = await start([], { dir });
  const second = await serve(dir);
  assert.equal(second.code, 3);
  assert.match(second.stderr, /another opencat serves .*--data-dir/);
  assert.equal((await ask(`${server.origin}/healthz`)).status, 200);
  assert.equal(await server.stop(), 0);
});

test('a port that is taken: exit 2, naming the port', async (t) => {
  const taken = createServer().listen(0, '127.0.0.1');
  await once(taken, 'listening');
  t.after(() => taken.close());
  const { port } = taken.address();
  const dir = await folder(t);
  const { code, stderr, stdout } = await runOpencat([
    'serve',
    '--demo',
    '--port',
    `${port}`,
    '--data-dir',
    dir,
  ]);
  assert.equal(code, 2);
  assert.ok(stderr.includes(`:${port}`) && stderr.includes('--port'), stderr);
  assert.equal(stdout, '');
});

test('a damaged or newer database is refused with what to do, and left as it was', async (t) => {
  const dir = await folder(t);
  const file = join(dir, 'opencat.db');
  await writeFile(file, 'this is no database '.repeat(500));
  const damaged = await serve(dir);
  assert.equal(damaged.code, 2);
  assert.match(damaged.stderr, /damaged or no database; move it away/);
  assert.match(await readFile(file, 'utf8'), /^this is no database/);
  await rm(file);
  execFileSync('sqlite3', [file, 'PRAGMA user_version = 999; CREATE TABLE of_later (x)']);
  const before = await readFile(file);
  const newer = await serve(dir);
  assert.equal(newer.code, 2);
  assert.match(newer.stderr, /newer opencat/);
  assert.deepEqual(await readFile(file), before);
});

test('no secret is in the log, on stdout, or readable by others', async (t) => {
  const dir = await folder(t);
  const adminSecret = 'an-admin-secret-of-the-tests';
  const server = await start(['--verbose'], { dir, env: { OPENCAT_ADMIN_SECRET: adminSecret } });
  const enrolKey = (await readFile(server.ready.enroll_key_file, 'utf8')).trim();
  const { token } = await server.issue();
  const byKey = await ask(`${server.origin}/api/tokens`, {
    method: 'POST',
    headers: { 'X-Enroll-Key': enrolKey },
    body: JSON.stringify(tokenRequest()),
  });
  const second = byKey.json().token;
  const answers = [];
  for (const act of [
    (model) => model.answer(),
    (model) => model.reset(),
    (model) => model.fail(401, { message: `bad key ${upstreamKey}` }),
    (model) => model.answer(`<html>${upstreamKey}</html>`, 500),
  ]) {
    const answered = chat(server, second);
    act(await upstream.next());
    answers.push(await answered);
  }
  answers.push(await ask(`${server.origin}/api/tokens/${token}/status`));
  answers.push(await ask(`${server.origin}/chat?token=${token}`));
  answers.push(
    await ask(`${server.origin}/api/admin/enrollment`, { headers: { 'X-Admin-Secret': 'wrong-guess' } }),
  );
  await used(server, second, 1);
  const files = (await readdir(dir)).filter((name) => name !== 'enroll-key');
  assert.ok(
    files.some((name) => name.endsWith('-wal')),
    files.join(),
  );
  const written = await Promise.all(files.map((name) => readFile(join(dir, name), 'latin1')));
  const told = answers.map(({ headers, body }) => JSON.stringify(headers) + body);
  assert.equal(await server.stop(), 0);
  const { stdout, stderr } = server.child.text;
  for (const secret of [token, second, enrolKey, adminSecret, upstreamKey, 'wrong-guess']) {
    for (const text of [stdout, stderr, ...written, ...told])
      assert.ok(!text.includes(secret), text.slice(0, 300));
  }
});

test('files are their owner’s only, whatever the umask', async (t) => {
  const dir = join(await folder(t), 'data');
  const server = await start([], { dir, cwd: '/', wrap: ['sh', '-c', 'umask 0; exec "$@"', 'sh'] });
  const { token } = await server.issue();
  const answered = chat(server, token);
  (await upstream.next()).answer();
  await answered;
  const modes = {};
  for (const name of await readdir(dir))
    modes[name] = ((await stat(join(dir, name))).mode & 0o777).toString(8);
  const database = ['opencat.db', 'opencat.db-shm', 'opencat.db-wal'];
  const expected = ['address', 'admin-secret', 'enroll-key', 'lock', ...database];
  assert.deepEqual(modes, Object.fromEntries(expected.map((name) => [name, '600'])));
  assert.equal(((await stat(dir)).mode & 0o777).toString(8), '700');
  assert.equal(await server.stop(), 0);
});

test('the database holds the token’s hash and beginning, as the protocol says', async (t) => {
  const server = await start();
  t.after(() => server.stop());
  const { token, id } = await server.issue({ meta: { label: 'Ann', hostname: 'pc' } });
  const row = sql(
    server,
    'SELECT id, lower(hex(token_hash)), token_prefix, status, platform, version, label, daily_limit, monthly_limit, ' +
      'meta, last_used_at FROM tokens',
  );
  const { createHash } = await import('node:crypto');
  const hash = createHash('sha256').update(token).digest('hex');
  const meta = '{"hostname":"pc","label":"Ann"}';
  assert.deepEqual(row, [
    [id, hash, token.slice(0, 8), 'active', 'linux-x64', '0.1.0', 'Ann', 100, 3000, meta, null],
  ]);
  const answered = chat(server, token, { ...hello, model: 'm' });
  (await upstream.next()).answer();
  await answered;
  const [[used_at]] = sql(server, 'SELECT last_used_at FROM tokens');
  assert.match(used_at, /^\d{4}-\d\d-\d\dT\d\d:\d\d:\d\dZ$/);
});

test('the demo’s chat link is there from the start, works, and stays over restarts', async (t) => {
  const dir = await folder(t);
  let server = await startServer({ dir });
  const { chat_url } = server.ready;
  const token = chat_url.split('#token=')[1];
  assert.equal(chat_url, `${server.url}/chat#token=${token}`);
  const stream = await chatStream(server, token, { messages: [{ role: 'user', content: 'wie geht’s?' }] });
  const events = await stream.rest();
  assert.equal(events.at(-1), '[DONE]');
  const chunks = events.slice(0, -1).map((data) => JSON.parse(data));
  const text = chunks.map(({ choices }) => choices[0].delta.content ?? '').join('');
  assert.ok(text.includes('wie geht’s?') && /[\u4e00-\u9fff]/.test(text) && text.includes('```'), text);
  assert.ok(chunks.every(({ model }) => /demo/.test(model)));
  assert.equal(await server.stop(), 0);
  server = await startServer({ dir });
  assert.equal(server.ready.chat_url.split('#token=')[1], token);
  await used(server, token, 1);
  assert.equal(await server.stop(), 0);
});
