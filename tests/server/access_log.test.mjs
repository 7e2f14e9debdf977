// SPDX-License-Identifier: MIT
// --access-log: a line of JSON per request, which holds no secret, and which log rotation can take away.
import assert from 'node:assert/strict';
import { existsSync, readFileSync, renameSync } from 'node:fs';
import { mkdir, rm, stat } from 'node:fs/promises';
import { join } from 'node:path';
import { after, before, test } from 'node:test';
import { startUpstream } from '../fakes/upstream.mjs';
import { ask, chat, chatStream, connect, eventually } from '../support/http.mjs';
import { newFolder, runOpencat, startServer } from '../support/server.mjs';

let upstream;
let dir;
before(async () => {
  upstream = await startUpstream();
  dir = await newFolder();
});
after(async () => {
  await upstream.stop();
  await rm(dir, { recursive: true });
});

async function start(t, log, more = []) {
  const args = ['--upstream-url', upstream.url, '--upstream-model', 'm', '--access-log', log, ...more];
  const server = await startServer({ args });
  t.after(() => server.stop());
  return server;
}
const linesOf = (file) =>
  existsSync(file) ? readFileSync(file, 'utf8').trim().split('\n').filter(Boolean).map(JSON.parse) : [];
const lineOf = (file, id) =>
  eventually(() => linesOf(file).find((line) => line.id === id), `a line of ${id} in ${file}`);

test('each request is one line, without anything secret', async (t) => {
  const file = join(dir, 'access.log');
  const server = await start(t, file, ['--trusted-proxy', '127.0.0.1']);
  const { token, id } = await server.issue();
  const headers = { 'X-Request-Id': 'whole', 'X-Forwarded-For': '198.51.100.7' };
  const whole = chat(server, token, undefined, { headers });
  (await upstream.next()).answer();
  await whole;
  const line = await lineOf(file, 'whole');
  const { time, duration_ms, bytes, ...rest } = line;
  assert.match(time, /^\d{4}-\d\d-\d\dT\d\d:\d\d:\d\d(\.\d+)?Z$/);
  assert.ok(duration_ms > 0 && duration_ms < 10_000 && bytes > 100);
  assert.deepEqual(rest, {
    id: 'whole',
    method: 'POST',
    route: '/v1/chat/completions',
    status: 200,
    ip: '198.51.100.7',
    token_id: id,
    model: 'm',
  });

  const asked = (path, name) => ask(server.origin + path, { headers: { 'X-Request-Id': name } });
  await asked(`/api/tokens/${token}/status?token=${token}`, 'by-path');
  await asked(`/none/${token}`, 'nothing');
  assert.equal((await lineOf(file, 'by-path')).route, '/api/tokens/{}/status');
  const nothing = await lineOf(file, 'nothing');
  assert.deepEqual([nothing.route, nothing.status, nothing.token_id], [null, 404, undefined]);

  const raw = await connect(server.port);
  raw.write(`GET /?token=${token} HTTP/1.1\nHost: x\n\n`);
  await raw.ended;
  const refused = await eventually(
    () => linesOf(file).find(({ status }) => status === 400),
    'a line of the 400',
  );
  assert.deepEqual([refused.method, refused.route], [null, null]);

  const stream = chatStream(server, token, undefined, { headers: { 'X-Request-Id': 'left' } });
  const model = await upstream.next();
  model.say('one');
  const { next, request } = await stream;
  await next();
  request.destroy();
  assert.deepEqual([(await lineOf(file, 'left')).status, (await lineOf(file, 'left')).cut], [200, true]);
  const text = readFileSync(file, 'utf8');
  for (const secret of [token, server.secret, token.slice(4, 20)]) assert.ok(!text.includes(secret));
  assert.equal(((await stat(file)).mode & 0o777).toString(8), '600');
});

test('SIGHUP opens the file again, as log rotation wants it, and no line is lost', async (t) => {
  const file = join(dir, 'rotated.log');
  const server = await start(t, file);
  let sent = 0;
  let enough = false;
  const asking = (async () => {
    for (; !enough; ++sent)
      await ask(`${server.origin}/healthz`, { headers: { 'X-Request-Id': `r${sent}` } });
  })();
  await eventually(() => linesOf(file).length > 0, 'some lines');
  renameSync(file, `${file}.1`);
  server.child.kill('SIGHUP');
  await eventually(() => linesOf(file).length > 0, 'lines in a new file');
  enough = true;
  await asking;
  await lineOf(file, `r${sent - 1}`);
  const ids = [...linesOf(`${file}.1`), ...linesOf(file)].map(({ id }) => id);
  assert.deepEqual(
    ids.filter((id) => /^r\d+$/.test(id)),
    Array.from({ length: sent }, (_, i) => `r${i}`),
  );
  assert.ok(linesOf(`${file}.1`).length > 0);
});

test('"-" is standard error, and stdout stays the one line that it was', async (t) => {
  const server = await start(t, '-');
  await ask(`${server.origin}/healthz`, { headers: { 'X-Request-Id': 'to-stderr' } });
  await eventually(() => server.child.text.stderr.includes('"id":"to-stderr"'), 'a line on stderr');
  assert.equal(server.child.text.stdout.trim().split('\n').length, 1);
});

test('without the option nothing is logged of a request, and a file that cannot be is refused', async (t) => {
  const server = await startServer();
  t.after(() => server.stop());
  await ask(`${server.origin}/healthz`, { headers: { 'X-Request-Id': 'unlogged' } });
  assert.ok(!server.child.text.stderr.includes('unlogged'));
  const folder = join(dir, 'a-folder');
  await mkdir(folder);
  for (const file of [folder, join(dir, 'none', 'x.log')]) {
    const { code, stderr } = await runOpencat(['serve', '--demo', '--port', '0', '--access-log', file], {
      cwd: dir,
    });
    assert.equal(code, 2);
    assert.ok(stderr.includes(file), stderr);
  }
});
