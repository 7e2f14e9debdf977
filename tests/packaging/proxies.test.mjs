// SPDX-License-Identifier: MIT
// The examples of packaging/proxies, run by the real nginx, HAProxy and Caddy before a real server.
import assert from 'node:assert/strict';
import { readdirSync, readFileSync, rmSync } from 'node:fs';
import http2 from 'node:http2';
import { join } from 'node:path';
import { after, before, describe, test } from 'node:test';
import { certificate } from '../fakes/certificate.mjs';
import { startUpstream } from '../fakes/upstream.mjs';
import { ask, bearer, chatStream, eventually, hello } from '../support/http.mjs';
import { freePort, newFolder, startServer } from '../support/server.mjs';
import { startProxy } from './proxies.mjs';

let dir;
let upstream;
let ca;
before(async () => {
  dir = await newFolder();
  upstream = await startUpstream();
  ca = certificate(dir, ['localhost', '127.0.0.1']).cert;
});
after(async () => {
  await upstream.stop();
  rmSync(dir, { recursive: true, force: true });
});

for (const name of ['nginx', 'haproxy', 'caddy']) {
  describe(name, () => {
    let server;
    let proxy;
    let outside; // the server as its users see it
    let token;

    before(async () => {
      const port = await freePort();
      const url = `https://localhost:${port}/opencat`;
      const upstreams = ['--upstream-url', upstream.url, '--upstream-model', 'm', '--ping-interval', '1s'];
      server = await startServer({
        args: [...upstreams, '--public-url', url, '--trusted-proxy', '127.0.0.1'],
      });
      const at = { dir: join(dir, name), port, serverPort: server.port, patience_s: 2 };
      at.cert = join(dir, 'cert.pem');
      at.key = join(dir, 'key.pem');
      proxy = await startProxy(name, at, `${url}/readyz`, ca);
      outside = { origin: url };
      ({ token } = await server.issue());
    });
    after(async () => {
      await proxy?.stop();
      await server?.stop();
    });

    test('events arrive one by one', async () => {
      const begun = chatStream(outside, token, hello, { ca });
      const model = await upstream.next();
      model.say('one');
      const stream = await begun;
      assert.match(await stream.next(), /"one"/); // the second is not even sent
      model.say('two');
      assert.match(await stream.next(), /"two"/);
      model.done();
      assert.equal((await stream.rest()).at(-1), '[DONE]');
    });

    test('a stream that is silent for longer than the proxy’s patience goes on', async () => {
      const begun = chatStream(outside, token, hello, { ca });
      const model = await upstream.next();
      model.say('one');
      const stream = await begun;
      await stream.next();
      for (let pings = 0; pings < 4; ++pings) assert.equal(await stream.next(), ': ping');
      model.say('two');
      model.done();
      const rest = (await stream.rest()).filter((event) => event !== ': ping');
      assert.match(rest[0], /"two"/);
      assert.equal(rest.at(-1), '[DONE]');
    });

    test('a client that leaves takes its request to the model along', async () => {
      const begun = chatStream(outside, token, hello, { ca });
      const model = await upstream.next();
      model.say('one');
      const stream = await begun;
      await stream.next();
      stream.response.on('error', () => {});
      stream.request.destroy();
      await model.closed;
      assert.equal(model.response.writableFinished, false);
    });

    test('a stream over HTTP/2 arrives event by event, too', async () => {
      const session = http2.connect(new URL(outside.origin).origin, { ca });
      try {
        const path = `${new URL(outside.origin).pathname}/v1/chat/completions`;
        const request = session.request({ ':method': 'POST', ':path': path, ...bearer(token) });
        let text = '';
        request.setEncoding('utf8').on('data', (piece) => (text += piece));
        request.end(JSON.stringify({ stream: true, ...hello }));
        const model = await upstream.next();
        model.say('one');
        await eventually(() => text.includes('"one"'), 'the first event');
        model.done();
        await eventually(() => text.includes('[DONE]'), 'the last event');
      } finally {
        session.destroy();
      }
    });

    test('each client’s own address counts, and none can choose its own', async () => {
      const guess = async (localAddress, forged) => {
        const { host } = new URL(outside.origin);
        const headers = { Host: host, 'X-Admin-Secret': 'wrong', 'X-Forwarded-For': forged };
        const url = `${outside.origin.replace('localhost', '127.0.0.1')}/api/admin/enrollment`;
        return (await ask(url, { ca, localAddress, headers, servername: 'localhost' })).status;
      };
      const statuses = [];
      for (let i = 0; i < 11; ++i) statuses.push(await guess('127.0.0.2', `198.51.100.${i}`));
      assert.deepEqual(statuses, [...Array(10).fill(401), 429]);
      assert.equal(await guess('127.0.0.3', '127.0.0.2'), 401);
    });

    test('pages are found below the path, and no log of the proxy has a token', async () => {
      const page = (await ask(`${outside.origin}/chat`, { ca })).body.toString();
      const [script] = /assets\/chat-\w+\.js/.exec(page);
      assert.equal((await ask(`${outside.origin}/${script}`, { ca })).status, 200);
      const address = `${outside.origin}/api/tokens/${token}/status`;
      assert.equal((await ask(address, { ca })).json().quota.daily_limit, 100);
      await server.stop();
      server = undefined;
      const failed = await ask(address, { ca }); // what fails is what proxies like to log
      assert.ok(failed.status >= 502 && failed.status <= 503, `${failed.status}`);
      await proxy.stop();
      const logs = readdirSync(join(dir, name)).filter((file) => file.endsWith('.log'));
      const texts = [proxy.log(), ...logs.map((file) => readFileSync(join(dir, name, file), 'utf8'))];
      for (const text of texts) assert.ok(!text.includes(token), text);
    });
  });
}
