// SPDX-License-Identifier: MIT
// The server as a process and as HTTP: limits that hold under load, odd requests, settings, start and end.
import assert from 'node:assert/strict';
import { readFileSync, readdirSync, statSync, writeFileSync } from 'node:fs';
import { rm } from 'node:fs/promises';
import { join } from 'node:path';
import { after, before, test } from 'node:test';
import { startUpstream } from '../fakes/upstream.mjs';
import { refused } from '../support/checks.mjs';
import { ask, bearer, chat, chatStream, connect, hello } from '../support/http.mjs';
import { newFolder, runOpencat, startServer } from '../support/server.mjs';

let upstream;
const upstreamArgs = () => ['--upstream-url', upstream.url, '--upstream-model', 'fake-model'];
before(async () => (upstream = await startUpstream({ handle: (exchange) => exchange.answer() })));
after(() => upstream.stop());

/** Runs `work` with a server of its own. */
async function serving(options, work) {
  const server = await startServer(options);
  try {
    return await work(server);
  } finally {
    await server.stop();
  }
}

const askRaw = async (server, bytes, found = '\r\n\r\n') => {
  const bare = await connect(server.port);
  bare.write(bytes);
  const text = await bare.until(found);
  bare.close();
  return text;
};

test('what is no HTTP request gets its status, and the server lives on', () =>
  serving({ args: ['--demo', '--max-body', '4096'] }, async (server) => {
    const head = (more) => `POST /v1/chat/completions HTTP/1.1\r\nHost: x\r\n${more}\r\n`;
    for (const [bytes, status] of [
      ['nonsense\r\n\r\n', 400],
      [head('Content-Length: 5\r\nTransfer-Encoding: chunked\r\n'), 400],
      [head('Content-Length: 5\r\nContent-Length: 6\r\n'), 400],
      [head('Content-Length : 5\r\n'), 400],
      [head('Content-Length: -1\r\n'), 400],
      [head('Transfer-Encoding: gzip, chunked\r\n'), 501],
      [head('X: 1\r\n folded\r\n'), 400],
      [`${head('Transfer-Encoding: chunked\r\n')}0\r\nTrailer: 1\r\n\r\n`, 400],
      [head('Content-Length: 5000\r\n'), 413],
      [`${head('Transfer-Encoding: chunked\r\n')}1389\r\n`, 413],
      [`GET /healthz HTTP/1.1\r\nX: ${'x'.repeat(40_000)}`, 431],
      ['GET /healthz HTTP/1.1\r\nHost: x\r\nX-Request-Id: mine-1\r\n\r\n', 200],
    ]) {
      const text = await askRaw(server, bytes);
      assert.ok(text.startsWith(`HTTP/1.1 ${status} `), `${bytes.slice(0, 90)} → ${text.slice(0, 60)}`);
      assert.match(text, /X-Protocol-Version: 1\.0\.0/);
      if (status === 200) assert.match(text, /X-Request-Id: mine-1\r\n/);
    }
    refused(await ask(`${server.origin}/healthz`, { method: 'POST', body: '' }), 405, 'NOT_FOUND');
    refused(await ask(`${server.origin}/none`), 404, 'NOT_FOUND');
  }));

test('requests may come in pieces, in one packet, in chunks, by HTTP/1.0 and as HEAD', () =>
  serving({}, async (server) => {
    const { token } = await server.issue();
    const get = 'GET /healthz HTTP/1.1\r\nHost: x\r\n\r\n';
    const bare = await connect(server.port);
    bare.write(get.repeat(20));
    await bare.until((text) => text.split('"status":"ok"').length === 21);
    for (const byte of get) bare.write(byte);
    await bare.until((text) => text.split('"status":"ok"').length === 22);
    bare.close();

    const body = JSON.stringify(hello);
    const auth = `Host: x\r\nAuthorization: Bearer ${token}\r\n`;
    const chunks = `${(10).toString(16)};x=y\r\n${body.slice(0, 10)}\r\n${(body.length - 10).toString(16)}\r\n${body.slice(10)}\r\n0\r\n\r\n`;
    const chunked = `POST /v1/chat/completions HTTP/1.1\r\n${auth}Transfer-Encoding: chunked\r\n\r\n${chunks}`;
    assert.match(await askRaw(server, chunked, 'chat.completion'), /^HTTP\/1\.1 200 /);

    const patient = await connect(server.port);
    patient.write(
      `POST /v1/chat/completions HTTP/1.1\r\n${auth}Expect: 100-continue\r\nContent-Length: ${body.length}\r\n\r\n`,
    );
    await patient.until('HTTP/1.1 100 Continue\r\n\r\n');
    patient.write(body);
    await patient.until('chat.completion');
    patient.close();

    const old = await connect(server.port);
    const streamed = JSON.stringify({ ...hello, stream: true });
    old.write(
      `POST /v1/chat/completions HTTP/1.0\r\n${auth}Content-Length: ${streamed.length}\r\n\r\n${streamed}`,
    );
    const text = await old.ended;
    assert.ok(!text.includes('Transfer-Encoding'));
    assert.ok(text.endsWith('data: [DONE]\n\n'));

    const headed = await ask(`${server.origin}/healthz`, { method: 'HEAD' });
    assert.equal(headed.status, 200);
    assert.equal(headed.body.length, 0);
  }));

