// SPDX-License-Identifier: MIT
// What can go wrong while installing: each has its exit code, its own words in both languages, and leaves no launcher.
import assert from 'node:assert/strict';
import fs from 'node:fs';
import path from 'node:path';
import { createServer } from 'node:net';
import { createServer as createHttpServer } from 'node:http';
import { after, before, test } from 'node:test';
import { FakeOpencat, sendError, sendJson } from '../fakes/opencat_server.mjs';
import { assertSucceeded, place, run, temporaryFolder, tinyApp } from './helpers.mjs';

let server;
before(async () => (server = await FakeOpencat.start({ enrollKey: 'the right key' })));
after(() => server.stop());

function tinyPlace({ bundle = {}, ...options } = {}) {
  const where = temporaryFolder();
  const app = tinyApp(path.join(where, 'app'));
  return place(where, {
    serverUrl: server.url,
    ...options,
    app,
    bundle: { enroll_key: 'the right key', ...bundle },
  });
}

/** With the built-in app and so with npm. */
function fullPlace(bundle = {}) {
  return place(temporaryFolder(), {
    serverUrl: server.url,
    bundle: { enroll_key: 'the right key', ...bundle },
  });
}

async function assertFails(here, code, english, chinese) {
  const result = await here.install();
  assert.equal(result.code, code, result.stderr);
  assert.match(result.stderr, english);
  assert.match(result.stderr, /^Details: .*install\.log$/m);
  assert.ok(!fs.existsSync(path.join(here.folder, 'opencat-chat')), 'a launcher after a failure');
  assert.equal(result.stdout, '');
  if (!chinese) return;
  here.env.LC_ALL = 'zh_CN.UTF-8';
  const translated = await here.install('--json');
  assert.equal(translated.code, code);
  const { error } = JSON.parse(translated.stdout);
  assert.match(error.message, chinese);
  assert.equal(error.exit_code, code);
}

/** A port where nobody listens: it was free a moment ago. */
async function deadPort() {
  const probe = createServer();
  await new Promise((resolve) => probe.listen(0, '127.0.0.1', resolve));
  const { port } = probe.address();
  await new Promise((resolve) => probe.close(resolve));
  return port;
}

test('a wrong enrolment key: 5, without a second try', async () => {
  const asked = server.count('POST', '/api/tokens');
  await assertFails(tinyPlace({ bundle: { enroll_key: 'a wrong key' } }), 5, /enrolment key/, /注册密钥/);
  assert.equal(server.count('POST', '/api/tokens'), asked + 2);
});

test('too many tokens: 5, and how long to wait', async () => {
  const limit = (request, response) => sendError(response, 429, 'RATE_LIMITED', { 'retry-after': '1800' });
  server.next('/api/tokens', limit);
  server.next('/api/tokens', limit);
  await assertFails(tinyPlace(), 5, /1800 seconds/, /1800 秒/);
});

test('a server that is not there: 3 after some tries', async () => {
  const here = tinyPlace({ serverUrl: `http://127.0.0.1:${await deadPort()}` });
  await assertFails(here, 3, /cannot be reached \(ECONNREFUSED\)/);
  assert.equal(here.log().match(/server: serverUnreachable/g).length, 4);
});

test('a server that is busy, then broken off, then well: the installation succeeds with one install_id', async () => {
  server.requests.length = 0;
  server.next('/api/tokens', (request, response) =>
    sendError(response, 503, 'SERVICE_UNAVAILABLE', { 'retry-after': '1' }),
  );
  server.next('/api/tokens', (request) => request.socket.destroy());
  const here = tinyPlace();
  assertSucceeded(await here.install());
  const ids = server.requests
    .filter((each) => each.path === '/api/tokens')
    .map((each) => each.body.install_id);
  assert.equal(ids.length, 3);
  assert.deepEqual([...new Set(ids)], [here.config().install_id]);
});

