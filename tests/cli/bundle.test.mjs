// SPDX-License-Identifier: MIT
import assert from 'node:assert/strict';
import { execFileSync } from 'node:child_process';
import { createHash, randomBytes } from 'node:crypto';
import fs from 'node:fs';
import os from 'node:os';
import path from 'node:path';
import { test } from 'node:test';
import { DEAD, cachedRuntimes, run, sandbox, start, tree, until } from './helpers.mjs';
import { workshop } from './workshop.mjs';
import { NodeMirror } from '../fakes/node_mirror.mjs';
import { ADMIN_SECRET, ENROLL_KEY, sendError, sendJson } from '../fakes/opencat_server.mjs';

const sha256 = (bytes) => createHash('sha256').update(bytes).digest('hex');
const isFile = (folder) => (name) => fs.statSync(path.join(folder, name)).isFile();

/** Unpacked by Info-ZIP, which knows nothing of us. */
function unzipped(t, zip) {
  const folder = sandbox(t);
  execFileSync('unzip', ['-q', zip, '-d', folder]);
  assert.deepEqual(fs.readdirSync(folder).sort(), ['home', 'opencat-portable']);
  return path.join(folder, 'opencat-portable');
}

test('a bundle with a token: what bundle.json lists is there, and the token is nowhere else', async (t) => {
  const { server, bundle, dist } = await workshop(t, { server: { prefix: '/opencat' } });
  const made = await bundle(['--pre-token', '--label', 'Ms Li']);
  assert.equal(made.code, 0, made.stderr);
  const [token, asked] = [...server.tokens][0];
  const zip = path.join(dist, 'opencat-portable-linux-x64.zip');
  const root = unzipped(t, zip);
  const description = JSON.parse(fs.readFileSync(path.join(root, 'bundle.json')));
  const { files, ...rest } = description;
  assert.deepEqual(rest, {
    format: 1,
    platform: 'linux-x64',
    opencat_version: rest.opencat_version,
    server_url: server.url,
    enroll_key: ENROLL_KEY,
    node: { version: '22.5.0', npm: '10.9.8' },
    app: {
      name: 'opencat-chat',
      version: '0.1.0',
      deps: 'install',
      start: ['chat.mjs'],
      title: { en: 'OpenCat Chat', zh: 'OpenCat 聊天' },
      scripts: false,
      config: [],
    },
    npm_registry: null,
    label: 'Ms Li',
  });
  const found = tree(root)
    .filter(isFile(root))
    .filter((name) => !['bundle.json', 'token.json'].includes(name));
  assert.deepEqual(Object.keys(files).sort(), found);
  for (const name of found) assert.equal(files[name], sha256(fs.readFileSync(path.join(root, name))), name);

  const kept = JSON.parse(fs.readFileSync(path.join(root, 'token.json')));
  assert.equal(kept.token, token);
  assert.equal(kept.install_id, asked.install_id);
  assert.match(asked.install_id, /^[0-9a-f]{8}-[0-9a-f]{4}-4[0-9a-f]{3}-[89ab][0-9a-f]{3}-[0-9a-f]{12}$/);
  assert.deepEqual([asked.platform, asked.meta], ['linux-x64', { label: 'Ms Li' }]);
  assert.equal(fs.statSync(path.join(root, 'token.json')).mode & 0o777, 0o600);
  assert.equal(fs.statSync(zip).mode & 0o777, 0o600);

  const manifest = fs.readFileSync(path.join(dist, 'manifest.json'), 'utf8');
  const said = [
    manifest,
    made.stdout,
    made.stderr,
    fs.readFileSync(path.join(dist, 'SHA256SUMS'), 'utf8'),
  ].join();
  for (const secret of [token, ENROLL_KEY, ADMIN_SECRET]) assert.ok(!said.includes(secret));
  assert.equal(JSON.parse(manifest).bundles[0].token_id, 'tok_1');
  execFileSync('sha256sum', ['--check', '--quiet', 'SHA256SUMS'], { cwd: dist });
});

