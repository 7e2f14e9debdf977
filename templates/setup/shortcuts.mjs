// SPDX-License-Identifier: MIT
// Step 5: the ways into the chat page, already signed in: open-chat.html everywhere, a shortcut where there is a desktop.
import path from 'node:path';
import { desktopFolder } from './desktop.mjs';

export const chatPage = (home) => path.join(home, 'open-chat.html');

export function makeShortcuts(context) {
  const { home, bundle, grant, receipt, result, options, say, log } = context;
  const title = shortcutTitle(bundle, context.language);
  const url = new URL(grant.chat_url).href; // percent-encoded: plain ASCII, no quote, no line end
  const page = chatPage(home);
  receipt.writeFile(page, chatPageHtml(title, url), 0o600);
  result.open_chat = page;
  const desktop = options.noShortcut ? null : desktopFolder(context.env);
  if (!desktop) return;
  const { extension, content, mode } = shortcut(process.platform, { title, url, page });
  const file = freeName(receipt, desktop, fileName(title), extension);
  try {
    receipt.writeAmongOthers(file, content, mode);
    result.shortcut = file;
    say.note('shortcutMade', { file });
  } catch (error) {
    // A desktop that may not be written to (a policy, macOS privacy) is no reason to fail: the page is there.
    log.write(`shortcut: ${error.message}`);
    receipt.forget(file);
    say.note('shortcutFailed', { reason: error.code, page });
  }
}

export function shortcutTitle(bundle, language) {
  const title = bundle.app.title?.[language] ?? bundle.app.title?.en ?? bundle.app.name;
  return bundle.label ? `${title} - ${bundle.label}` : title;
}

/** A name that every file system takes. */
export function fileName(title) {
  // eslint-disable-next-line no-control-regex
  const name = title.replace(/[<>:"/\\|?*\x00-\x1f]/g, '_').slice(0, 80).replace(/[. ]+$/, '');
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
  return { extension: '.desktop', content: desktopEntry(title, page), mode: 0o755 };
}

function webloc(url) {
  return `<?xml version="1.0" encoding="UTF-8"?>
<!DOCTYPE plist PUBLIC "-//Apple//DTD PLIST 1.0//EN" "http://www.apple.com/DTDs/PropertyList-1.0.dtd">
<plist version="1.0"><dict><key>URL</key><string>${escapeHtml(url)}</string></dict></plist>
`;
}

// It opens the page and not the URL: a URL among a program's arguments, token and all, is visible to other users.
// Quoting after the Desktop Entry Specification: first for Exec's quotes, then for the value as a string.
function desktopEntry(title, page) {
  const quoted = page.replace(/["`$\\]/g, '\\$&').replaceAll('%', '%%').replaceAll('\\', '\\\\');
  return `[Desktop Entry]
Type=Application
Version=1.0
Name=${title.replaceAll('\\', '\\\\')}
Exec=xdg-open "${quoted}"
Icon=internet-chat
Terminal=false
Categories=Network;Chat;
`;
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
