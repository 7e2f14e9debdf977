// SPDX-License-Identifier: MIT
// Copying, and saving as a file.
import { el } from '../common/dom.js';

/** Copies; resolves to whether it could. Over plain http there is no clipboard API, only the old command. */
export async function copyText(text) {
  try {
    await navigator.clipboard.writeText(text);
    return true;
  } catch {
    const field = el('textarea', { value: text, className: 'unseen', readOnly: true });
    const focused = document.activeElement;
    document.body.append(field);
    field.select();
    const done = document.execCommand('copy');
    field.remove();
    focused?.focus();
    return done;
  }
}

/** Has the browser save `text` as a file. */
export function saveFile(name, text, type) {
  const url = URL.createObjectURL(new Blob([text], { type }));
  el('a', { href: url, download: name }).click();
  setTimeout(() => URL.revokeObjectURL(url), 10_000);
}
