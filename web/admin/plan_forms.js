// SPDX-License-Identifier: MIT
// The fields of limits and plans, and the form that makes a plan or changes it.
import { el } from '../common/dom.js';
import { wordsFor } from './api.js';
import { openForm } from './dialogs.js';
import { field } from './parts.js';

/** The value of a choice that leaves everything as it is; no plan has such a name. */
export const keep = '=';

export const numberInput = (value, placeholder = '') =>
  el('input', { type: 'text', inputMode: 'numeric', value, placeholder, autocomplete: 'off' });

const figure = (number) => String(number ?? '');

/** The field's whole number, undefined when it is empty, NaN when it is none. */
export function numberIn({ input }) {
  const text = input.value.replace(/[\s,，_]/g, '');
  if (text === '') return undefined;
  return /^\d{1,12}$/.test(text) ? Number(text) : NaN;
}

/** The limits of a token of the plan `name` (none: '') that has none of its own. */
export function limitsBehind(plans, name, server) {
  const { quota = {} } = plans.find((plan) => plan.name === name) ?? {};
  const { daily_limit, monthly_limit } = server?.default_quota ?? {};
  return {
    daily_limit: quota.daily_limit ?? daily_limit,
    monthly_limit: quota.monthly_limit ?? monthly_limit,
  };
}

/** The two limits, with what an empty one means in `words`, if they are given: {node, read(), hint(quota), empty()}. */
export function limitFields(t, { daily_limit: daily, monthly_limit: monthly }, words = '') {
  const day = field(t('dailyLimit'), numberInput(figure(daily)));
  const month = field(t('monthlyLimit'), numberInput(figure(monthly)));
  const node = el('div', {}, el('div', { className: 'side-by-side' }, day.node, month.node));
  if (words) {
    const hint = el('p', { className: 'hint', id: `${day.input.id}-empty` }, words);
    node.append(hint);
    for (const { input } of [day, month])
      input.setAttribute('aria-describedby', `${input.getAttribute('aria-describedby')} ${hint.id}`);
  }
  return {
    node,
    /** What holds where nothing is filled in. */
    hint(quota) {
      day.input.placeholder = figure(quota.daily_limit);
      month.input.placeholder = figure(quota.monthly_limit);
    },
    empty() {
      day.input.value = '';
      month.input.value = '';
    },
    /** {daily_limit, monthly_limit} of what was filled in, or null when one is wrong, which is said then. */
    read() {
      const quota = {};
      for (const [name, each] of [
        ['daily_limit', day],
        ['monthly_limit', month],
      ]) {
        each.say('');
        const value = numberIn(each);
        if (Number.isNaN(value)) {
          each.say(t('limitWrong'));
          return null;
        }
        if (value !== undefined) quota[name] = value;
      }
      return quota;
    },
  };
}

/** Fills a select with plans behind an option that stands for none of them; a plan that has gone stays to be seen. */
export function fillPlans(select, none, plans, value) {
  const names = plans.map(({ name }) => name);
  if (value && value !== keep && !names.includes(value)) names.push(value);
  select.replaceChildren(
    el('option', { value: '' }, none),
    ...names.map((name) => el('option', { value: name }, name)),
  );
  select.value = value;
}

/** The choice of a plan: {node, select, value()}. */
export function planField({ t }, plans, value, { none, keep: kept }) {
  const select = el('select', {});
  fillPlans(select, none, plans, value);
  if (kept) select.prepend(el('option', { value: keep }, kept));
  select.value = value;
  const { node } = field(t('plan'), select);
  return { node, select, value: () => select.value };
}

/** "2026-01-31T16:00" of the reader's clock, as the browser's field has it, and back to UTC. */
function localOf(iso) {
  if (!iso) return '';
  const date = new Date(iso);
  return new Date(date.getTime() - date.getTimezoneOffset() * 60_000).toISOString().slice(0, 16);
}
const utcOf = (local) => (local === '' ? null : new Date(local).toISOString().replace(/\.\d+Z$/, 'Z'));

