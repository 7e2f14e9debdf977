// SPDX-License-Identifier: MIT
// Every way to an upstream carries the same: without TLS, with it, and both through a proxy.
import assert from 'node:assert/strict';
import { randomBytes } from 'node:crypto';
import { once } from 'node:events';
import { rm } from 'node:fs/promises';
import http from 'node:http';
import { test } from 'node:test';
import { Proxy } from '../fakes/proxy.mjs';
import { startTlsFront } from '../fakes/tls_front.mjs';
import { event, startUpstream } from '../fakes/upstream.mjs';
import { used } from '../support/checks.mjs';
import { ask, bearer, chat, chatStream, hello } from '../support/http.mjs';
import { newFolder, startServer } from '../support/server.mjs';

const MiB = 1 << 20;

const ways = [
  { name: 'without TLS', secure: false, proxied: false },
  { name: 'with TLS', secure: true, proxied: false },
  { name: 'through a proxy', secure: false, proxied: true },
  { name: 'with TLS through a proxy', secure: true, proxied: true },
];

/** A server whose upstream is reached that way: {server, token, upstream, front, proxy}. */
async function start(t, { secure, proxied }, upstream) {
  upstream ??= await startUpstream();
  t.after(() => upstream.stop());
  const folder = await newFolder();
  t.after(() => rm(folder, { recursive: true, force: true }));
  const front = secure ? await startTlsFront(folder, upstream.port) : null;
  if (front) t.after(() => front.stop());
  const port = front?.port ?? upstream.port;
  // The name leads nowhere but through the proxy.
  const host = proxied ? `${secure ? 'localhost' : 'model.invalid'}:${port}` : `127.0.0.1:${port}`;
  const proxy = proxied ? await Proxy.start({ [host]: port }) : null;
  if (proxy) t.after(() => proxy.stop());
  const env = proxy ? { http_proxy: proxy.url, https_proxy: proxy.url, no_proxy: '', NO_PROXY: '' } : {};
  const args = ['--upstream-url', `${secure ? 'https' : 'http'}://${host}/v1`, '--upstream-model', 'm'];
  if (front) args.push('--ca-file', front.file);
  const server = await startServer({ args, env });
  t.after(() => server.stop());
  const { token } = await server.issue();
  // One connection of the client's stays in one of the server's loops, each of which has its own to the upstream.
  const agent = new http.Agent({ keepAlive: true, maxSockets: 1 });
  t.after(() => agent.destroy());
  const talk = (body = hello) => chat(server, token, body, { agent });
  return { server, token, talk, upstream, front, proxy };
}

