// SPDX-License-Identifier: MIT
// What is done to one token or many, and how it is taken back.
import { byId } from '../common/dom.js';
import { openEdit, openLimits } from './token_forms.js';
import { nameOf } from './parts.js';

const at_once = 1000;
/** How it is told of one token and of many. */
const done = {
  deleted: ['deletedOne', 'deletedMany'],
  restored: ['restoredOne', 'restoredMany'],
  enabled: ['enabledOne', 'enabledMany'],
  disabled: ['disabledOne', 'disabledMany'],
  changed: ['changedOne', 'changedMany'],
};

/** `changed()` loads the list again and resolves when it is shown; `clear()` ends the selection. */
export function createTokenActions(app, { changed, clear }) {
  const { t, format, api } = app;

  /** For one by its name, for many by their number. */
  function told(what, tokens, missing = 0) {
    const [one, many] = done[what];
    const words =
      tokens.length === 1
        ? t(one, { name: nameOf(tokens[0]) })
        : t(many, { n: format.number(tokens.length - missing) });
    return missing > 0 ? `${words} ${t('missing', { n: format.number(missing) })}` : words;
  }

  /** Does it to all, as many at once as the server takes; how many were gone. */
  async function bulk(tokens, action, change) {
    let missing = 0;
    for (let i = 0; i < tokens.length; i += at_once) {
      const ids = tokens.slice(i, i + at_once).map(({ id }) => id);
      missing += (await api.bulk(ids, action, change)).missing.length;
    }
    return missing;
  }

  /** Does it, says so with a way back, and has the list show it. */
  async function run(key, tokens, action, change, back) {
    try {
      const missing = await bulk(tokens, action, change);
      if (tokens.length > 1) {
        clear();
        byId('main').focus({ preventScroll: true }); // what was pressed has gone with the selection
      }
      app.toast(told(key, tokens, missing), { undo: back });
      await changed();
    } catch (error) {
      app.fail(error, changed);
    }
  }

  const switchTo = (status, key, tokens) => {
    const affected = tokens.filter((token) =>
      status === 'active'
        ? token.status === 'disabled'
        : ['active', 'quota_exceeded', 'expired'].includes(token.status),
    );
    const other = status === 'active' ? ['disabled', 'disabled'] : ['active', 'enabled'];
    return run(key, affected, 'change', { status }, () =>
      run(other[1], affected, 'change', { status: other[0] }),
    );
  };

  /** What a token had, as a change: its own limits, and the plan behind them. */
  function before({ plan, own_quota }) {
    const quota = Object.fromEntries(Object.entries(own_quota).filter(([, limit]) => limit !== null));
    return plan ? { plan, quota } : { plan: null, quota };
  }

  /** Gives back to each what it had: tokens of the same limits together. */
  async function giveBack(tokens) {
    const groups = groupBy(tokens, (token) => JSON.stringify(before(token)));
    try {
      for (const group of groups.values()) await bulk(group, 'change', before(group[0]));
      app.toast(told('changed', tokens));
      await changed();
    } catch (error) {
      app.fail(error, changed);
    }
  }

  /** `known`: {plans, server} as they are now. */
  function act(action, tokens, known) {
    const deleted = tokens.filter(({ status }) => status === 'deleted');
    const alive = tokens.filter(({ status }) => status !== 'deleted');
    if (action === 'enable') return switchTo('active', 'enabled', tokens);
    if (action === 'disable') return switchTo('disabled', 'disabled', tokens);
    if (action === 'delete')
      return run('deleted', alive, 'delete', undefined, () => run('restored', alive, 'restore'));
    if (action === 'restore')
      return run('restored', deleted, 'restore', undefined, () => run('deleted', deleted, 'delete'));
    if (action === 'edit') {
      return openEdit(app, tokens[0], known, (token) => {
        const { label } = tokens[0];
        app.toast(told('changed', [token]), {
          undo: () => run('changed', tokens, 'change', { label, ...before(tokens[0]) }),
        });
        changed();
      });
    }
    return openLimits(app, alive, known.plans, async (change) => {
      const missing = await bulk(alive, 'change', change);
      app.toast(told('changed', alive, missing), { undo: () => giveBack(alive) });
      await changed();
    });
  }

  return { act };
}

function groupBy(list, keyOf) {
  const groups = new Map();
  for (const each of list) groups.set(keyOf(each), [...(groups.get(keyOf(each)) ?? []), each]);
  return groups;
}
