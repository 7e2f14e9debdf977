// SPDX-License-Identifier: MIT
// A PostgreSQL for a test: on a socket in a folder of its own, as a user who is nobody, ended with the test.
import { execFileSync, spawn } from 'node:child_process';
import { once } from 'node:events';
import { chownSync, existsSync, mkdirSync, readdirSync } from 'node:fs';
import { rm, writeFile } from 'node:fs/promises';
import { join } from 'node:path';
import { eventually } from './http.mjs';
import { freePort, newFolder } from './server.mjs';

const versions = '/usr/lib/postgresql';
const newest = existsSync(versions) ? readdirSync(versions).sort().at(-1) : undefined;
const program = (name) => join(versions, newest, 'bin', name);

/** Why there can be none here, or false: for a test's `skip`. */
export const noPostgres = newest
  ? false
  : 'skipped: PostgreSQL is not installed (Debian’s package postgresql)';

/** Words before a program's name: not root, whom PostgreSQL refuses, and no longer than this process lives. */
const asNobody = [
  'setpriv',
  ...(process.getuid() === 0 ? ['--reuid=nobody', '--regid=nogroup', '--clear-groups'] : []),
  '--pdeathsig',
  'QUIT',
];

/** The settings for TLS, with whose files the server can start; only by TLS and SCRAM does anyone come in by TCP. */
async function secured(data, { key, cert }) {
  const files = { ssl_key_file: key, ssl_cert_file: cert };
  const settings = [];
  for (const [name, bytes] of Object.entries(files)) {
    const path = join(data, `${name}.pem`);
    await writeFile(path, bytes, { mode: 0o600 });
    if (process.getuid() === 0) chownSync(path, 65534, 65534);
    settings.push(`${name}=${path}`);
  }
  await writeFile(join(data, 'pg_hba.conf'), 'local all all trust\nhostssl all all all scram-sha-256\n');
  return settings;
}

/**
 * {url, folder, sql(statement) → rows of texts, stop(signal), start()}: a server whose database is empty, and the folder
 * of its socket. `url` has a password, which is asked of nobody. With `tls`, a certificate() for the name `tls.name`, the
 * server listens on loopback, too, where it asks for that password over TLS alone: `secureUrl`, without sslrootcert.
 */
export async function startPostgres(t, { tls } = {}) {
  const folder = await newFolder();
  const data = join(folder, 'data');
  mkdirSync(data);
  if (process.getuid() === 0) for (const path of [folder, data]) chownSync(path, 65534, 65534);
  const [first, ...rest] = asNobody;
  const words = ['-D', data, '-U', 'opencat', '-A', 'trust', '-E', 'UTF8', '--locale=C.UTF-8', '--no-sync'];
  execFileSync(first, [...rest, program('initdb'), ...words], { stdio: ['ignore', 'ignore', 'inherit'] });
  let child;
  const port = tls ? await freePort() : 5432; // of the socket's name, too
  const settings = [`port=${port}`, 'listen_addresses='];
  if (tls) settings.push('listen_addresses=127.0.0.1', 'ssl=on', ...(await secured(data, tls)));
  const postgres = {
    folder,
    url: `postgresql://opencat:secret-word@/postgres?host=${folder}&port=${port}`,
    secureUrl: tls && `postgresql://opencat:secret-word@${tls.name}:${port}/postgres?sslmode=verify-full`,
    sql(statement) {
      const args = ['-XAtq', '-F', '\t', '-v', 'ON_ERROR_STOP=1', postgres.url, '-c', statement];
      const text = execFileSync('psql', args, {
        encoding: 'utf8',
        maxBuffer: 1 << 28,
        stdio: ['ignore', 'pipe', 'pipe'],
      });
      return text
        .split('\n')
        .slice(0, -1)
        .map((line) => line.split('\t'));
    },
    async start() {
      const options = [...settings, 'fsync=off', 'max_connections=40'].flatMap((one) => ['-c', one]);
      child = spawn(first, [...rest, program('postgres'), '-D', data, '-k', folder, ...options], {
        stdio: 'ignore',
      });
      child.ended = once(child, 'close');
      await eventually(
        () => {
          try {
            return postgres.sql('SELECT 1').length === 1;
          } catch {
            return false;
          }
        },
        'a PostgreSQL that answers',
        60_000,
      );
    },
    /** SIGINT: as an operator restarts it; SIGQUIT: as if the machine lost its power. */
    async stop(signal = 'SIGINT') {
      child.kill(signal);
      await child.ended;
    },
  };
  t.after(async () => {
    await postgres.stop('SIGQUIT');
    await rm(folder, { recursive: true, force: true });
  });
  await postgres.start();
  if (tls) postgres.sql("ALTER USER opencat PASSWORD 'secret-word'");
  return postgres;
}
