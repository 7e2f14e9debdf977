// SPDX-License-Identifier: MIT
// Runs the real binary (env OPENCAT) with a home, a cache and an environment of its own.
import { spawn } from 'node:child_process';
import fs from 'node:fs';
import os from 'node:os';
import path from 'node:path';
import { fileURLToPath } from 'node:url';

export const repository = fileURLToPath(new URL('../..', import.meta.url));
export const opencat = path.resolve(process.env.OPENCAT ?? path.join(repository, 'build', 'dev', 'opencat'));

/** A port on which nothing listens. */
export const DEAD = 'http://127.0.0.1:9';

/** A folder that goes when the test ends, with home/ and cache/ in it. */
export function sandbox(t) {
  const folder = fs.mkdtempSync(path.join(os.tmpdir(), 'opencat-test-'));
  t.after(() => fs.rmSync(folder, { recursive: true, force: true }));
  fs.mkdirSync(path.join(folder, 'home'));
  return folder;
}

// What the machine needs to be reached at all: proxies and certificates; what a sanitizer is told; nothing else of the
// developer's own.
const PASSED =
  /^(PATH|LANG|TMPDIR|[AT]SAN_OPTIONS|SSL_CERT_\w+|CURL_CA_BUNDLE|NODE_EXTRA_CA_CERTS|(HTTPS?|ALL|NO)_PROXY)$/i;

export function environment(folder, more = {}) {
  const passed = Object.entries(process.env).filter(([name]) => PASSED.test(name));
  return {
    ...Object.fromEntries(passed),
    HOME: path.join(folder, 'home'),
    OPENCAT_CACHE_DIR: path.join(folder, 'cache'),
    ...more,
  };
}

/** Starts the binary, through the program `via` if there is one; `done` is its end: { code, signal, stdout, stderr }. */
export function start(folder, words, { env = {}, cwd = folder, via = [] } = {}) {
  const [program, ...rest] = [...via, opencat, ...words];
  const child = spawn(program, rest, {
    cwd,
    env: environment(folder, env),
    stdio: ['ignore', 'pipe', 'pipe'],
  });
  const result = { stdout: '', stderr: '' };
  for (const name of ['stdout', 'stderr'])
    child[name].setEncoding('utf8').on('data', (text) => (result[name] += text));
  child.done = new Promise((resolve, reject) => {
    child.on('error', reject);
    child.on('close', (code, signal) => resolve({ ...result, code, signal }));
  });
  child.said = result;
  return child;
}

/** Runs it to its end; with --json, `json` is its document. */
export async function run(folder, words, options) {
  const result = await start(folder, words, options).done;
  if (words.includes('--json') && result.stdout) result.json = JSON.parse(result.stdout);
  return result;
}

/** Waits for a condition; the limit is for a hanging test only. */
export async function until(condition, what, limitMs = 30_000) {
  const end = Date.now() + limitMs;
  while (!(await condition())) {
    if (Date.now() > end) throw new Error(`waited in vain for ${what}`);
    await new Promise((resolve) => setTimeout(resolve, 20));
  }
}

/** Every file and folder below, as paths. */
export function tree(folder) {
  if (!fs.existsSync(folder)) return [];
  return fs.readdirSync(folder, { recursive: true }).map(String).sort();
}

/** What a cache holds of runtimes, whole or not: after a failure there must be nothing. */
export const cachedRuntimes = (folder) => tree(path.join(folder, 'cache', 'node'));
