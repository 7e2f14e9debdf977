// SPDX-License-Identifier: MIT
// The form for the admin secret.
import { byId } from '../common/dom.js';
import { wordsFor } from './api.js';

/**
 * `check(secret)` rejects when the secret does not serve; `onSecret(secret)` hears of one that does. Gives `app` its
 * openSignIn(words). May be made anew in another language.
 */
export function createSignIn(app, { check, onSecret }) {
  const { t } = app;
  const field = byId('secret');
  const words = byId('sign-in-words');
  const button = byId('sign-in-button');
  let ticking = null;
  let until = 0;

  function say(text) {
    words.textContent = text;
    words.hidden = text === '';
    field.setAttribute('aria-invalid', String(text !== '' && field.value !== ''));
  }

  /** The seconds of a Retry-After are counted on the button, not in the alert, which would be read each time. */
  function countDown(seconds) {
    until = Date.now() + seconds * 1000;
    clearInterval(ticking);
    const tick = () => {
      const left = Math.ceil((until - Date.now()) / 1000);
      button.setAttribute('aria-disabled', String(left > 0));
      button.textContent = left > 0 ? `${t('signIn')} (${left})` : t('signIn');
      if (left <= 0) clearInterval(ticking);
    };
    ticking = setInterval(tick, 250);
    tick();
  }

  byId('sign-in-form').onsubmit = async (event) => {
    event.preventDefault();
    if (button.getAttribute('aria-disabled') === 'true') return;
    const secret = field.value.trim();
    if (secret === '') {
      say(t('secretEmpty'));
      return field.focus();
    }
    button.setAttribute('aria-disabled', 'true');
    button.textContent = t('checking');
    try {
      await check(secret);
      field.value = ''; // it stays nowhere it could be read over a shoulder
      say('');
      onSecret(secret);
    } catch (error) {
      say(error.kind === 'unauthorized' ? t('secretWrong') : wordsFor(error, t));
      field.select();
      field.focus();
      if (error.kind === 'rate') return countDown(error.retryAfter ?? 60);
    } finally {
      if (Date.now() >= until) {
        button.setAttribute('aria-disabled', 'false');
        button.textContent = t('signIn');
      }
    }
  };

  /** Opens with words for why, or none. */
  app.openSignIn = (text) => {
    say(text);
    field.focus({ preventScroll: true });
  };
}
