// SPDX-License-Identifier: MIT
// The main way: unpack, install with a real npm ci, chat through the launcher, install again, uninstall.
import assert from 'node:assert/strict';
import fs from 'node:fs';
import path from 'node:path';
import { after, before, test } from 'node:test';
import { ANSWER, FakeOpencat } from '../fakes/opencat_server.mjs';
import {
  assertSucceeded,
  hasProgram,
  mode,
  place,
  readJson,
  run,
  SHELLS,
  temporaryFolder,
  tinyApp,
} from './helpers.mjs';

const ENROLL_KEY = 'enrol-7c1f0a';
let server;
before(async () => (server = await FakeOpencat.start({ enrollKey: ENROLL_KEY, prefix: '/opencat' })));
after(() => server.stop());

test('unpacked to chatting, again without npm, and uninstalled', async (t) => {
  const here = place(path.join(temporaryFolder(), '我的 文档 & (1) $HOME'), {
    serverUrl: server.url,
    bundle: { enroll_key: ENROLL_KEY },
  });
  const unpacked = here.files();

  await t.test('installing asks the server once and writes what the contract names', async () => {
    const { stdout, stderr } = assertSucceeded(await here.install());
    assert.match(stderr, /\[1\/6\].*\n(.*\n)*\[6\/6\]/);
    assert.ok(stdout.includes(path.join(here.folder, 'opencat-chat')), stdout);
    const { headers, body } = server.requests.find((each) => each.path === '/api/tokens');
    assert.equal(headers['x-enroll-key'], ENROLL_KEY);
    assert.equal(body.version, '0.1.0');
    assert.ok(body.meta.hostname);
    const { token, install_id, ...config } = here.config();
    assert.equal(server.tokens.get(token).install_id, install_id);
    assert.equal(body.install_id, install_id);
    assert.deepEqual(config, {
      model: 'auto',
      format: 1,
      server_url: server.url,
      proxy_base_url: `${server.url}/v1`,
      chat_url: `${server.url}/chat#token=${token}`,
    });
  });

  await t.test('files that hold the token are private, and no secret is in the log', () => {
    for (const name of ['data/config.json', 'open-chat.html', 'bundle.json', 'logs/install.log']) {
      assert.equal(mode(path.join(here.folder, name)), 0o600, name);
    }
    assert.equal(mode(path.join(here.folder, 'opencat-chat')), 0o755);
    const { token } = here.config();
    assert.ok(
      fs.readFileSync(path.join(here.folder, 'open-chat.html'), 'utf8').includes(`/chat#token=${token}`),
    );
    assert.ok(here.log().includes('npm ci'));
    for (const secret of [token, ENROLL_KEY]) assert.ok(!here.log().includes(secret), here.log());
    for (const line of here.log().trimEnd().split('\n')) assert.match(line, /^\d{4}-\d\d-\d\dT[\d:.]+Z /);
    assert.ok(!fs.existsSync(path.join(here.folder, 'data', 'npm-cache')));
  });

  await t.test('the launcher chats, from anywhere and through a link', async () => {
    const answer = assertSucceeded(await here.chat('hello there'));
    assert.equal(answer.stdout, `${ANSWER.join('')}\n`);
    const { headers, body } = server.requests.at(-1);
    assert.equal(headers.authorization, `Bearer ${here.config().token}`);
    assert.deepEqual(body, {
      model: 'auto',
      messages: [{ role: 'user', content: 'hello there' }],
      stream: true,
    });
    const link = path.join(here.folder, '..', 'link');
    fs.symlinkSync('opencat-portable/opencat-chat', link);
    assertSucceeded(await run(link, ['hi'], { env: here.env, cwd: '/' }));
  });

  await t.test('installing again keeps token and choices, and runs no npm', async () => {
    const file = path.join(here.folder, 'data', 'config.json');
    fs.writeFileSync(file, JSON.stringify({ ...here.config(), model: 'mine', note: 'my own' }));
    const before = here.config();
    const asked = server.count('POST', '/api/tokens');
    const { stderr } = assertSucceeded(await here.install());
    assert.match(stderr, /Already in place/);
    assert.equal(here.log().match(/npm ci/g).length, 1);
    assert.deepEqual(here.config(), before);
    assert.equal(mode(file), 0o600);
    assert.equal(server.count('POST', '/api/tokens'), asked);
  });

  await t.test('a kept token that the server no longer knows is replaced, the install_id stays', async () => {
    const old = here.config();
    server.tokens.delete(old.token);
    assertSucceeded(await here.install());
    assert.notEqual(here.config().token, old.token);
    assert.equal(here.config().install_id, old.install_id);
  });

  await t.test('--keep-token leaves the configuration, which the next installation uses', async () => {
    const { token } = here.config();
    assertSucceeded(await here.uninstall('--keep-token'));
    assert.deepEqual(here.files(), [...unpacked, 'data/', 'data/config.json', 'data/receipt.json'].sort());
    assertSucceeded(await here.install());
    assert.equal(here.config().token, token);
  });

  await t.test('uninstalling leaves the bundle and what the user put there, and nothing else', async () => {
    fs.writeFileSync(path.join(here.folder, 'logs', 'mine.txt'), 'kept');
    assertSucceeded(await here.uninstall());
    assert.deepEqual(here.files(), [...unpacked, 'logs/', 'logs/mine.txt'].sort());
    const again = assertSucceeded(await here.uninstall());
    assert.match(again.stdout, /Nothing is installed/);
  });
});

