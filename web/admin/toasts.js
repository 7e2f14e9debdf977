// SPDX-License-Identifier: MIT
// Short messages at the edge of the page, with a way back where there is one.
import { byId, el } from '../common/dom.js';
import { button, icon } from './parts.js';

const shown_ms = 10_000;

export function createToasts({ t }) {
  const box = byId('toasts');
  box.setAttribute('role', 'status');

  /** `undo`: what takes back what the text says. What a toast offers, the page offers elsewhere, too. */
  function show(text, { undo } = {}) {
    const words = el('p', {}, text);
    const node = el('div', { className: 'toast' }, words);
    const go = () => {
      clearTimeout(waiting);
      // The focus must not go with it.
      if (node.contains(document.activeElement)) byId('main').focus({ preventScroll: true });
      node.remove();
    };
    if (undo) {
      const back = button(t('undo'), { image: 'restore' });
      back.onclick = () => {
        go();
        undo();
      };
      node.append(back);
    }
    const close = el('button', { type: 'button', className: 'quiet icon', 'aria-label': t('dismiss') });
    close.append(icon('add'));
    close.classList.add('cross');
    close.onclick = go;
    node.append(close);
    let waiting = setTimeout(go, shown_ms);
    // Who is about to press has the time for it.
    const hold = () => clearTimeout(waiting);
    const release = () => (waiting = setTimeout(go, shown_ms));
    node.addEventListener('pointerenter', hold);
    node.addEventListener('pointerleave', release);
    node.addEventListener('focusin', hold);
    node.addEventListener('focusout', release);
    while (box.children.length >= 3) box.firstChild.remove();
    box.append(node);
  }

  return { show };
}
