// SPDX-License-Identifier: MIT
// Somebody else's server, for as long as a test lasts.
import { spawn } from 'node:child_process';
import { once } from 'node:events';
import { rm } from 'node:fs/promises';
import { ask, eventually } from './http.mjs';

/** Starts it and waits until `url` answers 200; at the test's end it is ended, and `folder` removed. */
export async function startDaemon(t, program, words, { folder, url, patience }) {
  const child = spawn(program, words, { stdio: ['ignore', 'ignore', 'pipe'] });
  let said = '';
  child.stderr.on('data', (text) => (said += text));
  const ended = once(child, 'close');
  t.after(async () => {
    child.kill('SIGTERM');
    await ended;
    await rm(folder, { recursive: true, force: true });
  });
  const answers = () =>
    ask(url).then(
      ({ status }) => status === 200,
      () => false,
    );
  await eventually(answers, `a ${program} that is ready`, patience).catch((error) => {
    error.message += `\n${said}`;
    throw error;
  });
}
