// SPDX-License-Identifier: MIT
// --app with an npm package: what is chosen, how it is proved, whose secrets go where, what it becomes in the zip.
import assert from 'node:assert/strict';
import { execFileSync } from 'node:child_process';
import fs from 'node:fs';
import path from 'node:path';
import { test } from 'node:test';
import { run, tree } from './helpers.mjs';
import { workshop } from './workshop.mjs';
import { NodeMirror } from '../fakes/node_mirror.mjs';
import { tarGz } from '../fakes/zip.mjs';

const PLATFORM = 'linux-x64';
const hello = (version, more = {}) => ({ name: 'hello', version, bin: './cli.mjs', ...more });
const CLI = { 'cli.mjs': 'console.log("hello");\n' };

async function mirror(t) {
  const started = await NodeMirror.start();
  t.after(() => started.stop());
  return started;
}

async function appWorkshop(t) {
  const made = await workshop(t, {
    platforms: [PLATFORM],
    others: [],
    server: { enrollment: { mode: 'open' } },
  });
  // Given an environment, that is all there is: some tests leave it to .npmrc where the registry is.
  const bundle = (app, more = [], env = { npm_config_registry: made.registry.url }) =>
    run(made.folder, [...made.words, '--app', app, ...more], { env });
  const zip = path.join(made.dist, `opencat-portable-${PLATFORM}.zip`);
  const inZip = (name) =>
    execFileSync('unzip', ['-p', zip, `opencat-portable/${name}`], { maxBuffer: 1 << 28 });
  const names = () => execFileSync('unzip', ['-Z1', zip], { encoding: 'utf8' }).trim().split('\n');
  return { ...made, bundle, inZip, names };
}

test('a package becomes an app: its tarball, a package.json of ours and a lock that names its digest', async (t) => {
  const { registry, bundle, inZip, names } = await appWorkshop(t);
  registry.addApp(hello('1.0.0'), CLI);
  const made = await bundle('hello');
  assert.equal(made.code, 0, made.stderr);
  const app = names().filter((name) => name.startsWith('opencat-portable/lib/app/'));
  assert.deepEqual(
    app.map((name) => path.basename(name)),
    ['hello-1.0.0.tgz', 'package-lock.json', 'package.json'],
  );
  assert.deepEqual(JSON.parse(inZip('bundle.json')).app, {
    name: 'hello',
    version: '1.0.0',
    deps: 'install',
    start: ['node_modules/hello/cli.mjs'],
    title: { en: 'hello', zh: 'hello' },
    scripts: false,
    config: [],
  });
  const lock = JSON.parse(inZip('lib/app/package-lock.json'));
  const { integrity } = registry.packages.get('hello')['1.0.0'].dist;
  assert.equal(lock.packages['node_modules/hello'].integrity, integrity);
  // The tarball is kept: a second bundle does not fetch it again.
  assert.equal((await bundle('hello')).code, 0);
  assert.equal(registry.count('/hello/-/'), 1);
});

test('a package whose download breaks off goes on where it was', async (t) => {
  const { registry, bundle } = await appWorkshop(t);
  registry.addApp(hello('1.0.0'), CLI);
  registry.fail('/hello/-/', 'drop', 1);
  const made = await bundle('hello');
  assert.equal(made.code, 0, made.stderr);
  const ranges = registry.requests
    .filter((request) => request.path.includes('/hello/-/'))
    .map((request) => request.headers.range);
  assert.equal(ranges.length, 2);
  assert.match(ranges[1], /^bytes=\d+-$/);
});

