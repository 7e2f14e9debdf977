// SPDX-License-Identifier: MIT
// Starts and stops a real `opencat serve` for a test. OPENCAT names the executable.
import { spawn } from 'node:child_process';
import { randomUUID } from 'node:crypto';
import { once } from 'node:events';
import { mkdtemp, readFile, rm } from 'node:fs/promises';
import { createServer } from 'node:net';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
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

/** {url, issue(), admin(method, path, body), stop()}. `args` go to `opencat serve`, on top of the folder. */
export async function startServer({ args = ['--demo'], port = 0 } = {}) {
  const binary = process.env.OPENCAT;
  if (!binary) throw new Error('OPENCAT is not set: give the path of the opencat executable');
  const dir = await mkdtemp(join(tmpdir(), 'opencat-browser-'));
  const child = spawn(binary, ['serve', '--port', String(port), '--data-dir', dir, '--json', ...args], {
    stdio: ['ignore', 'pipe', 'pipe'],
    env: { ...process.env, OPENCAT_ADMIN_SECRET: undefined, OPENCAT_PUBLIC_URL: undefined },
  });
  let complaints = '';
  child.stderr.on('data', (text) => (complaints += text));
  const ended = once(child, 'close');

  async function stop() {
    child.kill('SIGTERM');
    await ended;
    await rm(dir, { recursive: true, force: true });
  }

  const lines = createInterface({ input: child.stdout });
  const first = await Promise.race([once(lines, 'line').then(([line]) => line), ended.then(() => null)]);
  if (first === null) {
    await stop();
    throw new Error(`${binary} serve ended before it listened:\n${complaints}`);
  }
  const ready = JSON.parse(first);
  const secret = (await readFile(ready.admin_secret_file, 'utf8')).trim();

  async function admin(method, path, body) {
    const response = await fetch(`${ready.url}${path}`, {
      method,
      headers: { 'Content-Type': 'application/json', 'X-Admin-Secret': secret },
      body: JSON.stringify(body),
    });
    if (!response.ok) throw new Error(`${method} ${path}: ${response.status} ${await response.text()}`);
    return response.json();
  }
  /** A new token, answered as the protocol has it: {token, chat_url, …}. */
  const issue = () =>
    admin('POST', '/api/tokens', { platform: 'linux-x64', install_id: randomUUID(), version: '0.1.0' });
  return { url: ready.url, issue, admin, stop };
}