test('SIGTERM lets a stream end, refuses what is new, and exits 0', async () => {
  const slow = await startUpstream();
  const server = await startServer({ args: ['--upstream-url', slow.url, '--upstream-model', 'm'] });
  const { token } = await server.issue();
  const stream = chatStream(server, token);
  const model = await slow.next();
  await model.say('first');
  const { next, rest } = await stream;
  await next();
  const stopped = server.stop();
  // It takes no connection any more, but the stream goes on.
  for (;;) {
    const refusedNow = await ask(`${server.origin}/healthz`).then(
      () => false,
      () => true,
    );
    if (refusedNow) break;
  }
  await model.say('last');
  model.done();
  const events = await rest();
  assert.equal(events.at(-1), '[DONE]');
  assert.equal(await stopped, 0);
  await slow.stop();
});

test('secrets and data are for their owner only, and one server per folder', () =>
  serving({}, async (server) => {
    assert.equal(statSync(server.dir).mode & 0o777, 0o700);
    for (const name of ['opencat.db', 'admin-secret', 'enroll-key']) {
      assert.equal(statSync(join(server.dir, name)).mode & 0o777, 0o600, name);
    }
    const second = await runOpencat(['serve', '--demo', '--port', '0', '--data-dir', server.dir]);
    assert.notEqual(second.code, 0);
    assert.match(second.stderr, /another opencat serves/);
    const other = await newFolder();
    const taken = await runOpencat(['serve', '--demo', '--port', String(server.port), '--data-dir', other]);
    assert.equal(taken.code, 2);
    assert.match(taken.stderr, /port/);
    await rm(other, { recursive: true });
  }));

test('what the server wrote holds no token and no key', () => {
  const key = 'sk-the-upstreams-key-of-these-tests';
  return serving({ args: upstreamArgs(), env: { OPENCAT_UPSTREAM_KEY: key } }, async (server) => {
    const { token } = await server.issue();
    assert.equal((await chat(server, token)).status, 200);
    refused(await ask(`${server.origin}/v1/models?token=${token}x`), 401, 'UNAUTHORIZED');
    const written = [server.child.text.stdout, server.child.text.stderr];
    for (const name of readdirSync(server.dir)) written.push(readFileSync(join(server.dir, name), 'latin1'));
    assert.ok(written.length > 5);
    for (const text of written) {
      assert.ok(!text.includes(token));
      assert.ok(!text.includes(key));
    }
  });
});

test('a damaged database and one of a newer program are refused with what to do', async () => {
  const dir = await newFolder();
  writeFileSync(join(dir, 'opencat.db'), 'this is no database, however long it may be. '.repeat(200));
  const damaged = await runOpencat(['serve', '--demo', '--port', '0', '--data-dir', dir]);
  assert.equal(damaged.code, 2);
  assert.match(damaged.stderr, /damaged or no database; move it away/);
  await rm(dir, { recursive: true });
});

test('settings come from the file, the environment and flags, each winning over the one before', async () => {
  const dir = await newFolder();
  writeFileSync(join(dir, 'opencat.toml'), 'demo = true\n[limits]\ndaily = 7\nmonthly = 8\nper_minute = 9\n');
  const shown = async (args, env = {}) => {
    const { code, stdout, stderr } = await runOpencat(
      ['serve', '--data-dir', dir, '--show-config', '--json', ...args],
      { env },
    );
    assert.equal(code, 0, stderr);
    return JSON.parse(stdout);
  };
  const config = await shown(['--rpm-limit', '3'], {
    OPENCAT_MONTHLY_LIMIT: '5',
    OPENCAT_UPSTREAM_KEY: 'sk-secret',
  });
  assert.deepEqual(config['--daily-limit'], { value: 7, origin: `file ${join(dir, 'opencat.toml')}` });
  assert.deepEqual(config['--monthly-limit'], { value: 5, origin: 'environment OPENCAT_MONTHLY_LIMIT' });
  assert.deepEqual(config['--rpm-limit'], { value: 3, origin: 'flag' });
  assert.equal(config['--host'].origin, 'default');
  assert.equal(config['--upstream-key'].value, '********');

  writeFileSync(join(dir, 'opencat.toml'), '[limits]\ndayly = 7\n');
  const misspelt = await runOpencat(['serve', '--data-dir', dir]);
  assert.equal(misspelt.code, 2);
  assert.match(misspelt.stderr, /limits\.dayly.*did you mean 'limits\.daily'/);
  await rm(dir, { recursive: true });
});

test('wrong flags are refused with the nearest right one', async () => {
  for (const [words, said] of [
    [['serve', '--prot', '1'], /--prot.*did you mean '--port'/],
    [['serve', '--port', 'x'], /--port wants a whole number/],
    [['serve', '--enrollment', 'opne'], /did you mean open/],
    [['serve', '--drain-timeout', '5 lightyears'], /--drain-timeout wants a time/],
    [['serve', '--upstream-url', 'ftp://x', '--upstream-model', 'm'], /--upstream-url wants an address/],
    [['serv'], /did you mean 'opencat serve'/],
  ]) {
    const { code, stderr } = await runOpencat(words);
    assert.equal(code, 2, stderr);
    assert.match(stderr, said);
    assert.equal(stderr.trim().split('\n').length, 1, stderr);
  }
});

test('the pages come with a policy, an ETag, and 304 when nothing changed', () =>
  serving({ prefix: '/opencat' }, async (server) => {
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
  }));
