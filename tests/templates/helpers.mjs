// SPDX-License-Identifier: MIT
// What the tests of templates/ share: a temporary place, a user's environment, running programs, waiting for output.
import assert from 'node:assert/strict';
import fs from 'node:fs';
import os from 'node:os';
import path from 'node:path';
import { spawn, spawnSync } from 'node:child_process';
import { after } from 'node:test';
import { makeBundle } from '../fakes/bundle.mjs';
import { cacheFolder } from '../fakes/runtime.mjs';

const started = new Set();

/** A folder that is gone after the test file; on the cache's file system, so that the runtime can be hard-linked. */
export function temporaryFolder() {
  fs.mkdirSync(cacheFolder, { recursive: true });
  const folder = fs.mkdtempSync(path.join(cacheFolder, 'test-'));
  after(() => fs.rmSync(folder, { recursive: true, force: true }));
  return folder;
}

after(() => {
  for (const child of started) child.kill('SIGKILL');
});

/** A user's environment: an empty home, English, no display; npm configured as on this machine. */
export function userEnvironment(home, changes = {}) {
  fs.mkdirSync(home, { recursive: true });
  const env = {
    ...process.env,
    HOME: home,
    LC_ALL: 'C.UTF-8',
    NPM_CONFIG_USERCONFIG: path.join(os.homedir(), '.npmrc'),
  };
  for (const name of ['DISPLAY', 'WAYLAND_DISPLAY', 'NODE_OPTIONS', 'NODE_TEST_CONTEXT', 'XDG_CONFIG_HOME'])
    delete env[name];
  return { ...env, ...changes };
}

/** Starts a program; `output` grows; `done` gives {code, signal, stdout, stderr}; `until(pattern)` waits for output. */
export function start(command, args, { env, cwd, input } = {}) {
  const child = spawn(command, args, {
    env,
    cwd,
    stdio: [input === undefined ? 'ignore' : 'pipe', 'pipe', 'pipe'],
  });
  started.add(child);
  const process = { child, output: '' };
  const captured = { stdout: '', stderr: '' };
  const waiting = new Set();
  for (const name of ['stdout', 'stderr']) {
    child[name].setEncoding('utf8').on('data', (piece) => {
      captured[name] += piece;
      process.output += piece;
      for (const check of waiting) check();
    });
  }
  process.until = (pattern) =>
    new Promise((resolve, reject) => {
      const check = () => pattern.test(process.output) && (waiting.delete(check), resolve());
      waiting.add(check);
      child.on('close', () => reject(new Error(`ended without ${pattern}:\n${process.output}`)));
      check();
    });
  process.done = new Promise((resolve, reject) => {
    child.on('error', reject);
    child.on('close', (code, signal) => {
      started.delete(child);
      resolve({ code, signal, ...captured });
    });
  });
  if (input) child.stdin.end(input); // '' leaves it open, to be written to
  return process;
}

export const run = (command, args, options) => start(command, args, options).done;

export const hasProgram = (name) => spawnSync('which', [name]).status === 0;

/** Those that run install.sh somewhere: bash as macOS's sh (3.2, POSIX mode), zsh also as it is by itself. */
export const SHELLS = [
  ['dash'],
  ['bash'],
  ['env', 'BASH_COMPAT=3.2', 'bash', '--posix'],
  ['busybox', 'ash'],
  ['mksh'],
  ['zsh'],
  ['zsh', '--emulate', 'sh'],
];

export const readJson = (file) => JSON.parse(fs.readFileSync(file, 'utf8'));

export const mode = (file) => fs.statSync(file).mode & 0o777;

/** An app without packages: says which token it was configured with, and its arguments. */
export function tinyApp(folder, config = []) {
  fs.mkdirSync(folder, { recursive: true });
  const declaration = {
    name: 'tiny',
    version: '1.0.0',
    opencat: { start: ['main.mjs', '--fixed'], name: { en: 'Tiny', zh: '小' }, config },
  };
  fs.writeFileSync(path.join(folder, 'package.json'), JSON.stringify(declaration));
  const code = `import fs from 'node:fs';
const { token } = JSON.parse(fs.readFileSync(process.env.OPENCAT_CONFIG, 'utf8'));
console.log(JSON.stringify({ token, arguments: process.argv.slice(2) }));\n`;
  fs.writeFileSync(path.join(folder, 'main.mjs'), code);
  return folder;
}

/** Every file, and every folder with a slash at its end. */
function listing(folder) {
  return fs
    .readdirSync(folder, { recursive: true, withFileTypes: true })
    .map(
      (entry) =>
        path.relative(folder, path.join(entry.parentPath, entry.name)) + (entry.isDirectory() ? '/' : ''),
    )
    .sort();
}

/** An unpacked bundle in a place of its own: {folder, env, install(...args), chat(...args), files()}. */
export function place(where, options) {
  const folder = makeBundle(path.join(where, 'opencat-portable'), options);
  const env = userEnvironment(path.join(where, 'home'), options.env);
  return {
    folder,
    env,
    install: (...args) => run('sh', [path.join(folder, 'install.sh'), ...args], { env }),
    uninstall: (...args) => run('sh', [path.join(folder, 'uninstall.sh'), ...args], { env }),
    chat: (...args) => run(path.join(folder, 'opencat-chat'), args, { env }),
    config: () => readJson(path.join(folder, 'data', 'config.json')),
    log: () => fs.readFileSync(path.join(folder, 'logs', 'install.log'), 'utf8'),
    files: () => listing(folder).filter((name) => !name.startsWith('tools/')),
  };
}

export function assertSucceeded(result) {
  assert.equal(result.code, 0, `${result.stdout}\n${result.stderr}`);
  return result;
}
