// SPDX-License-Identifier: MIT
// One opencat takes another's place while clients come and go: SIGUSR2, sockets from systemd, older data.
import assert from 'node:assert/strict';
import { execFileSync, spawn } from 'node:child_process';
import { once } from 'node:events';
import {
  chmodSync,
  closeSync,
  constants,
  copyFileSync,
  existsSync,
  openSync,
  readdirSync,
  readFileSync,
  readSync,
  renameSync,
  writeFileSync,
  writeSync,
} from 'node:fs';
import { rm } from 'node:fs/promises';
import http from 'node:http';
import net from 'node:net';
import { join, resolve } from 'node:path';
import { after, before, test } from 'node:test';
import { createInterface } from 'node:readline';
import { startUpstream } from '../fakes/upstream.mjs';
import { sql, used } from '../support/checks.mjs';
import { ask, chat, chatStream, connect, eventually, hello } from '../support/http.mjs';
import { freePort, newFolder, runOpencat, startOpencat, startServer } from '../support/server.mjs';

let upstream;
before(async () => (upstream = await startUpstream()));
after(() => upstream.stop());

async function folder(t) {
  const dir = await newFolder();
  t.after(() => rm(dir, { recursive: true, force: true }));
  return dir;
}

/** A server whose program is a file of its own: replace(text) has a script there at its next start. */
async function startReplaceable(t, options = {}) {
  const program = join(await folder(t), 'opencat');
  copyFileSync(resolve(process.env.OPENCAT), program);
  const args = ['--upstream-url', upstream.url, '--upstream-model', 'm', '--rpm-limit', '100000'];
  const server = await startServer({
    args,
    wrap: ['sh', '-c', `shift; exec ${program} "$@"`, 'sh'],
    ...options,
  });
  // Of a test that failed: whoever is left holds the pipes open.
  t.after(() => {
    server.child.kill('SIGKILL');
    for (const [, pid] of server.child.text.stderr.matchAll(/process (\d+) serves now/g)) {
      try {
        process.kill(Number(pid), 'SIGKILL');
      } catch (error) {
        assert.equal(error.code, 'ESRCH');
      }
    }
  });
  const replace = (text) => {
    writeFileSync(`${program}.new`, `#!/bin/sh\n${text}\n`);
    chmodSync(`${program}.new`, 0o755);
    renameSync(`${program}.new`, program);
  };
  const told = (text) => eventually(() => server.child.text.stderr.includes(text), `'${text}' in the log`);
  return { ...server, replace, told };
}

/** The successor's process, as the log names it. */
const successorOf = (server) => Number(/process (\d+) serves now/.exec(server.child.text.stderr)[1]);

/** Ends the successor, and with it the last of the server's pipes: the first process's exit code. */
async function stopBoth(server) {
  process.kill(successorOf(server), 'SIGTERM');
  return server.stop();
}

/** Opens connections all the time, with and without keep-alive: {answered, problems, stop()}. */
function hammer(origin) {
  const agent = new http.Agent({ keepAlive: true, maxSockets: 2 });
  const state = { answered: 0, problems: [], over: false };
  const worker = async (options) => {
    while (!state.over) {
      try {
        const { status } = await ask(`${origin}/healthz`, options);
        assert.equal(status, 200);
        ++state.answered;
      } catch (error) {
        state.problems.push(error.message);
      }
    }
  };
  const workers = [{}, {}, { agent }, { agent }].map(worker);
  return {
    state,
    async stop() {
      state.over = true;
      await Promise.all(workers);
      agent.destroy();
      return state;
    },
  };
}

test('SIGUSR2 starts the new program: no connection is refused, and a stream goes on', async (t) => {
  const server = await startReplaceable(t, { env: { OPENCAT_OPS_PORT: '0' } });
  const { token } = await server.issue();
  const begun = chatStream(server, token);
  const model = await upstream.next();
  model.say('one');
  const stream = await begun;
  await stream.next();
  const clients = hammer(server.origin);
  const more = (count) => {
    const enough = clients.state.answered + count;
    return eventually(() => clients.state.answered >= enough, `${count} more answers`);
  };
  await more(100);
  const marker = join(server.dir, 'the-new-one');
  server.replace(`echo started >>${marker}; exec ${resolve(process.env.OPENCAT)} "$@"`);
  server.child.kill('SIGUSR2');
  await server.told('serves now');
  await more(200);
  assert.equal(readFileSync(marker, 'utf8'), 'started\n');
  assert.equal(server.child.exitCode, null, 'the first has a stream, and stays for it');

  // The new one counts on the same data while the old one is still there, and both are settled.
  const answered = chat(server, token);
  (await upstream.next()).answer();
  assert.equal((await answered).status, 200);
  model.say('two');
  model.done();
  const rest = await stream.rest();
  assert.match(rest[0], /two/);
  assert.equal(rest.at(-1), '[DONE]');
  const [code] = await once(server.child, 'exit');
  assert.equal(code, 0);
  await more(100);
  const { problems } = await clients.stop();
  assert.deepEqual(problems, []);
  assert.equal((await ask(`${server.ready.ops_url}/readyz`)).status, 200);
  await used(server, token, 2);

  const second = await runOpencat(['serve', '--demo', '--port', '0', '--data-dir', server.dir]);
  assert.match(second.stderr, /another opencat serves/);
  assert.equal(readFileSync(join(server.dir, 'address'), 'utf8').trim(), server.origin);
  assert.equal(await stopBoth(server), 0);
});

