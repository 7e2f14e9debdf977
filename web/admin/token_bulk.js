// SPDX-License-Identifier: MIT
// The bar above the list that acts on the tokens that are chosen.
import { el } from '../common/dom.js';
import { button } from './parts.js';

/**
 * What can be done to those that are chosen: {node, render(chosen, shown)}, with the tokens on the page as `shown`. `on`:
 * {act(action), clear()}.
 */
export function createBulkBar(app, on) {
  const { t } = app;
  const words = el('p', { className: 'count', role: 'status' });
  const make = (action, image = action) => button(t(action), { image, onclick: () => on.act(action) });
  const buttons = {
    enable: make('enable'),
    disable: make('disable'),
    limits: make('limits', 'edit'),
    delete: make('delete'),
    restore: make('restore'),
  };
  const node = el(
    'div',
    { className: 'bulk', role: 'group', 'aria-label': t('actions'), hidden: true },
    words,
    ...Object.values(buttons),
    button(t('clear'), { className: 'quiet', onclick: () => on.clear() }),
  );
  return {
    node,
    render(chosen, shown) {
      const tokens = [...chosen.values()];
      node.hidden = tokens.length === 0;
      words.textContent = countWords(app, chosen, shown);
      const some = (...status) => tokens.some((token) => status.includes(token.status));
      const alive = some('active', 'quota_exceeded', 'expired', 'disabled');
      buttons.enable.hidden = !some('disabled');
      buttons.disable.hidden = !some('active', 'quota_exceeded', 'expired');
      buttons.limits.hidden = !alive;
      buttons.delete.hidden = !alive;
      buttons.restore.hidden = !some('deleted');
    },
  };
}

/** How many are chosen, and how many of them one does not see. */
function countWords({ t, format }, chosen, shown) {
  const away = chosen.size - shown.filter(({ id }) => chosen.has(id)).length;
  if (chosen.size === 1) return t(away ? 'selectedOneAway' : 'selectedOne');
  const n = format.number(chosen.size);
  if (away === 0) return t('selected', { n });
  return away === chosen.size
    ? t('selectedAway', { n })
    : t('selectedSomeAway', { n, away: format.number(away) });
}