test('each platform gets its own doors; programs may be executed; there are no links', async (t) => {
  const { bundle, dist } = await workshop(t);
  const made = await bundle(['--platform', 'win-x64,darwin-arm64']);
  assert.equal(made.code, 0, made.stderr);
  const doors = {
    'linux-x64': ['install.sh', 'uninstall.sh'],
    'darwin-arm64': ['install.command', 'install.sh', 'uninstall.sh'],
    'win-x64': ['install.bat', 'uninstall.bat'],
  };
  for (const [platform, names] of Object.entries(doors)) {
    const root = unzipped(t, path.join(dist, `opencat-portable-${platform}.zip`));
    const programs = fs.readdirSync(root).filter((name) => /install/.test(name));
    assert.deepEqual(programs.sort(), names);
    for (const name of tree(root)) assert.ok(!fs.lstatSync(path.join(root, name)).isSymbolicLink(), name);
    if (platform === 'win-x64') {
      assert.ok(fs.existsSync(path.join(root, 'tools/node/node.exe')));
      continue;
    }
    for (const name of [...names, 'tools/node/bin/node']) {
      assert.equal(fs.statSync(path.join(root, name)).mode & 0o777, 0o755, name);
    }
    const readme = fs.readFileSync(path.join(root, 'README.txt'), 'utf8');
    assert.ok(readme.includes('OpenCat Chat') && !readme.includes('{{'));
    assert.equal(fs.statSync(path.join(dist, `opencat-portable-${platform}.zip`)).mode & 0o777, 0o600);
  }
});

test('the same inputs give the same bytes, whatever the time zone and the locale', async (t) => {
  const { bundle, dist, folder } = await workshop(t);
  const zip = path.join(dist, 'opencat-portable-linux-x64.zip');
  const digests = [];
  for (const env of [{ TZ: 'UTC' }, { TZ: 'Asia/Shanghai', LC_ALL: 'C' }]) {
    assert.equal((await bundle([], { ...env, SOURCE_DATE_EPOCH: '1700000000' })).code, 0);
    digests.push(sha256(fs.readFileSync(zip)));
    fs.rmSync(path.join(folder, 'cache'), { recursive: true }); // fetched anew, with other times on disk
  }
  assert.equal(digests[0], digests[1]);
  const listing = execFileSync('unzip', ['-Z', '-T', zip], { encoding: 'utf8' });
  assert.match(listing, /20231114\.221320/);
  assert.equal((await bundle([], { SOURCE_DATE_EPOCH: 'yesterday' })).code, 2);
});

test('a wrong secret, none at all, or no server: said before anything is made', async (t) => {
  const { folder, registry, bundle, dist } = await workshop(t);
  const cases = [
    [5, ['--pre-token'], { OPENCAT_ADMIN_SECRET: 'wrong' }, /admin secret/],
    [2, ['--pre-token'], { OPENCAT_ADMIN_SECRET: '' }, /OPENCAT_ADMIN_SECRET/],
    [3, ['--pre-token', '--server-url', DEAD], {}, /127\.0\.0\.1:9/],
    [2, ['--server-url', 'example.com/chat?x=1'], {}, /--server-url/],
    [2, ['--app', './cowsay'], {}, /--app/],
    [2, ['--deps', 'bundle'], {}, /bundled/],
  ];
  for (const [code, words, env, message] of cases) {
    const made = await bundle(words, env);
    assert.equal(made.code, code, words.join(' ') + made.stderr);
    assert.match(made.stderr, message);
    assert.ok(!made.stderr.includes('wrong'), 'a secret is not repeated');
  }
  const nameless = await run(folder, ['bundle']);
  assert.equal(nameless.code, 2);
  assert.match(nameless.stderr, /--server-url/);
  assert.equal(registry.requests.length, 0);
  assert.ok(!fs.existsSync(dist));
  assert.deepEqual(cachedRuntimes(folder), []);
});

