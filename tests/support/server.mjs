// SPDX-License-Identifier: MIT
// Starts and stops a real `opencat serve` for a test. OPENCAT names the executable.
import { spawn } from 'node:child_process';
import { randomUUID } from 'node:crypto';
import { once } from 'node:events';
import { access, constants, mkdtemp, readFile, rm } from 'node:fs/promises';
import { createServer } from 'node:net';
import { tmpdir } from 'node:os';
import { join, resolve } from 'node:path';
import { createInterface } from 'node:readline';

/** A port nothing listens on; for a URL that has to be known before the server starts. */
export async function freePort() {
  const probe = createServer().listen(0, '127.0.0.1');
  await once(probe, 'listening');
  const { port } = probe.address();
  probe.close();
  await once(probe, 'close');
  return port;
}

export const newFolder = () => mkdtemp(join(tmpdir(), 'opencat-test-'));

export const tokenRequest = (more = {}) => ({
  platform: 'linux-x64',
  install_id: randomUUID(),
  version: '0.1.0',
  ...more,
});

/** Starts `opencat` with `words`: the child, with what it has written so far in child.text.stdout and .stderr. */
export async function startOpencat(words, { cwd, env = {}, wrap = [] } = {}) {
  const binary = process.env.OPENCAT && resolve(process.env.OPENCAT); // it may start in a folder of its own
  if (!binary) throw new Error('OPENCAT is not set: give the path of the opencat executable');
  await access(binary, constants.X_OK);
  // No setting of the person who runs the tests may reach the program.
  const ours = ([name]) => name === 'OPENCAT' || !name.startsWith('OPENCAT_');
  const clean = Object.fromEntries(Object.entries(process.env).filter(ours));
  const [program, ...args] = [...wrap, binary, ...words];
  const child = spawn(program, args, { cwd, env: { ...clean, ...env }, stdio: ['ignore', 'pipe', 'pipe'] });
  child.text = { stdout: '', stderr: '' };
  for (const name of ['stdout', 'stderr']) child[name].on('data', (text) => (child.text[name] += text));
  child.ended = once(child, 'close');
  return child;
}

/** Runs `opencat` to its end: {code, stdout, stderr}. */
export async function runOpencat(words, options) {
  const child = await startOpencat(words, options);
  const [code] = await child.ended;
  return { code, ...child.text };
}

/**
 * A running server: its public `url`, the `origin` it listens on, its first line (`ready`), data folder (`dir`)
 * and `child`; issue(more) makes a token, answered as the protocol has it; stop() drains it and resolves to its
 * exit code. `args` go to `opencat serve` as they are. With a `prefix` ("/opencat") it serves below that. A `dir`
 * that was given is kept.
 */
export async function startServer({ args = ['--demo'], prefix = '', dir: given, ...options } = {}) {
  const dir = given ?? (await newFolder());
  const port = prefix ? await freePort() : 0;
  const publicUrl = prefix ? ['--public-url', `http://127.0.0.1:${port}${prefix}`] : [];
  const all = ['serve', '--port', String(port), ...publicUrl, '--data-dir', dir, '--json', ...args];
  const child = await startOpencat(all, { cwd: dir, ...options });

  async function stop(signal = 'SIGTERM') {
    child.kill(signal);
    const impatient = setTimeout(() => child.kill('SIGKILL'), 40_000);
    const [code, ended] = await child.ended;
    clearTimeout(impatient);
    if (!given) await rm(dir, { recursive: true, force: true });
    if (ended === 'SIGKILL' && signal !== 'SIGKILL') {
      throw new Error('opencat serve did not end within 40 s of SIGTERM');
    }
    return code;
  }

  const lines = createInterface({ input: child.stdout });
  const first = once(lines, 'line').then(([line]) => line);
  const line = await Promise.race([first, child.ended.then(() => null)]);
  if (line === null) {
    await stop();
    throw new Error(`opencat serve ended before it listened:\n${child.text.stderr}`);
  }
  const ready = JSON.parse(line);
  const url = ready.public_url;
  const secret =
    options.env?.OPENCAT_ADMIN_SECRET ?? (await readFile(ready.admin_secret_file, 'utf8')).trim();

  async function issue(more) {
    const response = await fetch(`${ready.url}/api/tokens`, {
      method: 'POST',
      headers: { 'Content-Type': 'application/json', 'X-Admin-Secret': secret },
      body: JSON.stringify(tokenRequest(more)),
    });
    if (!response.ok) throw new Error(`no token: ${response.status} ${await response.text()}`);
    return response.json();
  }
  const status = async (token) => (await fetch(`${ready.url}/api/tokens/${token}/status`)).json();
  return {
    url,
    origin: ready.url,
    port: Number(new URL(ready.url).port),
    ready,
    dir,
    child,
    secret,
    issue,
    status,
    stop,
  };
}
