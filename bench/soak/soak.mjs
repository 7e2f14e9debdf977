// SPDX-License-Identifier: MIT
// Hours of use in little time: mixed load with faults on a server, and what the server holds meanwhile.
import { spawn } from 'node:child_process';
import { once } from 'node:events';
import { readFile, readdir, writeFile } from 'node:fs/promises';
import { join } from 'node:path';
import { fileURLToPath } from 'node:url';
import { newFolder, startServer } from '../../tests/support/server.mjs';
import { startLoad } from './load.mjs';

const sleep = (ms) => new Promise((resolve) => setTimeout(resolve, ms));

async function startUpstream() {
  const program = fileURLToPath(new URL('upstream.mjs', import.meta.url));
  const child = spawn(process.execPath, [program], { stdio: ['ignore', 'pipe', 'inherit'] });
  const [port] = await once(child.stdout, 'data');
  const origin = `http://127.0.0.1:${Number(port)}`;
  return { origin, heard: async () => (await fetch(`${origin}/heard`)).json(), stop: () => child.kill() };
}

const upstreams = (origin) => `
[[upstreams]]
name = "main"
url = "${origin}/main"
models = ["main", "whisper"]
priority = 2
[upstreams.aliases]
both = "main"
[[upstreams]]
name = "faulty"
url = "${origin}/faulty"
models = ["faulty"]
priority = 1
[upstreams.aliases]
both = "faulty"
`;

/** {rss_kib, fds, threads} of a process now. */
async function holds(pid) {
  const text = await readFile(`/proc/${pid}/status`, 'utf8');
  const number = (name) => Number(new RegExp(`^${name}:\\s+(\\d+)`, 'm').exec(text)[1]);
  return {
    rss_kib: number('VmRSS'),
    fds: (await readdir(`/proc/${pid}/fd`)).length,
    threads: number('Threads'),
  };
}

const sum = (counts) => Object.values(counts).reduce((all, count) => all + count, 0);

/**
 * Loads a server for so long. {before, warm, after, growth_percent, samples, done, odd, heard, counted, unsure, stderr}:
 * `before`, `warm` and `after` are what the server held at rest, before any load, after the first fifth of it, and at
 * the end: what is in flight differs by megabytes from one moment to the next, and what leaks stays. `counted` is what
 * it counted of what was `heard`, and `unsure` how many clients left before anybody can know whether they were.
 */
export async function soak({ seconds, clients = 40, on_sample = () => {} }) {
  const upstream = await startUpstream();
  const dir = await newFolder();
  await writeFile(join(dir, 'opencat.toml'), upstreams(upstream.origin));
  const args = ['--rpm-limit', '1000000', '--daily-limit', '100000000', '--monthly-limit', '100000000'];
  const times = ['--first-byte-timeout', '2', '--idle-timeout', '2', '--access-log', join(dir, 'access.log')];
  // Tokens come and go: kept for the usual week, they would be data that grows, and what the database caches of them.
  times.push('--keep-deleted', '30s');
  const server = await startServer({ dir, args: [...args, ...times] });
  const { pid } = server.child;
  const total = { done: {}, odd: [], aborted: 0 };
  const samples = [];
  const every_ms = Math.min(5000, (seconds * 1000) / 40);

  /** Loads it so long; what it holds at rest thereafter. */
  async function load(tokens, for_s, seed) {
    const began = performance.now();
    const begun_s = samples.at(-1)?.at_s ?? 0;
    const load = startLoad({ origin: server.origin, secret: server.secret, tokens, clients, seed });
    while (performance.now() - began < for_s * 1000) {
      await sleep(every_ms);
      const done = sum(total.done) + sum(load.done);
      samples.push({ at_s: begun_s + (performance.now() - began) / 1000, done, ...(await holds(pid)) });
      on_sample(samples.at(-1));
    }
    await load.stop();
    for (const [what, times] of Object.entries(load.done)) total.done[what] = (total.done[what] ?? 0) + times;
    total.odd.push(...load.odd);
    total.aborted += load.aborted;
    // What stalls ends by the server's own limits, and idle connections go.
    await sleep(4000);
    return holds(pid);
  }

  try {
    const tokens = [];
    while (tokens.length < 20) tokens.push((await server.issue()).token);
    await sleep(500);
    const before = await holds(pid);
    const warm = await load(tokens, seconds / 5, 1);
    const after = await load(tokens, (seconds * 4) / 5, 2);
    const usage = await fetch(`${server.origin}/api/admin/usage?group=day`, {
      headers: { 'X-Admin-Secret': server.secret },
    });
    return {
      before,
      warm,
      after,
      growth_percent: (after.rss_kib / warm.rss_kib - 1) * 100,
      samples,
      done: total.done,
      odd: total.odd,
      heard: await upstream.heard(),
      counted: (await usage.json()).total.requests,
      unsure: total.aborted,
      stderr: server.child.text.stderr,
    };
  } finally {
    await server.stop();
    upstream.stop();
  }
}
