// SPDX-License-Identifier: MIT
// The field a message is typed in. Nothing typed here is lost but by sending it.
import { byId } from '../common/dom.js';

/** Calls onSend(text), onStop() and onDraft(text); Escape stops too. */
export function createComposer({ t, onSend, onStop, onDraft }) {
  const form = byId('composer');
  const input = byId('input');
  const button = byId('send');
  let busy = false;

  function refresh() {
    button.setAttribute('aria-label', t(busy ? 'stop' : 'send'));
    button.title = t(busy ? 'stop' : 'send');
    button.classList.toggle('busy', busy);
    // Not `disabled`: that would take the focus away when the field empties under the reader's hands.
    button.setAttribute('aria-disabled', String(!busy && input.value.trim() === ''));
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
    if (busy || text === '') return;
    set('');
    onSend(text);
  }

  input.addEventListener('input', () => {
    refresh();
    onDraft(input.value);
  });
  input.addEventListener('keydown', (event) => {
    // While an input method composes, Enter picks a word. Safari ends composing before this event and
    // then only 229 tells.
    const composing = event.isComposing || event.keyCode === 229;
    if (event.key !== 'Enter' || event.shiftKey || composing) return;
    event.preventDefault();
    send();
  });
  document.addEventListener('keydown', (event) => {
    if (event.key === 'Escape' && busy && !event.isComposing) onStop();
  });
  form.addEventListener('submit', (event) => {
    event.preventDefault();
    if (busy) onStop();
    else send();
  });
  // A tap beside the words, inside the frame, is meant for the field.
  input.parentElement.addEventListener('click', (event) => {
    if (event.target === input.parentElement) input.focus();
  });

  return {
    set,
    /** Puts a message that was not sent back, before anything typed since. */
    giveBack(text) {
      set([text, input.value].filter((part) => part.trim() !== '').join('\n\n'));
    },
    setBusy(value) {
      busy = value;
      refresh();
    },
    send,
    focus: () => input.focus(),
  };
}
