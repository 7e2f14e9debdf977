// SPDX-License-Identifier: MIT
// A PostgreSQL for a test: on a socket in a folder of its own, as a user who is nobody, ended with the test.
import { execFileSync, spawn } from 'node:child_process';
import { once } from 'node:events';
import { chownSync, existsSync, mkdirSync, readdirSync } from 'node:fs';
import { rm } from 'node:fs/promises';
import { join } from 'node:path';
import { eventually } from './http.mjs';
import { newFolder } from './server.mjs';

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

/**
 * {url, folder, sql(statement) → rows of texts, stop(signal), start()}: a server whose database is empty, and the folder
 * of its socket. `url` has a password, which is asked of nobody.
 */
export async function startPostgres(t) {
  const folder = await newFolder();
  const data = join(folder, 'data');
  mkdirSync(data);
  if (process.getuid() === 0) for (const path of [folder, data]) chownSync(path, 65534, 65534);
  const [first, ...rest] = asNobody;
  const words = ['-D', data, '-U', 'opencat', '-A', 'trust', '-E', 'UTF8', '--locale=C.UTF-8', '--no-sync'];
  execFileSync(first, [...rest, program('initdb'), ...words], { stdio: ['ignore', 'ignore', 'inherit'] });
  let child;
  const postgres = {
    folder,
    url: `postgresql://opencat:secret-word@/postgres?host=${folder}`,
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
      const options = ['listen_addresses=', 'fsync=off', 'max_connections=40'].flatMap((one) => ['-c', one]);
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
  return postgres;
}
