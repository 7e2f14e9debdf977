// SPDX-License-Identifier: MIT
import fs from 'node:fs';
import path from 'node:path';
import { spawn } from 'node:child_process';

/**
 * Opens a local page in the user's browser. False when there is nothing to open it with: no display,
 * a remote login, no opener. The page's path is passed, never the signed-in URL: arguments are public.
 */
export function openInBrowser(page, env = process.env, platform = process.platform) {
  const command = opener(page, env, platform);
  if (!command) return false;
  const child = spawn(command[0], command.slice(1), { detached: true, stdio: 'ignore', windowsHide: true });
  child.on('error', () => {}); // the page is named to the user in any case
  child.unref();
  return true;
}

function opener(page, env, platform) {
  // Over SSH a browser would open on a screen that the user may not sit at; a forwarded display (Linux) is theirs.
  const remote = Boolean(env.SSH_CONNECTION);
  // Not `start`: cmd.exe would take & and % in the path for its own.
  if (platform === 'win32') return remote ? null : ['rundll32.exe', 'url.dll,FileProtocolHandler', page];
  if (platform === 'darwin') return remote ? null : ['open', page];
  if (!env.DISPLAY && !env.WAYLAND_DISPLAY) return null;
  const found = (env.PATH ?? '').split(path.delimiter).map((folder) => path.join(folder, 'xdg-open')).find(isProgram);
  return found ? [found, page] : null;
}

function isProgram(file) {
  try {
    fs.accessSync(file, fs.constants.X_OK);
    return true;
  } catch {
    return false;
  }
}
