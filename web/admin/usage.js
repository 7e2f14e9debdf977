// SPDX-License-Identifier: MIT
// Usage by day, token, model and plan: figures, a chart, and the table with the same.
import { el } from '../common/dom.js';
import { createDayChart } from './chart.js';
import { everyDay } from './days.js';
import { keepingFocus } from './focus.js';
import { button, choices, saveFile } from './parts.js';

const spans = [7, 30, 90, 365];
const most_rows = 1000;
const most_bars = 10;
/** uPlot, or null where it cannot be had just now: the tables have the same figures. */
const loadPlot = () =>
  import('./rich/plot.js').then(
    (part) => part.default,
    () => null,
  );
const plain = { group: 'day', days: '30', from: '', to: '', token: '', name: '' };

export function createUsageView(app) {
  const { t, format, api } = app;
  let asked = { ...plain };
  let loading = null;
  let charts = [];
  let utcOffset = 0; // of the zone in which the server's days begin, in minutes

  const period = el('select', { 'aria-label': t('period') });
  for (const n of spans) period.append(el('option', { value: String(n) }, t('lastDays', { n })));
  period.append(el('option', { value: 'custom' }, t('custom')));
  const from = el('input', { type: 'date' });
  const to = el('input', { type: 'date' });
  const dates = el(
    'span',
    { className: 'dates', hidden: true },
    el('label', {}, `${t('from')} `, from),
    el('label', {}, `${t('to')} `, to),
  );
  const group = choices(
    t('groupBy'),
    [
      ['day', t('byDay')],
      ['token', t('byToken')],
      ['model', t('byModel')],
      ['plan', t('plan')],
    ],
    (value) => ask({ group: value }),
  );
  const save = button(t('export'), { image: 'save' });
  const words = el('p', { className: 'problem', role: 'alert', hidden: true });
  const of = el('p', { className: 'filter', hidden: true });
  const content = el('div', { className: 'usage', tabIndex: -1 });
  const node = el(
    'div',
    { className: 'usage-view' },
    el('div', { className: 'tools' }, group.node, period, dates, save),
    of,
    words,
    content,
  );

  period.onchange = () => {
    if (period.value !== 'custom') return ask({ days: period.value, from: '', to: '' });
    ask({ from: from.value, to: to.value });
    from.focus();
    return undefined;
  };
  for (const input of [from, to])
    input.onchange = () => {
      if (from.value && to.value) ask({ from: from.value, to: to.value });
    };
  save.onclick = async () => {
    try {
      const file = `opencat-usage-by-${asked.group}.csv`;
      saveFile(await api.export('usage', query()), file);
      app.toast(t('exported', { file }));
    } catch (error) {
      app.fail(error);
    }
  };

  function ask(change) {
    const next = { ...asked, ...change };
    const told = Object.entries(next).filter(([name, value]) => value !== plain[name]);
    app.go('usage', Object.fromEntries(told), { replace: true });
    show(next);
  }

  /** The days are the server's; without "to" it takes its today. */
  function query() {
    const { from: first, to: last, token } = asked;
    if (first && last) return { group: asked.group, from: first, to: last, token };
    const back = new Date(Date.now() + utcOffset * 60_000 - (Number(asked.days) - 1) * 86_400_000);
    return { group: asked.group, from: back.toISOString().slice(0, 10), token };
  }

  function show(params) {
    asked = { ...plain, ...params };
    if (!spans.includes(Number(asked.days))) asked.days = plain.days;
    if (!['day', 'token', 'model', 'plan'].includes(asked.group)) asked.group = plain.group;
    const isCustom = Boolean(asked.from && asked.to);
    group.choose(asked.group);
    period.value = isCustom ? 'custom' : asked.days;
    dates.hidden = !isCustom;
    of.hidden = asked.token === '';
    of.replaceChildren(
      el('span', {}, t('usageOf', { name: asked.name || asked.token })),
      button(t('allTokens'), {
        onclick() {
          content.focus({ preventScroll: true }); // the button goes, the focus must not
          ask({ token: '', name: '' });
        },
      }),
    );
    words.hidden = !isCustom || asked.from <= asked.to;
    words.textContent = t('wrongDays');
    if (words.hidden) load();
  }

  async function load() {
    loading?.abort();
    loading = new AbortController();
    const { signal } = loading;
    content.setAttribute('aria-busy', 'true');
    const plot = asked.group === 'day' ? loadPlot() : null;
    try {
      utcOffset = (await api.server({ signal })).utc_offset_minutes;
      const answer = await api.usage({ ...query(), limit: most_rows }, { signal });
      const UPlot = await plot;
      if (signal.aborted) return;
      app.well();
      from.value = answer.from;
      to.value = answer.to;
      keepingFocus(content, () => render(answer, UPlot));
    } catch (error) {
      app.fail(error, load);
    } finally {
      if (!signal.aborted) content.setAttribute('aria-busy', 'false');
    }
  }

  function render(answer, UPlot) {
    endCharts();
    const { total, usage } = answer;
    if (usage.length === 0) {
      content.replaceChildren(figures(app, total), el('p', { className: 'empty' }, t('noUsage')));
      return;
    }
    const picture = answer.group === 'day' ? dayCharts(answer, UPlot) : [bars(app, usage)];
    const note =
      total.estimated.requests > 0
        ? el('p', { className: 'hint' }, t('estimatedHint', { n: format.number(total.estimated.requests) }))
        : null;
    const more =
      usage.length === most_rows && answer.group !== 'day'
        ? el('p', { className: 'hint' }, t('moreRows', { n: format.number(most_rows) }))
        : answer.group === 'plan'
          ? el('p', { className: 'hint' }, t('planOfNow'))
          : null;
    content.replaceChildren(
      ...[figures(app, total), note, ...picture, more, table(app, answer, showToken)].filter(Boolean),
    );
    for (const chart of charts) chart.draw();
  }

  const showToken = (row) => ask({ group: 'day', token: row.id, name: row.label || row.id });

  function dayCharts({ usage, from: first, to: last }, UPlot) {
    if (!UPlot) return [];
    const days = everyDay(usage, first, last);
    const charted = [
      {
        title: t('requestsPerDay'),
        parts: [{ name: t('requests'), colour: '--chart-1', value: (day) => day.requests }],
      },
      {
        title: t('tokensPerDay'),
        parts: [
          { name: t('promptTokens'), colour: '--chart-2', value: (day) => day.prompt },
          { name: t('completionTokens'), colour: '--chart-3', value: (day) => day.completion },
        ],
      },
    ];
    charts = charted.map((each) => createDayChart(app, UPlot, { ...each, days }));
    return [el('div', { className: 'charts' }, ...charts.map((chart) => chart.node))];
  }

  function endCharts() {
    for (const chart of charts) chart.end();
    charts = [];
  }

  function hide() {
    loading?.abort();
    endCharts();
    content.replaceChildren();
  }

  return { node, show, hide, recolour: () => charts.forEach((chart) => chart.draw()) };
}