test('versions, tags and ranges are taken as npm takes them', async (t) => {
  const { registry, bundle, inZip } = await appWorkshop(t);
  for (const version of ['1.0.0', '1.2.0', '2.0.0', '2.1.0', '3.0.0-beta.1']) {
    registry.addApp(hello(version), CLI);
  }
  registry.packages.get('hello')['1.2.0'].deprecated = 'broken';
  registry.tags.set('hello', { latest: '2.0.0', next: '3.0.0-beta.1' });
  for (const [wanted, version] of [
    ['hello', '2.0.0'],
    ['hello@1.2.0', '1.2.0'],
    ['hello@3.0.0-beta.1', '3.0.0-beta.1'],
    ['hello@next', '3.0.0-beta.1'],
    ['hello@^1', '1.0.0'], // 1.2.0 is deprecated
    ['hello@>=2', '2.0.0'], // `latest` before the highest
    ['hello@~2.1', '2.1.0'],
  ]) {
    const made = await bundle(wanted);
    assert.equal(made.code, 0, wanted + made.stderr);
    assert.equal(JSON.parse(inZip('bundle.json')).app.version, version, wanted);
  }
  for (const wanted of ['hello@4', 'hello@nightly', 'hello@^3']) {
    const made = await bundle(wanted);
    assert.equal(made.code, 2, wanted + made.stderr);
    assert.match(made.stderr, /no hello@.*the latest is 2\.0\.0/);
  }
});

test('what a package starts: its declaration, what is built in for openclaw, its command, its main', async (t) => {
  const { registry, bundle, inZip } = await appWorkshop(t);
  const declared = { start: ['./run.mjs', '--now'], name: { en: 'My App' } };
  const cases = [
    [{ name: '@team/own', opencat: declared }, ['node_modules/@team/own/run.mjs', '--now'], 'My App'],
    [
      { name: 'openclaw', bin: { openclaw: 'run.mjs' } },
      ['node_modules/openclaw/openclaw.mjs', 'chat'],
      'OpenClaw',
    ],
    [{ name: 'two', bin: { other: 'x.mjs', two: 'run.mjs' } }, ['node_modules/two/run.mjs'], 'two'],
    [{ name: 'plain', main: 'run.mjs' }, ['node_modules/plain/run.mjs'], 'plain'],
  ];
  for (const [manifest, start, title] of cases) {
    registry.addApp({ version: '1.0.0', ...manifest }, { 'run.mjs': '', 'openclaw.mjs': '' });
    const made = await bundle(manifest.name);
    assert.equal(made.code, 0, made.stderr);
    const { app } = JSON.parse(inZip('bundle.json'));
    assert.deepEqual([app.start, app.title.en, app.title.zh], [start, title, title]);
    if (manifest.name !== 'openclaw') continue;
    assert.equal(app.config[0].file, '~/.openclaw/openclaw.json');
    assert.equal(app.config[0].merge.models.providers.proxy.apiKey, '{{token}}');
  }
});

