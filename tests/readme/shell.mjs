// SPDX-License-Identifier: MIT
// A reader's terminal: a folder, a home, and one command after the other.
import assert from 'node:assert/strict';
import { execFileSync, spawn } from 'node:child_process';
import fs from 'node:fs';
import path from 'node:path';
import { fileURLToPath } from 'node:url';
import { newFolder } from '../support/server.mjs';

const repository = fileURLToPath(new URL('../..', import.meta.url));
const cache = path.resolve(process.env.OPENCAT_TEST_CACHE || path.join(repository, 'build', 'test-cache'));
// What the machine needs to be reached at all, and where its npm packages come from; nothing else of the caller's.
const PASSED =
  /^(PATH|LANG|TMPDIR|SSL_CERT_\w+|CURL_CA_BUNDLE|NODE_EXTRA_CA_CERTS|npm_config_\w+|(HTTPS?|ALL|NO)_PROXY)$/i;

/** `act(shell)` in a shell that ends with it, its servers too; what it resolves to. */
export async function inShell(options, act) {
  const shell = await newShell(options);
  try {
    return await act(shell);
  } finally {
    await shell.stop();
  }
}

/**
 * {folder, served, run(command), serve(command), stop()}: each command runs in a shell of its own, so a `cd` or
 * `export` would be lost; `home` is kept from one shell to the next.
 */
async function newShell({ home, env: more }) {
  const folder = await newFolder();
  const passed = Object.fromEntries(Object.entries(process.env).filter(([name]) => PASSED.test(name)));
  const env = {
    ...passed,
    HOME: home,
    PATH: `${path.join(home, '.local', 'bin')}:${process.env.PATH}`,
    // The home is new, but the registry is still the one that the caller's npm is configured for.
    npm_config_userconfig: userconfig(),
    OPENCAT_CACHE_DIR: path.join(cache, 'readme'),
    ...more,
  };
  const servers = [];

  function start(command) {
    assert.doesNotMatch(command, /^(cd|export)\b/, 'a command that would be lost on the next one');
    if (/\bopencat (?!-)/.test(command)) {
      const installed = path.join(home, '.local', 'bin', 'opencat');
      assert.ok(
        fs.existsSync(installed) || command.startsWith('install '),
        'opencat was not put on the PATH yet',
      );
    }
    const child = spawn('sh', ['-c', command], { cwd: folder, env, stdio: ['ignore', 'pipe', 'pipe'] });
    child.said = { stdout: '', stderr: '' };
    for (const name of ['stdout', 'stderr']) {
      child[name].setEncoding('utf8').on('data', (text) => (child.said[name] += text));
    }
    child.done = new Promise((resolve, reject) => {
      child.on('error', reject);
      child.on('close', (code, signal) => resolve({ ...child.said, code, signal }));
    });
    return child;
  }

  const served = [];
  return {
    folder,
    served,
    run: (command) => start(command).done,
    /** Resolves once the server has said where it listens. */
    async serve(command) {
      // In the shell's place: a signal to the shell would leave what it started.
      const child = start(`exec env ${command}`);
      servers.push(child);
      served.push(command);
      const listening = new Promise((resolve) =>
        child.stdout.on('data', () => child.said.stdout.includes('opencat serves http') && resolve(null)),
      );
      const ended = await Promise.race([listening, child.done]);
      if (ended) throw new Error(`${command} ended at once:\n${ended.stderr}`);
    },
    async stop() {
      for (const child of servers) {
        child.kill('SIGTERM');
        const { code, stderr } = await child.done;
        assert.equal(code, 0, stderr);
      }
      fs.rmSync(folder, { recursive: true, force: true });
    },
  };
}

const userconfig = () =>
  execFileSync('npm', ['config', 'get', 'userconfig', '--loglevel=error'], { encoding: 'utf8' }).trim();
