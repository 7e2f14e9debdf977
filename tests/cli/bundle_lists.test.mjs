// SPDX-License-Identifier: MIT
// What lies beside the zips: SHA256SUMS, its minisign signature as Debian's minisign takes it, and the SBOM.
import assert from 'node:assert/strict';
import { execFileSync, spawnSync } from 'node:child_process';
import { createHash } from 'node:crypto';
import fs from 'node:fs';
import path from 'node:path';
import { test } from 'node:test';
import { workshop } from './workshop.mjs';

const bothWorkshop = (t) =>
  workshop(t, { platforms: ['linux-x64', 'win-x64'], others: [], server: { enrollment: { mode: 'open' } } });

const verify = (dist, key) =>
  spawnSync('minisign', ['-V', '-H', '-p', key, '-m', 'SHA256SUMS'], { cwd: dist, encoding: 'utf8' });

test('--sign-key: minisign proves SHA256SUMS, with a key without and with a password; a changed file fails', async (t) => {
  const { folder, bundle, dist } = await bothWorkshop(t);
  const at = (name) => path.join(folder, name);
  execFileSync('minisign', ['-G', '-W', '-p', at('plain.pub'), '-s', at('plain.key')]);
  execFileSync('minisign', ['-G', '-p', at('locked.pub'), '-s', at('locked.key')], {
    input: '密码 1\n密码 1\n',
  });
  const signed = await bundle(['--sign-key', at('plain.key')]);
  assert.equal(signed.code, 0, signed.stderr);
  const first = fs.readFileSync(path.join(dist, 'SHA256SUMS.minisig'), 'utf8');
  const proved = verify(dist, at('plain.pub'));
  assert.equal(proved.status, 0, proved.stderr);
  assert.match(proved.stdout, /Trusted comment: file:SHA256SUMS/);
  assert.notEqual(verify(dist, at('locked.pub')).status, 0);
  assert.equal((await bundle(['--sign-key', at('plain.key')])).code, 0);
  assert.equal(
    fs.readFileSync(path.join(dist, 'SHA256SUMS.minisig'), 'utf8'),
    first,
    'the same, signed the same',
  );
  fs.appendFileSync(path.join(dist, 'SHA256SUMS'), '\n');
  assert.notEqual(verify(dist, at('plain.pub')).status, 0);

  fs.writeFileSync(at('password'), '密码 1\n');
  for (const [more, env] of [
    [['--sign-password-file', at('password')], {}],
    [[], { OPENCAT_SIGN_PASSWORD: '密码 1' }],
  ]) {
    const locked = await bundle(['--sign-key', at('locked.key'), ...more], env);
    assert.equal(locked.code, 0, locked.stderr);
    assert.equal(verify(dist, at('locked.pub')).status, 0);
  }
  const damaged = fs.readFileSync(at('plain.key'), 'utf8').split('\n');
  damaged[1] = damaged[1].slice(0, 120) + (damaged[1][120] === 'A' ? 'B' : 'A') + damaged[1].slice(121);
  fs.writeFileSync(at('damaged.key'), damaged.join('\n'));
  for (const [key, env, message] of [
    ['locked.key', {}, /has a password/],
    ['locked.key', { OPENCAT_SIGN_PASSWORD: 'wrong' }, /not the password/],
    ['plain.pub', {}, /no secret key/],
    ['damaged.key', {}, /is damaged/],
    ['absent.key', {}, /absent\.key/],
  ]) {
    const refused = await bundle(['--sign-key', at(key)], env);
    assert.equal(refused.code, 2, refused.stderr);
    assert.match(refused.stderr, message);
    assert.ok(!refused.stderr.includes('wrong'));
  }
  assert.equal((await bundle()).code, 0);
  assert.ok(!fs.existsSync(path.join(dist, 'SHA256SUMS.minisig')), 'no signature of other sums stays');
});

test('the SBOM names Node, npm, the app and what its lock names, the same each time', async (t) => {
  const { bundle, dist } = await bothWorkshop(t);
  const read = async (env) => {
    const made = await bundle([], env);
    assert.equal(made.code, 0, made.stderr);
    execFileSync('sha256sum', ['--check', '--quiet', 'SHA256SUMS'], { cwd: dist });
    return fs.readFileSync(path.join(dist, 'sbom.cdx.json'), 'utf8');
  };
  const text = await read({});
  assert.equal(await read({}), text);
  const document = JSON.parse(text);
  assert.deepEqual([document.bomFormat, document.specVersion, document.version], ['CycloneDX', '1.5', 1]);
  assert.match(
    document.serialNumber,
    /^urn:uuid:[0-9a-f]{8}-[0-9a-f]{4}-8[0-9a-f]{3}-[89ab][0-9a-f]{3}-[0-9a-f]{12}$/,
  );
  assert.equal(document.metadata.timestamp, undefined);
  const dated = JSON.parse(await read({ SOURCE_DATE_EPOCH: '1700000000' }));
  assert.equal(dated.metadata.timestamp, '2023-11-14T22:13:20Z');
  assert.notEqual(dated.serialNumber, document.serialNumber);

  const by = new Map(document.components.map((component) => [component['bom-ref'], component]));
  assert.equal(by.size, document.components.length, 'each once');
  const lock = JSON.parse(fs.readFileSync(new URL('../../templates/app/package-lock.json', import.meta.url)));
  const { version, integrity } = lock.packages['node_modules/openai'];
  const openai = by.get(`pkg:npm/openai@${version}`);
  assert.deepEqual(openai.hashes, [
    { alg: 'SHA-512', content: Buffer.from(integrity.slice(7), 'base64').toString('hex') },
  ]);
  assert.ok(by.has('pkg:npm/npm@10.9.8'));
  for (const [os, name] of [
    ['linux', 'tools/node/bin/node'],
    ['win', 'tools/node/node.exe'],
  ]) {
    const node = by.get(`pkg:generic/node@22.5.0?arch=x64&os=${os}`);
    const zip = path.join(dist, `opencat-portable-${os}-x64.zip`);
    const program = execFileSync('unzip', ['-p', zip, `opencat-portable/${name}`]);
    assert.equal(node.hashes[0].content, createHash('sha256').update(program).digest('hex'));
  }
  const root = document.metadata.component['bom-ref'];
  const graph = new Map(document.dependencies.map(({ ref, dependsOn }) => [ref, dependsOn]));
  assert.ok(graph.get(root).includes(`pkg:npm/openai@${version}`));
  for (const [ref, uses] of graph)
    for (const one of [ref, ...uses]) assert.ok(one === root || by.has(one), one);
});
