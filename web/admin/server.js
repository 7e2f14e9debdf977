// SPDX-License-Identifier: MIT
// The server: what it is, and how it is doing.
import { el } from '../common/dom.js';
import { createLive } from './live.js';

const every_ms = 5000;

export function createServerView(app) {
  const { t, format, api } = app;
  const { pulse, show, hide } = createLive(app, every_ms, api.server, render);
  const figures = el('dl', { className: 'figures' });
  const facts = el('dl', { className: 'facts' });
  const node = el('div', {}, pulse, figures, el('div', { className: 'card' }, facts));

  function render(server) {
    const figure = (name, value, hint = '') =>
      el('div', {}, el('dt', {}, name), el('dd', {}, value, hint && el('small', {}, hint)));
    const { tokens } = server;
    const counts = ['active', 'quota_exceeded', 'expired', 'disabled']
      .filter((status) => tokens[status] > 0)
      .map((status) => `${t(status)} ${format.number(tokens[status])}`);
    figures.replaceChildren(
      figure(
        t('uptime'),
        format.uptime(server.uptime_s),
        t('since', { time: format.minute(server.started_at) }),
      ),
      figure(t('streams'), format.number(server.streams_open)),
      figure(
        t('connections'),
        t('usedOf', {
          used: format.number(server.connections_open),
          limit: format.number(server.connections_limit),
        }),
      ),
      figure(t('database'), format.bytes(server.database_bytes)),
      figure(t('tokens'), format.number(tokens.total), counts.join(' · ')),
    );
    const { daily_limit, monthly_limit } = server.default_quota;
    const rows = [
      [t('version'), server.version],
      [t('protocol'), server.protocol_version],
      [t('publicUrl'), server.public_url],
      [
        t('enrollment'),
        t({ open: 'enrollOpen', key: 'enrollKey', closed: 'enrollClosed' }[server.enrollment]),
      ],
      [
        t('defaultQuota'),
        t('quotaText', { daily: format.number(daily_limit), monthly: format.number(monthly_limit) }),
      ],
      [t('timeZone'), zone(server.utc_offset_minutes)],
      [t('keepDeleted'), format.span(server.keep_deleted_s)],
    ];
    facts.replaceChildren(...rows.flatMap(([name, value]) => [el('dt', {}, name), el('dd', {}, value)]));
  }

  return { node, show, hide };
}

/** "UTC+08:00" */
function zone(minutes) {
  const size = Math.abs(minutes);
  const digits = (n) => String(n).padStart(2, '0');
  return minutes === 0
    ? 'UTC'
    : `UTC${minutes < 0 ? '−' : '+'}${digits(Math.floor(size / 60))}:${digits(size % 60)}`;
}
