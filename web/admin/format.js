// SPDX-License-Identifier: MIT
// Numbers, sizes and times as the reader's language writes them.

export function createFormat({ t, language }) {
  const locale = language === 'zh' ? 'zh-CN' : 'en';
  const number = (options) => lazily(() => new Intl.NumberFormat(locale, options));
  const date = (options) => lazily(() => new Intl.DateTimeFormat(locale, options));
  const plain = number();
  const short = number({ notation: 'compact', maximumFractionDigits: 1 });
  const percent = number({ style: 'percent', maximumFractionDigits: 1 });
  const day = date({ year: 'numeric', month: 'short', day: 'numeric' });
  const full = date({ dateStyle: 'medium', timeStyle: 'medium' });
  const minute = date({ dateStyle: 'medium', timeStyle: 'short' });
  const clock = date({ timeStyle: 'medium' });
  // Calendar days have no zone.
  const calendarDay = date({ dateStyle: 'medium', timeZone: 'UTC' });
  const calendarMonth = date({ year: 'numeric', month: 'long', timeZone: 'UTC' });
  const shortDay = date({ month: 'short', day: 'numeric', timeZone: 'UTC' });
  const relative = lazily(() => new Intl.RelativeTimeFormat(locale, { numeric: 'auto', style: 'short' }));

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
    return step ? relative().format(Math.trunc(seconds / step[1]), step[2]) : day().format(new Date(iso));
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
    number: (value) => plain().format(value),
    short: (value) => short().format(value),
    percent: (value) => percent().format(value),
    /** A calendar day, "2026-01-31". */
    day: (text) => calendarDay().format(new Date(`${text}T00:00:00Z`)),
    /** A calendar month, "2026-01". */
    month: (text) => calendarMonth().format(new Date(`${text}-01T00:00:00Z`)),
    shortDay: (text) => shortDay().format(new Date(`${text}T00:00:00Z`)),
    full: (iso) => full().format(new Date(iso)),
    minute: (iso) => minute().format(new Date(iso)),
    clock: (iso) => clock().format(new Date(iso)),
    ago,
    bytes,
    uptime,
    span,
  };
}

/** Makes what it gives when it is first asked for: a browser takes milliseconds for each of these. */
function lazily(make) {
  let made = null;
  return () => (made ??= make());
}
