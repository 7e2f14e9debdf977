// SPDX-License-Identifier: MIT
// Real servers on real stores, one upstream behind all: ways with as many active tokens are measured in turn, round after
// round, so that what else the machine does falls on all alike, and the medians are printed side by side. Every request is another
// token's, chosen at random from those that are active: in the large stores once as many as the small ones have, so that
// only the store's size differs, and once all of them. CPU is that of the servers and of PostgreSQL, from the kernel, per
// request.
import { execFileSync } from 'node:child_process';
import { createHash } from 'node:crypto';
import { once } from 'node:events';
import { chownSync, mkdirSync, mkdtempSync, readFileSync, readdirSync, rmSync, writeFileSync } from 'node:fs';
import { join, resolve } from 'node:path';
import { children, firstLine, median, start } from '../lib.mjs';

const flag = (name) => process.argv.find((word) => word.startsWith(`--${name}`));
const quick = Boolean(flag('quick'));
const many = Number(flag('many=')?.slice(7) ?? 1_000_000);
const only = flag('only=')?.slice(7).toLowerCase() ?? ''; // the ways whose names begin so
const rounds = quick ? 1 : 5;
const seconds = quick ? 2 : 5;
const few = 1000;
const connections = 64; // of each server
const bin = resolve('build/release');
// Beside the build, not in a /tmp that may be memory: commits are to reach a disk.
const dir = mkdtempSync(join(resolve('build'), 'bench-scale-'));
const versions = '/usr/lib/postgresql';
const postgresBin = join(versions, readdirSync(versions).sort().at(-1), 'bin');

const asNobody = process.getuid() === 0 ? ['--reuid=nobody', '--regid=nogroup', '--clear-groups'] : [];
function psql(url, statement) {
  return execFileSync('psql', ['-XAtq', '-v', 'ON_ERROR_STOP=1', url, '-c', statement], {
    encoding: 'utf8',
  }).trim();
}

/** {url(database), pid}: with its defaults, so with fsync. */
async function startPostgres() {
  const data = join(dir, 'postgres');
  const sockets = mkdtempSync('/tmp/opencat-bench-');
  mkdirSync(data);
  if (process.getuid() === 0) for (const path of [dir, data, sockets]) chownSync(path, 65534, 65534);
  const initdb = ['-D', data, '-U', 'opencat', '-A', 'trust', '-E', 'UTF8', '--locale=C.UTF-8'];
  execFileSync('setpriv', [...asNobody, join(postgresBin, 'initdb'), ...initdb], { stdio: 'ignore' });
  const options = ['-D', data, '-k', sockets, '-c', 'listen_addresses=', '-c', 'log_min_messages=fatal'];
  const child = start('setpriv', [
    ...asNobody,
    '--pdeathsig',
    'QUIT',
    join(postgresBin, 'postgres'),
    ...options,
  ]);
  const url = (database) => `postgresql://opencat@/${database}?host=${sockets}`;
  for (;;) {
    try {
      psql(url('postgres'), 'SELECT 1');
      break;
    } catch {
      await new Promise((wait) => setTimeout(wait, 100));
    }
  }
  return { url, pid: child.pid, sockets };
}

const token = (i) => `occ_${i.toString(16).padStart(32, '0')}`;

/** A server: {port, pid}. */
async function startServer(name, upstream, env = {}) {
  const words = [
    'serve',
    '--port',
    '0',
    '--data-dir',
    join(dir, name),
    '--json',
    '--max-connections',
    '15000',
  ];
  const limits = ['--rpm-limit', '100000000'];
  const child = start(
    `${bin}/opencat`,
    [...words, ...limits, '--upstream-url', upstream, '--upstream-model', 'bench'],
    env,
  );
  const ready = JSON.parse(await firstLine(child));
  return { port: Number(new URL(ready.url).port), pid: child.pid, child };
}
async function stop({ child }) {
  child.kill();
  await once(child, 'exit');
}

const wanted = (name) => name.toLowerCase().startsWith(only);