test('the admin secret may come from a file, and is not sent where a redirect leads', async (t) => {
  const { folder, server, bundle } = await workshop(t);
  fs.writeFileSync(path.join(folder, 'secret'), `${ADMIN_SECRET}\n`, { mode: 0o600 });
  const words = ['--pre-token', '--admin-secret-file', path.join(folder, 'secret')];
  assert.equal((await bundle(words, { OPENCAT_ADMIN_SECRET: '' })).code, 0);
  const redirecting = await NodeMirror.start();
  t.after(() => redirecting.stop());
  redirecting.server.removeAllListeners('request');
  redirecting.server.on('request', (request, response) => {
    response.writeHead(307, { location: `${server.url}${request.url}` }).end();
  });
  const before = server.requests.length;
  const made = await bundle(['--pre-token', '--server-url', redirecting.url]);
  assert.equal(made.code, 2);
  assert.equal(server.requests.length, before);
});

test('the enrolment key: asked for, given, not needed, or warned about', async (t) => {
  const keyOf = async (options, words, env) => {
    const { bundle, dist } = await workshop(t, { server: options });
    const made = await bundle(words, env);
    assert.equal(made.code, 0, made.stderr);
    const root = unzipped(t, path.join(dist, 'opencat-portable-linux-x64.zip'));
    return [JSON.parse(fs.readFileSync(path.join(root, 'bundle.json'))).enroll_key, made.stderr];
  };
  assert.equal((await keyOf({}, []))[0], ENROLL_KEY);
  assert.equal((await keyOf({}, ['--enroll-key', 'mine']))[0], 'mine');
  assert.equal((await keyOf({ enrollment: { mode: 'open' } }, []))[0], null);
  for (const [options, words, env] of [
    [{}, [], { OPENCAT_ADMIN_SECRET: '' }],
    [{ enrollment: null }, [], {}],
  ]) {
    const [key, said] = await keyOf(options, words, env);
    assert.equal(key, null);
    assert.match(said, /--enroll-key/);
  }
  assert.match((await keyOf({ enrollment: { mode: 'closed' } }, []))[1], /closed/);
});

/** An app so large and so random that compressing it takes seconds. */
function largeApp(folder) {
  const app = path.join(folder, 'app');
  fs.mkdirSync(app);
  const declared = { start: ['main.mjs'], name: { en: 'Large', zh: '大' } };
  fs.writeFileSync(
    path.join(app, 'package.json'),
    JSON.stringify({ name: 'large', version: '1.0.0', opencat: declared }),
  );
  fs.writeFileSync(path.join(app, 'main.mjs'), '');
  fs.writeFileSync(path.join(app, 'data'), randomBytes(100 << 20));
  return app;
}

test('Ctrl-C while a zip is written: exit 130, no zip, and no token was asked for', async (t) => {
  const { folder, server, words, env, dist } = await workshop(t);
  const child = start(folder, [...words, '--pre-token', '--app', largeApp(folder)], { env });
  await until(() => tree(dist).some((name) => name.endsWith('.zip')), 'the zip to be begun');
  child.kill('SIGINT');
  const ended = await child.done;
  assert.equal(ended.code, 130, ended.stderr);
  assert.equal(server.count('POST', '/api/tokens'), 0);
  assert.deepEqual(tree(dist), []);
});

/** Every file of a folder with its digest. */
const contents = (folder) =>
  Object.fromEntries(
    tree(folder)
      .filter(isFile(folder))
      .map((name) => [name, sha256(fs.readFileSync(path.join(folder, name)))]),
  );

