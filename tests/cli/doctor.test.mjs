// SPDX-License-Identifier: MIT
// `opencat doctor`: what is wrong with a server or an installation, and the cure.
import assert from 'node:assert/strict';
import { chmodSync, mkdirSync, readdirSync, rmSync, writeFileSync } from 'node:fs';
import { createServer } from 'node:http';
import { once } from 'node:events';
import { join } from 'node:path';
import { test } from 'node:test';
import { event } from '../fakes/upstream.mjs';
import { freePort, newFolder, runOpencat, startServer } from '../support/server.mjs';
import { writeZip } from './bundles.mjs';

const key = 'sk-the-upstreams-key-of-the-tests';

async function folder(t) {
  const dir = await newFolder();
  t.after(() => rmSync(dir, { recursive: true, force: true }));
  return dir;
}

/** An upstream that has models, wants the key and streams; `change` is what a test wants otherwise. */
async function startModels(t, change = {}) {
  const server = createServer(async (request, response) => {
    for await (const _ of request);
    const json = (status, value) =>
      response.writeHead(status, { 'Content-Type': 'application/json' }).end(JSON.stringify(value));
    if (request.headers.authorization !== `Bearer ${key}`)
      return json(401, { error: { message: `not ${key}` } });
    if (request.method === 'GET') return json(200, { data: [{ id: 'good-model' }, { id: 'other' }] });
    if (change.answer) return change.answer(response, json);
    response.writeHead(200, { 'Content-Type': 'text/event-stream' });
    response.end(event({ choices: [{ delta: { content: 'hello' } }] }) + event('[DONE]'));
  }).listen(0, '127.0.0.1');
  await once(server, 'listening');
  t.after(() => server.closeAllConnections() ?? server.close());
  return `http://127.0.0.1:${server.address().port}/v1`;
}

/** {code, ok, of(name): its finding}; no key is in what it says. */
async function doctor(words, env = {}) {
  const { code, stdout, stderr } = await runOpencat(['doctor', ...words, '--json'], {
    env: { OPENCAT_UPSTREAM_KEY: key, ...env },
  });
  assert.ok(!(stdout + stderr).includes(key), stdout + stderr);
  const { ok, findings, settings } = JSON.parse(stdout);
  const of = (name) => {
    const found = findings.find((finding) => finding.name === name);
    assert.ok(found, `${name} in ${stdout}`);
    return found;
  };
  return { code, ok, findings, settings, of };
}

/** The words for a server's check-up on data that a server made. */
async function serverWords(t, url, more = []) {
  const dir = await folder(t);
  const made = await startServer({ dir });
  assert.equal(await made.stop(), 0);
  const upstreams = ['--upstream-url', url, '--upstream-model', 'good-model'];
  return { dir, words: ['server', '--data-dir', dir, '--port', '0', ...upstreams, ...more] };
}

test('a server that is well: all is good, each setting with its origin', async (t) => {
  const { words } = await serverWords(t, await startModels(t));
  const { code, ok, of, findings, settings } = await doctor(words);
  assert.deepEqual([code, ok], [0, true], JSON.stringify(findings));
  for (const name of ['settings', 'data folder', 'disk', 'database', 'port', 'clock'])
    assert.equal(of(name).state, 'good', name);
  assert.match(of('upstream upstream').found, /takes the key, offers good-model/);
  assert.match(of('stream of upstream').found, /word by word/);
  assert.equal(of('public URL').state, 'doubtful');
  assert.equal(settings['--upstream-model'].origin, 'flag');
  assert.equal(settings['--upstream-key'].origin, 'environment OPENCAT_UPSTREAM_KEY');
  const plain = await runOpencat(['doctor', ...words], { env: { OPENCAT_UPSTREAM_KEY: key } });
  assert.match(plain.stdout, /✓ database: [\s\S]*\? public URL: not set.*\n    → set --public-url/);
});