test('a connection whose request comes after the hand-over is answered by the one that accepted it', async (t) => {
  const server = await startReplaceable(t);
  const early = await connect(server.port);
  early.write('GET /healthz HTTP/1.1\r\n');
  // The server, and not only the system, has it once a later connection was answered.
  for (let i = 0; i < 2; ++i) await ask(`${server.origin}/healthz`);
  server.child.kill('SIGUSR2');
  await server.told('serves now');
  early.write('Host: x\r\n\r\n');
  assert.match(await early.ended, /HTTP\/1\.1 200 /); // and the connection is closed then
  assert.equal(await stopBoth(server), 0);
});

test('a new program that does not come up changes nothing', async (t) => {
  const server = await startReplaceable(t);
  server.replace('echo "this one is broken" >&2; exit 1');
  server.child.kill('SIGUSR2');
  await server.told('did not come to serve; this one goes on');
  assert.equal((await ask(`${server.origin}/healthz`)).status, 200);
  server.replace(`exec ${resolve(process.env.OPENCAT)} "$@"`);
  server.child.kill('SIGUSR2');
  await server.told('serves now');
  assert.equal((await ask(`${server.origin}/healthz`)).status, 200);
  assert.equal(await stopBoth(server), 0);
});

test('SIGUSR2 that comes before the start is told is not lost', async (t) => {
  const dir = await folder(t);
  // It tells its start into a pipe that is full, and so comes no further.
  const pipe = join(dir, 'pipe');
  execFileSync('mkfifo', [pipe]);
  const end = openSync(pipe, constants.O_RDWR | constants.O_NONBLOCK);
  t.after(() => closeSync(end));
  const full = Buffer.alloc(4096, ' ');
  assert.throws(() => {
    for (;;) writeSync(end, full);
  }, /EAGAIN/);
  const child = await startOpencat(['serve', '--demo', '--port', '0', '--data-dir', dir], {
    wrap: ['sh', '-c', 'exec "$@" >"$0"', pipe],
  });
  t.after(() => child.kill('SIGKILL'));
  await eventually(() => existsSync(join(dir, 'address')), 'the server');
  child.kill('SIGUSR2');
  const drained = setInterval(() => {
    try {
      readSync(end, full);
    } catch (error) {
      assert.equal(error.code, 'EAGAIN');
    }
  }, 1);
  t.after(() => clearInterval(drained));
  await eventually(() => child.text.stderr.includes('serves now'), 'the next opencat');
  assert.equal(await stopBoth({ child, stop: async () => (await child.ended)[0] }), 0);
});

test('systemd’s main process is the new one, told by the old one', async (t) => {
  const place = join(await folder(t), 'notify');
  const listen =
    'import socket,sys\ns=socket.socket(socket.AF_UNIX,socket.SOCK_DGRAM)\ns.bind(sys.argv[1])\n' +
    'print("bound",flush=True)\nwhile True: print(s.recv(4096).decode(),flush=True)';
  const manager = spawn('python3', ['-c', listen, place], { stdio: ['ignore', 'pipe', 'inherit'] });
  t.after(() => manager.kill());
  const said = [];
  createInterface({ input: manager.stdout }).on('line', (line) => said.push(line));
  await eventually(() => said.includes('bound'), 'the manager');
  const server = await startReplaceable(t, { env: { NOTIFY_SOCKET: place } });
  await eventually(() => said.includes('READY=1'), 'READY=1');
  server.child.kill('SIGUSR2');
  await server.told('serves now');
  const pid = successorOf(server);
  await eventually(() => said.includes(`MAINPID=${pid}`), 'MAINPID');
  assert.equal(await stopBoth(server), 0);
});

/** A data folder as an opencat of schema 2 left it, with one token. */
async function olderData(t) {
  const dir = await folder(t);
  const migrations = ['001_tokens_and_usage.sql', '002_order_and_estimates.sql'];
  const source = (name) =>
    readFileSync(new URL(`../../server/store/migrations/sqlite/${name}`, import.meta.url));
  const file = join(dir, 'opencat.db');
  execFileSync('sqlite3', [file], {
    input:
      migrations.map(source).join(';\n') +
      ';\nINSERT INTO tokens (id, token_hash, token_prefix, status, platform, install_id, version, label, ' +
      "daily_limit, monthly_limit, meta, created_at) VALUES ('tok_old', x'01', 'occ_0000', 'disabled', " +
      "'linux-x64', 'i', '1', 'Ms Li', 7, 70, '{}', '2026-01-31T08:00:00Z');" +
      "INSERT INTO usage (token_id, date, model, request_count) VALUES ('tok_old', '2026-01-31', 'm', 5);" +
      'PRAGMA user_version = 2;',
  });
  chmodSync(file, 0o600);
  return dir;
}
const schemaOf = (dir, name = 'opencat.db') =>
  Number(execFileSync('sqlite3', [join(dir, name), 'PRAGMA user_version'], { encoding: 'utf8' }));
