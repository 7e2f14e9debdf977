// SPDX-License-Identifier: MIT
// The program a user starts. Its rename into place is what switches from an old version to this one.
import fs from 'node:fs';
import path from 'node:path';
import { Failure } from './failure.mjs';
import { isInside } from './files.mjs';

export const launcherName = (platform) => (platform.startsWith('win') ? 'opencat-chat.bat' : 'opencat-chat');

export function nodeIn(platform) {
  return platform.startsWith('win') ? 'tools/node/node.exe' : 'tools/node/bin/node';
}

export function writeLauncher(context) {
  const { bundle, home, receipt } = context;
  const file = path.join(home, launcherName(bundle.platform));
  receipt.writeFile(file, launcherText(bundle, home, context.bundleFolder), 0o755);
  context.result.launcher = file;
}

/** The launcher finds everything from its own place, so that an unpacked folder may be moved. */
export function launcherText(bundle, home, bundleFolder) {
  const windows = bundle.platform.startsWith('win');
  const [script, ...words] = bundle.app.start;
  const inBundle = (name) => locate(path.join(bundleFolder, name), home);
  const quote = windows ? batWord : shWord;
  const values = {
    '@NODE@': quote(inBundle(nodeIn(bundle.platform))),
    '@START@': [quote(inBundle(`lib/app/${script}`)), ...words.map((word) => quote({ name: word }))].join(' '),
  };
  const template = fs.readFileSync(new URL(windows ? 'launcher.bat' : 'launcher.sh', import.meta.url), 'utf8');
  const text = template.replace(/@NODE@|@START@/g, (key) => values[key]);
  // cmd.exe reads a batch file in the PC's own code page: whatever is not ASCII would be something else there.
  // eslint-disable-next-line no-control-regex
  if (windows && /[^\x00-\x7f]/.test(text)) throw new Failure('launcherNotAscii', { home });
  return windows ? text.replace(/\r?\n/g, '\r\n') : text;
}

function locate(file, home) {
  return isInside(file, home) ? { below: true, name: path.relative(home, file) } : { name: file };
}

function shWord({ below, name }) {
  const quoted = `'${name.replaceAll("'", "'\\''")}'`;
  return below ? `"$home"/${quoted}` : quoted;
}

function batWord({ below, name }) {
  const escaped = name.replaceAll('/', '\\').replaceAll('%', '%%').replaceAll('"', '');
  return `"${below ? '%~dp0' : ''}${escaped}"`;
}
