// SPDX-License-Identifier: MIT
// The relay beside nginx (plain reverse proxy, one worker, buffering off) and the upstream itself: each scenario is
// run on all of them in turn, several rounds, and the medians are printed. What a server costs is its CPU time per
// unit of work, from the kernel; times per second depend on the machine's other work.
import { once } from 'node:events';
import { access, mkdtemp, readFile, rm, writeFile } from 'node:fs/promises';
import { createServer } from 'node:net';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { setTimeout } from 'node:timers/promises';
import { children, firstLine, median, start } from '../lib.mjs';
import { countHandshakes } from './handshakes.mjs';

const quick = process.argv.includes('--quick');
const only = process.argv.find((word) => word.startsWith('--only='))?.slice(7);
const rounds = quick ? 1 : 3;
const seconds = quick ? 3 : 5;
const bin = 'build/release';
const dir = await mkdtemp(join(tmpdir(), 'opencat-bench-'));

async function freePort() {
  const probe = createServer().listen(0, '127.0.0.1');
  await once(probe, 'listening');
  const { port } = probe.address();
  probe.close();
  return port;
}

async function startNginx(upstreamPort) {
  const port = await freePort();
  await writeFile(
    join(dir, 'nginx.conf'),
    `daemon off; master_process off; worker_rlimit_nofile 20000; pid ${dir}/nginx.pid; error_log ${dir}/nginx.log;
     events { worker_connections 16000; }
     http {
       access_log off; client_body_temp_path ${dir}; proxy_temp_path ${dir}; fastcgi_temp_path ${dir};
       uwsgi_temp_path ${dir}; scgi_temp_path ${dir}; keepalive_requests 1000000000;
       upstream model { server 127.0.0.1:${upstreamPort}; keepalive 256; keepalive_requests 1000000000; }
       server {
         listen 127.0.0.1:${port} backlog=4096;
         location / {
           proxy_pass http://model; proxy_http_version 1.1; proxy_set_header Connection "";
           proxy_buffering off; proxy_read_timeout 1h;
         }
       }
     }`,
  );
  const child = start('/usr/sbin/nginx', ['-c', join(dir, 'nginx.conf'), '-p', dir]);
  return { name: 'nginx', port, pid: child.pid, token: 'none' };
}

async function startOpencat(upstreamUrl, name = 'opencat', { program = `${bin}/opencat`, env } = {}) {
  const began = performance.now();
  const words = ['serve', '--port', '0', '--ops-port', '0', '--data-dir', join(dir, name), '--json'];
  const limits = ['--daily-limit', '1000000000', '--monthly-limit', '1000000000', '--rpm-limit', '100000000'];
  const upstream = ['--upstream-url', upstreamUrl, '--upstream-model', 'bench', '--max-connections', '15000'];
  const child = start(program, [...words, ...limits, ...upstream], env);
  const ready = JSON.parse(await firstLine(child));
  const startMs = performance.now() - began;
  const secret = (await readFile(ready.admin_secret_file, 'utf8')).trim();
  const issued = await fetch(`${ready.url}/api/tokens`, {
    method: 'POST',
    headers: { 'X-Admin-Secret': secret },
    body: JSON.stringify({
      platform: 'linux-x64',
      install_id: crypto.randomUUID(),
      version: 'bench',
    }),
  });
  const { token } = await issued.json();
  const port = Number(new URL(ready.url).port);
  return { name, port, pid: child.pid, token, ready, startMs, child };
}

/** One run of the load on a server: the JSON line it prints. */
async function load(mode, server, ...rest) {
  const args = [mode, server.port, server.token, server.pid, ...rest].map(String);
  const child = start(`${bin}/bench/bench_load`, args);
  const line = await firstLine(child);
  await once(child, 'exit');
  return JSON.parse(line);
}

const show = (value, digits = 1) => (value === undefined ? '-' : value.toFixed(digits));

/** Runs a scenario on all servers in turn, `rounds` times: per server the median of each figure. */
async function interleaved(servers, mode, ...rest) {
  const results = new Map(servers.map((server) => [server.name, []]));
  for (let round = 0; round < rounds; ++round) {
    for (const server of servers) {
      const probe = server.ready?.ops_url ? [new URL(server.ready.ops_url).port] : [];
      const args = mode === 'stream' ? [...rest, ...probe] : rest;
      results.get(server.name).push(await load(mode, server, ...args));
    }
  }
  const figures = {};
  for (const [name, runs] of results) {
    figures[name] = Object.fromEntries(
      Object.keys(runs[0]).map((key) => [key, median(runs.map((run) => run[key]))]),
    );
    // Later rounds find the memory of earlier ones: the first tells what a stream takes.
    if ('memory_kib' in runs[0]) figures[name].memory_kib = Math.max(...runs.map((run) => run.memory_kib));
  }
  return figures;
}

