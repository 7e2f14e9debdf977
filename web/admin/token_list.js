// SPDX-License-Identifier: MIT
// The tokens: found, sorted, paged, chosen; what is done to them goes by token_actions.js.
import { el } from '../common/dom.js';
import { tokenIn } from '../common/token.js';
import { createTokenActions } from './token_actions.js';
import { createBulkBar } from './token_bulk.js';
import { openCreate } from './token_forms.js';
import { fillPlans } from './plan_forms.js';
import { showIssued } from './token_issued.js';
import { createTokenTable } from './token_table.js';
import { button, choices, icon, nameOf, saveFile } from './parts.js';

const statuses = ['', 'active', 'quota_exceeded', 'expired', 'disabled', 'deleted'];
const sizes = [50, 100, 500];
const typing_ms = 250;
const shown_of_token = 'occ_0123'.length;
/** What the list shows until told otherwise, and what the address need not say. */
const plain = { q: '', status: '', plan: '', sort: 'created_at', order: 'desc', page: '1', limit: '50' };

export function createTokenList(app) {
  const { t, format, api } = app;
  let asked = { ...plain };
  let answer = { tokens: [], total: 0 };
  let server = null;
  let loading = null;
  let typing = null;
  const chosen = new Map();

  const search = el('input', { type: 'search', placeholder: t('searchHint'), spellcheck: false });
  search.setAttribute('aria-label', t('search'));
  search.setAttribute('aria-keyshortcuts', '/');
  const filter = choices(
    t('filter'),
    statuses.map((status) => [status, t(status || 'all')]),
    (status) => ask({ status, page: '1' }),
  );
  const ofPlan = el('select', {
    'aria-label': t('plan'),
    onchange: () => ask({ plan: ofPlan.value, page: '1' }),
  });
  let plans = [];
  const create = button(t('create'), { image: 'add', className: 'primary' });
  const save = button(t('export'), { image: 'save' });
  const hint = el('p', { className: 'hint', hidden: true });
  const table = createTokenTable(app, {
    sort: (sort) =>
      ask({ sort, order: sort === asked.sort && asked.order === 'desc' ? 'asc' : 'desc', page: '1' }),
    select,
    act: (action, token) => act(action, [token]),
  });
  const pager = createPager(app, {
    go: (page) => ask({ page: String(page) }),
    size: (limit) => ask({ limit: String(limit), page: '1' }),
  });
  const actions = createTokenActions(app, { changed: () => load(), clear });
  const bulk = createBulkBar(app, {
    act: (action) => act(action, [...chosen.values()]),
    clear() {
      clear();
      table.whole.focus();
    },
  });
  const find = el('div', { className: 'find', role: 'search' }, icon('search'), search);
  const node = el(
    'div',
    { className: 'token-view' },
    el('div', { className: 'tools' }, find, ofPlan, save, create),
    filter.node,
    hint,
    bulk.node,
    table.node,
    pager.node,
  );

  search.oninput = () => {
    clearTimeout(typing);
    // A whole token has no business in an address; a search for its beginning finds it.
    const token = tokenIn(search.value);
    if (token) search.value = token.slice(0, shown_of_token);
    typing = setTimeout(() => ask({}), typing_ms);
  };
  search.onkeydown = ({ key, isComposing }) => {
    if (key !== 'Enter' || isComposing) return;
    ask({ q: search.value.trim(), page: '1' });
  };
  create.onclick = () =>
    openCreate(app, server, plans, (tokens, labels) => {
      showIssued(app, tokens, labels);
      load();
    });
  save.onclick = async () => {
    if (save.getAttribute('aria-disabled') === 'true') return;
    save.setAttribute('aria-disabled', 'true');
    app.announce(t('exporting'));
    try {
      const { q, status, plan, sort, order } = asked;
      const file = `opencat-tokens-${new Date().toISOString().slice(0, 10)}.csv`;
      saveFile(await api.export('tokens', { q, status, plan, sort, order }), file);
      app.toast(t('exported', { file }));
    } catch (error) {
      app.fail(error);
    } finally {
      save.setAttribute('aria-disabled', 'false');
    }
  };

  /** Has the address say what is asked for; the list follows it. */
  function ask(change) {
    // What was typed and not asked yet goes along, else the earlier search would take its place.
    const typed = typing ? { q: search.value.trim(), page: '1' } : {};
    clearTimeout(typing);
    typing = null;
    const next = { ...asked, ...typed, ...change };
    const told = Object.entries(next).filter(([name, value]) => value !== plain[name]);
    app.go('tokens', Object.fromEntries(told), { replace: true });
    show(next);
  }

  function show(params) {
    document.removeEventListener('keydown', shortcut);
    document.addEventListener('keydown', shortcut);
    const before = asked;
    asked = { ...plain, ...params };
    if (!statuses.includes(asked.status)) asked.status = '';
    if (asked.q !== before.q || asked.status !== before.status || asked.plan !== before.plan) endSelection();
    if (document.activeElement !== search) search.value = asked.q;
    filter.choose(asked.status);
    return load();
  }

  async function load() {
    loading?.abort();
    loading = new AbortController();
    const { signal } = loading;
    table.busy(true);
    try {
      const [tokens, facts, all] = await Promise.all([
        api.tokens(asked, { signal }),
        api.server({ signal }),
        api.plans({ signal }),
      ]);
      plans = all.plans;
      answer = tokens;
      server = facts;
      app.well();
      render();
    } catch (error) {
      app.fail(error, load);
    } finally {
      if (!signal.aborted) table.busy(false);
    }
  }

  function render() {
    for (const status of statuses) filter.count(status, format.number(server.tokens[status || 'total']));
    fillPlans(ofPlan, t('allPlans'), plans, asked.plan);
    ofPlan.hidden = plans.length === 0 && asked.plan === '';
    hint.hidden = asked.status !== 'deleted';
    hint.textContent = t('deletedHint', { days: format.span(server.keep_deleted_s) });
    const last = Math.max(1, Math.ceil(answer.total / answer.limit));
    // The last page may have emptied meanwhile.
    if (answer.page > last) return ask({ page: String(last) });
    // What was chosen is known as it is now.
    for (const token of answer.tokens) if (chosen.has(token.id)) chosen.set(token.id, token);
    const empty =
      asked.status === 'deleted'
        ? 'noneDeleted'
        : asked.q || asked.status || asked.plan
          ? 'noneFound'
          : 'none';
    table.render({ tokens: answer.tokens, ...asked, chosen, empty: t(empty) });
    pager.render(answer, sizes);
    bulk.render(chosen, answer.tokens);
    if (asked.q) app.announce(answer.total === 0 ? t('noneFound') : rangeWords(app, answer));
    return undefined;
  }

  function select(tokens, on) {
    for (const token of tokens) {
      if (on) chosen.set(token.id, token);
      else chosen.delete(token.id);
    }
    table.mark(chosen);
    bulk.render(chosen, answer.tokens);
  }

  function clear() {
    chosen.clear();
    table.mark(chosen);
    bulk.render(chosen, answer.tokens);
  }

  /**
   * Another search or filter shows other tokens: what was chosen among the earlier ones must not be hit unseen. Over
   * pages and orders of the same tokens it holds, and the bar tells how many are elsewhere.
   */
  function endSelection() {
    if (chosen.size === 0) return;
    const words =
      chosen.size === 1 ? t('selectionEndedOne') : t('selectionEnded', { n: format.number(chosen.size) });
    clear();
    app.toast(words);
  }

  function act(action, tokens) {
    if (action === 'usage') return app.go('usage', { token: tokens[0].id, name: nameOf(tokens[0]) });
    // One that goes is no longer chosen.
    if (action === 'delete' && tokens.length === 1) select(tokens, false);
    return actions.act(action, tokens, { plans, server });
  }

  function shortcut(event) {
    const { key, ctrlKey, metaKey, altKey, target } = event;
    if (key !== '/' || ctrlKey || metaKey || altKey) return;
    if (target.closest('input, textarea, select, dialog')) return;
    event.preventDefault();
    search.focus();
    search.select();
  }

  function hide() {
    loading?.abort();
    clearTimeout(typing);
    document.removeEventListener('keydown', shortcut);
  }

  return { node, show, hide };
}