test('a later zip that fails leaves the set of before as it was, and none of the new tokens', async (t) => {
  const { server, bundle, dist } = await workshop(t);
  assert.equal((await bundle(['--pre-token'])).code, 0);
  const tokens = [...server.tokens.keys()];
  // A folder stands where the second zip should go.
  fs.mkdirSync(path.join(dist, 'opencat-portable-win-x64.zip', 'in-the-way'), { recursive: true });
  const before = contents(dist);
  const made = await bundle(['--platform', 'win-x64,darwin-arm64', '--pre-token']);
  assert.equal(made.code, 1, made.stderr);
  assert.match(made.stderr, /opencat-portable-win-x64\.zip/);
  assert.deepEqual(contents(dist), before);
  assert.deepEqual([...server.tokens.keys()], tokens);
  assert.ok(!fs.readdirSync(dist).some((name) => name.startsWith('.')));
  server.next('/api/tokens', (request, response) => sendError(response, 503, 'SERVICE_UNAVAILABLE'));
  fs.rmSync(dist, { recursive: true });
  assert.equal((await bundle(['--pre-token'])).code, 3);
  assert.deepEqual(tree(dist), []);
});

/** Whether the process has yet to take a signal that was sent to it. */
const isPending = (pid, number) => {
  const [, mask] = /ShdPnd:\s*(\w+)/.exec(fs.readFileSync(`/proc/${pid}/status`, 'utf8'));
  return (BigInt(`0x${mask}`) & (1n << BigInt(number - 1))) !== 0n;
};

test('Ctrl-C at a later platform leaves the set of before as it was, and none of the new tokens', async (t) => {
  const { folder, server, bundle, words, env, dist } = await workshop(t);
  assert.equal((await bundle(['--pre-token'])).code, 0);
  const before = contents(dist);
  const tokens = [...server.tokens.keys()];
  const child = start(folder, [...words, '--platform', 'win-x64', '--pre-token'], { env });
  server.next('/api/tokens', (request, response, body) => sendJson(response, 200, server.issue(body)));
  // The second token is on its way when the signal comes.
  server.next('/api/tokens', async (request, response, body) => {
    child.kill('SIGINT');
    await until(() => !isPending(child.pid, os.constants.signals.SIGINT), 'the signal to arrive');
    sendJson(response, 200, server.issue(body));
  });
  const ended = await child.done;
  assert.equal(ended.code, 130, ended.stderr);
  assert.equal(server.count('POST', '/api/tokens'), 3);
  assert.deepEqual(contents(dist), before);
  assert.deepEqual([...server.tokens.keys()], tokens);
  assert.ok(!fs.readdirSync(dist).some((name) => name.startsWith('.')));
});

test('what is damaged in the cache reaches nobody', async (t) => {
  const { folder, server, bundle, dist } = await workshop(t);
  const cached = path.join(folder, 'cache/node/22.5.0/linux-x64');
  const zip = path.join(dist, 'opencat-portable-linux-x64.zip');
  const packed = () => fs.readdirSync(cached).filter((name) => name.startsWith('packed-'));
  assert.equal((await bundle()).code, 0);
  const right = sha256(fs.readFileSync(zip));

  // What was packed from it is damaged: packed again, the same.
  const [name] = packed();
  const bytes = fs.readFileSync(path.join(cached, name));
  bytes[bytes.length >> 1] ^= 1;
  fs.writeFileSync(path.join(cached, name), bytes);
  fs.writeFileSync(path.join(cached, 'packed-by-another-release.zip'), 'PK');
  const again = await bundle();
  assert.equal(again.code, 0, again.stderr);
  assert.match(again.stderr, /packing Node 22\.5\.0 linux-x64/);
  assert.equal(sha256(fs.readFileSync(zip)), right);
  assert.deepEqual(packed(), [name]);
  assert.doesNotMatch((await bundle()).stderr, /packing/);

  // The runtime is: what was packed when it was whole serves, and when that is gone, nothing does.
  const damage = (file) => {
    const whole = fs.readFileSync(path.join(cached, file));
    fs.appendFileSync(path.join(cached, file), '#');
    return () => fs.writeFileSync(path.join(cached, file), whole);
  };
  const mend = damage('node/bin/node');
  assert.equal((await bundle()).code, 0);
  assert.equal(sha256(fs.readFileSync(zip)), right);
  fs.rmSync(path.join(cached, name));
  fs.rmSync(dist, { recursive: true });
  const made = await bundle(['--pre-token']);
  assert.equal(made.code, 4, made.stderr);
  assert.match(made.stderr, /bin\/node/);
  mend();
  const sums = fs.readFileSync(path.join(cached, 'SHA256SUMS'), 'utf8');
  assert.equal((await bundle()).code, 0);
  fs.rmSync(dist, { recursive: true });
  fs.writeFileSync(
    path.join(cached, 'SHA256SUMS'),
    sums.replace(/^./, (digit) => (digit === '0' ? '1' : '0')),
  );
  assert.equal((await bundle(['--pre-token'])).code, 4);
  assert.equal(server.tokens.size, 0);
  assert.deepEqual(tree(dist), []);
});