for (const way of ways) {
  test(`${way.name}: one connection serves many answers, and HTTP/1.1 is what is spoken on it`, async (t) => {
    const { talk, upstream, front, proxy } = await start(t, way);
    for (const length of [0, 10, 20_000, 3 * MiB]) {
      const content = 'x'.repeat(length);
      const answered = talk({ messages: [{ role: 'user', content }] });
      const model = await upstream.next();
      assert.equal(model.body.messages[0].content, content);
      model.answer({ choices: [{ message: { content } }] });
      assert.equal((await answered).json().choices[0].message.content, content);
    }
    const ports = new Set(upstream.requests.map(({ response }) => response.socket?.remotePort));
    assert.equal(ports.size, 1);
    if (front) assert.deepEqual([front.connections, [...front.protocols]], [1, ['http/1.1']]);
    if (proxy) assert.equal(proxy.asked.length, 1);
  });

  test(`${way.name}: a client that stops to read stops the stream, and gets all of it in the end`, async (t) => {
    const { server, token, upstream } = await start(t, way);
    const begun = chatStream(server, token);
    const model = await upstream.next();
    model.say('first');
    const { next, response } = await begun;
    await next();
    response.pause();
    const piece = event({ choices: [{ index: 0, delta: { content: 'x'.repeat(64 << 10) } }] });
    let sent = 0;
    for (let stuck = false; !stuck && sent < 1024; ++sent) {
      let patience;
      const full = new Promise((resolve) => (patience = setTimeout(resolve, 1000, true)));
      stuck = await Promise.race([model.send(piece).then(() => false), full]);
      clearTimeout(patience);
    }
    assert.ok(sent < 1024, 'all was taken');
    model.done();
    response.resume();
    let count = 0;
    for (let data; (data = await next()) !== '[DONE]';) if (data.includes('xxx')) ++count;
    assert.equal(count, sent);
  });

  test(`${way.name}: an upload passes, whether its length is told or not`, async (t) => {
    const { server, token, upstream } = await start(t, way);
    const file = randomBytes(3 * MiB);
    const part = (name, value) => [
      `--cut\r\nContent-Disposition: form-data; name="${name}"\r\n\r\n`,
      value,
      '\r\n',
    ];
    const form = [...part('model', 'm'), ...part('file', file), '--cut--\r\n'].map((one) => Buffer.from(one));
    const body = Buffer.concat(form);
    for (const framing of [{ 'Content-Length': body.length }, { 'Transfer-Encoding': 'chunked' }]) {
      const headers = {
        ...bearer(token),
        'Content-Type': 'multipart/form-data; boundary=cut',
        ...framing,
      };
      const answered = ask(`${server.origin}/v1/audio/transcriptions`, { method: 'POST', headers, body });
      const model = await upstream.next();
      assert.ok(model.bytes.equals(body));
      model.answer({ text: 'heard' });
      assert.equal((await answered).json().text, 'heard');
    }
  });

  test(`${way.name}: a kept connection that closes under a request costs nobody that request`, async (t) => {
    const { server, token, talk, upstream } = await start(t, way);
    const first = talk();
    (await upstream.next()).answer();
    assert.equal((await first).status, 200);
    const second = talk();
    (await upstream.next()).breakOff(); // as if it had been idle for too long just then
    (await upstream.next()).answer();
    assert.equal((await second).status, 200);
    // A new connection that breaks is the upstream's failure, and nothing is sent twice.
    const third = talk();
    (await upstream.next()).response.setHeader('Connection', 'close');
    upstream.requests.at(-1).answer();
    assert.equal((await third).status, 200);
    const fourth = talk();
    (await upstream.next()).breakOff();
    assert.equal((await fourth).status, 502);
    assert.equal(upstream.requests.length, 5);
    await used(server, token, 3);
  });
}

test('an upstream that answers before it has read all, and closes, is heard', async (t) => {
  const upstream = http.createServer((request, response) => {
    response.writeHead(413, { 'Content-Type': 'application/json', Connection: 'close' });
    response.end('{"error":{"message":"too large for me","type":"invalid_request_error"}}');
  });
  upstream.listen(0, '127.0.0.1');
  await once(upstream, 'listening');
  const { server, token } = await start(t, ways[0], {
    port: upstream.address().port,
    stop: () => (upstream.closeAllConnections(), upstream.close()),
  });
  const body = Buffer.concat([
    Buffer.from('--cut\r\nContent-Disposition: form-data; name="model"\r\n\r\nm\r\n'),
    Buffer.from('--cut\r\nContent-Disposition: form-data; name="file"; filename="a"\r\n\r\n'),
    randomBytes(8 * MiB),
    Buffer.from('\r\n--cut--\r\n'),
  ]);
  const headers = { ...bearer(token), 'Content-Type': 'multipart/form-data; boundary=cut' };
  const answer = await ask(`${server.origin}/v1/audio/transcriptions`, { method: 'POST', headers, body });
  assert.equal(answer.status, 413, answer.body.toString());
});

test('an upstream that closes what is idle, or says what nobody asked for, is asked on a new connection', async (t) => {
  const upstream = await startUpstream();
  const { talk } = await start(t, ways[0], upstream);
  for (const spoil of [(socket) => socket.destroy(), (socket) => socket.write('HTTP/1.1 200 OK\r\n\r\n')]) {
    const before = talk();
    const model = await upstream.next();
    const { socket } = model.response;
    const gone = once(socket, 'close');
    model.answer();
    assert.equal((await before).status, 200);
    spoil(socket);
    await gone;
    const answered = talk();
    (await upstream.next()).answer();
    assert.equal((await answered).status, 200);
  }
  assert.equal(upstream.requests.length, 4);
});
