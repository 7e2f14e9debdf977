// SPDX-License-Identifier: MIT
// Killed at any moment and started again, an installation ends as if nothing had happened.
import assert from 'node:assert/strict';
import fs from 'node:fs';
import path from 'node:path';
import { after, before, test } from 'node:test';
import { fileURLToPath } from 'node:url';
import { FakeOpencat } from '../fakes/opencat_server.mjs';
import { assertSucceeded, place, run, start, temporaryFolder, tinyApp } from './helpers.mjs';

const preload = new URL('kill_at.mjs', import.meta.url).href;
assert.ok(!fileURLToPath(preload).includes(' '), 'NODE_OPTIONS has no quoting that every Node knows');
let server;
before(async () => (server = await FakeOpencat.start()));
after(() => server.stop());

function killed(here, script, when, changes = {}, args = []) {
  const env = {
    ...here.env,
    NODE_OPTIONS: `--import=${preload}`,
    KILL_IN: script,
    KILL_AT: String(when),
    ...changes,
  };
  return run('sh', [path.join(here.folder, 'install.sh'), ...args], { env });
}

/** What must be the same after every way here: the files, and the configuration but for the token itself. */
function state(here) {
  const { token, install_id, ...config } = here.config();
  assert.equal(server.tokens.get(token).install_id, install_id);
  config.chat_url = config.chat_url.replace(token, '');
  return { files: here.files(), config };
}

function tinyPlace() {
  const where = temporaryFolder();
  const here = place(where, { serverUrl: server.url, app: tinyApp(path.join(where, 'app')) });
  fs.mkdirSync(path.join(where, 'home', 'Desktop'), { recursive: true });
  return { ...here, desktop: () => fs.readdirSync(path.join(where, 'home', 'Desktop')) };
}

test('a first installation, killed at each change it makes', async (t) => {
  const here = tinyPlace();
  const pristine = here.files();
  assertSucceeded(await here.install());
  const undisturbed = state(here);
  assertSucceeded(await here.uninstall());
  let when = 1;
  for (; ; when += 1) {
    const outcome = await killed(here, 'setup.mjs', when);
    if (outcome.code === 0) break;
    assert.equal(outcome.signal, 'SIGKILL', outcome.stderr);
    if (fs.existsSync(path.join(here.folder, 'opencat-chat'))) assertSucceeded(await here.chat());
    if (when % 3 === 1) {
      assertSucceeded(await here.install());
      assert.deepEqual(state(here), undisturbed, `killed at change ${when}`);
      assert.equal(here.desktop().length, 2);
    }
    // Two times of three right after the kill: uninstalling has to find every half-made thing.
    assertSucceeded(await here.uninstall());
    assert.deepEqual(here.files(), pristine, `uninstalled after a kill at change ${when}`);
    assert.deepEqual(here.desktop(), []);
  }
  t.diagnostic(`${when - 1} changes`);
  assert.ok(when > 20, 'the preload did not see the changes');
});

test('an installation over another, killed at each change: what was there keeps working', async () => {
  const here = tinyPlace();
  assertSucceeded(await here.install());
  const undisturbed = state(here);
  const { install_id } = here.config();
  for (let when = 1; ; when += 1) {
    server.tokens.delete(here.config().token); // so that each run has a new token to bring into place
    const outcome = await killed(here, 'setup.mjs', when);
    assert.equal(JSON.parse(assertSucceeded(await here.chat()).stdout).token, here.config().token);
    assert.equal(here.config().install_id, install_id);
    if (outcome.code === 0) break;
  }
  assert.deepEqual(state(here), undisturbed);
  assert.equal(here.desktop().length, 2);
});

test('uninstalling, killed at each change and started again, leaves nothing', async () => {
  const here = tinyPlace();
  const pristine = here.files();
  for (let when = 1; ; when += 1) {
    assertSucceeded(await here.install());
    const outcome = await killed(here, 'setup.mjs', when, {}, ['--uninstall']);
    if (outcome.code === 0) break;
    assertSucceeded(await here.uninstall());
    assert.deepEqual(here.files(), pristine, `killed at change ${when}`);
  }
  assert.deepEqual(here.files(), pristine);
});

test('npm killed in the middle: the installation fails; killed with setup: started again, it is whole', async () => {
  const here = place(temporaryFolder(), { serverUrl: server.url });
  const alone = await killed(here, 'npm-cli.js', 5);
  assert.equal(alone.code, 1, alone.stderr);
  assert.match(alone.stderr, /npm could not install/);
  const both = await killed(here, 'npm-cli.js', 2000, { KILL_PARENT: '1' });
  assert.equal(both.signal, 'SIGKILL', both.stderr);
  const unpacked = here.files().filter((name) => name.startsWith('lib/app/node_modules/openai/')).length;
  assert.ok(unpacked > 500, `only ${unpacked} files: it was to be in the middle of unpacking`);
  assertSucceeded(await here.install());
  assertSucceeded(await here.chat('hi'));
  assert.ok(!fs.existsSync(path.join(here.folder, 'data', 'npm-cache')));
});

test('stopped while npm works (SIGTERM): 130, and npm stops too', { timeout: 60000 }, async () => {
  const here = place(temporaryFolder(), { serverUrl: server.url });
  const silent = await FakeOpencat.start(); // a registry that never answers
  try {
    let asked;
    const reached = new Promise((resolve) => (asked = resolve));
    silent.next('/openai', (request) => asked(request));
    const env = { ...here.env, npm_config_registry: `${silent.url}/` };
    const installing = start('sh', [path.join(here.folder, 'install.sh')], { env });
    const request = await reached;
    const gone = new Promise((resolve) => request.socket.once('close', resolve));
    installing.child.kill('SIGTERM');
    assert.equal((await installing.done).code, 130);
    await gone; // npm held this connection
  } finally {
    await silent.stop();
  }
});