/** Makes a plan, or changes `plan`; `onSaved(plan)` gets it as it is then. */
export function openPlan(app, plan, onSaved) {
  const { t, api } = app;
  const text = (value) => el('input', { type: 'text', value, spellcheck: false, autocapitalize: 'off' });
  const name = field(t('planName'), text(plan?.name ?? ''), { hint: plan ? '' : t('planNameHint') });
  name.input.disabled = plan !== null;
  const description = field(t('description'), text(plan?.description ?? ''));
  const limits = limitFields(t, plan?.quota ?? {});
  limits.hint({ daily_limit: t('serversOwn'), monthly_limit: t('serversOwn') });
  const minute = field(t('perMinute'), numberInput(figure(plan?.requests_per_minute), t('serversOwn')));
  const end = field(
    t('expiresAt'),
    el('input', { type: 'datetime-local', value: localOf(plan?.expires_at) }),
  );
  const lines = (plan?.models ?? []).join('\n');
  const models = field(t('planModels'), el('textarea', { rows: 3, spellcheck: false, value: lines }), {
    hint: t('planModelsHint'),
  });

  /** What is wrong is said at its field. */
  function body() {
    const quota = limits.read();
    if (!quota) return undefined;
    minute.say('');
    const perMinute = numberIn(minute);
    if (Number.isNaN(perMinute) || perMinute === 0) return minute.say(t('perMinuteWrong'));
    const list = models.input.value.split('\n').map((line) => line.trim());
    return {
      description: description.input.value.trim(),
      quota: { daily_limit: quota.daily_limit ?? null, monthly_limit: quota.monthly_limit ?? null },
      requests_per_minute: perMinute ?? null,
      models: list.filter((line) => line !== ''),
      expires_at: utcOf(end.input.value),
    };
  }

  openForm({
    t,
    title: plan ? t('planEdit', { name: plan.name }) : t('planCreate'),
    fields: [
      name.node,
      description.node,
      limits.node,
      el('div', { className: 'side-by-side' }, minute.node, end.node),
      models.node,
    ],
    action: t('save'),
    className: 'wide',
    async submit(self) {
      name.say('');
      const wanted = name.input.value.trim();
      if (!/^[a-z0-9][a-z0-9_-]{0,39}$/.test(wanted)) return name.say(t('planNameHint'));
      const request = body();
      if (!request) return false;
      try {
        const saved = plan
          ? await api.changePlan(wanted, request)
          : await api.addPlan({ name: wanted, ...request });
        self.close();
        onSaved(saved);
        return true;
      } catch (error) {
        self.problem(wordsFor(error, t));
        return false;
      }
    },
  });
}

/** Asks which of `others` the plan's tokens get, if it has any, and deletes it. */
export function openRemoval(app, plan, { others, isDefault, onGone }) {
  const { t, api, format } = app;
  const target = el('select', {});
  fillPlans(target, t('planChoose'), others, '');
  const where = field(t('planMoveTo'), target);
  where.node.hidden = plan.tokens === 0 || others.length === 0;
  const has = plan.tokens === 1 ? t('planHasOne') : t('planHas', { n: format.number(plan.tokens) });
  const words = plan.tokens === 0 ? t('planHasNone') : others.length > 0 ? has : `${has} ${t('planAlone')}`;
  openForm({
    t,
    title: t('planDelete', { name: plan.name }),
    fields: [el('p', {}, words), where.node],
    action: t('delete'),
    async submit(self) {
      where.say('');
      if (!where.node.hidden && target.value === '') return where.say(t('planChooseFirst'));
      try {
        await api.removePlan(plan.name, { move_to: target.value });
        self.close();
        onGone();
        return true;
      } catch (error) {
        // The list does not count the deleted tokens, which may be restored and need a plan then.
        const deletedOnes = error.status === 409 && where.node.hidden && others.length > 0 && !isDefault;
        if (deletedOnes) where.node.hidden = false;
        self.problem(deletedOnes ? t('planHasDeleted') : wordsFor(error, t));
        return false;
      }
    },
  });
}
