// SPDX-License-Identifier: MIT
// Pictures and recordings: forms and bytes that pass through in both directions without being held.
import assert from 'node:assert/strict';
import { randomBytes } from 'node:crypto';
import { once } from 'node:events';
import { readdir, readFile, rm, writeFile } from 'node:fs/promises';
import http from 'node:http';
import { join } from 'node:path';
import { after, before, test } from 'node:test';
import { refused, usageIs, used } from '../support/checks.mjs';
import { ask, bearer, connect, eventually } from '../support/http.mjs';
import { freePort, newFolder, startServer } from '../support/server.mjs';

const MiB = 1 << 20;

/** A model server that shows each request while it still arrives. */
async function startMedia() {
  const requests = [];
  const server = http.createServer((request, response) => {
    const seen = { request, response, bytes: 0, parts: [], path: request.url, headers: request.headers };
    seen.read = () =>
      request.on('data', (piece) => {
        seen.bytes += piece.length;
        if (seen.bytes <= 8 * MiB) seen.parts.push(piece);
      });
    seen.ended = new Promise((resolve) => request.on('close', resolve));
    requests.push(seen);
    if (!media.byHand) {
      seen.read();
      request.on('end', () => {
        response.setHeader('Content-Type', 'application/json');
        response.end('{"text":"hello","usage":{"type":"tokens","input_tokens":14,"output_tokens":45}}');
      });
    }
    media.arrived?.(seen);
  });
  server.listen(0, '127.0.0.1');
  await once(server, 'listening');
  const media = {
    requests,
    url: `http://127.0.0.1:${server.address().port}/v1`,
    next: () => new Promise((resolve) => (media.arrived = resolve)),
    stop: () => (server.close(), server.closeAllConnections(), once(server, 'close')),
  };
  return media;
}

let media;
let server;
let dir;
before(async () => {
  media = await startMedia();
  dir = await newFolder();
  const gone = `http://127.0.0.1:${await freePort()}/v1`;
  const table = (name, url, more) =>
    `[[upstreams]]\nname = "${name}"\nurl = "${url}"\nkey = "sk-${name}"\n${more}\n`;
  await writeFile(
    join(dir, 'opencat.toml'),
    table('media', media.url, 'models = ["whisper-1"]\naliases = { "ears" = "whisper-1" }\npriority = 2') +
      table('gone', gone, 'models = ["other"]\naliases = { "both" = "other" }') +
      table('again', media.url, 'models = ["second"]\naliases = { "both" = "second" }\npriority = 3'),
  );
  server = await startServer({ dir, args: ['--rpm-limit', '1000', '--max-upload', '200MiB'] });
});
after(async () => {
  await server.stop();
  await media.stop();
  await rm(dir, { recursive: true });
});
const newToken = async () => (await server.issue()).token;

function form(fields) {
  const boundary = 'a-boundary-of-the-tests';
  const parts = fields.flatMap(([name, value]) => {
    const file = Buffer.isBuffer(value) ? `; filename="${name}.bin"\r\nContent-Type: audio/x` : '';
    return [
      Buffer.from(`--${boundary}\r\nContent-Disposition: form-data; name="${name}"${file}\r\n\r\n`),
      Buffer.from(value),
      Buffer.from('\r\n'),
    ];
  });
  return {
    type: `multipart/form-data; boundary=${boundary}`,
    body: Buffer.concat([...parts, Buffer.from(`--${boundary}--\r\n`)]),
  };
}
const send = (token, path, { type, body }, headers = {}) =>
  ask(`${server.origin}/v1${path}`, {
    method: 'POST',
    headers: { Authorization: `Bearer ${token}`, 'Content-Type': type, ...headers },
    body,
  });
const bytesOf = (seen) => Buffer.concat(seen.parts);

