// SPDX-License-Identifier: MIT
// The page for those without a token: how to get in, and a field for the link or the token.
import { byId } from '../common/dom.js';
import { tokenIn } from '../common/token.js';

/** `check(token)` resolves to null when the token serves, else to the words for why not. */
export function createSignIn({ t, check, onToken }) {
  const field = byId('token');
  const words = byId('sign-in-words');
  const button = byId('sign-in-button');

  function say(text) {
    words.textContent = text;
    words.hidden = text === '';
    field.setAttribute('aria-invalid', String(text !== '' && field.value !== ''));
  }

  byId('sign-in-form').addEventListener('submit', async (event) => {
    event.preventDefault();
    if (button.getAttribute('aria-disabled') === 'true') return;
    const token = tokenIn(field.value);
    if (!token) {
      say(t('tokenMalformed'));
      return field.focus();
    }
    button.setAttribute('aria-disabled', 'true');
    button.textContent = t('checking');
    const problem = await check(token);
    button.setAttribute('aria-disabled', 'false');
    button.textContent = t('signIn');
    if (problem) {
      say(problem);
      return field.focus();
    }
    field.value = ''; // the token stays nowhere it could be read over a shoulder
    onToken(token);
  });

  return {
    /** Opens with words for why, or none. */
    open(text = '') {
      say(text);
      field.focus({ preventScroll: true });
    },
  };
}
