// SPDX-License-Identifier: MIT
// Numbers, sizes and times as the reader's language writes them.

export function createFormat({ t, language }) {
  const locale = language === 'zh' ? 'zh-CN' : 'en';
  const plain = new Intl.NumberFormat(locale);
  const short = new Intl.NumberFormat(locale, { notation: 'compact', maximumFractionDigits: 1 });
  const percent = new Intl.NumberFormat(locale, { style: 'percent', maximumFractionDigits: 1 });
  const day = new Intl.DateTimeFormat(locale, { year: 'numeric', month: 'short', day: 'numeric' });
  const full = new Intl.DateTimeFormat(locale, { dateStyle: 'medium', timeStyle: 'medium' });
  const minute = new Intl.DateTimeFormat(locale, { dateStyle: 'medium', timeStyle: 'short' });
  const clock = new Intl.DateTimeFormat(locale, { timeStyle: 'medium' });
  const relative = new Intl.RelativeTimeFormat(locale, { numeric: 'auto', style: 'short' });

  /** How long ago, in the largest unit that fits; days beyond a month are a date. */
  function ago(iso, now = Date.now()) {
    const seconds = Math.round((Date.parse(iso) - now) / 1000);
    const steps = [
      [60, 1, 'second'],
      [3600, 60, 'minute'],
      [86_400, 3600, 'hour'],
      [30 * 86_400, 86_400, 'day'],
    ];
    const step = steps.find(([below]) => Math.abs(seconds) < below);
    return step ? relative.format(Math.trunc(seconds / step[1]), step[2]) : day.format(new Date(iso));
  }

  function bytes(count) {
    const units = ['byte', 'kilobyte', 'megabyte', 'gigabyte', 'terabyte'];
    const power = Math.min(units.length - 1, Math.floor(Math.log10(Math.max(1, count)) / 3));
    const form = { style: 'unit', unit: units[power], maximumFractionDigits: power ? 1 : 0 };
    return new Intl.NumberFormat(locale, form).format(count / 1000 ** power);
  }

  function uptime(seconds) {
    const [d, h, m] = [Math.floor(seconds / 86_400), Math.floor(seconds / 3600), Math.floor(seconds / 60)];
    if (d > 0) return t('uptimeDays', { d, h: h % 24 });
    if (h > 0) return t('uptimeHours', { h, m: m % 60 });
    return t('uptimeMinutes', { m, s: Math.floor(seconds) % 60 });
  }

  function span(seconds) {
    const days = Math.floor(seconds / 86_400);
    if (days === 1) return t('day1');
    return days > 1 ? t('days', { n: days }) : t('hours', { n: Math.floor(seconds / 3600) });
  }

  return {
    number: (value) => plain.format(value),
    short: (value) => short.format(value),
    percent: (value) => percent.format(value),
    /** A calendar day, "2026-01-31", which has no zone. */
    day: (date) =>
      new Intl.DateTimeFormat(locale, { dateStyle: 'medium', timeZone: 'UTC' }).format(
        new Date(`${date}T00:00:00Z`),
      ),
    month: (date) =>
      new Intl.DateTimeFormat(locale, { year: 'numeric', month: 'long', timeZone: 'UTC' }).format(
        new Date(`${date}-01T00:00:00Z`),
      ),
    shortDay: (date) =>
      new Intl.DateTimeFormat(locale, { month: 'short', day: 'numeric', timeZone: 'UTC' }).format(
        new Date(`${date}T00:00:00Z`),
      ),
    full: (iso) => full.format(new Date(iso)),
    minute: (iso) => minute.format(new Date(iso)),
    clock: (iso) => clock.format(new Date(iso)),
    ago,
    bytes,
    uptime,
    span,
  };
}
