// SPDX-License-Identifier: MIT
// The admin page's parts that need no page: its requests, its days, its figures.
import assert from 'node:assert/strict';
import { test } from 'node:test';
import { createApi, wordsFor } from '../admin/api.js';
import { createFormat } from '../admin/format.js';
import { words } from '../admin/words.js';
import { createWords } from '../common/i18n.js';
import { everyDay } from '../admin/days.js';

const base = 'https://chat.example.com/opencat/';
const t = createWords(words, 'en').t;

/** An API whose requests are answered by `answer(url, init)`, and kept. */
function apiTo(answer, secret = 'the-secret') {
  const asked = [];
  const fetch = async (url, init) => {
    asked.push({ url: String(url), ...init });
    return answer(url, init);
  };
  return { asked, api: createApi({ base, secret: () => secret, fetch, online: () => true }) };
}
const json = (body, status = 200, headers = {}) => new Response(JSON.stringify(body), { status, headers });

test('requests go below the prefix, with the secret in a header and in no address', async () => {
  const { api, asked } = apiTo(() => json({ tokens: [] }));
  await api.tokens({ q: 'a b&c', status: '', page: '2' });
  await api.change('tok_1/../x', { label: 'x' });
  assert.deepEqual(
    asked.map(({ url }) => url),
    [`${base}api/admin/tokens?q=a+b%26c&page=2`, `${base}api/admin/tokens/tok_1%2F..%2Fx`],
  );
  for (const { url, headers, referrerPolicy, cache } of asked) {
    assert.equal(headers['X-Admin-Secret'], 'the-secret');
    assert.ok(!url.includes('the-secret'));
    assert.deepEqual([referrerPolicy, cache], ['no-referrer', 'no-store']);
  }
  assert.equal(asked[0].body, undefined);
  assert.equal(asked[1].body, '{"label":"x"}');
});

test('a secret that no header can hold is wrong without being sent', async () => {
  for (const secret of ['密钥', 'a b', 'x\n', '']) {
    const { api, asked } = apiTo(() => json({}), secret);
    await assert.rejects(api.server(), { kind: 'unauthorized' });
    assert.equal(asked.length, 0);
  }
});

test('each failure has its words', async () => {
  const error = (code, message = 'why') => ({ error: { code, message } });
  for (const [answer, text] of [
    [json(error('UNAUTHORIZED'), 401), 'no longer takes this secret'],
    [json(error('RATE_LIMITED'), 429, { 'Retry-After': '17' }), 'in 17 s'],
    [json(error('INVALID_REQUEST', 'the label is odd'), 400), 'refused: the label is odd'],
    [json(error('SERVICE_UNAVAILABLE'), 503), 'busy'],
    [json(error('INTERNAL_ERROR', 'the disk is full'), 500), 'failed: the disk is full'],
    [new Response('<html>', { status: 502 }), 'failed'],
    [new Response('<html>', { status: 200 }), 'failed'],
  ]) {
    const { api } = apiTo(() => answer);
    const thrown = await api.server().catch((problem) => problem);
    assert.ok(wordsFor(thrown, t).includes(text), `${wordsFor(thrown, t)} has no "${text}"`);
  }
  const { api } = apiTo(() => {
    throw new TypeError('Failed to fetch');
  });
  assert.match(wordsFor(await api.server().catch((problem) => problem), t), /cannot be reached/);
});

test('every day between is there, without requests too, over months, years and the change of clocks', () => {
  const rows = [
    { date: '2025-02', requests: 100, prompt_tokens: 1, completion_tokens: 2 },
    { date: '2025-02-01', requests: 1, prompt_tokens: 10, completion_tokens: 20 },
    { date: '2025-03-31', requests: 5, prompt_tokens: 50, completion_tokens: 60 },
  ];
  const days = everyDay(rows, '2025-01-30', '2025-04-01');
  assert.equal(days.length, 62);
  assert.equal(new Set(days.map(({ date }) => date)).size, 62);
  assert.deepEqual([days[0].date, days.at(-1).date], ['2025-01-30', '2025-04-01']);
  const of = (date) => days.find((day) => day.date === date);
  // A whole month counts as its first day.
  assert.deepEqual([of('2025-02-01').requests, of('2025-02-01').prompt], [101, 11]);
  assert.deepEqual([of('2025-03-31').requests, of('2025-03-31').completion], [5, 60]);
  assert.equal(of('2025-03-30').requests, 0);
  assert.equal(everyDay([], '2024-02-28', '2024-03-01').length, 3);
});

test('figures are written as the language has them', () => {
  const en = createFormat(createWords(words, 'en'));
  const zh = createFormat(createWords(words, 'zh'));
  assert.equal(en.bytes(0), '0 byte');
  assert.equal(en.bytes(1_234_567), '1.2 MB');
  assert.equal(en.uptime(59), '0 min 59 s');
  assert.equal(en.uptime(3 * 3600 + 125), '3 h 2 min');
  assert.equal(zh.uptime(50 * 3600), '2 天 2 小时');
  assert.equal(en.span(7 * 86_400), '7 days');
  assert.equal(zh.span(86_400), '1 天');
  assert.equal(en.span(7200), '2 hours');
  const now = Date.parse('2026-01-31T12:00:00Z');
  assert.equal(en.ago('2026-01-31T11:58:30Z', now), '1 min. ago');
  assert.equal(zh.ago('2026-01-29T12:00:00Z', now), '前天');
  assert.match(en.ago('2025-10-01T12:00:00Z', now), /^(Sep 30|Oct 1|Oct 2), 2025$/);
  assert.equal(en.day('2026-01-31'), 'Jan 31, 2026');
});
