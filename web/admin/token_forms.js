// SPDX-License-Identifier: MIT
// The forms that make tokens and change them.
import { el } from '../common/dom.js';
import { wordsFor } from './api.js';
import { openForm } from './dialogs.js';
import { field, nameOf } from './parts.js';
import { keep, limitFields, limitsBehind, numberIn, numberInput, planField } from './plan_forms.js';

const most = 1000;
const maxLabelBytes = 200;
const platforms = ['any', 'win-x64', 'win-arm64', 'darwin-arm64', 'darwin-x64', 'linux-x64', 'linux-arm64'];
const bytesOf = (text) => new TextEncoder().encode(text).length;

/** Asks for new tokens and makes them; `onIssued(tokens, labels)` hears of them. */
export function openCreate(app, server, plans, onIssued) {
  const { t, api, format } = app;
  const labels = field(t('createLabels'), el('textarea', { rows: 4, spellcheck: false }), {
    hint: t('createLabelsHint'),
  });
  const count = field(t('createCount'), numberInput('1'), { hint: t('createCountHint') });
  const platform = el('select', {});
  for (const name of platforms)
    platform.append(el('option', { value: name }, name === 'any' ? t('any') : name));
  const limits = limitFields(t, {}, t('limitEmpty'));
  const plan = planField(app, plans, server?.default_plan ?? '', { none: t('noPlan') });
  const hintLimits = () => limits.hint(limitsBehind(plans, plan.value(), server));
  plan.select.addEventListener('change', hintLimits);
  hintLimits();
  const where = field(t('createFor'), platform);

  const lines = () => {
    const all = labels.input.value.split('\n').map((line) => line.trim());
    return all.filter((line) => line !== '');
  };
  const wanted = () => (lines().length > 1 ? lines().length : (numberIn(count) ?? 1));

  /** What is wrong is said at its field. */
  function body() {
    labels.say('');
    count.say('');
    const list = lines();
    const long = list.findIndex((line) => bytesOf(line) > maxLabelBytes);
    if (long >= 0) return labels.say(t('labelTooLong', { n: long + 1 }));
    if (list.length > most) return labels.say(t('tooManyLabels', { n: format.number(list.length) }));
    if (!(wanted() >= 1 && wanted() <= most)) return count.say(t('countWrong'));
    const quota = limits.read();
    if (!quota) return undefined;
    const all = list.length > 1 ? list : Array(wanted()).fill(list[0] ?? '');
    return { labels: all, platform: platform.value, quota, plan: plan.value() || null };
  }

  const dialog = openForm({
    t,
    title: t('createTitle'),
    fields: [
      labels.node,
      el('div', { className: 'side-by-side' }, count.node, where.node),
      plan.node,
      limits.node,
    ],
    action: t('createOne'),
    className: 'wide',
    async submit(self) {
      const request = body();
      if (!request) return false;
      try {
        const { tokens } = await api.create(request);
        self.close();
        onIssued(tokens, request.labels);
        return true;
      } catch (error) {
        self.problem(wordsFor(error, t));
        return false;
      }
    },
  });
  const update = () => {
    count.input.disabled = lines().length > 1;
    const n = wanted();
    dialog.action(n > 1 ? t('createMany', { n: format.number(n) }) : t('createOne'));
  };
  labels.input.addEventListener('input', update);
  count.input.addEventListener('input', update);
}

/** Changes one token's label and limits; `onChanged(token)` gets it as it is then. */
export function openEdit(app, token, { plans, server }, onChanged) {
  const { t, api } = app;
  const label = field(t('label'), el('input', { type: 'text', value: token.label, spellcheck: false }));
  const limits = limitFields(t, token.own_quota, t('limitEmpty'));
  const plan = planField(app, plans, token.plan ?? '', { none: t('noPlan') });
  const behind = () => limitsBehind(plans, plan.value(), server);
  limits.hint(behind());
  // Another plan comes with its limits.
  plan.select.addEventListener('change', () => {
    limits.empty();
    limits.hint(behind());
  });
  const facts = el('dl', { className: 'facts' });
  for (const [name, value] of [
    [t('id'), token.id],
    [t('token'), token.token],
    [t('installation'), token.install_id],
    [t('version'), token.version],
  ])
    facts.append(el('dt', {}, name), el('dd', {}, value));
  openForm({
    t,
    title: t('editTitle'),
    fields: [label.node, plan.node, limits.node, facts],
    action: t('save'),
    className: 'wide',
    async submit(self) {
      label.say('');
      if (bytesOf(label.input.value) > maxLabelBytes) return label.say(t('labelTooLong', { n: 1 }));
      const quota = limits.read();
      if (!quota) return false;
      try {
        // Without a plan every limit is the token's own, one that was emptied as well: it is the server's then.
        const change = {
          label: label.input.value.trim(),
          quota: plan.value() ? quota : { ...behind(), ...quota },
        };
        // With its plan named again a token lets go of the limits that were emptied.
        const emptied = Object.entries(token.own_quota).some(
          ([name, limit]) => limit !== null && !(name in quota),
        );
        const moved = plan.value() !== (token.plan ?? '');
        if (moved || (emptied && token.plan)) change.plan = plan.value() || null;
        const changed = await api.change(token.id, change);
        self.close();
        onChanged(changed);
        return true;
      } catch (error) {
        self.problem(wordsFor(error, t));
        return false;
      }
    },
  });
}

/** Asks for a plan and limits of these tokens; `change(body)` does it, and rejects when it fails. */
export function openLimits(app, tokens, plans, change) {
  const { t, format } = app;
  const limits = limitFields(t, {});
  limits.hint({ daily_limit: t('limitKeep'), monthly_limit: t('limitKeep') });
  const plan = planField(app, plans, keep, { none: t('noPlan'), keep: t('limitKeep') });
  openForm({
    t,
    title:
      tokens.length === 1
        ? t('limitsTitleOne', { name: nameOf(tokens[0]) })
        : t('limitsTitle', { n: format.number(tokens.length) }),
    fields: [plan.node, limits.node],
    action: t('save'),
    async submit(self) {
      const quota = limits.read();
      if (!quota) return false;
      const body = { quota };
      if (plan.value() !== keep) body.plan = plan.value() || null;
      try {
        if (Object.keys(quota).length > 0 || 'plan' in body) await change(body);
        return true;
      } catch (error) {
        self.problem(wordsFor(error, t));
        return false;
      }
    },
  });
}
