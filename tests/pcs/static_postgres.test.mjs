// SPDX-License-Identifier: MIT
// The static executables on a real PostgreSQL: its libpq is one of our own building, in a program that cannot load what
// glibc would load to find a name.
import assert from 'node:assert/strict';
import { spawn, spawnSync } from 'node:child_process';
import { once } from 'node:events';
import fs from 'node:fs';
import path from 'node:path';
import { test } from 'node:test';
import { environment, sandbox, until } from '../cli/helpers.mjs';
import { certificate } from '../fakes/certificate.mjs';
import { startDns } from '../fakes/dns.mjs';
import { ask, chat } from '../support/http.mjs';
import { noPostgres, startPostgres } from '../support/postgres.mjs';
import { tokenRequest } from '../support/server.mjs';
import { makeRoot, noRoots, release, startIn } from './roots.mjs';

const x64 = release('linux-x64');
const arm64 = release('linux-arm64');
const QEMU = 'qemu-aarch64-static';
const noQemu = spawnSync(QEMU, ['--version']).error && `there is no ${QEMU} (Debian: qemu-user-static)`;

/** Its URL, once it serves. */
async function served(server) {
  await until(() => server.said.stdout.includes('\n') || server.exitCode !== null, 'its first line');
  assert.equal(server.exitCode, null, server.said.stderr);
  // An error is a line of its own.
  const { url } = JSON.parse(server.said.stdout.split('\n')[0]);
  assert.ok(url, server.said.stdout + server.said.stderr);
  return url;
}

/** Issues a token, chats with it, and finds both in the database. */
async function serves(url, secret, postgres) {
  const issued = await ask(`${url}/api/tokens`, {
    method: 'POST',
    headers: { 'X-Admin-Secret': secret, 'Content-Type': 'application/json' },
    body: JSON.stringify(tokenRequest()),
  });
  const { token } = issued.json();
  const answer = await chat({ origin: url }, token);
  assert.equal(answer.status, 200, answer.text);
  assert.equal(Number(postgres.sql('SELECT sum(request_count) FROM all_usage')[0][0]), 1);
}

test(
  'a root without a library: PostgreSQL by a name of DNS, over TLS that is checked, by SCRAM',
  { skip: x64.skip || noRoots || noPostgres },
  async (t) => {
    const folder = sandbox(t);
    const tls = { ...certificate(folder, ['db.example']), name: 'db.example' };
    const postgres = await startPostgres(t, { tls });
    const dns = await startDns({ 'db.example': '127.0.0.1' }, '127.0.0.154');
    t.after(() => dns.stop());
    const root = makeRoot(path.join(folder, 'root'), x64.file, {
      'etc/resolv.conf': 'nameserver 127.0.0.154\n',
      // Modules that a static program cannot load, and nothing behind them.
      'etc/nsswitch.conf': 'hosts: resolve [!UNAVAIL=return] mymachines\npasswd: systemd\n',
      'db.pem': tls.cert,
      'other.pem': certificate(folder, ['db.example']).cert,
    });
    const words = ['/opencat', 'serve', '--demo', '--port', '0', '--data-dir', '/data', '--json'];
    const start = (ca) => startIn(root, words, { OPENCAT_STORE: `${postgres.secureUrl}&sslrootcert=${ca}` });
    const server = start('/db.pem');
    t.after(() => server.kill('SIGKILL'));
    const url = await served(server);
    await serves(url, fs.readFileSync(path.join(root, 'data/admin-secret'), 'utf8').trim(), postgres);
    assert.ok(dns.asked.includes('db.example'));
    // unshare passes no signal on: what it started ends with it.
    server.kill('SIGKILL');
    await server.done;

    const refused = await start('/other.pem').done;
    assert.notEqual(refused.code, 0);
    assert.match(refused.stderr, /certificate verify failed/);
    assert.doesNotMatch(refused.stderr, /secret-word/);
  },
);

test(
  'linux-arm64 serves on PostgreSQL under qemu',
  { skip: arm64.skip || noQemu || noPostgres },
  async (t) => {
    const folder = sandbox(t);
    const tls = { ...certificate(folder, ['localhost']), name: 'localhost' };
    const postgres = await startPostgres(t, { tls });
    const words = ['serve', '--demo', '--port', '0', '--data-dir', path.join(folder, 'data'), '--json'];
    const server = spawn(QEMU, [arm64.file, ...words], {
      env: environment(folder, { OPENCAT_STORE: `${postgres.secureUrl}&sslrootcert=${tls.file}` }),
    });
    t.after(() => server.kill('SIGKILL'));
    server.said = { stdout: '', stderr: '' };
    for (const name of ['stdout', 'stderr'])
      server[name].setEncoding('utf8').on('data', (text) => (server.said[name] += text));
    const closed = once(server, 'close');
    const url = await served(server);
    await serves(url, fs.readFileSync(path.join(folder, 'data/admin-secret'), 'utf8').trim(), postgres);
    server.kill('SIGTERM');
    assert.equal((await closed)[0], 0, server.said.stderr);
  },
);
