// SPDX-License-Identifier: MIT
// The field a message is typed in. Nothing typed here is lost but by sending it.
import { byId } from '../common/dom.js';
import { createTray } from './tray.js';

/** Calls onSend({text, files}), onStop(), onDraft(text), onFiles(files), onEditLast() and onProblem(text). */
export function createComposer({ t, onSend, onStop, onDraft, onFiles, onEditLast, onProblem }) {
  const form = byId('composer');
  const input = byId('input');
  const button = byId('send');
  let busy = false;
  const tray = createTray({ t, onChange: () => refresh(), onFiles, onProblem });

  const isEmpty = () => (input.value.trim() === '' && tray.files.length === 0) || tray.busy;

  function refresh() {
    button.setAttribute('aria-label', t(busy ? 'stop' : 'send'));
    button.title = t(busy ? 'stop' : 'send');
    button.classList.toggle('busy', busy);
    // Not `disabled`: that would take the focus away when the field empties under the reader's hands.
    button.setAttribute('aria-disabled', String(!busy && isEmpty()));
    // A fallback for browsers without `field-sizing: content`.
    if (!CSS.supports('field-sizing', 'content')) {
      input.style.height = 'auto';
      input.style.height = `${input.scrollHeight}px`;
    }
  }

  function set(text) {
    input.value = text;
    refresh();
    onDraft(text);
  }

  function send() {
    const text = input.value.trim();
    if (busy || isEmpty()) return;
    const { files } = tray;
    tray.files = [];
    set('');
    onSend({ text, files });
  }

  input.addEventListener('input', () => {
    refresh();
    onDraft(input.value);
  });
  input.addEventListener('keydown', (event) => {
    // While an input method composes, Enter picks a word. Safari ends composing before this event and
    // then only 229 tells.
    const composing = event.isComposing || event.keyCode === 229;
    if (composing) return;
    if (event.key === 'ArrowUp' && input.value === '' && !busy && onEditLast()) return event.preventDefault();
    if (event.key !== 'Enter' || event.shiftKey) return;
    event.preventDefault();
    send();
  });
  document.addEventListener('keydown', (event) => {
    const elsewhere = event.defaultPrevented || document.querySelector('dialog[open]');
    if (event.key === 'Escape' && busy && !event.isComposing && !elsewhere) onStop();
  });
  form.addEventListener('submit', (event) => {
    event.preventDefault();
    if (busy) onStop();
    else send();
  });
  // A tap beside the words, inside the frame, is meant for the field.
  byId('field').addEventListener('click', (event) => {
    if (!event.target.closest('button, textarea, li')) input.focus();
  });

  return {
    set,
    /** Keeps what was typed before this script was there. */
    restore: (text) => set([text, input.value].find((part) => part !== '') ?? ''),
    /** Puts files that waited here before beside what has come since. */
    restoreFiles: (files) => files.length > 0 && (tray.files = [...files, ...tray.files]),
    /** Puts a message that was not sent back, before anything typed since. */
    giveBack(text, files = []) {
      tray.files = [...files, ...tray.files];
      set([text, input.value].filter((part) => part.trim() !== '').join('\n\n'));
    },
    setBusy(value) {
      busy = value;
      refresh();
    },
    clear() {
      tray.files = [];
      set('');
    },
    send,
    renew: tray.draw,
    focus: () => input.focus(),
  };
}
