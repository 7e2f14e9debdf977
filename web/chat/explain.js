// SPDX-License-Identifier: MIT
// An ApiError in the user's words, and what can be done about it.

/** The kinds with words of their own, and whether trying again may help. */
const retryHelps = new Map([
  ['disabled', false],
  ['ended', false],
  ['noSuchModel', false],
  ['quota', false],
  ['refused', false],
  ['tooLarge', false],
  ['rate', true],
  ['busy', true],
  ['upstream', true],
  ['timeout', true],
  ['unavailable', true],
  ['server', true],
  ['unreachable', true],
  ['offline', true],
]);
const causeUnknown = new Set(['refused', 'server']);

/**
 * {text, detail, retry, waitSeconds, otherToken}: the words; the server's own sentence where ours cannot
 * know the cause, or ''; whether to offer a retry, and after how long; whether another token would help.
 * `status` is the token's status if it is known: it tells the day's limit from the month's.
 */
export function explain(error, { t, moment }, status = null, now = Date.now()) {
  const { kind, retryAfter } = error;
  const retry = retryHelps.get(kind) ?? false;
  const known = retryHelps.has(kind) ? kind : 'server';
  return {
    text: kind === 'quota' ? quotaWords(retryAfter, { t, moment }, status, now) : t(known),
    detail: causeUnknown.has(kind) ? error.detail : '',
    retry,
    waitSeconds: retry && !causeUnknown.has(kind) ? (retryAfter ?? 0) : 0,
    otherToken: kind === 'disabled' || kind === 'ended',
  };
}

function quotaWords(retryAfter, { t, moment }, status, now) {
  if (retryAfter === null) return t('quota');
  const dayInSeconds = 24 * 60 * 60;
  const month = status ? status.quota?.monthly_remaining === 0 : retryAfter > dayInSeconds;
  return t(month ? 'quotaMonth' : 'quotaDay', {
    when: moment(new Date(now + retryAfter * 1000), new Date(now)),
  });
}

/**
 * What is left: {text, both, low}, the narrower limit in words, all that there are, and whether it runs low;
 * null when nothing is known or nothing is limited.
 */
export function quotaLine(quota, t) {
  const limits = [
    { left: quota?.daily_remaining, limit: quota?.daily_limit, key: 'leftToday' },
    { left: quota?.monthly_remaining, limit: quota?.monthly_limit, key: 'leftMonth' },
  ].filter(({ left, limit }) => Number.isFinite(left) && Number.isFinite(limit));
  if (limits.length === 0) return null;
  // The narrower of the two is the one that matters.
  const { left, limit, key } = limits.reduce((a, b) => (b.left < a.left ? b : a));
  const both = limits.map((each) => t(each.key, { n: each.left })).join(' · ');
  return { text: t(key, { n: left }), both, low: left <= Math.ceil(limit / 10) };
}