test('an app of one’s own: its files, without node_modules and .npmrc; mistakes are named', async (t) => {
  const { folder, bundle, dist } = await workshop(t);
  const app = path.join(folder, 'mine');
  const write = (name, text) => {
    fs.mkdirSync(path.dirname(path.join(app, name)), { recursive: true });
    fs.writeFileSync(path.join(app, name), text);
  };
  const described = (more) =>
    write('package.json', JSON.stringify({ name: 'mine', version: '2.0.0', ...more }));
  for (const name of ['src/主.mjs', 'node_modules/x/index.js', '.npmrc']) write(name, '//');
  described({ main: 'src/主.mjs' });
  assert.equal((await bundle(['--app', app])).code, 0);
  const root = unzipped(t, path.join(dist, 'opencat-portable-linux-x64.zip'));
  assert.deepEqual(tree(path.join(root, 'lib/app')), ['package.json', 'src', 'src/主.mjs']);
  assert.deepEqual(JSON.parse(fs.readFileSync(path.join(root, 'bundle.json'))).app, {
    name: 'mine',
    version: '2.0.0',
    deps: 'install',
    start: ['src/主.mjs'],
    title: { en: 'mine', zh: 'mine' },
    scripts: false,
    config: [],
  });
  for (const [more, message] of [
    [{}, /start/],
    [{ main: 'gone.mjs' }, /gone\.mjs/],
    [{ opencat: { start: 3 } }, /"start"/],
  ]) {
    described(more);
    const made = await bundle(['--app', app]);
    assert.equal(made.code, 2);
    assert.match(made.stderr, message);
  }
  described({ main: 'src/主.mjs' });
  fs.symlinkSync('/etc/passwd', path.join(app, 'link'));
  assert.match((await bundle(['--app', app])).stderr, /link/);
});

test('--node-version auto is what the folder of --app asks for, not the folder one stands in', async (t) => {
  const { folder, registry, bundle } = await workshop(t);
  registry.addRuntimePackages('20.3.0', ['linux-x64']);
  const app = path.join(folder, 'an app');
  fs.mkdirSync(app);
  fs.writeFileSync(path.join(app, 'main.mjs'), '');
  fs.writeFileSync(path.join(app, 'package.json'), '{"name":"a","version":"1.0.0","main":"main.mjs"}');
  fs.writeFileSync(path.join(folder, '.nvmrc'), '22\n');
  const words = ['--app', app, '--node-version', 'auto', '--enroll-key', ENROLL_KEY];
  const nothing = await bundle(words);
  assert.equal(nothing.code, 2);
  assert.match(nothing.stderr, /an app.*no \.nvmrc/);
  fs.writeFileSync(path.join(app, '.nvmrc'), '20\n');
  const made = await bundle(words);
  assert.equal(made.code, 0, made.stderr);
  const root = unzipped(t, made.json.bundles[0].file.replace(/^dist/, path.join(folder, 'dist')));
  assert.equal(JSON.parse(fs.readFileSync(path.join(root, 'bundle.json'))).node.version, '20.3.0');
});