test('a form passes with its model mapped, wherever that stands and however large the file before it is', async () => {
  const token = await newToken();
  for (const size of [1000, 3 * MiB]) {
    const file = randomBytes(size);
    for (const chunked of [false, true]) {
      for (const order of [
        [
          ['model', 'ears'],
          ['file', file],
          ['language', 'zh'],
        ],
        [
          ['file', file],
          ['language', 'zh'],
          ['model', 'ears'],
        ],
      ]) {
        const sent = form(order);
        const arrived = media.next();
        const headers = chunked ? { 'Transfer-Encoding': 'chunked' } : { 'Content-Length': sent.body.length };
        const answer = await send(token, '/audio/transcriptions', sent, headers);
        assert.equal(answer.status, 200, answer.body.toString());
        assert.equal(answer.json().text, 'hello');
        const seen = await arrived;
        const expected = form(order.map(([name, value]) => [name, value === 'ears' ? 'whisper-1' : value]));
        assert.ok(bytesOf(seen).equals(expected.body));
        assert.equal(seen.headers['content-type'], sent.type);
        assert.equal(seen.headers.authorization, 'Bearer sk-media');
        if (!chunked) assert.equal(Number(seen.headers['content-length']), expected.body.length);
      }
    }
  }
  await used(server, token, 8);
  await usageIs(server, token, [['ears', 8, 8 * 14, 8 * 45]]);
  assert.deepEqual(
    (await readdir(dir)).filter((name) => name.startsWith('upload')),
    [],
  );
});

test('a form without a model gets the default one, and one that failed to connect is tried again', async () => {
  const token = await newToken();
  for (const size of [10, MiB]) {
    const file = randomBytes(size);
    const arrived = media.next();
    const sent = form([
      ['model', 'both'],
      ['file', file],
    ]);
    const answer = await send(token, '/audio/translations', sent, { 'Content-Length': sent.body.length });
    assert.equal(answer.status, 200, answer.body.toString());
    const seen = await arrived;
    assert.equal(seen.headers.authorization, 'Bearer sk-again');
    assert.ok(
      bytesOf(seen).equals(
        form([
          ['model', 'second'],
          ['file', file],
        ]).body,
      ),
    );
  }
  const arrived = media.next();
  assert.equal((await send(token, '/images/edits', form([['prompt', 'a cat']]))).status, 200);
  assert.ok(
    bytesOf(await arrived).equals(
      form([
        ['model', 'whisper-1'],
        ['prompt', 'a cat'],
      ]).body,
    ),
  );
});

test('what is no form is 400; an unknown model 400; nothing is counted', async () => {
  const token = await newToken();
  refused(
    await send(token, '/images/edits', { type: 'application/json', body: '{}' }),
    400,
    'INVALID_REQUEST',
  );
  refused(await send(token, '/images/edits', form([['model', 'no-such']])), 400, 'MODEL_NOT_FOUND');
  await used(server, token, 0);
});

test('a token that may not is refused before its body is asked for', async () => {
  const unknown = 'occ_00000000000000000000000000000000';
  const client = await connect(server.port);
  client.write(
    `POST /v1/audio/transcriptions HTTP/1.1\r\nHost: x\r\nAuthorization: Bearer ${unknown}\r\n` +
      'Content-Type: multipart/form-data; boundary=x\r\nContent-Length: 1000000\r\nExpect: 100-continue\r\n\r\n',
  );
  assert.match(await client.until('UNAUTHORIZED'), /^HTTP\/1\.1 401 /);
  client.close();
});