test('a wrong key is told apart from an upstream that is not there and a model that is not offered', async (t) => {
  const url = await startModels(t);
  const { words } = await serverWords(t, url);
  const wrong = await doctor(words, { OPENCAT_UPSTREAM_KEY: 'sk-wrong' });
  assert.deepEqual([wrong.code, wrong.of('upstream upstream').state], [5, 'bad']);
  assert.match(wrong.of('upstream upstream').found, /401: the key is not right/);
  assert.match(wrong.of('upstream upstream').cure, /OPENCAT_UPSTREAM_KEY/);
  assert.match(
    (await doctor(words, { OPENCAT_UPSTREAM_KEY: '' })).of('upstream upstream').found,
    /key is missing/,
  );

  const misspelt = await doctor([...words, '--upstream-model', 'good-modle']);
  assert.equal(misspelt.code, 2);
  assert.match(misspelt.of('upstream upstream').cure, /did you mean good-model\?/);

  const dead = `http://127.0.0.1:${await freePort()}/v1`;
  const gone = await doctor(words.map((word) => (word === url ? dead : word)));
  assert.equal(gone.code, 3);
  assert.match(gone.of('upstream upstream').cure, /DNS, a firewall, a proxy/);
});

test('an upstream that answers, but in one piece or with an error, is found; --no-chat does not ask', async (t) => {
  let chats = 0;
  const whole = await startModels(t, { answer: (_, json) => (++chats, json(200, { choices: [] })) });
  const { words } = await serverWords(t, whole);
  const found = (await doctor(words)).of('stream of upstream');
  assert.match(found.found, /not as a stream of events/);
  assert.equal(chats, 1);
  const { findings } = await doctor([...words, '--no-chat']);
  assert.ok(!findings.some(({ name }) => name.startsWith('stream')));
  assert.equal(chats, 1);
  const poor = await startModels(t, { answer: (_, json) => json(402, { error: { message: 'no money' } }) });
  const refused = await doctor((await serverWords(t, poor)).words);
  assert.match(refused.of('stream of upstream').found, /answered 402/);
});

test('data that others can read, a damaged database, a taken port, a mistake in the file: each with its cure', async (t) => {
  const { dir, words } = await serverWords(t, await startModels(t));
  chmodSync(dir, 0o755);
  assert.match((await doctor(words)).of('data folder').cure, /chmod 700/);
  chmodSync(dir, 0o700);

  const taken = createServer().listen(0, '127.0.0.1');
  await once(taken, 'listening');
  const { port } = taken.address();
  const busy = await doctor([...words, '--port', `${port}`]);
  taken.close();
  assert.equal(busy.code, 2);
  assert.match(busy.of('port').found, new RegExp(`cannot listen on 127.0.0.1:${port}`));

  for (const name of readdirSync(dir)) if (name.startsWith('opencat.db')) rmSync(join(dir, name));
  writeFileSync(join(dir, 'opencat.db'), 'this is no database '.repeat(500));
  const damaged = await doctor(words);
  assert.equal(damaged.code, 2);
  assert.match(damaged.of('database').found, /damaged or no database; move it away/);

  const mistaken = await doctor([...words, '--tls-cert', 'x.pem']);
  assert.equal(mistaken.code, 2);
  assert.match(mistaken.of('settings').found, /--tls-cert and --tls-key go together/);
});

test('a running server is asked, and its public URL must reach an opencat', async (t) => {
  const port = await freePort();
  const publicUrl = `http://127.0.0.1:${port}/opencat`;
  const server = await startServer({ prefix: '/opencat', args: ['--demo'] });
  t.after(() => server.stop());
  const words = ['server', '--demo', '--data-dir', server.dir];
  const well = await doctor([...words, '--public-url', server.url]);
  assert.equal(well.code, 0, JSON.stringify(well.findings));
  assert.equal(well.of('server').found, `serves at ${server.origin}`);
  assert.match(well.of('public URL').found, /reaches an opencat/);
  const elsewhere = await doctor([...words, '--public-url', publicUrl]);
  assert.deepEqual([elsewhere.code, elsewhere.of('public URL').state], [3, 'bad']);
  const other = createServer((_, response) => response.end('<h1>It works!</h1>')).listen(port, '127.0.0.1');
  t.after(() => other.close());
  await once(other, 'listening');
  assert.match(
    (await doctor([...words, '--public-url', publicUrl])).of('public URL').found,
    /which no opencat says/,
  );
});