/** So many tokens in a database of PostgreSQL, each with a request this month. */
async function fill(postgres, count, upstream) {
  const database = `tokens_${count}`;
  psql(postgres.url('postgres'), `CREATE DATABASE ${database}`);
  const url = postgres.url(database);
  await stop(await startServer(`fill-${count}`, upstream, { OPENCAT_STORE: url })); // makes the tables
  psql(
    url,
    `INSERT INTO tokens (id, token_hash, token_prefix, status, platform, install_id, version, label, daily_limit,
       monthly_limit, meta, created_at)
       SELECT 'tok_' || substr(md5(i::text), 1, 16), sha256(convert_to('occ_' || lpad(to_hex(i), 32, '0'), 'UTF8')),
         'occ_0000', 'active', 'linux-x64', md5(i::text), '0.1.0', 'label ' || i % 1000, 1000000000, 1000000000,
         '{"hostname":"pc"}', '2026-01-01T00:00:00Z' FROM generate_series(1, ${count}) AS i;
     INSERT INTO usage (token_id, date, model, request_count)
       SELECT id, to_char(now() AT TIME ZONE 'UTC', 'YYYY-MM-DD'), 'bench', 1 FROM tokens`,
  );
  psql(url, 'VACUUM ANALYZE');
  const expected = createHash('sha256').update(token(1)).digest('hex');
  if (psql(url, `SELECT count(*) FROM tokens WHERE token_hash = '\\x${expected}'`) !== '1')
    throw new Error('the tokens are not those that the load will use');
  return url;
}

/** A server on the same in SQLite. */
async function startWithSqlite(url, count, upstream) {
  const name = `sqlite-${count}`;
  mkdirSync(join(dir, name));
  const words = ['migrate', '--from', url, '--to', `sqlite:${join(dir, name, 'opencat.db')}`];
  execFileSync(`${bin}/opencat`, words, { stdio: 'ignore' });
  return startServer(name, upstream);
}

/** The ways to serve a store of so many tokens: {name, servers, shared}. */
async function waysOf(postgres, count, upstream) {
  const url = await fill(postgres, count, upstream);
  const ways = [];
  const sqlite = 'SQLite, 1 server';
  if (wanted(sqlite))
    ways.push({ name: sqlite, shared: false, servers: [await startWithSqlite(url, count, upstream)] });
  const nodes = [];
  for (let i = 1; i <= 3; ++i) {
    const name = `PostgreSQL, ${i} server${i > 1 ? 's' : ''}`;
    if (!wanted(name)) continue;
    while (nodes.length < i)
      nodes.push(await startServer(`node-${count}-${nodes.length + 1}`, upstream, { OPENCAT_STORE: url }));
    ways.push({ name, shared: true, servers: nodes.slice(0, i) });
  }
  if (ways.length === 0) throw new Error(`no way's name begins with '${only}'`);
  return ways;
}

/** Those of `count` tokens that make requests, as many as said, far from one another: {count, active, file}. */
function choose(count, active) {
  const file = join(dir, `tokens-${count}-${active}`);
  const apart = Math.floor(count / active);
  writeFileSync(file, Array.from({ length: active }, (_, i) => token(i * apart + 1) + '\n').join(''));
  return { count, active, file };
}

/** Seconds of CPU so far of the processes and of the children they had. */
function cpu(pids) {
  let ticks = 0;
  for (const pid of pids) {
    try {
      const fields = readFileSync(`/proc/${pid}/stat`, 'utf8').split(') ')[1].split(' ');
      ticks += fields.slice(11, 15).reduce((sum, one) => sum + Number(one), 0);
    } catch {
      // it has ended, and its parent counts it
    }
  }
  return ticks / 100;
}
function childrenOf(pid) {
  return readdirSync('/proc').filter((name) => {
    try {
      return (
        /^\d+$/.test(name) &&
        readFileSync(`/proc/${name}/stat`, 'utf8').split(') ')[1].split(' ')[1] === String(pid)
      );
    } catch {
      return false;
    }
  });
}

async function load(server, file) {
  const child = start(
    `${bin}/bench/bench_load`,
    ['whole', server.port, `@${file}`, server.pid, connections, seconds].map(String),
  );
  const line = await firstLine(child);
  await once(child, 'exit');
  return JSON.parse(line);
}

