// SPDX-License-Identifier: MIT
// The table of tokens: heads that sort, rows that can be chosen and acted on. On a phone each row is a card (tokens.css),
// so the roles are said outright: a browser drops them where a table's parts are laid out as something else.
import { el } from '../common/dom.js';
import { keepingFocus } from './focus.js';
import { button, icon, nameOf } from './parts.js';

const columns = [
  { key: 'label', sort: 'label' },
  { key: 'status' },
  { key: 'today', number: true },
  { key: 'month', number: true },
  { key: 'platform', sort: 'platform' },
  { key: 'created', sort: 'created_at' },
  { key: 'lastUsed', sort: 'last_used_at' },
];

/**
 * `on`: {sort(key), select(tokens, chosen), act(action, token)}. Returns {node, render({tokens, sort, order, chosen,
 * empty}), busy(on)}; `chosen` is a Map by id.
 */
export function createTokenTable(app, on) {
  const { t, format } = app;
  const whole = el('input', { type: 'checkbox', 'aria-label': t('selectPage') });
  whole.dataset.key = 'all';
  const heads = columns.map(({ key, sort, number }) => {
    const head = el('th', { scope: 'col', role: 'columnheader', className: number ? 'number' : '' });
    if (!sort) {
      head.append(t(key));
      return head;
    }
    const press = el('button', { type: 'button', onclick: () => on.sort(sort) }, t(key));
    press.dataset.key = `sort ${sort}`;
    head.append(press);
    return head;
  });
  const rowOfHeads = el(
    'tr',
    { role: 'row' },
    el('th', { className: 'check', role: 'columnheader' }, whole),
    ...heads,
    el('th', { className: 'acts', role: 'columnheader' }, el('span', { className: 'unseen' }, t('actions'))),
  );
  const body = el('tbody', { role: 'rowgroup' });
  const empty = el('p', { className: 'empty', hidden: true });
  const table = el(
    'table',
    { className: 'tokens', role: 'table', 'aria-label': t('tokens') },
    el('thead', { role: 'rowgroup' }, rowOfHeads),
    body,
  );
  const node = el('div', { className: 'sheet', tabIndex: -1 }, table, empty);
  let shown = [];

  whole.onchange = () => on.select(shown, whole.checked);

  function say({ sort, order }) {
    columns.forEach((column, i) => {
      heads[i].querySelector('svg')?.remove();
      if (column.sort !== sort) return heads[i].removeAttribute('aria-sort');
      heads[i].setAttribute('aria-sort', order === 'asc' ? 'ascending' : 'descending');
      heads[i].firstChild.append(icon(order === 'asc' ? 'up' : 'down'));
    });
  }

  function render({ tokens, sort, order, chosen, empty: words }) {
    shown = tokens;
    say({ sort, order });
    keepingFocus(node, () => {
      body.replaceChildren(...tokens.map((token) => rowOf(app, token, chosen.has(token.id), on)));
      table.hidden = tokens.length === 0;
      empty.hidden = tokens.length > 0;
      empty.textContent = words;
    });
    mark(chosen);
  }

  /** Who is chosen, without making the rows anew. */
  function mark(chosen) {
    for (const box of body.querySelectorAll('input[type=checkbox]')) {
      box.checked = chosen.has(box.value);
      box.closest('tr').classList.toggle('chosen', box.checked);
    }
    const count = shown.filter(({ id }) => chosen.has(id)).length;
    whole.checked = count > 0 && count === shown.length;
    whole.indeterminate = count > 0 && count < shown.length;
  }

  return {
    node,
    whole,
    render,
    mark,
    busy: (is) => node.setAttribute('aria-busy', String(is)),
    announceTotal: (total) => app.announce(total === 0 ? empty.textContent : format.number(total)),
  };
}

function rowOf(app, token, isChosen, on) {
  const { t, format } = app;
  const name = nameOf(token);
  const box = el('input', { type: 'checkbox', value: token.id, checked: isChosen });
  box.setAttribute('aria-label', t('select', { name }));
  box.dataset.key = `box ${token.id}`;
  box.onchange = () => on.select([token], box.checked);
  const cell = (key, ...content) => {
    const node = el('td', { role: 'cell', className: key }, ...content);
    node.dataset.label = t(key);
    return node;
  };
  const { quota } = token;
  const label = token.label
    ? el('span', { className: 'name' }, token.label)
    : el('span', { className: 'name none' }, t('unlabelled'));
  return el(
    'tr',
    { role: 'row', className: isChosen ? 'chosen' : '' },
    el('td', { className: 'check', role: 'cell' }, box),
    cell(
      'label',
      label,
      el('span', { className: 'id' }, token.plan ? `${token.id} · ${token.plan}` : token.id),
    ),
    cell('status', badge(t, token.status)),
    cell('today', meter(app, quota.daily_used, quota.daily_limit)),
    cell('month', meter(app, quota.monthly_used, quota.monthly_limit)),
    cell('platform', token.platform === 'any' ? t('any') : token.platform),
    cell('created', moment(format, token.created_at)),
    cell('lastUsed', token.last_used_at ? moment(format, token.last_used_at) : t('never')),
    el('td', { className: 'acts', role: 'cell' }, ...actionsOf(t, token, name, on)),
  );
}

export const badge = (t, status) => el('span', { className: `badge ${status}` }, t(status));

function moment(format, iso) {
  const node = el('time', { dateTime: iso, title: format.full(iso) }, format.ago(iso));
  return node;
}

/** Used of a limit, as figures and as a bar. */
function meter({ t, format }, used, limit) {
  const part = limit > 0 ? Math.min(1, used / limit) : 1;
  const bar = el('span', { className: `meter${part >= 1 ? ' full' : part >= 0.8 ? ' near' : ''}` });
  const fill = el('span', {});
  fill.style.inlineSize = `${part * 100}%`;
  bar.append(fill);
  bar.setAttribute('aria-hidden', 'true');
  const words = t('usedOf', { used: format.number(used), limit: format.number(limit) });
  return el('span', { className: 'used' }, words, bar);
}

function actionsOf(t, token, name, on) {
  const possible = {
    active: ['usage', 'edit', 'disable', 'delete'],
    quota_exceeded: ['usage', 'edit', 'disable', 'delete'],
    expired: ['usage', 'edit', 'disable', 'delete'],
    disabled: ['usage', 'edit', 'enable', 'delete'],
    deleted: ['usage', 'restore'],
  };
  return possible[token.status].map((action) => {
    const words = t(action === 'usage' ? 'showUsage' : action);
    const node = button(words, {
      image: action,
      bare: true,
      className: 'quiet icon',
      name: t('ofName', { action: words, name }),
      onclick: () => on.act(action, token),
    });
    node.dataset.key = `${['enable', 'disable'].includes(action) ? 'switch' : action} ${token.id}`;
    return node;
  });
}
