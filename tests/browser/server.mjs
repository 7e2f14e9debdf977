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
async function freePort() {
  const probe = createServer().listen(0, '127.0.0.1');
  await once(probe, 'listening');
  const { port } = probe.address();
  probe.close();
  await once(probe, 'close');
  return port;
}

/**
 * {url, issue(), stop()}: the server's public URL; a new token, answered as the protocol has it; the end.
 * `args` go to `opencat serve` as they are. With a `prefix` ("/opencat") it serves below that.
 */
export async function startServer({ args = ['--demo'], prefix = '' } = {}) {
  const binary = process.env.OPENCAT && resolve(process.env.OPENCAT); // it starts in a folder of its own
  if (!binary) throw new Error('OPENCAT is not set: give the path of the opencat executable');
  await access(binary, constants.X_OK);
  const dir = await mkdtemp(join(tmpdir(), 'opencat-browser-'));
  const port = prefix ? await freePort() : 0;
  const publicUrl = prefix ? ['--public-url', `http://127.0.0.1:${port}${prefix}`] : [];
  const all = ['serve', '--port', String(port), ...publicUrl, '--data-dir', dir, '--json', ...args];
  // No setting of the person who runs the tests may reach the server.
  const ours = ([name]) => name === 'OPENCAT' || !name.startsWith('OPENCAT_');
  const env = Object.fromEntries(Object.entries(process.env).filter(ours));
  const child = spawn(binary, all, { cwd: dir, env, stdio: ['ignore', 'pipe', 'pipe'] });
  let complaints = '';
  child.stderr.on('data', (text) => (complaints += text));
  const ended = once(child, 'close');

  async function stop() {
    child.kill('SIGTERM');
    const impatient = setTimeout(() => child.kill('SIGKILL'), 30_000);
    const [, signal] = await ended;
    clearTimeout(impatient);
    await rm(dir, { recursive: true, force: true });
    if (signal === 'SIGKILL') throw new Error('opencat serve did not end within 30 s of SIGTERM');
  }

  const lines = createInterface({ input: child.stdout });
  const first = await Promise.race([once(lines, 'line').then(([line]) => line), ended.then(() => null)]);
  if (first === null) {
    await stop();
    throw new Error(`${binary} serve ended before it listened:\n${complaints}`);
  }
  const ready = JSON.parse(first);
  const url = publicUrl[1] ?? ready.url;
  const secret = (await readFile(ready.admin_secret_file, 'utf8')).trim();

  async function issue() {
    const response = await fetch(`${url}/api/tokens`, {
      method: 'POST',
      headers: { 'Content-Type': 'application/json', 'X-Admin-Secret': secret },
      body: JSON.stringify({ platform: 'linux-x64', install_id: randomUUID(), version: '0.1.0' }),
    });
    if (!response.ok) throw new Error(`no token: ${response.status} ${await response.text()}`);
    return response.json();
  }
  return { url, issue, stop };
}
