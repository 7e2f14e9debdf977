// SPDX-License-Identifier: MIT
import assert from 'node:assert/strict';
import { test } from 'node:test';
import { createApi } from '../chat/api.js';
import { explain, quotaLine } from '../chat/explain.js';
import { words as allWords } from '../chat/words.js';
import { secondsOf } from '../common/errors.js';
import { createWords } from '../common/i18n.js';

const token = `occ_${'a'.repeat(32)}`;
const base = new URL('https://example.com/opencat/');
const english = createWords(allWords, 'en');

/** An API whose requests are answered by `answer(url, options)`. */
function apiWith(answer, { online = true } = {}) {
  return createApi({
    base,
    token: () => token,
    fetch: async (...request) => answer(...request),
    online: () => online,
  });
}
const errorResponse = (status, error, headers = {}) =>
  new Response(JSON.stringify({ error }), { status, headers });
const streamOf = (...events) => new Response(events.map((event) => `data: ${event}\n\n`).join(''));
const delta = (value, more = {}) => JSON.stringify({ model: 'm', choices: [{ delta: value, ...more }] });

async function collect(api, signal) {
  const pieces = [];
  try {
    for await (const piece of api.chat({ messages: [{ role: 'user', content: 'hi' }] }, signal))
      pieces.push(piece);
    return { pieces, error: null };
  } catch (error) {
    return { pieces, error };
  }
}

test('requests go below the prefix, with the token in the header and nowhere else', async () => {
  const seen = [];
  const api = apiWith((url, options) => {
    seen.push({ url: String(url), options });
    return streamOf('[DONE]');
  });
  await collect(api);
  await api.status().catch(() => {});
  assert.deepEqual(
    seen.map(({ url }) => url),
    ['https://example.com/opencat/v1/chat/completions', 'https://example.com/opencat/api/tokens/self/status'],
  );
  for (const { options } of seen) assert.equal(options.headers.Authorization, `Bearer ${token}`);
  const body = JSON.parse(seen[0].options.body);
  assert.deepEqual(body, { model: 'auto', stream: true, messages: [{ role: 'user', content: 'hi' }] });
});

test('an answer comes in pieces, reasoning apart', async () => {
  const { pieces, error } = await collect(
    apiWith(() =>
      streamOf(
        delta({ role: 'assistant', content: '' }),
        delta({ reasoning_content: 'hm' }),
        delta({ content: '你好' }),
        delta({}, { finish_reason: 'length' }),
        JSON.stringify({ choices: [], usage: { total_tokens: 3 } }),
        '[DONE]',
      ),
    ),
  );
  assert.equal(error, null);
  assert.equal(pieces.map(({ text }) => text ?? '').join(''), '你好');
  assert.equal(pieces.map(({ reasoning }) => reasoning ?? '').join(''), 'hm');
  assert.equal(pieces[3].finish, 'length');
});

test('a stream without [DONE], with an error event or with nonsense is a broken answer', async () => {
  for (const [name, response, kind] of [
    ['no [DONE]', () => streamOf(delta({ content: 'half' })), 'broken'],
    ['cut event', () => new Response(`data: ${delta({ content: 'half' })}\n\ndata: {"choi`), 'broken'],
    ['error', () => streamOf(delta({ content: 'half' }), '{"error":{"message":"x"}}', '[DONE]'), 'broken'],
    [
      'known error',
      () => streamOf(delta({ content: 'half' }), '{"error":{"code":"UPSTREAM_TIMEOUT"}}'),
      'timeout',
    ],
  ]) {
    const { pieces, error } = await collect(apiWith(response));
    assert.equal(pieces[0].text, 'half', name);
    assert.equal(error?.kind, kind, name);
  }
});

