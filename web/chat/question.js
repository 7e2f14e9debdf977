// SPDX-License-Identifier: MIT
// A question on the page: its words and files, and how it is edited.
import { el } from '../common/dom.js';
import { branchButtons } from './branches.js';
import { copyText } from './clipboard.js';
import { confirmOn, drawing, iconButton } from './icons.js';

/** Fills `node` with `message`. `chat` says what the page knows and can do with it; see thread.js. */
export function createQuestion(node, message, { t, chat }) {
  draw();

  function draw() {
    const words = message.content ? [el('p', { textContent: message.content })] : [];
    const tools = el(
      'footer',
      { className: 'tools' },
      ...branchButtons(message, { t, chat }),
      iconButton('edit', t('edit'), edit),
      iconButton('copy', t('copy'), async (self) =>
        confirmOn(self, t((await copyText(message.content)) ? 'copied' : 'copyFailed')),
      ),
    );
    place(...words, tools);
  }

  function place(...parts) {
    const files = (message.files ?? []).map((file) => fileNode(file, chat.fileOf(message, file.id)));
    node.replaceChildren(
      el('h2', { className: 'unseen', textContent: t('you') }),
      ...(files.length > 0 ? [el('div', { className: 'files' }, ...files)] : []),
      ...parts,
    );
  }

  function edit() {
    const field = el('textarea', { value: message.content, rows: 1, 'aria-label': t('editMessage') });
    const done = (send) => {
      const text = field.value.trim();
      if (send && text === '' && !message.files?.length) return field.focus();
      draw();
      node.querySelector('.edit')?.focus();
      if (send) chat.edit(message, text);
    };
    field.addEventListener('keydown', (event) => {
      if (event.isComposing || event.keyCode === 229) return;
      if (event.key === 'Escape') {
        event.stopPropagation();
        done(false);
      } else if (event.key === 'Enter' && !event.shiftKey) {
        event.preventDefault();
        done(true);
      }
    });
    const press = (send) => () => done(send);
    const buttons = el(
      'div',
      { className: 'actions' },
      el('button', { type: 'button', className: 'quiet', textContent: t('cancel'), onclick: press(false) }),
      el('button', { type: 'button', className: 'primary', textContent: t('send'), onclick: press(true) }),
    );
    place(el('div', { className: 'editing' }, field, buttons)); // the files go along, and are seen to
    field.focus();
    field.setSelectionRange(field.value.length, field.value.length);
  }

  return { draw, edit };
}

/** A file that was sent: an image as such, a text by its name. `record` may be missing in a broken import. */
export function fileNode({ kind, name }, record) {
  if (kind === 'image' && record) return el('img', { src: record.data, alt: name, className: 'picture' });
  return el('span', { className: 'file' }, drawing('file'), el('span', { textContent: name }));
}
