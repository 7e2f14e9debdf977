// SPDX-License-Identifier: MIT
// `opencat bundle --with-opencat`: real executables in the zips, checked before, and of use on the user's PC.
import assert from 'node:assert/strict';
import { execFileSync, spawnSync } from 'node:child_process';
import { createHash } from 'node:crypto';
import fs from 'node:fs';
import path from 'node:path';
import { test } from 'node:test';
import { environment, opencat, sandbox } from './helpers.mjs';
import { hostPlatform } from './bundles.mjs';
import { workshop } from './workshop.mjs';

const sha256 = (bytes) => createHash('sha256').update(bytes).digest('hex');
const own = `opencat-${hostPlatform}`;

/** A folder as of a release, with this machine's real executable, without what a debugger wants. */
function releaseFolder(t) {
  const folder = sandbox(t);
  execFileSync('strip', ['-o', path.join(folder, own), opencat]);
  const digest = sha256(fs.readFileSync(path.join(folder, own)));
  fs.writeFileSync(path.join(folder, 'SHA256SUMS'), `${'0'.repeat(64)}  opencat-else\n${digest}  ${own}\n`);
  return { folder, file: path.join(folder, own), digest };
}

function unzipped(t, zip) {
  const folder = sandbox(t);
  execFileSync('unzip', ['-q', zip, '-d', folder]);
  return path.join(folder, 'opencat-portable');
}

test('the zip brings its platform’s executable, listed and of the release’s bytes; another is made without, said', async (t) => {
  const made = releaseFolder(t);
  const { bundle, dist, server } = await workshop(t, { platforms: [hostPlatform], others: ['darwin-arm64'] });
  const result = await bundle(['--platform', 'darwin-arm64', '--with-opencat', made.folder]);
  assert.equal(result.code, 0, result.stderr);
  assert.match(
    result.stderr,
    /there is no \S+opencat-darwin-arm64: the bundle for darwin-arm64 is made without opencat/,
  );
  const root = unzipped(t, path.join(dist, `opencat-portable-${hostPlatform}.zip`));
  const program = path.join(root, 'tools/opencat/opencat');
  assert.equal(fs.statSync(program).mode & 0o777, 0o755);
  assert.equal(sha256(fs.readFileSync(program)), made.digest);
  const { files } = JSON.parse(fs.readFileSync(path.join(root, 'bundle.json')));
  assert.equal(files['tools/opencat/opencat'], made.digest);
  const sbom = JSON.parse(fs.readFileSync(path.join(dist, 'sbom.cdx.json')));
  const component = sbom.components.find(
    ({ purl }) => purl === `pkg:generic/opencat?platform=${hostPlatform}`,
  );
  assert.equal(component.hashes[0].content, made.digest);
  assert.ok(
    !fs.existsSync(
      path.join(unzipped(t, path.join(dist, 'opencat-portable-darwin-arm64.zip')), 'tools/opencat'),
    ),
  );

  // Of use where it was unpacked: it finds the files whole, and the server that the bundle is for.
  const doctor = () => {
    const words = ['doctor', 'pc', '--prefix', root, '--json'];
    const done = spawnSync(program, words, { env: environment(path.dirname(root)), encoding: 'utf8' });
    return Object.fromEntries(JSON.parse(done.stdout).findings.map((one) => [one.name, one]));
  };
  assert.equal(doctor().installation.state, 'good');
  await server.stop();
  const ill = doctor();
  assert.ok(ill.server.found.includes(server.url), ill.server.found);
  assert.equal(ill.token.state, 'bad', 'nothing was installed yet');
  fs.appendFileSync(path.join(root, 'setup.mjs'), '// changed\n');
  assert.match(doctor().installation.found, /missing or changed/);
});

test('an executable that SHA256SUMS does not prove is refused, and nothing is made', async (t) => {
  const made = releaseFolder(t);
  const { bundle, dist } = await workshop(t, { platforms: [hostPlatform], others: [] });
  const words = ['--with-opencat', made.folder];
  fs.appendFileSync(made.file, 'x');
  const changed = await bundle(words);
  assert.equal(changed.code, 4, changed.stderr);
  assert.match(changed.stderr, /is not what SHA256SUMS beside it says; fetch it again/);
  fs.writeFileSync(path.join(made.folder, 'SHA256SUMS'), `${made.digest}  opencat-else\n`);
  const unnamed = await bundle(words);
  assert.equal(unnamed.code, 4, unnamed.stderr);
  assert.match(unnamed.stderr, /SHA256SUMS does not name opencat-/);
  assert.ok(!fs.existsSync(dist));
});

test('without SHA256SUMS it is taken and said; what is no program, or not there, is one line', async (t) => {
  const made = releaseFolder(t);
  const { bundle, dist } = await workshop(t, { platforms: [hostPlatform], others: [] });
  fs.rmSync(path.join(made.folder, 'SHA256SUMS'));
  const unchecked = await bundle(['--with-opencat', made.folder]);
  assert.equal(unchecked.code, 0, unchecked.stderr);
  assert.match(unchecked.stderr, /no SHA256SUMS in \S+: opencat's executables are not checked/);
  fs.rmSync(dist, { recursive: true });

  fs.writeFileSync(made.file, '<html>');
  for (const [folder, reason] of [
    [made.folder, /is no program for /],
    [path.dirname(made.folder), /has an opencat for none of the platforms; a release names them /],
    [path.join(made.folder, 'nowhere'), /--with-opencat wants a folder with a release's executables/],
  ]) {
    const refused = await bundle(['--with-opencat', folder]);
    assert.equal(refused.code, 2, refused.stderr);
    assert.match(refused.stderr, reason);
  }
  assert.ok(!fs.existsSync(dist));
});