const columnsOf = (dir, name) =>
  execFileSync('sqlite3', [join(dir, name), '.schema tokens'], { encoding: 'utf8' });

test('older data are brought up to date, with a whole copy beside them that is told', async (t) => {
  const dir = await olderData(t);
  const before_it = columnsOf(dir, 'opencat.db');
  const server = await startServer({ dir });
  const copy = join(dir, 'opencat-schema2.db');
  assert.ok(server.child.text.stderr.includes(copy), server.child.text.stderr);
  assert.equal(schemaOf(dir, 'opencat-schema2.db'), 2);
  assert.equal(columnsOf(dir, 'opencat-schema2.db'), before_it);
  assert.ok(schemaOf(dir) > 2);
  await server.issue();
  assert.equal(sql(server, 'SELECT count(*) FROM tokens')[0][0], 3); // and the demo's
  const old = "SELECT label, status, daily_limit, monthly_limit, plan FROM tokens WHERE id = 'tok_old'";
  assert.deepEqual(sql(server, old), [['Ms Li', 'disabled', 7, 70, null]]);
  assert.equal(sql(server, 'SELECT request_count FROM usage')[0][0], 5);
  assert.equal(await server.stop(), 0);
  // Once is enough.
  await rm(copy);
  const again = await startServer({ dir });
  assert.deepEqual(
    readdirSync(dir).filter((name) => name.startsWith('opencat-schema')),
    [],
  );
  assert.equal(await again.stop(), 0);
});

test('a copy that cannot be made leaves older data as they are', async (t) => {
  const dir = await olderData(t);
  execFileSync('mkdir', ['-p', join(dir, 'opencat-schema2.db', 'in-the-way')]);
  const { code, stderr } = await runOpencat(['serve', '--demo', '--port', '0', '--data-dir', dir]);
  assert.notEqual(code, 0);
  assert.match(stderr, /cannot write .*opencat-schema2\.db/);
  assert.equal(schemaOf(dir), 2);
});

test('older data are brought up to date only when the opencat before is gone; clients wait', async (t) => {
  const dir = await olderData(t);
  // This test is the opencat before: it has a listener, which nothing accepts from here, and the other end of a pipe.
  const door = net.createServer().listen(0, '127.0.0.1');
  await once(door, 'listening');
  const { port } = door.address();
  const child = spawn(resolve(process.env.OPENCAT), ['serve', '--demo', '--data-dir', dir], {
    env: { ...process.env, OPENCAT_HANDOVER: 'listener=3 predecessor=4' },
    stdio: ['ignore', 'pipe', 'inherit', door._handle.fd, 'pipe'],
  });
  t.after(() => child.kill('SIGKILL'));
  door.close();
  const said = await once(child.stdio[4], 'data');
  assert.equal(String(said), 'after\n');
  const waiting = ask(`http://127.0.0.1:${port}/healthz`);
  assert.equal(schemaOf(dir), 2);
  child.stdio[4].destroy(); // the opencat before ends
  assert.equal((await waiting).status, 200);
  assert.ok(schemaOf(dir) > 2);
  assert.equal(schemaOf(dir, 'opencat-schema2.db'), 2);
  child.kill('SIGTERM');
  const [code] = await once(child, 'exit');
  assert.equal(code, 0);
});

test('sockets of systemd are served, whatever host and port are set; what came early is answered', async (t) => {
  const [port, opsPort] = [await freePort(), await freePort()];
  const wrap = ['systemd-socket-activate', '--fdname=opencat:ops'];
  for (const one of [port, opsPort]) wrap.push('-l', `127.0.0.1:${one}`);
  const starting = startServer({ args: ['--demo', '--port', '1'], wrap });
  // It is the first connection that starts the server.
  const early = await eventually(() => connect(port).catch(() => null), 'a socket that listens');
  early.write('GET /healthz HTTP/1.1\r\nHost: x\r\nConnection: close\r\n\r\n');
  const server = await starting;
  t.after(() => server.stop());
  assert.equal(server.origin, `http://127.0.0.1:${port}`);
  assert.equal(server.ready.ops_url, `http://127.0.0.1:${opsPort}`);
  assert.match(await early.ended, /200 OK/);
  assert.equal((await ask(`${server.ready.ops_url}/readyz`)).status, 200);
});

test('a socket that does not listen on TCP is refused in a sentence', async (t) => {
  const dir = await folder(t);
  const { code, stderr } = await runOpencat(['serve', '--demo', '--data-dir', dir], {
    env: { OPENCAT_HANDOVER: 'listener=1' },
  });
  assert.equal(code, 2);
  assert.match(stderr, /'listener' .* does not listen on TCP; give ListenStream=/);
});
