// SPDX-License-Identifier: MIT
// https to clients: --tls-cert and --tls-key.
import assert from 'node:assert/strict';
import { execFileSync } from 'node:child_process';
import { createHash, randomBytes } from 'node:crypto';
import { once } from 'node:events';
import { copyFileSync, readFileSync, writeFileSync } from 'node:fs';
import { rm } from 'node:fs/promises';
import http from 'node:http';
import https from 'node:https';
import { join } from 'node:path';
import { after, before, test } from 'node:test';
import tls from 'node:tls';
import { startUpstream } from '../fakes/upstream.mjs';
import { ask, bearer, chat, chatStream, connect, eventually } from '../support/http.mjs';
import { newFolder, runOpencat, startServer, tokenRequest } from '../support/server.mjs';

let dir;
let upstream;
let server;
let token;
let ca;
const at = (name) => join(dir, name);
const cert = () => at('live.crt');
const key = () => at('live.key');

function makePair(name) {
  const words = `req -x509 -newkey ec -pkeyopt ec_paramgen_curve:prime256v1 -nodes -days 2 -subj /CN=${name}`;
  const more = [
    '-addext',
    'subjectAltName=IP:127.0.0.1',
    '-keyout',
    at(`${name}.key`),
    '-out',
    at(`${name}.crt`),
  ];
  execFileSync('openssl', [...words.split(' '), ...more], { stdio: 'pipe' });
}
function use(name) {
  copyFileSync(at(`${name}.crt`), cert());
  copyFileSync(at(`${name}.key`), key());
}

before(async () => {
  dir = await newFolder();
  upstream = await startUpstream();
  for (const name of ['first', 'second']) makePair(name);
  use('first');
  ca = ['first', 'second'].map((name) => readFileSync(at(`${name}.crt`)));
  const args = ['--upstream-url', upstream.url, '--upstream-model', 'm', '--rpm-limit', '1000'];
  server = await startServer({
    args: [...args, '--tls-cert', cert(), '--tls-key', key(), '--max-connections', '50'],
  });
  token = await newToken(server);
});
async function newToken({ origin, secret }) {
  const headers = { 'X-Admin-Secret': secret };
  const body = JSON.stringify(tokenRequest());
  return (await ask(`${origin}/api/tokens`, { ca, method: 'POST', headers, body })).json().token;
}
after(async () => {
  await server.stop();
  await upstream.stop();
  await rm(dir, { recursive: true });
});

/** A TLS connection of its own, once its handshake is through. */
async function secure(options = {}) {
  const socket = tls.connect({
    port: server.port,
    host: '127.0.0.1',
    ca,
    ALPNProtocols: ['http/1.1'],
    ...options,
  });
  await once(socket, 'secureConnect');
  return socket;
}
const nameOf = (socket) => socket.getPeerCertificate().subject.CN;
async function currentName() {
  const socket = await secure();
  const name = nameOf(socket);
  socket.destroy();
  return name;
}

test('it says that it serves https, with TLS 1.2 and 1.3 and HTTP/1.1', async () => {
  assert.match(server.origin, /^https:\/\/127\.0\.0\.1:\d+$/);
  for (const [version, name] of [
    ['TLSv1.2', 'TLSv1.2'],
    ['TLSv1.3', 'TLSv1.3'],
  ]) {
    const socket = await secure({
      minVersion: version,
      maxVersion: version,
      ALPNProtocols: ['h2', 'http/1.1'],
    });
    assert.equal(socket.getProtocol(), name);
    assert.equal(socket.alpnProtocol, 'http/1.1');
    socket.destroy();
  }
  await assert.rejects(
    secure({ minVersion: 'TLSv1.1', maxVersion: 'TLSv1.1', ciphers: 'DEFAULT@SECLEVEL=0' }),
  );
  await assert.rejects(secure({ ALPNProtocols: ['h2'] }));
});

