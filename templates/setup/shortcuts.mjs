// SPDX-License-Identifier: MIT
// Step 5: the ways into the chat: open-chat.html everywhere, which opens the page signed in; and where there is a
// desktop, a shortcut to that page, and one that starts the app in a terminal.
import fs from 'node:fs';
import path from 'node:path';
import { pathToFileURL } from 'node:url';
import { desktopFolder } from './desktop.mjs';
import { launcherName } from './launcher.mjs';

export const chatPage = (home) => path.join(home, 'open-chat.html');

export function makeShortcuts(context) {
  const { home, bundle, grant, receipt, result, options, say } = context;
  const title = shortcutTitle(bundle, context.language);
  const url = new URL(grant.chat_url).href; // percent-encoded: plain ASCII, no quote, no line end
  const page = chatPage(home);
  receipt.writeFile(page, chatPageHtml(title, url), 0o600);
  result.open_chat = page;
  const desktop = options.noShortcut ? null : desktopFolder(context.env);
  if (!desktop) return;
  const program = path.join(home, launcherName(bundle.platform));
  const inTerminal = say.text('inTerminal', { title: fileName(title) });
  const made = [
    ['shortcut', fileName(title), shortcut(process.platform, { title, url, page })],
    ['terminal_shortcut', inTerminal, terminalShortcut(process.platform, { title: inTerminal, program })],
  ];
  for (const [member, name, { extension, content, mode }] of made) {
    const file = freeName(receipt, desktop, name, extension);
    if (!put(context, file, content, mode)) break;
    result[member] = file;
    say.note('shortcutMade', { file });
  }
}

/** False where the desktop may not be written to (a policy, macOS privacy): no reason to fail, for the page is there. */
function put({ receipt, say, log, result }, file, content, mode) {
  try {
    receipt.writeAmongOthers(file, content, mode);
    return true;
  } catch (error) {
    log.write(`shortcut: ${error.message}`);
    if (!fs.existsSync(file)) receipt.forget(receipt.find(file));
    say.note('shortcutFailed', { reason: error.code, page: result.open_chat });
    return false;
  }
}

export function shortcutTitle(bundle, language) {
  const title = bundle.app.title?.[language] ?? bundle.app.title?.en ?? bundle.app.name;
  return bundle.label ? `${title} - ${bundle.label}` : title;
}

/** A name that every file system takes. */
export function fileName(title) {
  // eslint-disable-next-line no-control-regex
  const name = title
    .replace(/[<>:"/\\|?*\x00-\x1f]/g, '_')
    .slice(0, 80)
    .replace(/[. ]+$/, '');
  return name || 'OpenCat';
}

// Never over a file that is the user's own.
function freeName(receipt, folder, name, extension) {
  for (let number = 1; ; number += 1) {
    const file = path.join(folder, `${name}${number > 1 ? ` ${number}` : ''}${extension}`);
    if (receipt.isFree(file)) return file;
  }
}

export function shortcut(platform, { title, url, page }) {
  if (platform === 'win32') {
    return { extension: '.url', content: `[InternetShortcut]\r\nURL=${url}\r\n`, mode: 0o600 };
  }
  if (platform === 'darwin') return { extension: '.webloc', content: webloc(url), mode: 0o600 };
  const line = `xdg-open ${execWord(page)}`;
  return { extension: '.desktop', content: desktopEntry({ title, line, terminal: false }), mode: 0o755 };
}

/** Starts the launcher in a terminal, by a double click. */
export function terminalShortcut(platform, { title, program }) {
  // A shortcut to a file, and no batch file: cmd.exe would read a Chinese path in the PC's own code page.
  if (platform === 'win32') {
    const url = pathToFileURL(program, { windows: true }).href;
    return { extension: '.url', content: `[InternetShortcut]\r\nURL=${url}\r\n`, mode: 0o600 };
  }
  if (platform === 'darwin') {
    const word = `'${program.replaceAll("'", "'\\''")}'`;
    return { extension: '.command', content: `#!/bin/sh\nexec ${word}\n`, mode: 0o755 };
  }
  const line = execWord(program);
  return { extension: '.desktop', content: desktopEntry({ title, line, terminal: true }), mode: 0o755 };
}

function webloc(url) {
  return `<?xml version="1.0" encoding="UTF-8"?>
<!DOCTYPE plist PUBLIC "-//Apple//DTD PLIST 1.0//EN" "http://www.apple.com/DTDs/PropertyList-1.0.dtd">
<plist version="1.0"><dict><key>URL</key><string>${escapeHtml(url)}</string></dict></plist>
`;
}

// It opens the page and not the URL: a URL among a program's arguments, token and all, is visible to other users.
function desktopEntry({ title, line, terminal }) {
  return `[Desktop Entry]
Type=Application
Version=1.0
Name=${title.replaceAll('\\', '\\\\')}
Exec=${line}
Icon=${terminal ? 'utilities-terminal' : 'internet-chat'}
Terminal=${terminal}
Categories=Network;Chat;
`;
}

// Quoting after the Desktop Entry Specification: first for Exec's quotes, then for the value as a string.
// https://specifications.freedesktop.org/desktop-entry-spec/latest/exec-variables.html
function execWord(file) {
  const quoted = file
    .replace(/["`$\\]/g, '\\$&')
    .replaceAll('%', '%%')
    .replaceAll('\\', '\\\\');
  return `"${quoted}"`;
}

export function chatPageHtml(title, url) {
  const name = escapeHtml(title);
  const target = escapeHtml(url);
  return `<!doctype html>
<html>
<head>
<meta charset="utf-8">
<meta name="referrer" content="no-referrer">
<meta http-equiv="refresh" content="0; url=${target}">
<title>${name}</title>
</head>
<body><p><a href="${target}">${name}</a></p></body>
</html>
`;
}

function escapeHtml(text) {
  const names = { '&': '&amp;', '<': '&lt;', '>': '&gt;', '"': '&quot;', "'": '&#39;' };
  return text.replace(/[&<>"']/g, (character) => names[character]);
}
