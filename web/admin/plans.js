// SPDX-License-Identifier: MIT
// The plans: what they say, and how many tokens each has.
import { byId, el } from '../common/dom.js';
import { keepingFocus } from './focus.js';
import { button } from './parts.js';
import { openPlan, openRemoval } from './plan_forms.js';
import { badge } from './token_table.js';

export function createPlansView(app) {
  const { t, api } = app;
  const cards = el('ul', { className: 'upstreams', tabIndex: -1 });
  const empty = el('p', { className: 'empty', hidden: true }, t('noPlans'));
  const create = button(t('planCreate'), { image: 'add', className: 'primary' });
  const node = el('div', {}, el('div', { className: 'tools' }, create), cards, empty);
  let loading = null;

  create.onclick = () => openPlan(app, null, saved);

  function saved({ name }) {
    app.toast(t('planSaved', { name }));
    load();
  }

  async function load() {
    loading?.abort();
    loading = new AbortController();
    try {
      const { plans, default_plan } = await api.plans({ signal: loading.signal });
      app.well();
      const on = {
        edit: (plan) => openPlan(app, plan, saved),
        remove: (plan) =>
          openRemoval(app, plan, {
            others: plans.filter((other) => other !== plan),
            isDefault: plan.name === default_plan,
            onGone() {
              app.toast(t('planGone', { name: plan.name }));
              byId('main').focus({ preventScroll: true }); // what was pressed goes with the plan
              load();
            },
          }),
      };
      keepingFocus(cards, () =>
        cards.replaceChildren(...plans.map((plan) => card(app, plan, plan.name === default_plan, on))),
      );
      empty.hidden = plans.length > 0;
    } catch (error) {
      app.fail(error, load);
    }
  }

  return { node, show: load, hide: () => loading?.abort() };
}

function card(app, plan, isDefault, on) {
  const { t, format } = app;
  const { quota } = plan;
  const fact = (name, value, className = '') =>
    el('div', { className }, el('dt', {}, name), el('dd', {}, value));
  const figure = (number) => (number === null ? t('serversOwn') : format.number(number));
  const link = el(
    'a',
    { href: `#/tokens?plan=${encodeURIComponent(plan.name)}` },
    format.number(plan.tokens),
  );
  link.setAttribute('aria-label', t('planTokens', { name: plan.name, n: format.number(plan.tokens) }));
  link.dataset.key = `tokens ${plan.name}`;
  const act = (action, onclick) => {
    const name = t('ofName', { action: t(action), name: plan.name });
    const press = button(t(action), { image: action, name, onclick });
    press.dataset.key = `${action} ${plan.name}`;
    return press;
  };
  const ended = plan.expires_at && new Date(plan.expires_at) <= Date.now();
  const actions =
    plan.source === 'file'
      ? el('p', { className: 'hint' }, t('planOfFile'))
      : el(
          'div',
          { className: 'actions' },
          act('edit', () => on.edit(plan)),
          act('delete', () => on.remove(plan)),
        );
  return el(
    'li',
    { className: 'card plan' },
    el(
      'div',
      { className: 'card-head' },
      el('h2', {}, plan.name),
      ended ? badge(t, 'expired') : null,
      isDefault ? el('span', { className: 'badge active' }, t('planDefault')) : null,
    ),
    plan.description ? el('p', { className: 'note' }, plan.description) : null,
    el(
      'dl',
      {},
      fact(t('tokens'), link),
      fact(t('expiresAt'), plan.expires_at ? format.full(plan.expires_at) : t('planNoEnd')),
      fact(t('dailyLimit'), figure(quota.daily_limit)),
      fact(t('monthlyLimit'), figure(quota.monthly_limit)),
      fact(t('perMinute'), figure(plan.requests_per_minute)),
      fact(t('models'), plan.models ? plan.models.join(', ') : t('anyModel'), 'wide'),
    ),
    actions,
  );
}
