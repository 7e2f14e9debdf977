// SPDX-License-Identifier: MIT
// An unpacked opencat-portable folder as `opencat bundle` would make it, from templates/ and a real runtime.
import fs from 'node:fs';
import path from 'node:path';
import { createHash } from 'node:crypto';
import { execFileSync } from 'node:child_process';
import { fileURLToPath } from 'node:url';
import { cacheFolder, hostPlatform, NODE_VERSION, nodeRuntime, NPM_VERSION } from './runtime.mjs';

export const templates = fileURLToPath(new URL('../../templates', import.meta.url));

/**
 * Makes `folder`. `app` is a folder with package.json (default: the built-in app), its node_modules taken along with
 * deps 'bundled'; `bundle` overrides fields of bundle.json; `token` becomes token.json. The runtime (120 MB) is
 * hard-linked: `ownRuntime` copies it instead.
 */
export function makeBundle(folder, options) {
  const {
    serverUrl,
    app = path.join(templates, 'app'),
    deps = 'install',
    bundle = {},
    token,
    ownRuntime = false,
  } = options;
  fs.cpSync(templates, folder, { recursive: true, filter: (source) => !isDevelopment(source) });
  fs.rmSync(path.join(folder, 'app'), { recursive: true });
  const wanted = deps === 'bundled' ? () => true : (source) => !isDevelopment(source);
  fs.cpSync(app, path.join(folder, 'lib', 'app'), { recursive: true, filter: wanted });
  linkTree(nodeRuntime(), path.join(folder, 'tools', 'node'), ownRuntime);
  const declared = JSON.parse(fs.readFileSync(path.join(app, 'package.json'), 'utf8'));
  const { start, name: title, scripts = false, config = [] } = declared.opencat;
  const document = {
    format: 1,
    platform: hostPlatform(),
    opencat_version: '0.1.0',
    server_url: serverUrl,
    enroll_key: null,
    node: { version: NODE_VERSION, npm: NPM_VERSION },
    app: { name: declared.name, version: declared.version, deps, start, title, scripts, config },
    npm_registry: null,
    label: null,
    files: hashes(folder),
    ...bundle,
  };
  fs.writeFileSync(path.join(folder, 'bundle.json'), JSON.stringify(document));
  if (token) fs.writeFileSync(path.join(folder, 'token.json'), JSON.stringify(token));
  return folder;
}

/** node_modules of the built-in app, installed once per lock file by the bundle's own npm. Not to be changed. */
export function appModules() {
  const app = path.join(templates, 'app');
  const folder = path.join(cacheFolder, `app-${hashFile(path.join(app, 'package-lock.json')).slice(0, 16)}`);
  if (!fs.existsSync(folder)) {
    const aside = fs.mkdtempSync(path.join(cacheFolder, 'app-installing-'));
    for (const name of ['package.json', 'package-lock.json'])
      fs.copyFileSync(path.join(app, name), path.join(aside, name));
    const npm = path.join(nodeRuntime(), 'lib', 'node_modules', 'npm', 'bin', 'npm-cli.js');
    const args = [npm, 'ci', '--omit=dev', '--ignore-scripts', '--no-audit', '--no-fund', '--silent'];
    execFileSync(path.join(nodeRuntime(), 'bin', 'node'), args, {
      cwd: aside,
      stdio: ['ignore', 'ignore', 'inherit'],
    });
    fs.renameSync(aside, folder);
  }
  return path.join(folder, 'node_modules');
}

const isDevelopment = (source) => ['node_modules', '.gitattributes'].includes(path.basename(source));

/** Every file below `folder`, as relative names with slashes. */
export function filesIn(folder) {
  return fs
    .readdirSync(folder, { recursive: true, withFileTypes: true })
    .filter((entry) => !entry.isDirectory())
    .map((entry) => path.relative(folder, path.join(entry.parentPath, entry.name)).replaceAll('\\', '/'))
    .sort();
}

let runtimeHashes = null; // the runtime is the same in every bundle, and 120 MB of it take a while

function hashes(folder) {
  runtimeHashes ??= hashTree(nodeRuntime(), 'tools/node/');
  const own = filesIn(folder).filter((name) => !name.startsWith('tools/node/'));
  return {
    ...Object.fromEntries(own.map((name) => [name, hashFile(path.join(folder, name))])),
    ...runtimeHashes,
  };
}

function hashTree(folder, prefix) {
  return Object.fromEntries(
    filesIn(folder).map((name) => [prefix + name, hashFile(path.join(folder, name))]),
  );
}

const hashFile = (file) => createHash('sha256').update(fs.readFileSync(file)).digest('hex');

function linkTree(from, to, copy) {
  for (const name of filesIn(from)) {
    const target = path.join(to, name);
    fs.mkdirSync(path.dirname(target), { recursive: true });
    if (copy) fs.copyFileSync(path.join(from, name), target);
    else linkOrCopy(path.join(from, name), target);
  }
}

function linkOrCopy(from, to) {
  try {
    fs.linkSync(from, to);
  } catch (error) {
    if (error.code !== 'EXDEV' && error.code !== 'EPERM') throw error;
    fs.copyFileSync(from, to); // another file system
  }
}
