// SPDX-License-Identifier: MIT
// The upstreams and how they are doing, live.
import { el } from '../common/dom.js';
import { createLive } from './live.js';

const every_ms = 3000;

export function createUpstreamsView(app) {
  const { t, api } = app;
  const { pulse, show, hide } = createLive(app, every_ms, api.upstreams, (answer) =>
    render(answer.upstreams),
  );
  const cards = el('ul', { className: 'upstreams' });
  const empty = el('p', { className: 'empty', hidden: true }, t('noUpstreams'));
  const node = el('div', {}, pulse, cards, empty);
  let states = new Map();
  let shown = '';

  function render(upstreams) {
    const now = JSON.stringify(upstreams);
    if (now === shown) return; // what somebody has selected stays
    shown = now;
    cards.replaceChildren(...upstreams.map((each) => card(app, each)));
    empty.hidden = upstreams.length > 0;
    // A change is said, not the figures that change all the time.
    for (const { name, state } of upstreams) {
      const before = states.get(name);
      if (before && before !== state)
        app.announce(t(state === 'healthy' ? 'nowHealthy' : 'nowCooling', { name }));
    }
    states = new Map(upstreams.map(({ name, state }) => [name, state]));
  }

  return { node, show, hide };
}

function card(app, upstream) {
  const { t, format } = app;
  const { state, failures, calls } = upstream;
  const fact = (name, value, className = '') =>
    el('div', { className }, el('dt', {}, name), el('dd', {}, value));
  const flight =
    upstream.max_concurrent === null
      ? format.number(upstream.in_flight)
      : t('atMost', { n: format.number(upstream.in_flight), max: format.number(upstream.max_concurrent) });
  const aliases = Object.entries(upstream.aliases).map(([from, to]) => `${from} → ${to}`);
  const failed =
    calls > 0 ? `${format.number(failures)} (${format.percent(failures / calls)})` : format.number(failures);
  const facts = el(
    'dl',
    {},
    fact(t('inFlight'), flight),
    fact(t('calls'), format.number(calls)),
    fact(t('failures'), failed),
    fact(t('priority'), format.number(upstream.priority)),
    fact(t('weight'), format.number(upstream.weight)),
    fact(t('models'), upstream.models.length > 0 ? upstream.models.join(', ') : t('anyModel'), 'wide'),
  );
  if (aliases.length > 0) facts.append(fact(t('aliases'), aliases.join(', '), 'wide'));
  const failure = upstream.last_failure
    ? `${upstream.last_failure} · ${format.full(upstream.last_failure_at)}`
    : t('noFailure');
  facts.append(fact(t('lastFailure'), failure, 'wide'));
  const cooling = upstream.cooling_until
    ? el('p', { className: 'hint' }, t('coolingUntil', { time: format.clock(upstream.cooling_until) }))
    : null;
  return el(
    'li',
    { className: `card ${state}` },
    el(
      'div',
      { className: 'card-head' },
      el('h2', {}, upstream.name),
      el('span', { className: `badge ${state}` }, t(state === 'healthy' ? state : 'cooling')),
    ),
    el(
      'p',
      { className: 'id' },
      upstream.kind === 'demo' ? upstream.kind : `${upstream.kind} · ${upstream.url}`,
    ),
    cooling,
    facts,
  );
}
