// SPDX-License-Identifier: MIT
// Clients that leave, that read slowly, that come in numbers: what they cost, and what the upstream sees of them.
import assert from 'node:assert/strict';
import { once } from 'node:events';
import { readFile, readdir } from 'node:fs/promises';
import net from 'node:net';
import { after, before, test } from 'node:test';
import { event, startUpstream } from '../fakes/upstream.mjs';
import { refused, usageIs, used } from '../support/checks.mjs';
import { ask, bearer, chat, chatStream, connect, eventually, hello } from '../support/http.mjs';
import { startServer } from '../support/server.mjs';

let upstream;
let server;
const start = (more = []) =>
  startServer({
    args: ['--upstream-url', upstream.url, '--upstream-model', 'm', '--rpm-limit', '1000', ...more],
  });
before(async () => {
  upstream = await startUpstream();
  server = await start();
});
after(async () => {
  await server.stop();
  await upstream.stop();
});
const newToken = async () => (await server.issue()).token;

async function kilobytes(name) {
  const text = await readFile(`/proc/${server.child.pid}/status`, 'utf8');
  return Number(new RegExp(`${name}:\\s+(\\d+)`).exec(text)[1]);
}
/** Processor time used so far in hundredths of a second, all threads. */
async function ticks(of = server) {
  const fields = (await readFile(`/proc/${of.child.pid}/stat`, 'utf8')).replace(/.*\) /, '').split(' ');
  return Number(fields[11]) + Number(fields[12]);
}

// A sanitizer has memory and work of its own.
const costsAreOurs = !process.env.OPENCAT_TEST_SANITIZER;
const second = costsAreOurs ? 1000 : 10_000;

test('a client that leaves a stream cancels it at the upstream within a second, and is charged', async () => {
  const token = await newToken();
  const stream = chatStream(server, token);
  const model = await upstream.next();
  model.say('one');
  const { next, request } = await stream;
  await next();
  model.usage(30, 4); // as upstreams do that report usage on the way; the client never asked for it
  model.say('two');
  await next();
  const left = performance.now();
  request.destroy();
  await model.closed;
  assert.ok(performance.now() - left < second);
  await used(server, token, 1);
  await usageIs(server, token, [['m', 1, 30, 4]]);
});

test('a client that leaves before a whole answer cancels it at the upstream within a second', async () => {
  const token = await newToken();
  const client = await connect(server.port);
  const body = JSON.stringify(hello);
  client.write(
    `POST /v1/chat/completions HTTP/1.1\r\nHost: x\r\nAuthorization: Bearer ${token}\r\n` +
      `Content-Length: ${body.length}\r\n\r\n${body}`,
  );
  const model = await upstream.next();
  const left = performance.now();
  client.close();
  await model.closed;
  assert.ok(performance.now() - left < second);
  await used(server, token, 1);
});

test('a client that reads nothing stops the upstream’s flow, and memory stays bounded', async () => {
  const token = await newToken();
  const stream = chatStream(server, token);
  const model = await upstream.next();
  model.say('first');
  const { next, response } = await stream;
  await next();
  response.pause();
  const before = await kilobytes('VmRSS');
  const piece = event({ choices: [{ index: 0, delta: { content: 'x'.repeat(64 << 10) } }] });
  let sent = 0;
  // 64 MiB, if somebody took them. It stops when the pipe is full: a write that is not taken within a second.
  let stuck = false;
  while (!stuck && sent < 1024) {
    let patience;
    const full = new Promise((resolve) => (patience = setTimeout(resolve, 1000, true)));
    stuck = await Promise.race([model.send(piece).then(() => false), full]);
    clearTimeout(patience);
    sent += 1;
  }
  assert.ok(stuck, 'all was taken');
  const grown = (await kilobytes('VmRSS')) - before;
  if (costsAreOurs) assert.ok(grown < 8 << 10, `it grew by ${grown} KiB`);
  // The server must rest meanwhile, also when the upstream has nothing more to say.
  model.done();
  const busy = await ticks();
  await new Promise((resolve) => setTimeout(resolve, 500));
  assert.ok((await ticks()) - busy < 15, 'it spins');
  response.resume();
  let count = 0;
  for (let data; (data = await next()) !== '[DONE]';) if (data.includes('xxx')) ++count;
  assert.equal(count, sent);
});