async function measure(subject, postgres, way) {
  const { servers, tokens } = way;
  const pids = () => [
    ...servers.map(({ pid }) => pid),
    ...(way.shared ? [postgres.pid, ...childrenOf(postgres.pid)] : []),
  ];
  const before = cpu(pids());
  const began = performance.now();
  const runs = await Promise.all(servers.map((server) => load(server, tokens.file)));
  const used = cpu(pids()) - before;
  const took = (performance.now() - began) / 1000;
  const per_second = runs.reduce((sum, run) => sum + run.per_second, 0);
  const errors = runs.reduce((sum, run) => sum + run.errors, 0);
  if (errors > 0) throw new Error(`${subject}: ${errors} errors`);
  return {
    per_second,
    cpu_us: (used / (per_second * took)) * 1e6,
    p50_ms: Math.max(...runs.map((run) => run.p50_ms)),
    p99_ms: Math.max(...runs.map((run) => run.p99_ms)),
  };
}

async function main() {
  const upstreamChild = start(`${bin}/bench/bench_upstream`, []);
  const upstreamPort = Number(await firstLine(upstreamChild));
  const upstream = `http://127.0.0.1:${upstreamPort}/v1`;
  const postgres = await startPostgres();
  const ways = [];
  for (const count of [few, many]) {
    console.error(`filling stores with ${count} tokens`);
    const kinds = await waysOf(postgres, count, upstream);
    for (const active of new Set([few, count])) {
      const tokens = choose(count, active);
      for (const kind of kinds) ways.push({ ...kind, tokens });
    }
  }
  const direct = {
    tokens: ways[0].tokens,
    servers: [{ port: upstreamPort, pid: upstreamChild.pid }],
    shared: false,
  };
  const results = new Map([...ways, direct].map((way) => [way, []]));
  // Those with all of a large store's tokens come last: what is still to be done for them (counts that are folded, pages
  // that are written) is not to fall on the others.
  for (const active of new Set([few, many])) {
    for (let round = 0; round < rounds; ++round) {
      for (const [way, runs] of results) {
        if (way.tokens.active === active) runs.push(await measure(way.name ?? 'upstream', postgres, way));
      }
    }
  }
  const figure = (way, key) => median(results.get(way).map((run) => run[key]));
  console.log(`medians of ${rounds} rounds of ${seconds} s, ${connections} connections to each server`);
  console.log(
    `the upstream alone: ${figure(direct, 'per_second').toFixed(0)} requests/s, ${figure(direct, 'p50_ms').toFixed(2)} ms`,
  );
  const columns = [
    'tokens',
    'active',
    'requests/s',
    'added p50 ms',
    'p99 ms',
    'CPU µs/request',
    'against 1,000',
  ];
  console.log('store'.padEnd(24) + columns.map((column) => column.padStart(16)).join(''));
  for (const way of ways) {
    const small = ways.find((other) => other.name === way.name);
    const cells = [
      String(way.tokens.count),
      String(way.tokens.active),
      figure(way, 'per_second').toFixed(0),
      (figure(way, 'p50_ms') - figure(direct, 'p50_ms')).toFixed(2),
      figure(way, 'p99_ms').toFixed(2),
      figure(way, 'cpu_us').toFixed(1),
      `${(figure(way, 'cpu_us') / figure(small, 'cpu_us')).toFixed(2)}x`,
    ];
    console.log(way.name.padEnd(24) + cells.map((cell) => cell.padStart(16)).join(''));
  }
  console.log('CPU per request may be at most 1.10x of that with 1,000 tokens');
  return postgres;
}

let sockets;
try {
  ({ sockets } = await main());
} finally {
  for (const child of children.reverse()) child.kill(child.spawnfile === 'setpriv' ? 'SIGQUIT' : 'SIGTERM');
  const running = (child) => child.exitCode === null && child.signalCode === null;
  await Promise.all(children.map((child) => (running(child) ? once(child, 'exit') : 0)));
  rmSync(dir, { recursive: true, force: true });
  if (sockets) rmSync(sockets, { recursive: true, force: true });
}