test('something else that answers (a login page, a redirect): 3, and the key goes nowhere else', async () => {
  const reached = server.requests.length;
  server.next('/api/tokens', (request, response) => {
    response.writeHead(307, { location: `${server.url}/elsewhere` });
    response.end('<html>');
  });
  await assertFails(tinyPlace(), 3, /not an OpenCat server \(307\)/);
  const asked = server.requests.slice(reached).map((each) => each.path);
  assert.deepEqual(asked, ['/healthz', '/api/tokens']);
});

test('a login page in front of everything is seen before anything is made', async () => {
  for (const answer of [
    (request, response) => response.writeHead(302, { location: 'http://login.example/' }).end(),
    (request, response) => response.writeHead(200, { 'content-type': 'text/html' }).end('<html>sign in'),
    (request, response) => response.writeHead(511).end(),
  ]) {
    const asked = server.count('POST', '/api/tokens');
    server.next('/healthz', answer);
    await assertFails(tinyPlace(), 3, /not an OpenCat server.*signed in to the network/);
    assert.equal(server.count('POST', '/api/tokens'), asked);
  }
});

test('a rate limit of seconds is waited for; one that does not say how long is told as such', async () => {
  const limit = (headers) => (request, response) => sendError(response, 429, 'RATE_LIMITED', headers);
  server.next('/api/tokens', limit({ 'retry-after': '1' }));
  assertSucceeded(await tinyPlace().install());
  for (let i = 0; i < 4; i += 1) server.next('/api/tokens', limit({}));
  await assertFails(tinyPlace(), 5, /too many tokens.*Try again later/);
});

test('what fails in step 1 is told at once: the server and the npm registry', async () => {
  const port = await deadPort();
  const here = place(temporaryFolder(), {
    serverUrl: `http://127.0.0.1:${port}`,
    env: { npm_config_registry: `http://127.0.0.1:${port}/` },
  });
  const { code, stderr, stdout } = await here.install('--json');
  assert.equal(code, 3);
  assert.match(stderr, /^Error: the server .* cannot be reached/m);
  assert.match(stderr, /^Error: npm could not download/m);
  assert.equal(JSON.parse(stdout).error.message.split('\n').length, 2);
  assert.ok(!fs.existsSync(path.join(here.folder, 'lib/app/node_modules')));
});

test('a registry of the bundle that does not answer is left out before npm waits for it', async () => {
  const here = fullPlace({ npm_registry: `http://127.0.0.1:${await deadPort()}/` });
  const { stderr } = assertSucceeded(await here.install());
  assert.match(stderr, /registry failed \(ECONNREFUSED\)/);
  assert.equal(here.log().match(/npm ci/g).length, 1);
});

test('the registries of the bundle and of the user both refuse: 3, in their words', async () => {
  const refusing = createHttpServer((request, response) => sendJson(response, 403, { error: 'not for you' }));
  await new Promise((resolve) => refusing.listen(0, '127.0.0.1', resolve));
  try {
    const registry = `http://127.0.0.1:${refusing.address().port}/`;
    const here = place(temporaryFolder(), {
      serverUrl: server.url,
      env: { npm_config_registry: registry },
      bundle: { enroll_key: 'the right key' },
    });
    await assertFails(here, 3, /registry refused \(E403\)/, /npm 源拒绝了请求（E403）/);
  } finally {
    refusing.close();
  }
});

test('a token answer with a dangerous address is refused', async () => {
  const here = tinyPlace();
  server.next('/api/tokens', (request, response, body) => {
    sendJson(response, 200, { ...server.issue(body), chat_url: 'javascript:alert(1)' });
  });
  await assertFails(here, 1, /not in the form/);
});

test('a bundle for another platform: 1, both named', async () => {
  await assertFails(
    tinyPlace({ bundle: { platform: 'win-arm64' } }),
    1,
    /is for win-arm64, and this PC is/,
    /适用于 win-arm64/,
  );
});

test('a bundle with a file missing: 4, the file named, nothing asked of the server', async () => {
  const here = tinyPlace();
  fs.rmSync(path.join(here.folder, 'lib', 'app', 'main.mjs'));
  const asked = server.requests.length;
  await assertFails(here, 4, /lib\/app\/main\.mjs/, /缺少 1 个文件/);
  assert.equal(server.requests.length, asked);
});