test('a session is resumed by its ticket', async () => {
  for (const maxVersion of ['TLSv1.2', 'TLSv1.3']) {
    const first = await secure({ maxVersion });
    first.write('GET /healthz HTTP/1.1\r\nHost: x\r\n\r\n');
    const session = maxVersion === 'TLSv1.2' ? first.getSession() : (await once(first, 'session'))[0];
    first.destroy();
    const again = await secure({ maxVersion, session });
    assert.equal(again.isSessionReused(), true, maxVersion);
    again.destroy();
  }
});

test('requests, large ones, pipelined ones, and answers go through it', async () => {
  const big = JSON.stringify({ messages: [{ role: 'user', content: 'x'.repeat(3 << 20) }] });
  const whole = chat(server, token, big, { ca });
  const model = await upstream.next();
  assert.equal(model.body.messages[0].content.length, 3 << 20);
  const text = JSON.stringify({ text: 'y'.repeat(3 << 20) });
  model.answer(text);
  assert.equal((await whole).body.toString(), text);

  const socket = await secure();
  let seen = '';
  socket.on('data', (piece) => (seen += piece));
  socket.write('GET /healthz HTTP/1.1\r\nHost: x\r\n\r\n'.repeat(3000));
  await eventually(() => seen.split('HTTP/1.1 200').length === 3001, 'all answers');
  socket.destroy();
});

test('a stream passes event by event, and a client that leaves cancels it', async () => {
  const stream = chatStream(server, token, undefined, { ca });
  const model = await upstream.next();
  model.say('one');
  const { next, request } = await stream;
  assert.match(await next(), /one/);
  model.say('two');
  assert.match(await next(), /two/);
  request.destroy();
  await model.closed;
});

test('a recording that an upstream takes slowly arrives whole, through pauses', async (t) => {
  const whole = createHash('sha256');
  const slow = http.createServer(async (request, response) => {
    let unread = 0;
    for await (const piece of request) {
      whole.update(piece);
      // Now and then it stands still until the client is stopped.
      if ((unread += piece.length) > 4 << 20) {
        unread = 0;
        await new Promise((resolve) => setTimeout(resolve, 100));
      }
    }
    response.setHeader('Content-Type', 'application/json').end('{"text":"heard"}');
  });
  await once(slow.listen(0, '127.0.0.1'), 'listening');
  t.after(() => (slow.close(), slow.closeAllConnections()));
  const model = ['--upstream-url', `http://127.0.0.1:${slow.address().port}`, '--upstream-model', 'm'];
  const secured = await startServer({ args: [...model, '--tls-cert', cert(), '--tls-key', key()] });
  t.after(() => secured.stop());
  const own = await newToken(secured);
  const begin = '--b\r\nContent-Disposition: form-data; name="model"\r\n\r\nm\r\n';
  const file = '--b\r\nContent-Disposition: form-data; name="file"; filename="f"\r\n\r\n';
  const body = Buffer.concat([
    Buffer.from(begin + file),
    randomBytes(20 << 20),
    Buffer.from('\r\n--b--\r\n'),
  ]);
  const answer = await ask(`${secured.origin}/v1/audio/transcriptions`, {
    ca,
    method: 'POST',
    headers: {
      ...bearer(own),
      'Content-Type': 'multipart/form-data; boundary=b',
      'Content-Length': body.length,
    },
    body,
  });
  assert.deepEqual([answer.status, answer.json()], [200, { text: 'heard' }]);
  assert.equal(whole.digest('hex'), createHash('sha256').update(body).digest('hex'));
});

test('keep-alive serves many requests over one handshake', async () => {
  const agent = new https.Agent({ keepAlive: true, maxSockets: 1, ca });
  for (let i = 0; i < 20; ++i) {
    const { status, request } = await ask(`${server.origin}/healthz`, { agent });
    assert.equal(status, 200);
    assert.equal(request.reusedSocket, i > 0);
  }
  agent.destroy();
});

