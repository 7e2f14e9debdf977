// SPDX-License-Identifier: MIT
// The sentence above the field, with what can be done about it. One at a time.
import { byId, el } from '../common/dom.js';

export function createNotice({ t }) {
  const box = byId('notice');
  const words = byId('notice-words');
  const detail = byId('notice-detail');
  const actions = byId('notice-actions');
  let ticking = null;
  let ending = null;

  function hide() {
    clearInterval(ticking);
    clearTimeout(ending);
    if (box.contains(document.activeElement)) byId('input').focus(); // the button goes, the focus must not go with it
    box.hidden = true;
    words.textContent = '';
    actions.replaceChildren();
  }

  // The count is on the button and not in the alert, which would be read out every second.
  function countDown(button, seconds) {
    // From the clock and not by counting ticks: hidden tabs tick late.
    const end = Date.now() + seconds * 1000;
    const tick = () => {
      const left = Math.ceil((end - Date.now()) / 1000);
      button.disabled = left > 0;
      button.textContent = left > 0 ? t('retryIn', { n: left }) : t('retry');
      if (left <= 0) clearInterval(ticking);
    };
    ticking = setInterval(tick, 250);
    tick();
  }

  /**
   * `buttons`: [{label, run, waitSeconds}]; pressing one hides the notice, then runs it. It goes by itself after
   * so many `seconds`, if given.
   */
  function show({ text, more = '', buttons = [], seconds = 0 }) {
    hide();
    box.hidden = false;
    words.textContent = text;
    detail.textContent = more;
    detail.hidden = more === '';
    for (const { label, run, waitSeconds = 0 } of buttons) {
      const press = () => {
        byId('input').focus();
        hide();
        run();
      };
      const button = el('button', { type: 'button', className: 'small', textContent: label, onclick: press });
      if (waitSeconds > 0) countDown(button, waitSeconds);
      actions.append(button);
    }
    if (seconds > 0) ending = setTimeout(hide, seconds * 1000);
  }

  return { show, hide };
}