test('a damaged token.json: 4', async () => {
  const here = tinyPlace();
  fs.writeFileSync(path.join(here.folder, 'token.json'), '{"token":');
  await assertFails(here, 4, /not in the form/);
});

test('a home that cannot be written: 1, with the cure', async () => {
  const here = tinyPlace();
  const file = path.join(here.folder, 'README.txt'); // a file where a folder should be stops root, too
  const { code, stderr } = await here.install('--home', path.join(file, 'home'));
  assert.equal(code, 1);
  assert.match(stderr, /cannot be written \(ENOTDIR\)/);
});

test('a wrong option: 2, named, and nothing made', async () => {
  const here = tinyPlace();
  const files = here.files();
  for (const [args, pattern] of [
    [['--no-browsr'], /--no-browsr/],
    [['--home'], /--home needs a value/],
    [['x'], /option x/],
  ]) {
    const { code, stderr } = await here.install(...args);
    assert.equal(code, 2);
    assert.match(stderr, pattern);
  }
  const { code, stdout } = await here.install('--help');
  assert.equal(code, 0);
  assert.match(stdout, /--keep-token/);
  assert.deepEqual(here.files(), files);
});

test("the bundle's npm registry fails: the user's own is used", async () => {
  const refusing = createHttpServer((request, response) => sendJson(response, 403, { error: 'not for you' }));
  await new Promise((resolve) => refusing.listen(0, '127.0.0.1', resolve));
  try {
    const registry = `http://127.0.0.1:${refusing.address().port}/`;
    const here = fullPlace({ npm_registry: registry });
    const { stderr } = assertSucceeded(await here.install());
    assert.match(stderr, /registry failed \(E403\)/);
    assertSucceeded(await here.chat('hi'));
  } finally {
    refusing.close();
  }
});

test('no npm registry at all: 3, and the next run with one goes through', async () => {
  const here = fullPlace();
  const env = { ...here.env, npm_config_registry: `http://127.0.0.1:${await deadPort()}/` };
  const { code, stderr } = await run('sh', [path.join(here.folder, 'install.sh')], { env });
  assert.equal(code, 3, stderr);
  assert.match(stderr, /npm could not download the packages \(ECONNREFUSED\)/);
  assertSucceeded(await here.install());
  assertSucceeded(await here.chat('hi'));
});

test('a cache that the caller names is filled, kept, and enough for another installation', async () => {
  const cache = path.join(temporaryFolder(), 'npm cache');
  for (const offline of ['false', 'true']) {
    const here = fullPlace();
    const env = { ...here.env, npm_config_cache: cache, npm_config_offline: offline };
    assertSucceeded(await run('sh', [path.join(here.folder, 'install.sh')], { env }));
    assert.ok(fs.existsSync(path.join(cache, '_cacache')));
    assert.ok(!fs.existsSync(path.join(here.folder, 'data', 'npm-cache')));
    assertSucceeded(await here.chat('hi'));
    assertSucceeded(await here.uninstall());
    assert.ok(fs.existsSync(path.join(cache, '_cacache')));
  }
});

test('packages that are not what the lock says: 4', async () => {
  const here = fullPlace();
  const lock = path.join(here.folder, 'lib', 'app', 'package-lock.json');
  fs.writeFileSync(lock, fs.readFileSync(lock, 'utf8').replace(/sha512-.{8}/, 'sha512-AAAAAAAA'));
  await assertFails(here, 4, /EINTEGRITY/);
});

test('a bundle that brings opencat says how to have the PC looked at, others do not', async () => {
  const here = tinyPlace({ bundle: { enroll_key: 'wrong' } });
  assert.doesNotMatch((await here.install()).stderr, /doctor/);
  const program = path.join(here.folder, 'tools', 'opencat', 'opencat');
  fs.mkdirSync(path.dirname(program));
  fs.writeFileSync(program, '');
  const { stderr } = await here.install();
  assert.ok(stderr.includes(`run: "${program}" doctor pc --prefix "${here.folder}"`), stderr);
});