for (const shell of SHELLS) {
  const skip = hasProgram(shell[0]) ? false : `${shell[0]} is not on this machine`;
  test(`install.sh and the launcher run in ${shell.join(' ')}`, { skip }, async () => {
    const where = temporaryFolder();
    const here = place(where, {
      serverUrl: server.url,
      app: tinyApp(path.join(where, 'app')),
      bundle: { enroll_key: ENROLL_KEY },
    });
    const [program, ...first] = shell;
    // By a relative name from another folder, as a person types it.
    assertSucceeded(
      await run(program, [...first, 'opencat-portable/install.sh'], { env: here.env, cwd: where }),
    );
    const words = ["it's", 'a "b" $c', '%d'];
    const launched = await run(program, [...first, 'opencat-portable/opencat-chat', ...words], {
      env: here.env,
      cwd: where,
    });
    assert.deepEqual(JSON.parse(assertSucceeded(launched).stdout), {
      token: here.config().token,
      arguments: ['--fixed', ...words],
    });
    assertSucceeded(
      await run(program, [...first, 'opencat-portable/uninstall.sh'], { env: here.env, cwd: where }),
    );
    assert.ok(!fs.existsSync(path.join(here.folder, 'data')));
  });
}

test('a bundle in a version folder below --home: launcher, configuration and logs are in the home', async () => {
  const where = temporaryFolder();
  const home = path.join(where, 'my prefix');
  const here = place(path.join(home, 'versions', 'one'), {
    serverUrl: server.url,
    app: tinyApp(path.join(where, 'app')),
    bundle: { enroll_key: ENROLL_KEY },
  });
  const { stdout } = assertSucceeded(await here.install('--home', home, '--json', '--quiet'));
  const result = JSON.parse(stdout);
  assert.deepEqual(result, {
    home,
    log: path.join(home, 'logs', 'install.log'),
    config: path.join(home, 'data', 'config.json'),
    open_chat: path.join(home, 'open-chat.html'),
    launcher: path.join(home, 'opencat-chat'),
  });
  assert.ok(!stdout.includes('occ_'), 'a token must not be printed');
  const { token } = readJson(result.config);
  assert.equal(
    JSON.parse(assertSucceeded(await run(result.launcher, [], { env: here.env })).stdout).token,
    token,
  );
  const moved = path.join(where, 'moved');
  fs.renameSync(home, moved);
  assertSucceeded(await run(path.join(moved, 'opencat-chat'), [], { env: here.env }));
});
