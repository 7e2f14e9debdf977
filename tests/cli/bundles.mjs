// SPDX-License-Identifier: MIT
// Small bundles for `opencat install`: their node is a script that starts this very Node, their setup.mjs does what
// the contract says and can be told to fail, to wait, or to be interrupted at each point.
import { createHash } from 'node:crypto';
import fs from 'node:fs';
import path from 'node:path';
import { zip } from '../fakes/zip.mjs';

const setup = `
import fs from 'node:fs';
import path from 'node:path';
const options = process.argv.slice(2);
const home = options[options.indexOf('--home') + 1];
const here = import.meta.dirname ?? path.dirname(new URL(import.meta.url).pathname);
const bundle = JSON.parse(fs.readFileSync(path.join(here, 'bundle.json')));
const at = (name) => path.join(home, name);
const made = ['logs/install.log', 'data/calls', 'data/config.json', 'waiting', '../shortcut', 'opencat-chat'];
const record = (names) => {
  const receipt = { format: 1, made: names.map((name) => ({ path: name, kind: 'file' })) };
  fs.writeFileSync(at('data/receipt.json'), JSON.stringify(receipt));
};
if (options.includes('--uninstall')) {
  const config = at('data/config.json');
  const kept = options.includes('--keep-token') && fs.existsSync(config) ? ['data/config.json'] : [];
  for (const name of made) if (!kept.includes(name)) fs.rmSync(at(name), { force: true });
  if (kept.length > 0) record(kept);
  else fs.rmSync(at('data/receipt.json'));
  process.exit(0);
}
for (const name of ['data', 'logs']) fs.mkdirSync(at(name), { recursive: true });
record(made);
fs.appendFileSync(at('data/calls'), JSON.stringify(options) + '\\n');
fs.writeFileSync(at('logs/install.log'), 'what happened');
fs.writeFileSync(at('../shortcut'), '');
const behaviour = bundle.label ?? '';
// A wait ends with its file; the timer alone keeps this process alive.
const wait = (name) => {
  fs.writeFileSync(at(name), String(process.pid));
  return new Promise((resolve) => {
    const timer = setInterval(() => fs.existsSync(at(name)) || (clearInterval(timer), resolve()), 20);
  });
};
fs.mkdirSync(path.join(here, 'lib/app/node_modules'), { recursive: true });
fs.writeFileSync(path.join(here, 'lib/app/node_modules/dependency.js'), '');
fs.writeFileSync(at('data/config.json'), JSON.stringify({ token: 'kept' }));
if (behaviour === 'network') {
  const { NODE_USE_ENV_PROXY: proxy, NODE_USE_SYSTEM_CA: ca } = process.env;
  console.log('proxies of the environment: ' + proxy + ', certificates of the system: ' + ca);
}
if (behaviour === 'wait') await wait('waiting');
if (/^\\d+$/.test(behaviour)) process.exit(Number(behaviour));
if (behaviour === 'killed') process.kill(process.pid, 'SIGKILL');
fs.writeFileSync(at('opencat-chat.new'), '#!/bin/sh\\nexec "' + path.join(here, 'tools/node/bin/node') + '"\\n');
fs.renameSync(at('opencat-chat.new'), at('opencat-chat'));
if (behaviour === 'wait-after') await wait('waiting');
if (options.includes('--json')) console.log(JSON.stringify({ home, launcher: at('opencat-chat') }));
else console.log('installed');
`;

const node = `#!/bin/sh\nexec '${process.execPath}' "$@"\n`;

export const hostPlatform = `${process.platform}-${process.arch}`;

/**
 * The files of a bundle, by name: { bytes, mode }. `label` tells setup.mjs how to behave, `program` is its node, `more` are
 * further files.
 */
export function bundleFiles({
  version = '1.0.0',
  platform = hostPlatform,
  format = 1,
  label = null,
  token,
  program = node,
  more = {},
} = {}) {
  const files = {
    ...more,
    'setup.mjs': { bytes: setup, mode: 0o100644 },
    'lib/app/main.mjs': { bytes: `console.log('${version}');\n`, mode: 0o100644 },
    'lib/app/说明.txt': { bytes: '你好', mode: 0o100644 },
    'tools/node/bin/node': { bytes: program, mode: 0o100755 },
  };
  const sum = (bytes) => createHash('sha256').update(bytes).digest('hex');
  const description = {
    format,
    platform,
    label,
    app: { name: 'test', version },
    files: Object.fromEntries(Object.entries(files).map(([name, { bytes }]) => [name, sum(bytes)])),
  };
  files['bundle.json'] = { bytes: JSON.stringify(description), mode: 0o100644 };
  if (token) files['token.json'] = { bytes: JSON.stringify({ token }), mode: 0o100600 };
  return files;
}

export function bundleZip(files) {
  return zip(Object.entries(files).map(([name, file]) => ({ name: `opencat-portable/${name}`, ...file })));
}

/** Writes the zip and gives back its path. */
export function writeZip(folder, name, options) {
  const file = path.join(folder, name);
  fs.writeFileSync(file, bundleZip(bundleFiles(options)));
  return file;
}

export function writeFolder(folder, options) {
  for (const [name, { bytes, mode }] of Object.entries(bundleFiles(options))) {
    const file = path.join(folder, name);
    fs.mkdirSync(path.dirname(file), { recursive: true });
    fs.writeFileSync(file, bytes, { mode: mode & 0o777 });
  }
  return folder;
}
