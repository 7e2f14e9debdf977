// SPDX-License-Identifier: MIT
// An ApiError in the user's words, and what can be done about it.

const plain = [
  'rate',
  'busy',
  'tooLarge',
  'upstream',
  'timeout',
  'unavailable',
  'server',
  'unreachable',
  'offline',
];
const worthRetrying = new Set([
  'rate',
  'busy',
  'upstream',
  'timeout',
  'unavailable',
  'server',
  'unreachable',
  'offline',
]);

/**
 * {text, detail, retry, waitSeconds, otherToken}: the words; the server's own sentence where ours cannot
 * know the cause, or ''; whether to offer a retry, and after how long; whether another token would help.
 * `status` is the token's status if it is known: it tells the day's limit from the month's.
 */
export function explain(error, { t, moment }, status = null, now = Date.now()) {
  const { kind, retryAfter } = error;
  const base = {
    detail: '',
    retry: worthRetrying.has(kind),
    waitSeconds: 0,
    otherToken: kind === 'disabled',
  };
  if (kind === 'quota') return { ...base, text: quotaWords(retryAfter, { t, moment }, status, now) };
  if (kind === 'refused' || kind === 'server') {
    return { ...base, text: t(kind), detail: error.detail };
  }
  const text = t(plain.includes(kind) ? kind : kind === 'disabled' ? 'disabled' : 'server');
  return { ...base, text, waitSeconds: base.retry ? (retryAfter ?? 0) : 0 };
}

function quotaWords(retryAfter, { t, moment }, status, now) {
  if (retryAfter === null) return t('quota');
  const dayInSeconds = 24 * 60 * 60;
  const month = status ? status.quota?.monthly_remaining === 0 : retryAfter > dayInSeconds;
  return t(month ? 'quotaMonth' : 'quotaDay', {
    when: moment(new Date(now + retryAfter * 1000), new Date(now)),
  });
}

/** What is left, in words, and whether it runs low; null when nothing is known or nothing is limited. */
export function quotaLine(quota, t) {
  const limits = [
    { left: quota?.daily_remaining, limit: quota?.daily_limit, key: 'leftToday' },
    { left: quota?.monthly_remaining, limit: quota?.monthly_limit, key: 'leftMonth' },
  ].filter(({ left, limit }) => Number.isFinite(left) && Number.isFinite(limit));
  if (limits.length === 0) return null;
  // The narrower of the two is the one that matters.
  const { left, limit, key } = limits.reduce((a, b) => (b.left < a.left ? b : a));
  return { text: t(key, { n: left }), low: left <= Math.ceil(limit / 10) };
}