test('each error of the protocol has its kind, and an upstream’s own never signs out', async () => {
  for (const [status, code, kind] of [
    [401, 'UNAUTHORIZED', 'unauthorized'],
    [404, 'TOKEN_NOT_FOUND', 'unauthorized'],
    [403, 'TOKEN_DISABLED', 'disabled'],
    [403, 'TOKEN_EXPIRED', 'ended'],
    [403, 'MODEL_NOT_ALLOWED', 'noSuchModel'],
    [429, 'QUOTA_EXCEEDED', 'quota'],
    [429, 'RATE_LIMITED', 'rate'],
    [429, 'rate_limit_exceeded', 'busy'],
    [400, 'MODEL_NOT_FOUND', 'refused'],
    [413, 'INVALID_REQUEST', 'tooLarge'],
    [502, 'UPSTREAM_ERROR', 'upstream'],
    [503, 'SERVICE_UNAVAILABLE', 'unavailable'],
    [504, 'UPSTREAM_TIMEOUT', 'timeout'],
    [401, 'invalid_api_key', 'refused'],
    [404, undefined, 'refused'],
    [500, undefined, 'server'],
  ]) {
    const { error } = await collect(apiWith(() => errorResponse(status, { code, message: 'why' })));
    assert.equal(error.kind, kind, `${status} ${code}`);
    assert.equal(error.detail, 'why');
  }
  const page = await collect(apiWith(() => new Response('<h1>Bad gateway</h1>', { status: 502 })));
  assert.equal(page.error.kind, 'upstream');
});

test('no network, no server and a stop are told apart', async () => {
  const fails = () => {
    throw new TypeError('fetch failed');
  };
  assert.equal((await collect(apiWith(fails))).error.kind, 'unreachable');
  assert.equal((await collect(apiWith(fails, { online: false }))).error.kind, 'offline');
  assert.equal((await collect(apiWith(fails), AbortSignal.abort())).error.kind, 'stopped');
});

test('Retry-After is seconds or a date', () => {
  const now = Date.parse('2025-01-01T00:00:00Z');
  assert.equal(secondsOf('18', now), 18);
  assert.equal(secondsOf('Wed, 01 Jan 2025 00:00:30 GMT', now), 30);
  assert.equal(secondsOf('Wed, 01 Jan 2020 00:00:30 GMT', now), 0);
  for (const nothing of [null, '', 'soon']) assert.equal(secondsOf(nothing, now), null);
});

test('every kind of error has words, and a retry where that makes sense', () => {
  const now = Date.parse('2025-01-01T00:00:00Z');
  for (const language of ['en', 'zh']) {
    const words = createWords(allWords, language);
    const seen = new Set();
    for (const kind of [
      'disabled',
      'ended',
      'noSuchModel',
      'quota',
      'rate',
      'busy',
      'refused',
      'tooLarge',
      'upstream',
      'timeout',
      'unavailable',
      'server',
      'unreachable',
      'offline',
    ]) {
      const { text, retry, waitSeconds } = explain({ kind, retryAfter: 18, detail: '' }, words, null, now);
      assert.ok(!seen.has(text), `${kind} shares its words`);
      seen.add(text);
      assert.equal(
        retry,
        !['disabled', 'ended', 'noSuchModel', 'quota', 'refused', 'tooLarge'].includes(kind),
        kind,
      );
      assert.equal(waitSeconds, retry && kind !== 'server' ? 18 : 0, kind);
    }
  }
});

test('a used-up quota says whether it is the day’s or the month’s', () => {
  const error = { kind: 'quota', retryAfter: 3600, detail: '' };
  const status = (daily, monthly) => ({ quota: { daily_remaining: daily, monthly_remaining: monthly } });
  assert.match(explain(error, english, status(0, 5)).text, /^Today/);
  assert.match(explain(error, english, status(5, 0)).text, /^This month/);
  assert.match(explain({ ...error, retryAfter: 900_000 }, english).text, /^This month/);
  assert.match(explain({ ...error, retryAfter: null }, english).text, /for now/);
});

test('the quiet line tells the narrower limit, and when it runs low', () => {
  const quota = { daily_limit: 100, daily_remaining: 40, monthly_limit: 3000, monthly_remaining: 900 };
  assert.deepEqual(quotaLine(quota, english.t), {
    text: '40 left today',
    both: '40 left today · 900 left this month',
    low: false,
  });
  const month = { ...quota, monthly_remaining: 7 };
  assert.deepEqual(quotaLine(month, english.t), {
    text: '7 left this month',
    both: '40 left today · 7 left this month',
    low: true,
  });
  assert.equal(quotaLine({ daily_limit: null, daily_remaining: null }, english.t), null);
  assert.equal(quotaLine(undefined, english.t), null);
});