function rangeWords({ t, format }, { tokens, total, page, limit }) {
  if (total === 0) return t('rangeNone');
  const from = (page - 1) * limit + 1;
  const numbers = { from, to: from + tokens.length - 1, total };
  return t('range', Object.fromEntries(Object.entries(numbers).map(([k, n]) => [k, format.number(n)])));
}

/** Where one is, and the ways on: {node, render(answer, sizes)}. */
function createPager(app, on) {
  const { t, format } = app;
  const words = el('p', { className: 'range' });
  const back = button(t('previous'), { image: 'previous', bare: true, className: 'quiet icon' });
  const on_ = button(t('next'), { image: 'next', bare: true, className: 'quiet icon' });
  const page = el('input', {
    type: 'text',
    inputMode: 'numeric',
    className: 'page',
    'aria-label': t('page'),
  });
  const pages = el('span', {});
  const size = el('select', { 'aria-label': t('perPage') });
  const node = el(
    'nav',
    { className: 'pager', 'aria-label': t('page') },
    words,
    el('label', { className: 'size' }, `${t('perPage')} `, size),
    el('span', { className: 'steps' }, back, page, pages, on_),
  );
  let now = 1;
  let last = 1;
  const step = (button_, to) => {
    if (button_.getAttribute('aria-disabled') !== 'true') on.go(to);
  };
  back.onclick = () => step(back, now - 1);
  on_.onclick = () => step(on_, now + 1);
  size.onchange = () => on.size(Number(size.value));
  page.onchange = () => {
    const wanted = Number(page.value.trim());
    if (Number.isInteger(wanted) && wanted >= 1) on.go(Math.min(wanted, last));
    else page.value = String(now);
  };
  return {
    node,
    render(answer, sizes) {
      now = answer.page;
      last = Math.max(1, Math.ceil(answer.total / answer.limit));
      words.textContent = rangeWords(app, answer);
      page.value = String(now);
      pages.textContent = t('ofPages', { n: format.number(last) });
      back.setAttribute('aria-disabled', String(now <= 1));
      on_.setAttribute('aria-disabled', String(now >= last));
      const all = [...new Set([...sizes, answer.limit])].sort((a, b) => a - b);
      size.replaceChildren(...all.map((each) => el('option', { value: String(each) }, String(each))));
      size.value = String(answer.limit);
    },
  };
}
