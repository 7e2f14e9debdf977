// SPDX-License-Identifier: MIT
// Where the user's desktop really is: it may be redirected, translated, in OneDrive, or not there at all.
import fs from 'node:fs';
import path from 'node:path';
import { execFileSync } from 'node:child_process';
import { userHome } from './files.mjs';

/** The desktop folder, or null when there is none. */
export function desktopFolder(env = process.env) {
  const home = userHome() ?? '';
  const candidates = { win32: windowsDesktops, darwin: plainDesktop, linux: xdgDesktops }[process.platform];
  const folders = candidates ? candidates(env, home) : [];
  // xdg-user-dirs names the home folder itself when there is no desktop.
  return folders.find((folder) => folder && folder !== home && isFolder(folder)) ?? null;
}

const plainDesktop = (env, home) => (home ? [path.join(home, 'Desktop')] : []);

function xdgDesktops(env, home) {
  const file = path.join(env.XDG_CONFIG_HOME || path.join(home, '.config'), 'user-dirs.dirs');
  const line = fs.existsSync(file) && fs.readFileSync(file, 'utf8').match(/^\s*XDG_DESKTOP_DIR="(.*)"\s*$/m);
  if (!line) return plainDesktop(env, home);
  return [
    line[1]
      .replace(/^\$HOME(?=\/|$)/, () => home)
      .replace(/\\(.)/g, '$1')
      .replace(/(.)\/+$/, '$1'),
  ];
}

function windowsDesktops(env) {
  return [
    registryDesktop(env),
    env.OneDrive && path.join(env.OneDrive, 'Desktop'),
    env.USERPROFILE && path.join(env.USERPROFILE, 'Desktop'),
  ];
}

function registryDesktop(env) {
  const key = 'HKCU\\Software\\Microsoft\\Windows\\CurrentVersion\\Explorer\\User Shell Folders';
  try {
    const options = { stdio: ['ignore', 'pipe', 'ignore'], windowsHide: true, timeout: 5000 };
    return parseRegistryAnswer(execFileSync('reg', ['query', key, '/v', 'Desktop'], options), env);
  } catch {
    return null;
  }
}

/** reg.exe answers in the console's code page: UTF-8 where it is valid, else that of Chinese Windows. */
export function parseRegistryAnswer(bytes, env) {
  let text;
  try {
    text = new TextDecoder('utf-8', { fatal: true }).decode(bytes);
  } catch {
    text = new TextDecoder('gbk').decode(bytes);
  }
  const value = text.match(/REG_(?:EXPAND_)?SZ\s+(.*?)\s*$/m)?.[1];
  return value?.replace(/%([^%]+)%/g, (whole, name) => env[name] ?? whole) ?? null;
}

function isFolder(folder) {
  return fs.statSync(folder, { throwIfNoEntry: false })?.isDirectory() ?? false;
}
