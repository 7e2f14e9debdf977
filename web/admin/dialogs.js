// SPDX-License-Identifier: MIT
// A dialog over the page. The browser keeps the focus in it, and gives it back to what had it before.
import { el } from '../common/dom.js';
import { button } from './parts.js';

let count = 0;

/**
 * Opens a dialog with a title, content and buttons. `mayClose()` is asked when Escape is pressed. Returns {node, close()};
 * `closed` hears of its end.
 */
export function openDialog({ title, content, actions = [], className = '', mayClose = () => true, closed }) {
  const id = `dialog-${(count += 1)}`;
  const node = el('dialog', { className, 'aria-labelledby': id });
  node.append(el('h2', { id }, title), ...content, el('div', { className: 'actions' }, ...actions));
  const close = () => node.close();
  node.addEventListener('cancel', (event) => {
    if (!mayClose()) event.preventDefault();
  });
  node.addEventListener('close', () => {
    node.remove();
    closed?.();
  });
  document.body.append(node);
  node.showModal();
  return { node, close };
}

/**
 * A dialog with a form. `submit()` does the work; it resolves to true when the dialog is done, and says itself what is
 * wrong otherwise. `problem(text)` on the result shows what is wrong with the whole.
 */
export function openForm({ t, title, fields, action, className, submit }) {
  const words = el('p', { className: 'problem', role: 'alert', hidden: true });
  const cancel = button(t('cancel'), { className: 'quiet' });
  const go = el('button', { type: 'submit', className: 'primary' }, action);
  const form = el('form', { noValidate: true, autocomplete: 'off' }, ...fields, words);
  const buttons = el('div', { className: 'actions' }, cancel, go);
  form.append(buttons);
  const dialog = openDialog({ title, content: [form], className });
  dialog.node.querySelector(':scope > .actions').remove();
  cancel.onclick = dialog.close;
  dialog.problem = (text) => {
    words.textContent = text;
    words.hidden = text === '';
  };
  dialog.action = (text) => (go.textContent = text);
  form.onsubmit = async (event) => {
    event.preventDefault();
    if (go.getAttribute('aria-disabled') === 'true') return;
    go.setAttribute('aria-disabled', 'true');
    dialog.problem('');
    try {
      if (await submit(dialog)) dialog.close();
    } finally {
      go.setAttribute('aria-disabled', 'false');
    }
  };
  return dialog;
}