// Each of the following has a server of its own, so that the most memory it ever had tells of this client.
const grewLittle = async (t, ours, misbehave) => {
  t.after(() => ours.stop());
  const most = async () =>
    Number(/VmHWM:\s+(\d+)/.exec(await readFile(`/proc/${ours.child.pid}/status`, 'utf8'))[1]);
  await ask(`${ours.origin}/chat`); // what a first request makes is not this client's
  const before = await most();
  await misbehave();
  const grown = (await most()) - before;
  if (costsAreOurs) assert.ok(grown < 12 << 10, `it grew by ${grown} KiB`);
};
/** Writes up to 64 MiB, until nothing more is taken for a while. */
async function pour(socket) {
  const junk = Buffer.alloc(1 << 20, 'junk ');
  for (let i = 0; i < 64 && !socket.destroyed; ++i) {
    const taken = new Promise((resolve) => socket.write(junk, () => resolve(true)));
    if (!(await Promise.race([taken, stalled()]))) break;
  }
}
const stalled = () => new Promise((resolve) => setTimeout(resolve, 500, false).unref());

test('a client that sends on and on during its answer fills nothing', async (t) => {
  const ours = await start();
  await grewLittle(t, ours, async () => {
    const { token } = await ours.issue();
    const body = JSON.stringify({ ...hello, stream: true });
    const client = await connect(ours.port);
    client.write(
      `POST /v1/chat/completions HTTP/1.1\r\nHost: x\r\nAuthorization: Bearer ${token}\r\n` +
        `Content-Length: ${body.length}\r\n\r\n${body}`,
    );
    const model = await upstream.next();
    model.say('it begins');
    await client.until('it begins');
    await pour(client.socket);
    model.say('it goes on');
    await client.until('it goes on');
    client.close();
    model.done();
  });
});

test('a client that sends on and on behind its last request fills nothing', async (t) => {
  const ours = await start();
  await grewLittle(t, ours, async () => {
    const client = await connect(ours.port);
    client.write('GET /healthz HTTP/1.1\r\nHost: x\r\nConnection: close\r\n\r\n');
    assert.match(await client.ended, /200 OK/);
    await pour(client.socket);
    client.close();
  });
});

test('a client that asks on and on and reads nothing fills nothing, and gets all its answers once it reads', async (t) => {
  const ours = await start();
  const asked = 8000;
  const page = Buffer.byteLength((await ask(`${ours.origin}/chat`)).body);
  await grewLittle(t, ours, async () => {
    const client = net.connect({ port: ours.port, host: '127.0.0.1' });
    client.pause();
    client.write('GET /chat HTTP/1.1\r\nHost: x\r\n\r\n'.repeat(asked - 1));
    client.write('GET /chat HTTP/1.1\r\nHost: x\r\nConnection: close\r\n\r\n');
    // Until the server rests: it has answered as much as it will.
    for (let before = -1, now; before !== (now = await ticks(ours)); before = now) await stalled();
    const head = 'HTTP/1.1 200 OK\r\n';
    let bytes = 0;
    let answers = 0;
    let rest = '';
    for await (const piece of client) {
      bytes += piece.length;
      const text = rest + piece.toString('latin1');
      answers += text.split(head).length - 1;
      rest = text.slice(-(head.length - 1));
    }
    assert.ok(bytes > asked * page, `${bytes} bytes`);
    assert.equal(answers, asked);
  });
});

test('a thousand idle connections shut nobody out', async (t) => {
  // What they cost is measured by ./dev bench relay: a test that measures time fails on a busy machine.
  const clients = await Promise.all(Array.from({ length: 1000 }, () => connect(server.port)));
  t.after(() => clients.forEach((client) => client.close()));
  const token = await newToken();
  const answered = chat(server, token);
  (await upstream.next()).answer();
  assert.equal((await answered).status, 200);
});

