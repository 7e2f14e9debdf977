// SPDX-License-Identifier: MIT
// `opencat serve`'s settings: their order, their file, their mistakes.
import assert from 'node:assert/strict';
import { rm, writeFile } from 'node:fs/promises';
import { join } from 'node:path';
import { after, before, test } from 'node:test';
import { newFolder, runOpencat, startServer } from '../support/server.mjs';

let dir;
before(async () => (dir = await newFolder()));
after(() => rm(dir, { recursive: true }));

const serve = (words, env) => runOpencat(['serve', '--data-dir', dir, ...words], { cwd: dir, env });
async function shown(words, env) {
  const { code, stdout, stderr } = await serve(['--show-config', '--json', ...words], env);
  assert.equal(code, 0, stderr);
  return JSON.parse(stdout);
}
async function withFile(t, text) {
  const file = join(dir, 'opencat.toml');
  await writeFile(file, text);
  t.after(() => rm(file));
}
async function refused(words, pattern, env) {
  const { code, stdout, stderr } = await serve(words, env);
  assert.equal(code, 2, stderr);
  assert.match(stderr, pattern);
  assert.equal(stderr.trim().split('\n').length, 1, stderr);
  assert.equal(stdout, '');
}

test('defaults < file < environment < flag, and each origin is told', async (t) => {
  await withFile(
    t,
    'port = 1001\nhost = "127.0.0.2"\n[limits]\ndaily = 7\nmonthly = 8\n[upstream]\nmodels = ["a", "b"]\n',
  );
  const env = { OPENCAT_HOST: '127.0.0.3', OPENCAT_MONTHLY_LIMIT: '9' };
  const config = await shown(['--host', '127.0.0.4'], env);
  assert.deepEqual(config['--host'], { value: '127.0.0.4', origin: 'flag' });
  assert.equal(config['--monthly-limit'].value, 9);
  assert.match(config['--monthly-limit'].origin, /OPENCAT_MONTHLY_LIMIT/);
  assert.equal(config['--daily-limit'].value, 7);
  assert.match(config['--daily-limit'].origin, /opencat\.toml/);
  assert.equal(config['--rpm-limit'].value, 20);
  assert.match(config['--rpm-limit'].origin, /default/);
  assert.deepEqual(config['--upstream-model'].value, ['a', 'b']);
});

test('what is kept may be kept for years, and --help says times and sizes as people write them', async () => {
  const config = await shown(['--keep-usage', '1000d', '--keep-deleted', '400d']);
  assert.equal(config['--keep-usage'].value, 1000 * 86400);
  assert.equal(config['--keep-deleted'].value, 400 * 86400);
  await refused(['--keep-usage', '40000d'], /--keep-usage wants at most 36500d/);
  await refused(['--drain-timeout', '31d'], /--drain-timeout wants at most 30d/);
  const { stdout } = await serve(['--help']);
  for (const said of ['(default 400d;', '(default 10MiB;', '(default 30s;'])
    assert.ok(stdout.includes(said), said);
});

test('--show-config masks every secret, wherever it came from', async (t) => {
  await withFile(t, 'enroll_key = "key-from-file"\n[upstream]\nkey = "sk-from-file"\n');
  const env = { OPENCAT_ADMIN_SECRET: 'secret-from-env' };
  for (const json of [['--json'], []]) {
    const { code, stdout, stderr } = await serve(['--show-config', ...json], env);
    assert.equal(code, 0);
    assert.ok(!/key-from-file|sk-from-file|secret-from-env/.test(stdout + stderr));
    assert.equal(stdout.match(/\*{8}/g).length, 3);
  }
});

test('a misspelt key of the file is refused with the nearest', async (t) => {
  await withFile(t, '[limits]\ndayly = 7\n');
  await refused(
    ['--demo'],
    /opencat\.toml: there is no setting 'limits\.dayly'; did you mean 'limits\.daily'\?/,
  );
});

test('a broken file is refused with its line', async (t) => {
  await withFile(t, 'port = 1\nhost = \n');
  await refused(['--demo'], /opencat\.toml line 2/);
});

test('a value of the wrong kind in the file names the key', async (t) => {
  await withFile(t, 'port = "many"\n');
  await refused(['--demo'], /opencat\.toml: port wants a whole number, not 'many'/);
});

test('--config names another file, which must be there', async () => {
  const file = join(dir, 'other.toml');
  await writeFile(file, 'port = 4321\n');
  assert.equal((await shown(['--config', file]))['--port'].value, 4321);
  await refused(['--demo', '--config', join(dir, 'none.toml')], /none\.toml/);
});

test('mistakes on the command line are named, with the nearest right word', async () => {
  await refused(['--dayly-limit', '3'], /'--dayly-limit'; did you mean '--daily-limit'\?/);
  await refused(['--demo', 'now'], /does not take 'now'/);
  await refused(['--port', 'x'], /--port wants a whole number, not 'x'/);
  await refused(['--port', '70000', '--demo'], /--port .*65535/);
  await refused(['--enrollment', 'opne'], /open, key, closed .*did you mean open\?.*'opne'/);
  await refused(['--idle-timeout', '5 parsecs'], /--idle-timeout wants a time/);
  await refused(['--idle-timeout', '0'], /--idle-timeout wants at least 1s/);
  await refused(['--max-body', '10 potatoes'], /--max-body wants a size/);
  await refused(['--rpm-limit', '0'], /--rpm-limit wants at least 1/);
  await refused(['--demo'], /OPENCAT_PORT wants a whole number, not 'y'/, { OPENCAT_PORT: 'y' });
});

test('settings that contradict each other are refused', async () => {
  await refused(['--demo', '--upstream-url', 'http://127.0.0.1:1'], /--demo/);
  await refused(['--upstream-url', 'http://127.0.0.1:1'], /--upstream-model/);
  await refused(['--upstream-url', 'ftp://x', '--upstream-model', 'm'], /--upstream-url wants an address/);
  await refused(['--demo', '--public-url', 'example.com/x?y'], /--public-url/);
});

test('with --json one line on stdout tells the addresses, and nothing else is there', async () => {
  const server = await startServer();
  assert.deepEqual(Object.keys(server.ready).sort(), [
    'admin_secret_file',
    'chat_url',
    'enroll_key_file',
    'public_url',
    'url',
  ]);
  assert.equal(await server.stop(), 0);
  assert.equal(server.child.text.stdout.trim().split('\n').length, 1);
});
