// SPDX-License-Identifier: MIT
// What a release is made of: node scripts/release_parts.mjs TARGET VERSION EXECUTABLE MAP SBOM LICENCES
// Writes SBOM (CycloneDX 1.5) and, into the folder LICENCES, what each part's authors ask to be told. The linker's map
// says which libraries are in it, build/release-libs/TARGET/versions and dpkg which versions those are, web/'s lock what
// is in the pages; a library that release_parts.json does not know is an error, so that none is left out.
import { execFileSync } from 'node:child_process';
import { createHash } from 'node:crypto';
import {
  copyFileSync,
  existsSync,
  mkdirSync,
  readFileSync,
  readdirSync,
  realpathSync,
  rmSync,
} from 'node:fs';
import { writeFileSync } from 'node:fs';
import { basename, join } from 'node:path';
import { fileURLToPath } from 'node:url';

const repository = fileURLToPath(new URL('..', import.meta.url));
const table = JSON.parse(readFileSync(new URL('release_parts.json', import.meta.url), 'utf8'));
const ARCHITECTURES = { 'linux-x64': 'amd64', 'linux-arm64': 'arm64', 'win-x64': 'amd64' };

/** The static libraries of which the linker took something, in a map of GNU ld's. */
export function librariesOf(map) {
  const [, taken = ''] = /^Archive member included [^\n]*\n\n(.*?)\n\n/ms.exec(map) ?? [];
  const paths = [...taken.matchAll(/^([^\s`][^`\n(]*\.a)\(/gm)].map(([, path]) => path);
  return [...new Set(paths)].filter((path) => !basename(path).startsWith('libopencat_')).sort();
}

/** "curl 7.88" and "zlib1g-dev_1%3a1.2_amd64.deb", by line, as a map from package to version. */
export function versionsOf(text) {
  const rows = text.trim().split('\n');
  return new Map(
    rows.map((row) => {
      const source = row.split(' ');
      if (source.length === 2) return source;
      const [name, version] = row.split('_');
      return [name, decodeURIComponent(version)];
    }),
  );
}

/** The row for a package, named by the library that wants it. */
function known(name, library) {
  if (table[name]) return table[name];
  throw new Error(`${library} is in the release, and scripts/release_parts.json does not know ${name}`);
}

/** The compiler's own libraries are this machine's: which package has the file, and its version. */
function machinePart(library) {
  const output = execFileSync('dpkg', ['-S', realpathSync(library)], { encoding: 'utf8' });
  const name = output.split(':')[0];
  known(name, library);
  const version = execFileSync('dpkg-query', ['-W', '-f=${Version}\n', name], { encoding: 'utf8' });
  return { name, version: version.split('\n')[0], licence: join('/usr/share/doc', name, 'copyright') };
}

/** Parts below `libs`: those that have a library in the map, and those that are headers or data. */
function libraryParts(libraries, versions, libs) {
  const own = libraries.filter((path) => path.startsWith(libs));
  const names = new Set([...versions.keys()].filter((name) => known(name, 'a header').headers));
  for (const path of own) {
    const file = basename(path);
    const found = [...versions.keys()].filter((name) => table[name]?.archives?.includes(file));
    if (found.length !== 1) known(file, path);
    names.add(found[0]);
  }
  return [...names].map((name) => ({
    name,
    version: versions.get(name),
    licence: join(libs, 'root/usr/share/doc', name, 'copyright'),
  }));
}

const component = ({ name, version }, architecture) => {
  const { license, name: words } = table[name];
  const purl = `pkg:deb/debian/${name.replaceAll('+', '%2B')}@${encodeURIComponent(version)}?arch=${architecture}`;
  return {
    type: 'library',
    'bom-ref': purl,
    name,
    version,
    licenses: [license ? { expression: license } : { license: { name: words } }],
    purl,
  };
};

/** What the pages' lock has for other than building and testing them. */
function pageParts() {
  const { packages } = JSON.parse(readFileSync(join(repository, 'web/package-lock.json'), 'utf8'));
  return Object.entries(packages)
    .filter(([path, { dev, optional, devOptional }]) => path && !dev && !optional && !devOptional)
    .map(([path, { version, license, integrity }]) => {
      const name = path.slice('node_modules/'.length);
      const purl = `pkg:npm/${name.replace('@', '%40')}@${version}`;
      const content = Buffer.from(integrity.replace('sha512-', ''), 'base64').toString('hex');
      return {
        folder: join(repository, 'web', path),
        name,
        component: {
          type: 'library',
          'bom-ref': purl,
          name,
          version,
          hashes: [{ alg: 'SHA-512', content }],
          licenses: [{ expression: license }],
          purl,
        },
      };
    });
}

/** A UUID that is the same for the same bytes (RFC 9562, version 8). */
const uuidOf = (hex) =>
  `${hex.slice(0, 8)}-${hex.slice(8, 12)}-8${hex.slice(13, 16)}-8${hex.slice(17, 20)}-${hex.slice(20, 32)}`;

function document(target, version, executable, components) {
  const sha256 = createHash('sha256').update(readFileSync(executable)).digest('hex');
  const purl = `pkg:generic/opencat@${version}?target=${target}`;
  const sorted = components.sort((a, b) => (a['bom-ref'] < b['bom-ref'] ? -1 : 1));
  return {
    $schema: 'http://cyclonedx.org/schema/bom-1.5.schema.json',
    bomFormat: 'CycloneDX',
    specVersion: '1.5',
    serialNumber: `urn:uuid:${uuidOf(sha256)}`,
    version: 1,
    metadata: {
      timestamp: new Date(Number(process.env.SOURCE_DATE_EPOCH) * 1000).toISOString(),
      component: {
        type: 'application',
        'bom-ref': purl,
        name: 'opencat',
        version,
        hashes: [{ alg: 'SHA-256', content: sha256 }],
        licenses: [{ expression: 'MIT' }],
        purl,
      },
    },
    components: sorted,
    dependencies: [{ ref: purl, dependsOn: sorted.map((one) => one['bom-ref']) }],
  };
}

/** Throws unless the text is what CycloneDX 1.5 demands, by CycloneDX's own validator. */
export async function validate(text) {
  const tools = join(repository, 'tools/node_modules/@cyclonedx/cyclonedx-library/package.json');
  const { createRequire } = await import('node:module');
  const library = createRequire(tools)('@cyclonedx/cyclonedx-library');
  const found = await new library.Validation.JsonStrictValidator(library.Spec.Version.v1dot5).validate(text);
  if (found !== null) throw new Error(`not CycloneDX 1.5: ${JSON.stringify(found)}`);
}

/** The licences as the parts bring them, a file for each. */
function writeLicences(folder, files) {
  rmSync(folder, { recursive: true, force: true });
  mkdirSync(folder, { recursive: true });
  for (const [name, file] of files) copyFileSync(file, join(folder, `${name}.txt`));
}

function licenceFile({ folder, name }) {
  const file = readdirSync(folder).find((one) => /^(licen[cs]e|copying)/i.test(one));
  if (!file) throw new Error(`web/node_modules/${name} has no licence`);
  return join(folder, file);
}

async function main([target, version, executable, mapFile, sbom, licences]) {
  const libs = join(repository, 'build/release-libs', target);
  const libraries = librariesOf(readFileSync(mapFile, 'utf8'));
  const versions = versionsOf(readFileSync(join(libs, 'versions'), 'utf8'));
  const parts = libraryParts(libraries, versions, libs);
  const seen = new Set(parts.map(({ name }) => name));
  for (const library of libraries.filter((path) => !path.startsWith(libs))) {
    const part = machinePart(library);
    if (!seen.has(part.name)) parts.push(part);
    seen.add(part.name);
  }
  for (const { licence } of parts) if (!existsSync(licence)) throw new Error(`there is no ${licence}`);
  const pages = pageParts();
  const architecture = ARCHITECTURES[target];
  const components = [
    ...parts.map((part) => component(part, architecture)),
    ...pages.map((page) => page.component),
  ];
  const text = `${JSON.stringify(document(target, version, executable, components), null, 2)}\n`;
  await validate(text);
  writeFileSync(sbom, text);
  writeLicences(licences, [
    ...parts.map(({ name, licence }) => [name, licence]),
    ...pages.map((page) => [page.name.replace('/', '-'), licenceFile(page)]),
  ]);
}

if (process.argv[1] === fileURLToPath(import.meta.url)) {
  main(process.argv.slice(2)).catch((error) => {
    process.stderr.write(`release_parts: ${error.message}\n`);
    process.exitCode = 1;
  });
}
