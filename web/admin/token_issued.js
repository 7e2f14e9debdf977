// SPDX-License-Identifier: MIT
// New tokens, shown once: to copy, to save, and their chat links as QR codes.
import { encode } from 'uqr';
import { el } from '../common/dom.js';
import { openDialog } from './dialogs.js';
import { button, saveFile, svg } from './parts.js';

/** `tokens` as they were issued, with the label of each. */
export function showIssued(app, tokens, labels) {
  const { t, format } = app;
  let kept = false; // something was copied or saved: closing loses nothing then
  const reminder = el('p', { className: 'problem', role: 'alert', hidden: true }, t('issuedKeep'));

  async function copy(text, at) {
    try {
      await navigator.clipboard.writeText(text);
      kept = true;
      flash(at, t('copied'));
      app.announce(t('copied'));
    } catch {
      reminder.textContent = t('copyFailed');
      reminder.hidden = false;
    }
  }

  const one = tokens.length === 1;
  const content = [el('p', {}, t(one ? 'issuedOneOnce' : 'issuedOnce')), reminder];
  if (one) content.push(details(app, tokens[0], labels[0], copy));
  else content.push(list(app, tokens, labels, copy));

  const done = el('button', { type: 'button', className: 'primary' }, t('done'));
  const save = button(t('saveCsv'), { image: 'save' });
  save.onclick = () => {
    saveFile(new Blob([csv(tokens, labels)], { type: 'text/csv' }), 'opencat-new-tokens.csv');
    kept = true;
  };
  const all = button(t('copyAll'), { image: 'copy' });
  all.onclick = () => copy(tokens.map(({ chat_url }, i) => `${labels[i]}\t${chat_url}`).join('\n'), all);
  const dialog = openDialog({
    title: one ? t('issuedOne') : t('issuedMany', { n: format.number(tokens.length) }),
    content,
    actions: one ? [done] : [save, all, done],
    className: 'wide',
    // Escape is pressed out of habit, and these are never shown again.
    mayClose: () => kept || ((reminder.hidden = false), false),
  });
  done.onclick = dialog.close;
}

/** Says for a moment that it is done, on the button itself. */
function flash(node, words) {
  const before = [...node.childNodes];
  node.replaceChildren(words);
  node.disabled = false;
  setTimeout(() => node.replaceChildren(...before), 1500);
}

function details({ t }, issued, label, copy) {
  const row = (name, value, words) => {
    const press = button(words, { image: 'copy' });
    press.onclick = () => copy(value, press);
    return [el('dt', {}, name), el('dd', {}, el('code', {}, value), press)];
  };
  const facts = el('dl', { className: 'secrets' });
  facts.append(
    ...row(t('token'), issued.token, t('copyToken')),
    ...row(t('chatLink'), issued.chat_url, t('copyLink')),
  );
  const name = label || issued.id;
  const head = label ? [el('p', { className: 'whose' }, label)] : [];
  return el('div', { className: 'issued' }, ...head, facts, qrCode(issued.chat_url, t('qrOf', { name })));
}

function list(app, tokens, labels, copy) {
  const { t } = app;
  const rows = tokens.map((issued, i) => {
    const name = labels[i] || issued.id;
    const link = button(t('copyLink'), { image: 'copy', name: t('ofName', { action: t('copyLink'), name }) });
    link.onclick = () => copy(issued.chat_url, link);
    const token = button(t('copyToken'), { name: t('ofName', { action: t('copyToken'), name }) });
    token.onclick = () => copy(issued.token, token);
    const qr = button(t('qr'), { image: 'qr', name: t('ofName', { action: t('qr'), name }) });
    const item = el('li', {}, el('span', { className: 'whose' }, name), link, token, qr);
    qr.setAttribute('aria-expanded', 'false');
    qr.onclick = () => {
      const shown = item.querySelector('.qr');
      if (shown) shown.remove();
      else item.append(qrCode(issued.chat_url, t('qrOf', { name })));
      qr.setAttribute('aria-expanded', String(!shown));
    };
    return item;
  });
  return el('ul', { className: 'issued-list', tabIndex: 0, 'aria-label': t('tokens') }, ...rows);
}

/** Dark on light whatever the colours are, with the quiet zone that readers want. */
function qrCode(text, name) {
  const { size, data } = encode(text, { ecc: 'M', border: 4 });
  let path = '';
  for (let y = 0; y < size; y += 1) {
    for (let x = 0; x < size; x += 1) if (data[y][x]) path += `M${x} ${y}h1v1h-1z`;
  }
  const drawing = { viewBox: `0 0 ${size} ${size}`, role: 'img', 'aria-label': name, class: 'qr' };
  return svg('svg', drawing, svg('path', { d: path }));
}

const cell = (text) => `"${(/^[=+\-@\t\r]/.test(text) ? `'${text}` : text).replaceAll('"', '""')}"`;

function csv(tokens, labels) {
  const rows = tokens.map((issued, i) =>
    [labels[i], issued.id, issued.token, issued.chat_url].map(cell).join(','),
  );
  return `\ufeff${['label,id,token,chat_url', ...rows].join('\r\n')}\r\n`;
}