test('plain HTTP on the port is told so and ends', async () => {
  const client = await connect(server.port);
  client.write('GET /healthz HTTP/1.1\r\nHost: x\r\n\r\n');
  const text = await client.ended;
  assert.match(text, /^HTTP\/1\.1 400 /);
  assert.match(text, /https:\/\//);
  client.close();
  for (const nonsense of ['\x00\x01\x02 nonsense of some length', '\x16\x03\x01\x00\x05hello']) {
    const other = await connect(server.port);
    other.write(nonsense);
    await other.ended;
    other.close();
  }
  assert.equal((await ask(`${server.origin}/healthz`, { ca })).status, 200);
});

test('SIGHUP takes a new certificate for new connections while an old stream goes on; a bad one is refused', async () => {
  const stream = chatStream(server, token, undefined, { ca });
  const model = await upstream.next();
  model.say('before');
  const { next, rest, request } = await stream;
  await next();
  assert.equal(await currentName(), 'first');
  const logged = (pattern) =>
    eventually(() => pattern.test(server.child.text.stderr), `${pattern} in the log`);

  copyFileSync(at('second.crt'), cert()); // of another key than what is there
  server.child.kill('SIGHUP');
  await logged(/SIGHUP: --tls-key: .*nothing was changed/);
  assert.equal(await currentName(), 'first');
  writeFileSync(cert(), 'no certificate');
  server.child.kill('SIGHUP');
  await logged(/SIGHUP: --tls-cert: .*nothing was changed/);
  assert.equal(await currentName(), 'first');

  use('second');
  server.child.kill('SIGHUP');
  await eventually(async () => (await currentName()) === 'second', 'the new certificate');
  model.say('after');
  assert.match(await next(), /after/);
  assert.equal(nameOf(request.socket), 'first');
  model.done();
  await rest();
});

test('handshakes that do not go on take no more than their slots, and not for long', async () => {
  const slow = await Promise.all(Array.from({ length: 20 }, () => connect(server.port)));
  for (const client of slow) client.write('\x16\x03\x01');
  const began = Date.now();
  for (let i = 0; i < 20; ++i) assert.equal((await ask(`${server.origin}/healthz`, { ca })).status, 200);
  assert.ok(Date.now() - began < 5000);
  await Promise.all(slow.map(({ ended }) => ended));
  assert.ok(Date.now() - began < 15_000, 'they are closed after 10 s');
  for (const client of slow) client.close();
});

test('a connection too many hears 503 through TLS, too', async () => {
  const held = await Promise.all(Array.from({ length: 50 }, () => secure()));
  const answer = await ask(`${server.origin}/healthz`, { ca });
  assert.equal(answer.status, 503);
  assert.ok(Number(answer.headers['retry-after']) > 0);
  for (const socket of held) socket.destroy();
  await eventually(async () => (await ask(`${server.origin}/healthz`, { ca })).status === 200, 'room again');
});

test('a pair that cannot be is refused at the start, with a line that says what to do', async () => {
  writeFileSync(at('junk'), 'junk');
  execFileSync('openssl', [
    'pkey',
    '-in',
    at('first.key'),
    '-aes256',
    '-passout',
    'pass:x',
    '-out',
    at('locked.key'),
  ]);
  for (const [crt, its_key, pattern] of [
    [at('first.crt'), undefined, /--tls-cert and --tls-key go together/],
    [undefined, at('first.key'), /--tls-cert and --tls-key go together/],
    [at('none.crt'), at('first.key'), /--tls-cert: .*none\.crt cannot be read/],
    [at('junk'), at('first.key'), /--tls-cert: .*junk cannot be read/],
    [at('first.crt'), at('junk'), /--tls-key: .*junk cannot be read/],
    [at('first.crt'), at('locked.key'), /--tls-key: .*locked\.key cannot be read .*without a password/],
    [
      at('first.crt'),
      at('second.key'),
      /--tls-key: .*second\.key is not the key of the certificate in .*first\.crt/,
    ],
  ]) {
    const words = ['serve', '--demo', '--port', '0', '--data-dir', at('data')];
    if (crt) words.push('--tls-cert', crt);
    if (its_key) words.push('--tls-key', its_key);
    const { code, stderr } = await runOpencat(words, { cwd: dir });
    assert.equal(code, 2, stderr);
    assert.match(stderr, pattern);
    assert.equal(stderr.trim().split('\n').length, 1);
  }
});