test('the limit of open files is raised to what the system allows', async (t) => {
  const narrow = await startServer({ wrap: ['sh', '-c', 'ulimit -S -n 256; exec "$@"', 'sh'] });
  t.after(() => narrow.stop());
  const clients = await Promise.all(Array.from({ length: 400 }, () => connect(narrow.port)));
  t.after(() => clients.forEach((client) => client.close()));
  assert.equal((await ask(`${narrow.origin}/healthz`)).status, 200);
  assert.ok((await readdir(`/proc/${narrow.child.pid}/fd`)).length > 400);
});

test('beyond its limit of connections the server says 503 at once, and serves again later', async (t) => {
  const small = await start(['--max-connections', '3']);
  t.after(() => small.stop());
  const clients = await Promise.all([connect(small.port), connect(small.port), connect(small.port)]);
  const answer = await eventually(async () => {
    const tried = await ask(`${small.origin}/healthz`);
    return tried.status === 503 && tried;
  }, 'the limit');
  refused(answer, 503, 'SERVICE_UNAVAILABLE');
  assert.equal(answer.headers['x-protocol-version'], '1.0.0');
  assert.ok(answer.headers['x-request-id']);
  clients.forEach((client) => client.close());
  await eventually(async () => (await ask(`${small.origin}/healthz`)).status === 200, 'room again');
});

test('who sends or reads a byte now and then takes one slot each, and the others are served meanwhile', async (t) => {
  const full = await start(['--max-connections', '8', '--ops-port', '0']);
  t.after(() => full.stop());
  const { token } = await full.issue();
  const open = async () => {
    const { body } = await ask(`${full.ready.ops_url}/metrics`);
    return Number(/^opencat_connections_open (\d+)$/m.exec(body)[1]);
  };
  await eventually(async () => (await open()) === 0, 'no connection');
  const head = (length) =>
    `POST /v1/chat/completions HTTP/1.1\r\nHost: x\r\nAuthorization: Bearer ${token}\r\nContent-Length: ${length}\r\n`;
  const slow = await Promise.all([1, 2, 3].map(() => connect(full.port)));
  slow[1].write(`${head(1000)}\r\n`);
  slow[2].write(`${head(100)}\r\n`);
  // The third reads nothing of a stream that has much to say.
  const stream = JSON.stringify({ ...hello, stream: true }).padEnd(100);
  slow[2].socket.pause();
  slow[2].write(stream);
  const model = await upstream.next();
  const flood = (async () => {
    while (!model.response.destroyed) {
      const taken = model.say('x'.repeat(64 << 10));
      await Promise.race([taken, model.closed]);
    }
  })();
  const dripping = setInterval(() => {
    slow[0].write('G');
    slow[1].write(' ');
  }, 100);
  t.after(() => clearInterval(dripping));
  for (let i = 0; i < 20; ++i) {
    const began = Date.now();
    assert.equal((await ask(`${full.origin}/healthz`)).status, 200);
    assert.ok(Date.now() - began < second);
    await new Promise((resolve) => setTimeout(resolve, 50));
  }
  await eventually(async () => (await open()) === 3, 'a slot for each of the slow');
  const more = await Promise.all([1, 2, 3, 4, 5].map(() => connect(full.port)));
  await eventually(async () => (await open()) === 8, 'all slots taken');
  refused(await ask(`${full.origin}/healthz`), 503, 'SERVICE_UNAVAILABLE');
  assert.equal((await ask(`${full.ready.ops_url}/healthz`)).status, 200);
  for (const client of [...slow, ...more]) client.close();
  await flood;
  await eventually(async () => (await open()) === 0, 'all slots free');
});

test('fifty streams at once are each relayed to their own client', async () => {
  const token = await newToken();
  const streams = Array.from({ length: 50 }, (_, i) => chatStream(server, token, { messages: [i] }));
  for (let i = 0; i < 50; ++i) {
    const model = await upstream.next();
    const [own] = model.body.messages;
    for (let n = 0; n < 5; ++n) model.say(`${own}.${n}`);
    model.done();
  }
  for (const [i, stream] of streams.entries()) {
    const events = (await (await stream).rest()).slice(0, 5);
    const texts = events.map((data) => JSON.parse(data).choices[0].delta.content);
    assert.deepEqual(
      texts,
      [0, 1, 2, 3, 4].map((n) => `${i}.${n}`),
    );
  }
  assert.equal((await ask(`${server.origin}/v1/models`, { headers: bearer(token) })).status, 200);
});