test('--probe: exit 0 only when the address answers 200', async (t) => {
  const server = await startServer();
  t.after(() => server.stop());
  assert.equal((await runOpencat(['doctor', '--probe', `${server.origin}/readyz`])).code, 0);
  const absent = await runOpencat(['doctor', '--probe', `${server.origin}/nothing`]);
  assert.equal(absent.code, 3);
  assert.match(absent.stderr, /\/nothing answers 404/);
  assert.equal(
    (await runOpencat(['doctor', '--probe', `http://127.0.0.1:${await freePort()}/readyz`])).code,
    3,
  );
});

test('where there is neither a server nor an installation it says how to name one', async (t) => {
  const dir = await folder(t);
  const { code, stderr } = await runOpencat(['doctor', '--prefix', join(dir, 'none')], {
    cwd: dir,
    env: { HOME: dir },
  });
  assert.equal(code, 2);
  assert.match(stderr, /--data-dir, --config or --prefix/);
});

/** A bundle that was installed by the real `opencat install`, and the configuration that its setup would write. */
async function installed(t, config) {
  const dir = await folder(t);
  const prefix = join(dir, '我的 PC');
  const zip = writeZip(dir, 'bundle.zip');
  const { code, stderr } = await runOpencat(['install', zip, '--prefix', prefix], { env: { HOME: dir } });
  assert.equal(code, 0, stderr);
  mkdirSync(join(prefix, 'data'), { recursive: true });
  writeFileSync(join(prefix, 'data', 'config.json'), JSON.stringify(config));
  const version = join(prefix, 'versions', readdirSync(join(prefix, 'versions'))[0]);
  return { prefix, node: join(version, 'tools', 'node', 'bin', 'node') };
}

test('a PC that is well, in Chinese and English; a token that is disabled, unknown or absent', async (t) => {
  const server = await startServer();
  t.after(() => server.stop());
  const { token, id } = await server.issue();
  const { prefix } = await installed(t, { server_url: server.origin, token });
  const words = ['pc', '--prefix', prefix];
  const well = await doctor(words);
  assert.deepEqual([well.code, well.ok], [0, true], JSON.stringify(well.findings));
  assert.deepEqual(
    well.findings.map(({ name, state }) => [name, state]),
    ['installation', 'node', 'server', 'token'].map((name) => [name, 'good']),
  );
  assert.match(well.of('node').found, /^Node v\d/);
  assert.equal((await doctor(words, { LC_ALL: 'zh_CN.UTF-8' })).of('token').found, '服务器认识它');

  const headers = { 'X-Admin-Secret': server.secret, 'Content-Type': 'application/json' };
  const body = JSON.stringify({ status: 'disabled' });
  const change = await fetch(`${server.origin}/api/admin/tokens/${id}`, { method: 'PATCH', headers, body });
  assert.equal(change.status, 200);
  const disabled = await doctor(words);
  assert.deepEqual([disabled.code, disabled.of('token').found], [5, 'is disabled']);
  assert.equal((await doctor(words, { LC_ALL: 'zh_CN.UTF-8' })).of('token').cure, '请管理员启用它');

  const config = join(prefix, 'data', 'config.json');
  writeFileSync(config, JSON.stringify({ server_url: server.origin, token: token.replace(/..$/, '00') }));
  const unknown = await doctor(words);
  assert.deepEqual([unknown.code, unknown.of('token').found], [5, 'the server does not know it']);
  writeFileSync(config, '{}');
  assert.match((await doctor(words)).of('token').cure, /install again/);
});

test('a PC with a changed file, a Node that does not start, a server that is not reached', async (t) => {
  const dead = `http://127.0.0.1:${await freePort()}`;
  const { prefix, node } = await installed(t, { server_url: dead, token: 'occ_x' });
  writeFileSync(node, '#!/bin/sh\nexit 1\n');
  const ill = await doctor(['pc', '--prefix', prefix]);
  assert.equal(ill.code, 4);
  assert.match(ill.of('installation').found, /missing or changed/);
  assert.match(ill.of('node').cure, /antivirus/);
  assert.equal(ill.of('server').state, 'bad');
  assert.match(
    (await doctor(['pc', '--prefix', prefix], { LANG: 'zh_CN.UTF-8', LC_ALL: '' })).of('server').cure,
    /代理/,
  );
  const nothing = await doctor(['pc', '--prefix', join(prefix, 'elsewhere')]);
  assert.deepEqual([nothing.code, nothing.of('installation').state], [2, 'bad']);
});
