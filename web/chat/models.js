// SPDX-License-Identifier: MIT
// The choice of a model, from what the server offers.
import { byId, el } from '../common/dom.js';

/** onChoose(name) when another one is chosen. */
export function createModels({ t, onChoose }) {
  const choice = byId('model');
  let names = ['auto'];
  let chosen = 'auto';
  choice.addEventListener('change', () => {
    chosen = choice.value;
    onChoose(chosen);
  });

  function draw() {
    // One that is gone from the server still is this conversation's: it is shown, and the answer will say so.
    const all = names.includes(chosen) ? names : [...names, chosen];
    const option = (name) =>
      el('option', { value: name, textContent: name === 'auto' ? t('modelAuto') : name });
    choice.replaceChildren(...all.map(option));
    choice.value = chosen;
    choice.hidden = all.length < 2;
  }

  return {
    draw,
    set names(list) {
      names = list.includes('auto') ? list : ['auto', ...list];
      draw();
    },
    /** Shows `name` as the one that is chosen. */
    show(name) {
      if (name === chosen && choice.options.length > 0) return;
      chosen = name;
      draw();
    },
  };
}