test('a large upload passes as it comes, at the upstream’s pace, and is not held in memory', async (t) => {
  const token = await newToken();
  media.byHand = true;
  t.after(() => (media.byHand = false));
  const total = 128 * MiB;
  const { type, body } = form([
    ['model', 'whisper-1'],
    ['file', Buffer.alloc(1)],
  ]);
  const head = body.subarray(0, body.indexOf('\r\n--', 100) - 1);
  const tail = Buffer.from('\r\n--a-boundary-of-the-tests--\r\n');
  const rss = async () =>
    Number(/VmRSS:\s+(\d+)/.exec(await readFile(`/proc/${server.child.pid}/status`, 'utf8'))[1]) * 1024;
  const before = await rss();

  const arrived = media.next();
  const request = http.request(`${server.origin}/v1/audio/transcriptions`, {
    method: 'POST',
    headers: {
      Authorization: `Bearer ${token}`,
      'Content-Type': type,
      'Content-Length': head.length + total + tail.length,
    },
  });
  const answered = once(request, 'response');
  request.write(head);
  const seen = await arrived; // though next to nothing of the body was sent yet
  const piece = Buffer.alloc(MiB, 'x');
  let sent = 0;
  const pump = (async () => {
    for (; sent < total; sent += piece.length) {
      if (!request.write(piece)) await once(request, 'drain');
    }
    request.end(tail);
  })();
  // The upstream reads nothing, so the client is stopped long before all has left it.
  let last = -1;
  await eventually(() => {
    const still = sent === last && sent > 0;
    last = sent;
    return new Promise((resolve) => setTimeout(() => resolve(still), 200));
  }, 'a client that waits');
  assert.ok(sent < total / 2, `${sent} bytes left the client`);
  seen.read();
  await pump;
  await eventually(() => seen.bytes === head.length + total + tail.length, 'all of it');
  if (!process.env.OPENCAT_TEST_SANITIZER) {
    const grown = (await rss()) - before;
    assert.ok(grown < 16 * MiB, `${grown} bytes more`);
  }
  seen.response.end('{"text":"long"}');
  const [response] = await answered;
  assert.equal(response.statusCode, 200);
  response.resume();
});

test('speech: bytes as they come, with their type; one that breaks off never looks whole', async (t) => {
  const token = await newToken();
  media.byHand = true;
  t.after(() => (media.byHand = false));
  for (const whole of [true, false]) {
    const arrived = media.next();
    const request = http.request(`${server.origin}/v1/audio/speech`, {
      method: 'POST',
      headers: bearer(token),
    });
    request.end('{"model":"ears","input":"hello"}');
    const seen = await arrived;
    seen.read();
    await eventually(() => bytesOf(seen).includes('hello'), 'the request');
    assert.equal(bytesOf(seen).toString(), '{"model":"whisper-1","input":"hello"}');
    seen.response.writeHead(200, { 'Content-Type': 'audio/mpeg' });
    const noise = randomBytes(100_000);
    seen.response.write(noise);
    const [response] = await once(request, 'response');
    assert.equal(response.headers['content-type'], 'audio/mpeg');
    const parts = [];
    let length = 0;
    response.on('data', (part) => (parts.push(part), (length += part.length)));
    await eventually(() => length === noise.length, 'the first bytes, before the end');
    const failed = new Promise((resolve) => response.on('error', resolve));
    const ended = new Promise((resolve) => response.on('end', () => resolve('ended')));
    if (whole) {
      seen.response.end('end');
      assert.equal(await ended, 'ended');
      assert.ok(Buffer.concat(parts).equals(Buffer.concat([noise, Buffer.from('end')])));
    } else {
      seen.response.destroy();
      assert.notEqual(await Promise.race([failed, ended]), 'ended');
    }
  }
  await used(server, token, 2);
});

test('an upstream’s own error is relayed, and a client that leaves in the middle ends its call', async (t) => {
  const token = await newToken();
  media.byHand = true;
  t.after(() => (media.byHand = false));
  const { type, body } = form([
    ['model', 'whisper-1'],
    ['file', randomBytes(1000)],
  ]);
  let arrived = media.next();
  const answered = send(token, '/audio/transcriptions', { type, body });
  const seen = await arrived;
  seen.read();
  seen.response.writeHead(415, { 'Content-Type': 'application/json' }).end('{"error":{"message":"no"}}');
  assert.deepEqual([(await answered).status, (await answered).json().error.message], [415, 'no']);

  arrived = media.next();
  const client = await connect(server.port);
  client.write(
    `POST /v1/audio/transcriptions HTTP/1.1\r\nHost: x\r\nAuthorization: Bearer ${token}\r\n` +
      `Content-Type: ${type}\r\nContent-Length: 1000000\r\n\r\n`,
  );
  client.write(body.subarray(0, 600));
  const cut = await arrived;
  client.close();
  await cut.ended;
  assert.equal(cut.request.complete, false);
  await used(server, token, 2);
});