test('what cannot be proved, would write elsewhere, or cannot start is refused, and nothing is made', async (t) => {
  const { folder, registry, bundle } = await appWorkshop(t);
  registry.addApp(hello('1.0.0'), CLI);
  registry.addApp({ name: 'unsigned', version: '1.0.0', main: 'cli.mjs' }, CLI);
  delete registry.packages.get('unsigned')['1.0.0'].dist.integrity;
  registry.packages.get('unsigned')['1.0.0'].dist.shasum = '0'.repeat(40);
  const hostile = (name, entries) =>
    registry.addPackage(
      name,
      '1.0.0',
      tarGz([{ name: 'package/package.json', bytes: `{"name":"${name}","version":"1.0.0"}` }, ...entries]),
    );
  hostile('escapes', [{ name: 'package/../../evil', bytes: 'x' }]);
  hostile('links', [{ name: 'package/l', type: '2', link: '/etc/passwd' }]);
  hostile('bomb', [{ name: 'package/zeros', bytes: Buffer.alloc(100 << 20) }]);
  registry.addPackage('other', '1.0.0', tarGz([{ name: 'package/package.json', bytes: '{"name":"x"}' }]));
  registry.addApp({ name: 'nothing', version: '1.0.0' });
  registry.addApp({ name: 'gone', version: '1.0.0', main: 'gone.js' });
  registry.addApp({ name: 'outside', version: '1.0.0', main: '../../../bin/sh' });
  registry.addApp({ name: 'modern', version: '1.0.0', main: 'cli.mjs', engines: { node: '>=24.16.0' } }, CLI);
  registry.fail('hello-1.0.0.tgz', 'corrupt');
  for (const [app, code, message] of [
    ['hello', 4, /checksum differs/],
    ['unsigned', 4, /no sha512/],
    ['escapes', 4, /written elsewhere/],
    ['links', 4, /is a link/],
    ['bomb', 4, /more than it should/],
    ['other', 4, /another package's/],
    ['nothing', 2, /nothing to start/],
    ['gone', 2, /'gone\.js', which is not there/],
    ['outside', 2, /which is not there/],
    ['modern', 2, /needs Node >=24\.16\.0.*22\.5\.0.*--node-version/],
    ['absent', 2, /has no package absent/],
    ['Not A Package', 2, /names no npm package/],
    ['../nowhere', 2, /no folder/],
    ['x/../../etc', 2, /names no npm package/],
  ]) {
    const made = await bundle(app);
    assert.equal(made.code, code, app + made.stderr);
    assert.match(made.stderr, message);
    assert.equal(
      made.stderr
        .trim()
        .split('\n')
        .filter((line) => line.startsWith('opencat:')).length,
      1,
    );
  }
  assert.deepEqual(tree(path.join(folder, 'dist')), []);
  assert.ok(!tree(path.join(folder, 'cache')).some((name) => /^app-|evil/.test(name)));
  assert.match((await bundle('hello', ['--offline'])).stderr, /--offline/);
});

test('mistakes in a declaration are named, each with its place', async (t) => {
  const { folder, bundle } = await appWorkshop(t);
  const app = path.join(folder, 'mine');
  fs.mkdirSync(app);
  fs.writeFileSync(path.join(app, 'main.mjs'), '');
  const config = (file, merge) => ({ config: [{ file, merge }] });
  for (const [opencat, message] of [
    ['x', /package\.json: "opencat" must be an object/],
    [{ title: { en: 'x' } }, /"opencat" has 'title', which is not known/],
    [{ start: ['main.mjs'], scripts: 'yes' }, /"scripts" must be true or false/],
    [{ strat: [] }, /did you mean 'start'/],
    [{ start: [] }, /"opencat"\."start" must be a list of texts/],
    [{ start: ['/bin/sh'] }, /"start"\[0\] must be a path below/],
    [{ name: { zh: '猫' } }, /"name" must say the name in English/],
    [{ name: { en: 'a\nb' } }, /"name"\."en" must be a text of one line/],
    [config('/etc/passwd', { a: 1 }), /"config"\[0\]\."file" must be a file below the user's home/],
    [config('~/../x', { a: 1 }), /"config"\[0\]\."file"/],
    [config('~/.x', {}), /"config"\[0\]\."merge" must be an object/],
    [config('~/.x', { a: ['{{secret}}'] }), /"merge"\."a"\[0\] holds '\{\{secret\}\}'/],
    [config('~/.x', { a: '{{token' }), /"merge"\."a" holds/],
  ]) {
    const text = JSON.stringify({ name: 'mine', version: '1.0.0', main: 'main.mjs', opencat });
    fs.writeFileSync(path.join(app, 'package.json'), text);
    const made = await bundle(app);
    assert.equal(made.code, 2, text + made.stderr);
    assert.match(made.stderr, message);
  }
  const deep = '{"a":'.repeat(30) + '1' + '}'.repeat(30);
  const text = `{"name":"mine","version":"1.0.0","main":"main.mjs","opencat":{"config":[{"file":"~/.x","merge":${deep}},{"file":"~/.y","merge":{"__proto__":1}}]}}`;
  fs.writeFileSync(path.join(app, 'package.json'), text);
  assert.match((await bundle(app)).stderr, /nested too deep/);
});

test('a scope’s registry and its token: used there, followed nowhere else, and kept out of all that is made', async (t) => {
  const { folder, registry, bundle, inZip, names } = await appWorkshop(t);
  const team = await mirror(t);
  const elsewhere = await mirror(t);
  team.addApp({ name: '@team/tool', version: '1.0.0', bin: 'cli.mjs' }, CLI);
  team.protect('@team', 'Bearer s3cret-token');
  const host = team.url.replace('http:', '');
  const rc = `registry=${registry.url}\n@team:registry=${team.url}/\n${host}/:_authToken=\${TEAM_TOKEN}\n`;
  fs.writeFileSync(path.join(folder, 'home', '.npmrc'), rc);
  const made = await bundle('@team/tool@^1', ['--verbose'], { TEAM_TOKEN: 's3cret-token' });
  assert.equal(made.code, 0, made.stderr);
  assert.ok(registry.requests.every(({ headers }) => headers.authorization === undefined));
  assert.ok(names().includes('opencat-portable/lib/app/team-tool-1.0.0.tgz'));
  const said =
    made.stdout +
    made.stderr +
    names()
      .map((name) => inZip(name.slice(17)))
      .join('');
  assert.ok(!said.includes('s3cret-token'));

  // The tarball's address leads to another host: it is asked, without the token.
  fs.rmSync(path.join(folder, 'cache', 'packages'), { recursive: true });
  elsewhere.files.set('/@team/tool/-/tool-1.0.0.tgz', team.files.get('/@team/tool/-/tool-1.0.0.tgz'));
  team.redirects.set('.tgz', elsewhere.url);
  const again = await bundle('@team/tool', [], { TEAM_TOKEN: 's3cret-token' });
  assert.equal(again.code, 0, again.stderr);
  assert.equal(elsewhere.requests.length, 1);
  assert.equal(elsewhere.requests[0].headers.authorization, undefined);

  const refused = await bundle('@team/tool', [], { TEAM_TOKEN: 'other-token' });
  assert.equal(refused.code, 5, refused.stderr);
  assert.ok(!refused.stderr.includes('other-token'));
});

test('npm’s proxy and noproxy are followed; strict-ssl=false is told not to be', async (t) => {
  const { folder, registry, bundle } = await appWorkshop(t);
  registry.addApp(hello('1.0.0'), CLI);
  const proxy = await mirror(t);
  proxy.server.removeAllListeners('request');
  const asked = [];
  proxy.server.on('request', (request, response) => {
    asked.push(request.url);
    const { pathname } = new URL(request.url);
    const bytes =
      registry.files.get(pathname) ??
      JSON.stringify({
        'dist-tags': { latest: '1.0.0' },
        versions: registry.packages.get('hello'),
      });
    response.end(bytes);
  });
  const rc = (more) =>
    fs.writeFileSync(path.join(folder, 'home', '.npmrc'), `registry=${registry.url}\n${more}`);
  rc(`proxy=${proxy.url}\nstrict-ssl=false\n`);
  // A cached runtime: only the app is asked for.
  assert.equal(
    (await bundle('hello', [], { npm_config_proxy: '', npm_config_noproxy: '127.0.0.1' })).code,
    0,
  );
  assert.deepEqual(asked, []);
  fs.rmSync(path.join(folder, 'cache', 'packages'), { recursive: true });
  const made = await bundle('hello', ['--node-version', '22.5.0'], { NO_PROXY: '', no_proxy: '' });
  assert.equal(made.code, 0, made.stderr);
  assert.deepEqual(asked.slice(0, 2), [`${registry.url}/hello`, `${registry.url}/hello/-/hello-1.0.0.tgz`]);
  assert.match(made.stderr, /strict-ssl=false .*\.npmrc.* is not followed/);
});