function row(what, figures, key, reach, { digits = 1, unit = '' } = {}) {
  const { upstream, nginx, opencat } = figures;
  const ratio = nginx?.[key] > 0 ? `${(opencat[key] / nginx[key]).toFixed(2)}x` : '';
  const cells = [upstream?.[key], nginx?.[key], opencat[key]].map((value) =>
    show(value, digits).padStart(10),
  );
  console.log(`${what.padEnd(50)}${cells.join('')}${ratio.padStart(8)}  ${unit.padEnd(5)} ${reach}`);
}

/** What an executable's start takes, and its memory when it has stood still for a while. */
async function measureIdle(program, what, upstreamUrl) {
  const found = await access(program).then(
    () => true,
    () => false,
  );
  const starts = [];
  const sizes = [];
  for (let i = 0; found && i < 5; ++i) {
    const server = await startOpencat(upstreamUrl, `${what}-${i}`, { program });
    starts.push(server.startMs);
    await setTimeout(1000);
    const status = await readFile(`/proc/${server.pid}/status`, 'utf8');
    sizes.push(Number(/VmRSS:\s+(\d+)/.exec(status)[1]) / 1024);
    server.child.kill();
    await once(server.child, 'exit');
  }
  const figures = { opencat: found ? { start: median(starts), size: median(sizes) } : {} };
  row(`idle server (${what}): resident memory`, figures, 'size', '15', { unit: 'MiB' });
  row('  start to listening, on new data', figures, 'start', '30', { unit: 'ms' });
}

async function main() {
  const upstream = start(`${bin}/bench/bench_upstream`, []);
  const upstreamPort = Number(await firstLine(upstream));
  const direct = { name: 'upstream', port: upstreamPort, pid: upstream.pid, token: 'none' };
  const nginx = await startNginx(upstreamPort);
  const upstreamUrl = `http://127.0.0.1:${upstreamPort}/v1`;
  const opencat = await startOpencat(upstreamUrl);
  const all = [direct, nginx, opencat];
  await setTimeout(300);

  console.log(
    `${'median of ' + rounds + ' rounds'.padEnd(40)}`.padEnd(50) +
      ['upstream', 'nginx', 'opencat'].map((name) => name.padStart(10)).join('') +
      '   ratio        must reach',
  );
  if (!only || only === 'idle') {
    // What `./dev release linux-x64` leaves is what people have; this build loads Debian's libraries, some sixty files.
    await measureIdle('build/releases/opencat-linux-x64', 'as released', upstreamUrl);
    await measureIdle(`${bin}/opencat`, 'this build', upstreamUrl);
  }

  if (!only || only === 'whole') {
    const whole = await interleaved(all, 'whole', 32, seconds);
    row('whole answers, 32 connections: CPU per request', whole, 'cpu_us', '3x nginx', { unit: 'µs' });
    row('  requests per second', whole, 'per_second', '0.5x nginx', { digits: 0 });
    row('  errors', whole, 'errors', '0', { digits: 0 });
  }

  for (const [streams, interval, reach] of [
    [100, 20, '1.1x nginx'],
    [1000, 100, '1.3x nginx'],
    [5000, 500, '1.5x nginx'],
  ]) {
    if (only && only !== `${streams}`) continue;
    const figures = await interleaved(all, 'stream', streams, interval, seconds);
    row(`${streams} streams, an event each ${interval} ms: CPU per event`, figures, 'cpu_us', reach, {
      unit: 'µs',
    });
    row('  broken streams', figures, 'broken', '0', { digits: 0 });
    row('  events in the window', figures, 'events', show(figures.opencat.expected, 0), { digits: 0 });
    for (const part of ['p50', 'p99']) {
      const key = `first_${part}_ms`;
      row(`  time to the first event, ${part}`, figures, key, part === 'p50' ? '+1' : '+10', {
        digits: 2,
        unit: 'ms',
      });
    }
    row('  memory per open stream', figures, 'memory_kib', '20', { unit: 'KiB' });
    row('  /healthz on the ops port, slowest', { opencat: figures.opencat }, 'probe_max_ms', '10', {
      unit: 'ms',
      digits: 2,
    });
  }

  if (!only || only === 'idle') {
    const idle = await interleaved([nginx, opencat], 'idle', 1000, seconds);
    row('1,000 idle keep-alive connections: cores', idle, 'cores', '0.02', { digits: 4 });
  }
  if (!only || only === 'tls') {
    const { handshakes, requests } = await countHandshakes(dir, startOpencat, load, quick ? 2 : 4);
    row('upstream over TLS, 32 connections: handshakes', { opencat: { v: handshakes } }, 'v', '32', {
      digits: 0,
      unit: `for ${requests} requests`,
    });
  }
}

try {
  await main();
} finally {
  for (const child of children) child.kill();
  await Promise.all(
    children.map((child) => (child.exitCode === null && child.signalCode === null ? once(child, 'exit') : 0)),
  );
  await rm(dir, { recursive: true, force: true });
}