function figures({ t, format }, total) {
  const figure = (name, value) => el('div', {}, el('dt', {}, name), el('dd', {}, value));
  return el(
    'dl',
    { className: 'figures' },
    figure(t('requests'), format.number(total.requests)),
    figure(t('promptTokens'), format.number(total.prompt_tokens)),
    figure(t('completionTokens'), format.number(total.completion_tokens)),
  );
}

const keyOf = ({ t }, row) =>
  'plan' in row ? (row.plan ?? t('noPlan')) : (row.model ?? (row.label || row.id || t('unnamed')));

/** The first few, each a bar as long as its part of the most. */
function bars(app, usage) {
  const { t, format } = app;
  const most = Math.max(1, usage[0].requests);
  const rows = usage.slice(0, most_bars).map((row) => {
    const bar = el('span', { className: 'length' });
    bar.style.inlineSize = `${Math.max(0.5, (row.requests / most) * 100)}%`;
    const name = keyOf(app, row) || t('unnamed');
    return el(
      'li',
      {},
      el('span', { className: 'name' }, name),
      el('span', { className: 'track' }, bar),
      el('span', { className: 'value' }, format.number(row.requests)),
    );
  });
  const list = el('ul', { className: 'bars' }, ...rows);
  const picture = el('div', {}, list);
  picture.setAttribute('role', 'img');
  picture.setAttribute('aria-label', t('chartOf', { title: t('mostRequests') }));
  return el('figure', { className: 'chart' }, el('figcaption', {}, t('mostRequests')), picture);
}

function table(app, { group, usage, total }, showToken) {
  const { t, format } = app;
  const head = (words, number) => el('th', { scope: 'col', className: number ? 'number' : '' }, words);
  const first = { day: t('date'), token: t('token'), model: t('model'), plan: t('plan') }[group];
  const names = [t('requests'), t('share'), t('promptTokens'), t('completionTokens')];
  const number = (value) => el('td', { className: 'number' }, value);
  const rows = (group === 'day' ? [...usage].reverse() : usage).map((row) =>
    el(
      'tr',
      {},
      el('th', { scope: 'row', className: group }, ...nameCell(app, group, row, showToken)),
      number(format.number(row.requests)),
      number(format.percent(total.requests > 0 ? row.requests / total.requests : 0)),
      number(format.number(row.prompt_tokens)),
      number(format.number(row.completion_tokens)),
    ),
  );
  const sheet = el(
    'table',
    { className: 'sums', 'aria-label': t('usage') },
    el('thead', {}, el('tr', {}, head(first), ...names.map((name) => head(name, true)))),
    el('tbody', {}, ...rows),
  );
  return el('div', { className: 'sheet', tabIndex: 0, role: 'region', 'aria-label': t('usage') }, sheet);
}

function nameCell(app, group, row, showToken) {
  const { t, format } = app;
  if (group === 'day')
    return [
      row.date.length === 7 ? t('monthWhole', { month: format.month(row.date) }) : format.day(row.date),
    ];
  if (group === 'plan') return [row.plan ?? t('noPlan')];
  if (group === 'model') return [row.model || t('unnamed')];
  const press = el('button', { type: 'button', className: 'link', onclick: () => showToken(row) });
  press.append(row.label || t('unlabelled'));
  press.dataset.key = `token ${row.id}`;
  return [press, el('span', { className: 'id' }, row.id)];
}
