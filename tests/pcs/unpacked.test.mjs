// SPDX-License-Identifier: MIT
// An offline bundle on the system that this runs on, as its user goes about it: extracted by the system's own means, the
// door opened, the chat started, uninstalled. On Linux the bundle is made here; on other systems OPENCAT_BUNDLE names
// one with bundled packages and a token, as .github/workflows/release.yml gives it to macOS and Windows.
import assert from 'node:assert/strict';
import { execFileSync, spawnSync } from 'node:child_process';
import fs from 'node:fs';
import os from 'node:os';
import path from 'node:path';
import { test } from 'node:test';

const given = process.env.OPENCAT_BUNDLE;
const skip =
  given || process.platform === 'linux' ? false : 'OPENCAT_BUNDLE names no bundle, and none is made here';
const SYSTEMS = {
  // What Finder's Archive Utility does.
  darwin: { extract: (zip, to) => ['ditto', '-x', '-k', zip, to], door: ['./install.command'] },
  win32: { extract: (zip, to) => ['tar', '-xf', zip, '-C', to], door: ['cmd', '/d', '/c', 'install.bat'] },
  linux: { extract: (zip, to) => ['unzip', '-q', zip, '-d', to], door: ['sh', './install.sh'] },
};
const system = SYSTEMS[process.platform];
const windows = process.platform === 'win32';

/** A bundle for this machine, made by the real server, whose token stays good but whom nobody will reach. */
async function makeBundle(folder) {
  // Only where one is made: on other systems there is no opencat.
  const { run } = await import('../cli/helpers.mjs');
  const { startServer } = await import('../support/server.mjs');
  const { NODE_VERSION } = await import('../fakes/runtime.mjs');
  const server = await startServer();
  try {
    const words = ['bundle', '--platform', `linux-${process.arch}`, '--pre-token', '--deps', 'bundled'];
    words.push('--server-url', server.url, '--source', 'npm', '--node-version', NODE_VERSION);
    words.push('--cache-dir', process.env.OPENCAT_TEST_CACHE ?? path.join(folder, 'cache'));
    const npm_config_registry = execFileSync('npm', ['config', 'get', 'registry'], {
      encoding: 'utf8',
    }).trim();
    const made = await run(folder, words, {
      env: { OPENCAT_ADMIN_SECRET: server.secret, npm_config_registry },
    });
    assert.equal(made.code, 0, made.stderr);
  } finally {
    await server.stop();
  }
  return path.join(folder, 'dist', `opencat-portable-linux-${process.arch}.zip`);
}

/** All files below, the runtime's and the packages' left out: thousands that nobody changes. */
const tree = (folder) =>
  fs
    .readdirSync(folder, { recursive: true })
    .map(String)
    .filter((name) => !/node_modules|^tools/.test(name))
    .sort();

test('extract, open the door, chat, uninstall', { skip }, async (t) => {
  const pc = fs.realpathSync(fs.mkdtempSync(path.join(os.tmpdir(), 'opencat-pc-')));
  t.after(() => fs.rmSync(pc, { recursive: true, force: true, maxRetries: 5 }));
  const zip = given ?? (await makeBundle(pc));
  const home = path.join(pc, 'home');
  const desktop = path.join(home, 'Desktop');
  const parent = path.join(pc, '我的 文档 & (1)');
  for (const folder of [desktop, parent]) fs.mkdirSync(folder, { recursive: true });
  const [program, ...words] = system.extract(path.resolve(zip), parent);
  execFileSync(program, words);
  const place = path.join(parent, 'opencat-portable');

  // Windows asks the registry for the desktop, not HOME: the runner's own user is used there.
  const env = windows ? process.env : { ...process.env, HOME: home, XDG_CONFIG_HOME: undefined };
  const run = ([name, ...more]) => {
    const ended = spawnSync(name, more, {
      cwd: place,
      encoding: 'utf8',
      env: { ...env, OPENCAT_NO_PAUSE: '1' },
      timeout: 120_000,
    });
    return { ...ended, said: `${ended.stdout}${ended.stderr}${ended.error ?? ''}` };
  };
  const config = () => JSON.parse(fs.readFileSync(path.join(place, 'data/config.json'), 'utf8'));
  const before = tree(place);

  const installed = run([...system.door, '--no-browser']);
  assert.equal(installed.status, 0, installed.said);
  const { token } = config();
  assert.match(token, /^occ_/);
  if (!windows) {
    assert.equal(fs.statSync(path.join(place, 'data/config.json')).mode & 0o777, 0o600);
    assert.ok(fs.readdirSync(desktop).length > 0, 'a shortcut');
  }
  assert.ok(fs.existsSync(path.join(place, 'open-chat.html')));

  const again = run([...system.door, '--no-browser']);
  assert.equal(again.status, 0, again.said);
  assert.equal(config().token, token);

  const chat = run(windows ? ['cmd', '/d', '/c', 'opencat-chat.bat', 'hello'] : ['./opencat-chat', 'hello']);
  assert.equal(chat.status, 3, `nobody serves: ${chat.said}`);
  assert.ok(!chat.said.includes(token));

  const gone = run(
    windows ? ['cmd', '/d', '/c', 'uninstall.bat', '--yes'] : ['sh', './uninstall.sh', '--yes'],
  );
  assert.equal(gone.status, 0, gone.said);
  assert.deepEqual(tree(place), before, 'what installing made is gone, and nothing else');
  if (!windows) assert.deepEqual(fs.readdirSync(desktop), []);
});
