// SPDX-License-Identifier: MIT
// Small Linuxes to run one executable in: a folder that becomes the root, with nothing of this machine in it.
import { spawn } from 'node:child_process';
import fs from 'node:fs';
import path from 'node:path';
import { repository } from '../cli/helpers.mjs';

/** What `./dev release TARGET` left, or why a test of it must be skipped. */
export function release(target) {
  const ending = target.startsWith('win') ? '.exe' : '';
  const file = path.join(repository, 'build', 'releases', `opencat-${target}${ending}`);
  return fs.existsSync(file) ? { file } : { skip: `there is no ${file}: ./dev release ${target} makes it` };
}

/** Why this process may not make a root; false when it may. */
export const noRoots = process.getuid() === 0 ? false : 'only root may start a program in another root';

/** A root with these files ({ name: bytes or { from, mode } }) and the executable as /opencat. */
export function makeRoot(folder, executable, files = {}) {
  const all = { opencat: { from: executable, mode: 0o755 }, ...files };
  for (const [name, content] of Object.entries(all)) {
    const file = path.join(folder, name);
    fs.mkdirSync(path.dirname(file), { recursive: true });
    if (content.from) fs.copyFileSync(content.from, file);
    else fs.writeFileSync(file, content);
    if (content.mode) fs.chmodSync(file, content.mode);
  }
  for (const name of ['tmp', 'home', 'proc', 'dev'])
    fs.mkdirSync(path.join(folder, name), { recursive: true });
  return folder;
}

/** Starts words in the root; `done` gives { code, stdout, stderr }. Whatever it started ends with it. */
export function startIn(root, words, env = {}) {
  const mount = 'mount -t proc proc "$1/proc" && mount --bind /dev "$1/dev" && exec chroot "$@"';
  const child = spawn(
    'unshare',
    ['--mount', '--pid', '--fork', '--kill-child', 'sh', '-c', mount, 'sh', root, ...words],
    {
      env: { PATH: process.env.PATH, HOME: '/home', ...env },
      stdio: ['ignore', 'pipe', 'pipe'],
    },
  );
  const said = { stdout: '', stderr: '' };
  for (const name of ['stdout', 'stderr'])
    child[name].setEncoding('utf8').on('data', (text) => (said[name] += text));
  child.said = said;
  child.done = new Promise((resolve, reject) => {
    child.on('error', reject);
    child.on('close', (code, signal) => resolve({ ...said, code, signal }));
  });
  return child;
}

export const runIn = (root, words, env) => startIn(root, words, env).done;
