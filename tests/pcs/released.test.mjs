// SPDX-License-Identifier: MIT
// A released executable on the system that it is for, with nothing of this repository's build: the release's runners of
// Windows and of Linux of both CPUs name it with OPENCAT_RELEASED. Here it is what ./dev release has left.
import assert from 'node:assert/strict';
import { execFile, spawn } from 'node:child_process';
import { once } from 'node:events';
import fs from 'node:fs';
import os from 'node:os';
import path from 'node:path';
import { test } from 'node:test';
import { promisify } from 'node:util';

const built = new URL(`../../build/releases/opencat-${process.platform}-${process.arch}`, import.meta.url);
const program = process.env.OPENCAT_RELEASED ?? (fs.existsSync(built) ? built.pathname : undefined);
const skip = program ? false : 'OPENCAT_RELEASED names no executable, and ./dev release has made none here';
const run = promisify(execFile);

test('it says its version, and refuses what it does not know', { skip }, async () => {
  assert.match((await run(program, ['--version'])).stdout, /^opencat \d+\.\d+\.\d+/);
  await assert.rejects(run(program, ['serve', '--no-such-flag']), { code: 2 });
});

test('it serves: a token, a chat, the pages, a copy of the data while it runs', { skip }, async (t) => {
  const folder = fs.mkdtempSync(path.join(os.tmpdir(), 'opencat-released-'));
  t.after(() => fs.rmSync(folder, { recursive: true, force: true, maxRetries: 20 }));
  const data = path.join(folder, '数据 & data');
  const server = spawn(program, ['serve', '--demo', '--port', '0', '--data-dir', data, '--json'], {
    stdio: ['ignore', 'pipe', 'inherit'],
  });
  const ended = once(server, 'close');
  t.after(async () => {
    server.kill('SIGKILL');
    await ended;
  });
  let said = '';
  for await (const text of server.stdout) {
    said += text;
    if (said.includes('\n')) break;
  }
  const { url } = JSON.parse(said.split('\n')[0]);
  const secret = fs.readFileSync(path.join(data, 'admin-secret'), 'utf8').trim();
  const env = { ...process.env, OPENCAT_ADMIN_SECRET: secret };
  const created = await run(program, ['token', 'create', '--label', '李', '--server-url', url, '--json'], {
    env,
  });
  const { token } = JSON.parse(created.stdout);
  const answer = await fetch(`${url}/v1/chat/completions`, {
    method: 'POST',
    headers: { Authorization: `Bearer ${token}`, 'Content-Type': 'application/json' },
    body: JSON.stringify({ messages: [{ role: 'user', content: 'hello' }] }),
  });
  assert.equal(answer.status, 200);
  assert.ok((await answer.json()).choices[0].message.content.length > 0);
  assert.match(await (await fetch(`${url}/chat`)).text(), /<!doctype html>/i);
  const copy = path.join(folder, 'copy.db');
  await run(program, ['backup', copy, '--data-dir', data], { env });
  assert.equal(fs.readFileSync(copy).toString('latin1', 0, 15), 'SQLite format 3');
});
