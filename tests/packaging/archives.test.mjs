// SPDX-License-Identifier: MIT
// What ./dev release all leaves in build/releases: sums, archives, SBOMs; and how the SBOM is made of the linker's map.
import assert from 'node:assert/strict';
import { execFileSync, spawnSync } from 'node:child_process';
import { createHash } from 'node:crypto';
import { existsSync, readFileSync, readdirSync, rmSync, statSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { test } from 'node:test';
import { repository } from '../cli/helpers.mjs';
import { librariesOf, validate, versionsOf } from '../../scripts/release_parts.mjs';
import { newFolder } from '../support/server.mjs';

const releases = join(repository, 'build/releases');
const listed = existsSync(join(releases, 'SHA256SUMS'))
  ? readFileSync(join(releases, 'SHA256SUMS'), 'utf8').trim().split('\n')
  : [];
const skip = listed.length ? false : 'there is no SHA256SUMS: ./dev release all makes it';
const names = listed.map((line) => line.slice(66));
const sha256 = (bytes) => createHash('sha256').update(bytes).digest('hex');
const tools = existsSync(join(repository, 'tools/node_modules/@cyclonedx/cyclonedx-library'));

test('SHA256SUMS names all that is published, and is right', { skip }, () => {
  execFileSync('sha256sum', ['--check', '--strict', '--quiet', 'SHA256SUMS'], { cwd: releases });
  assert.deepEqual(
    names.toSorted(),
    readdirSync(releases)
      .filter((name) => /^opencat/.test(name))
      .sort(),
  );
});

test('an archive has the executable, its words and licences; root’s, of one moment', { skip }, async (t) => {
  const archives = names.filter((name) => name.endsWith('.tar.gz'));
  assert.ok(archives.length > 0);
  for (const name of archives) {
    const rows = execFileSync(
      'tar',
      ['--utc', '--full-time', '--numeric-owner', '-tvzf', join(releases, name)],
      {
        encoding: 'utf8',
      },
    ).trim();
    const entries = rows.split('\n').map((row) => row.split(/\s+/));
    assert.deepEqual([...new Set(entries.map(([, owner]) => owner))], ['0/0']);
    assert.equal(new Set(entries.map((entry) => `${entry[3]} ${entry[4]}`)).size, 1, 'one moment');
    const inside = entries.map((entry) => entry.at(-1).replace(/^[^/]*\//, ''));
    assert.deepEqual(inside, inside.toSorted());
    for (const wanted of [
      ...['LICENSE', 'README.md', 'README.zh-CN.md', 'man/opencat-serve.1.gz', 'completions/fish'],
      ...['licences/curl.txt', 'licences/postgresql-15.txt', 'licences/dompurify.txt', 'docs/operators.md'],
    ])
      assert.ok(inside.includes(wanted), `${wanted} is in ${name}`);
    const folder = await newFolder();
    t.after(() => rmSync(folder, { recursive: true, force: true }));
    execFileSync('tar', ['-xzf', join(releases, name), '-C', folder]);
    const program = join(folder, name.replace('.tar.gz', ''), 'opencat');
    assert.equal(statSync(program).mode & 0o777, 0o755);
    const target = name.replace(/^opencat-[\d.]+-|\.tar\.gz$/g, '');
    assert.equal(sha256(readFileSync(program)), sha256(readFileSync(join(releases, `opencat-${target}`))));
  }
});

test('no executable names the folder it was built in', { skip }, () => {
  const programs = names.filter((name) => /^opencat-(linux|win)-\w+(\.exe)?$/.test(name));
  assert.ok(programs.length > 0);
  for (const name of programs)
    assert.equal(readFileSync(join(releases, name)).indexOf(repository.replace(/\/$/, '')), -1, name);
});

test(
  'each SBOM is CycloneDX, of its executable, and every part has a version and a licence',
  { skip: skip || !tools },
  async () => {
    const boms = names.filter((name) => name.endsWith('.cdx.json'));
    assert.ok(boms.length > 0);
    for (const name of boms) {
      const text = readFileSync(join(releases, name), 'utf8');
      await validate(text);
      const { metadata, components } = JSON.parse(text);
      const target = name.replace(/^opencat-[\d.]+-|\.cdx\.json$/g, '');
      const ending = target.startsWith('win') ? '.exe' : '';
      const digest = sha256(readFileSync(join(releases, `opencat-${target}${ending}`)));
      assert.equal(metadata.component.hashes[0].content, digest);
      for (const one of components) assert.ok(one.version && one.licenses.length === 1, one.name);
      const found = components.map((one) => one.name);
      const wanted = ['curl', 'rnp', 'cpp-httplib', 'nlohmann-json3-dev', 'dompurify', 'marked'];
      if (target.startsWith('linux')) wanted.push('postgresql-15', 'libpqxx-dev', 'libssl-dev', 'mimalloc');
      for (const part of wanted) assert.ok(found.includes(part), `${part} in ${name}`);
      assert.ok(!found.includes('esbuild'), 'what only builds is in no release');
    }
  },
);

test('what is no CycloneDX is refused', { skip: !tools }, async () => {
  await assert.rejects(
    validate('{"bomFormat":"CycloneDX","specVersion":"1.5","components":[{}]}'),
    /not CycloneDX/,
  );
});

test('the map’s libraries are those that something was taken of, but our own', () => {
  const map = `Local IFUNC function \`__expm1' in /usr/lib/libm-2.36.a(s_expm1.o)
Archive member included to satisfy reference by file (symbol)

/libs/root/usr/lib/libcurl.a(easy.c.o)
                              libopencat_base.a(http_client.cpp.o) (curl_easy_init)
/libs/root/usr/lib/libcurl.a(url.c.o)
                              /libs/root/usr/lib/libcurl.a(easy.c.o) (Curl_open)
libopencat_base.a(x.cpp.o)    main.cpp.o (x)
/usr/lib/gcc/x86_64-linux-gnu/12/libstdc++.a(string.o)
                              main.cpp.o (y)

Allocating common symbols
OPENSSL_ia32cap_P   0x10              /libs/libcrypto.a(x.o)

Discarded input sections

/libs/root/usr/lib/libunused.a(z.o)
`;
  assert.deepEqual(librariesOf(map), [
    '/libs/root/usr/lib/libcurl.a',
    '/usr/lib/gcc/x86_64-linux-gnu/12/libstdc++.a',
  ]);
});

test('a version is a source’s or in a package’s file name', () => {
  const versions = versionsOf('curl 7.88.1-10\nzlib1g-dev_1%3a1.2.13.dfsg-1_amd64.deb\n');
  assert.deepEqual(
    [...versions],
    [
      ['curl', '7.88.1-10'],
      ['zlib1g-dev', '1:1.2.13.dfsg-1'],
    ],
  );
});

test('a library that the table does not know stops the release', async (t) => {
  const libs = join(repository, 'build/release-libs/linux-x64');
  if (!existsSync(join(libs, 'versions'))) return t.skip('there are no libraries: ./dev release makes them');
  const folder = await newFolder();
  t.after(() => rmSync(folder, { recursive: true, force: true }));
  const map = join(folder, 'opencat.map');
  writeFileSync(
    map,
    `Archive member included to satisfy reference\n\n${libs}/root/usr/lib/libsurprise.a(a.o)\n\n`,
  );
  const words = [join(repository, 'scripts/release_parts.mjs'), 'linux-x64', '0.1.0', process.execPath, map];
  const { status, stderr } = spawnSync(process.execPath, [...words, join(folder, 's'), join(folder, 'l')], {
    encoding: 'utf8',
    env: { ...process.env, SOURCE_DATE_EPOCH: '0' },
  });
  assert.equal(status, 1);
  assert.match(stderr, /libsurprise\.a is in the release, and scripts\/release_parts\.json does not know /);
});
