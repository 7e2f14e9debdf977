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

const median = (values) => values.toSorted((a, b) => a - b)[Math.floor(values.length / 2)];

/**
 * Loads a server for so long. {before, after, samples, warm_kib, end_kib, growth_percent, done, odd, heard, counted,
 * unsure, stderr}: `before` and `after` are what the server held at rest, `warm_kib` and `end_kib` medians of its
 * memory at the end of the warm-up (the first fifth) and at the end; `counted` is what it counted of what was `heard`,
 * and `unsure` how many clients left before anybody can know whether they were.
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
  try {
    const tokens = [];
    while (tokens.length < 20) tokens.push((await server.issue()).token);
    await sleep(500);
    const before = await holds(pid);
    const load = startLoad({ origin: server.origin, secret: server.secret, tokens, clients });
    const samples = [];
    const began = performance.now();
    const every_ms = Math.min(5000, (seconds * 1000) / 40);
    while (performance.now() - began < seconds * 1000) {
      await sleep(every_ms);
      const at_s = (performance.now() - began) / 1000;
      const done = Object.values(load.done).reduce((sum, count) => sum + count, 0);
      samples.push({ at_s, done, ...(await holds(pid)) });
      on_sample(samples.at(-1));
    }
    await load.stop();
    // What stalls ends by the server's own limits, and idle connections go.
    await sleep(4000);
    const after = await holds(pid);
    const memory = (from, to) =>
      median(
        samples
          .filter(({ at_s }) => at_s >= from * seconds && at_s <= to * seconds)
          .map((one) => one.rss_kib),
      );
    const [warm_kib, end_kib] = [memory(0.15, 0.25), memory(0.9, 1.1)];
    const usage = await fetch(`${server.origin}/api/admin/usage?group=day`, {
      headers: { 'X-Admin-Secret': server.secret },
    });
    return {
      before,
      after,
      samples,
      warm_kib,
      end_kib,
      growth_percent: (end_kib / warm_kib - 1) * 100,
      done: load.done,
      odd: load.odd,
      heard: await upstream.heard(),
      counted: (await usage.json()).total.requests,
      unsure: load.aborted,
      stderr: server.child.text.stderr,
    };
  } finally {
    await server.stop();
    upstream.stop();
  }
}
