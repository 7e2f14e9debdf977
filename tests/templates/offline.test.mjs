// SPDX-License-Identifier: MIT
// Bundled packages and a token in the bundle: no network is touched, proved where there is none.
import assert from 'node:assert/strict';
import path from 'node:path';
import fs from 'node:fs';
import { spawnSync } from 'node:child_process';
import { after, before, test } from 'node:test';
import { appModules, templates } from '../fakes/bundle.mjs';
import { ANSWER, FakeOpencat } from '../fakes/opencat_server.mjs';
import { assertSucceeded, mode, place, run, temporaryFolder } from './helpers.mjs';

const alone = ['unshare', '--net', ...(process.getuid?.() === 0 ? [] : ['--map-root-user'])];
const skip =
  spawnSync(alone[0], [...alone.slice(1), 'true']).status === 0 ? false : 'no network namespaces here';
let server;
before(async () => (server = await FakeOpencat.start()));
after(() => server.stop());

test('an offline bundle installs in a network namespace without a route, then chats', { skip }, async () => {
  const where = temporaryFolder();
  const app = path.join(where, 'app');
  fs.cpSync(path.join(templates, 'app'), app, { recursive: true });
  fs.cpSync(appModules(), path.join(app, 'node_modules'), { recursive: true });
  const install_id = 'dc3a18ad-3b31-4b8e-9d0a-7f8b7c9f0f57';
  const grant = { ...server.issue({ install_id }), install_id };
  const here = place(where, { serverUrl: server.url, app, deps: 'bundled', token: grant });
  const script = path.join(here.folder, 'install.sh');
  for (const [round, words] of [
    [1, /Already in the bundle/],
    [2, /Already in the bundle/],
  ]) {
    const { stderr } = assertSucceeded(
      await run(alone[0], [...alone.slice(1), 'sh', script], { env: here.env }),
    );
    assert.match(stderr, words, `round ${round}`);
    assert.equal(here.config().token, grant.token);
    assert.equal(here.config().install_id, install_id);
  }
  assert.equal(mode(path.join(here.folder, 'token.json')), 0o600);
  assert.equal(server.requests.length, 0);
  assert.ok(!here.log().includes(grant.token));
  assert.equal(assertSucceeded(await here.chat('hi')).stdout, `${ANSWER.join('')}\n`);
});

test('a token in the bundle wins over the one from before; without it the one from before stays', async () => {
  const where = temporaryFolder();
  const app = path.join(where, 'app');
  fs.mkdirSync(app);
  fs.writeFileSync(
    path.join(app, 'package.json'),
    JSON.stringify({ name: 'none', version: '1.0.0', opencat: { start: ['a.mjs'] } }),
  );
  const here = place(where, { serverUrl: server.url, app });
  assertSucceeded(await here.install());
  const first = here.config().token;
  const grant = { ...server.issue({}), install_id: 'dc3a18ad-3b31-4b8e-9d0a-7f8b7c9f0f57' };
  fs.writeFileSync(path.join(here.folder, 'token.json'), JSON.stringify(grant));
  assertSucceeded(await here.install());
  assert.equal(here.config().token, grant.token);
  assert.notEqual(here.config().token, first);
  fs.rmSync(path.join(here.folder, 'token.json'));
  assertSucceeded(await here.install());
  assert.equal(here.config().token, grant.token);
});
