// SPDX-License-Identifier: MIT
// The chat page in Chromium against `opencat serve --demo`: signing in, words, languages, layout.
// Run: OPENCAT=…/opencat node --test chat.test.mjs
import assert from 'node:assert/strict';
import { after, before, test } from 'node:test';
import { openPage, startBrowser } from './browser.mjs';
import { startServer } from '../support/server.mjs';
import {
  input,
  lastAnswer,
  notice,
  openSettings,
  question,
  ready,
  says,
  send,
  settled,
  stickingOut,
  stored,
} from './steps.mjs';

let browser;
let server;
before(async () => {
  server = await startServer();
  browser = await startBrowser();
});
after(async () => {
  await browser?.close();
  await server?.stop();
});

const unknownToken = `occ_${'0'.repeat(32)}`;

/** A page of its own for one test, closed after it. `url` is a new token's chat link unless given. */
async function open(t, { url, ...options } = {}) {
  const page = await openPage(browser, url ?? (await server.issue()).chat_url, options);
  t.after(() => page.context().close());
  return page;
}

/** From now on the server's answer to a question is this error. */
function answerWith(page, status, code, headers = {}) {
  const body = JSON.stringify({ error: { code, message: 'why', type: 'x', param: null } });
  return page.route('**/v1/chat/completions', (route) =>
    route.fulfill({ status, headers, contentType: 'application/json', body }),
  );
}

test('a chat link signs in, and its token is left nowhere it could leak from', async (t) => {
  const { chat_url, token } = await server.issue();
  const page = await open(t, { url: 'about:blank' });
  const requests = [];
  page.on('request', (request) => requests.push(request));
  await page.goto(chat_url);
  await ready(page);
  await send(page, 'hello');
  await settled(page);
  assert.equal(page.url(), `${server.url}/chat`);
  const history = await page.evaluate(() => navigation.entries().map(({ url }) => url));
  assert.ok(history.length > 0 && !history.some((url) => url.includes('occ_')), history.join('\n'));
  assert.ok(requests.some((request) => request.url().endsWith('/v1/chat/completions')));
  for (const request of requests) {
    // A fragment is never sent; the page's own first request is reported with it.
    if (!request.isNavigationRequest()) assert.ok(!request.url().includes(token), request.url());
    const { referer } = await request.allHeaders();
    assert.equal(referer ?? '', '', request.url()); // an import() has an empty one
  }
  await page.reload();
  await ready(page);
  assert.deepEqual(page.trouble, []);
});

test('?token= signs in too, and so does a link opened in a tab that is there already', async (t) => {
  const first = await server.issue();
  const second = await server.issue();
  const page = await open(t, { url: `${server.url}/chat?token=${first.token}` });
  const kept = () => page.evaluate(() => Object.values(localStorage));
  await ready(page);
  assert.equal(page.url(), `${server.url}/chat`);
  assert.deepEqual(await kept(), [first.token]);
  await page.evaluate((hash) => (location.hash = hash), `token=${second.token}`);
  await page.waitForURL(`${server.url}/chat`);
  assert.deepEqual(await kept(), [second.token]);
});

test('without a token the page says how to get in, and takes a pasted link', async (t) => {
  const { chat_url } = await server.issue();
  const page = await open(t, { url: `${server.url}/chat` });
  const words = page.locator('#sign-in-words');
  await says(page.locator('#sign-in'), 'Welcome to OpenCat');
  await page.getByLabel('Chat link or token').fill('occ_123');
  await page.keyboard.press('Enter');
  await says(words, 'no whole token');
  await page.getByLabel('Chat link or token').fill(unknownToken);
  await page.keyboard.press('Enter');
  await says(words, 'does not know this token');
  await page.getByLabel('Chat link or token').fill(chat_url);
  await page.keyboard.press('Enter');
  await ready(page);
  assert.equal(await page.evaluate(() => document.activeElement.id), 'input');
  assert.deepEqual(page.trouble, []);
});

test('an unknown token is said to be unknown, with a field for another', async (t) => {
  const page = await open(t, { url: `${server.url}/chat#token=${unknownToken}` });
  await says(page.locator('#sign-in-words'), 'does not know this token');
  assert.equal(page.url(), `${server.url}/chat`);
  assert.equal(await page.getByLabel('Chat link or token').isVisible(), true);
  assert.deepEqual(await page.evaluate(() => Object.values(localStorage)), []);
});

test('a token that dies while one writes loses nothing that was written', async (t) => {
  const page = await open(t);
  await ready(page);
  await answerWith(page, 401, 'UNAUTHORIZED');
  await send(page, 'a long thought');
  await says(page.locator('#sign-in-words'), 'What you wrote is kept');
  await page.unroute('**/v1/chat/completions');
  await page.getByLabel('Chat link or token').fill((await server.issue()).token);
  await page.keyboard.press('Enter');
  await ready(page);
  assert.equal(await input(page).inputValue(), 'a long thought');
});

test('signing out leaves neither token nor conversation in the browser', async (t) => {
  const page = await open(t);
  await ready(page);
  await send(page, 'between us');
  await settled(page);
  await openSettings(page);
  await page.getByRole('button', { name: 'Sign out' }).click();
  await page.getByRole('dialog').getByRole('button', { name: 'Sign out' }).click();
  await says(page.locator('#sign-in-words'), 'signed out');
  const kept = await page.evaluate(() => [...Object.values(localStorage), ...Object.values(sessionStorage)]);
  assert.deepEqual(
    kept.filter((value) => /occ_|between us/.test(value)),
    [],
  );
  assert.deepEqual(await stored(page), { conversations: 0, messages: 0, files: 0 });
  await page.reload();
  await page.locator('#sign-in').waitFor();
  assert.equal(await question(page).count(), 0);
});

test('each error has its own words in both languages, and the text comes back', async (t) => {
  const cases = [
    [403, 'TOKEN_DISABLED', 'switched off', '已被停用'],
    [403, 'TOKEN_EXPIRED', 'has ended', '已到期'],
    [403, 'MODEL_NOT_ALLOWED', 'may not use that model', '不能使用该模型'],
    [429, 'RATE_LIMITED', 'a little fast', '发得有点快'],
    [502, 'UPSTREAM_ERROR', 'cannot be reached', '暂时连不上'],
    [503, 'SERVICE_UNAVAILABLE', 'not ready for more', '忙不过来'],
    [504, 'UPSTREAM_TIMEOUT', 'too long to answer', '太久没有回应'],
  ];
  for (const locale of ['en-US', 'zh-CN']) {
    const page = await open(t, { locale });
    await ready(page);
    for (const [status, code, english, chinese] of cases) {
      await answerWith(page, status, code);
      await send(page, `lines\nfor ${code}`);
      await says(notice(page), locale === 'zh-CN' ? chinese : english);
      assert.equal(await input(page).inputValue(), `lines\nfor ${code}`);
      assert.equal(await question(page).count(), 0);
      await page.unroute('**/v1/chat/completions');
    }
    assert.deepEqual(page.trouble, []);
  }
});

test('offline: said so, kept over a reload, and sent by a press once back', async (t) => {
  const page = await open(t);
  await ready(page);
  await page.context().setOffline(true);
  await send(page, 'from the train');
  await says(notice(page), 'You are offline');
  assert.equal(await input(page).inputValue(), 'from the train');
  await page.context().setOffline(false);
  await page.reload();
  await ready(page);
  assert.equal(await input(page).inputValue(), 'from the train');
  await answerWith(page, 502, 'UPSTREAM_ERROR');
  await input(page).press('Enter');
  await says(notice(page), 'cannot be reached');
  await page.unroute('**/v1/chat/completions');
  await page.getByRole('button', { name: 'Try again' }).click();
  await says(question(page), 'from the train');
  await settled(page);
  assert.equal(await input(page).inputValue(), '');
  assert.notEqual((await lastAnswer(page).locator('.prose').textContent()).trim(), '');
});

test('too fast: the seconds of Retry-After are counted down, then a press sends', async (t) => {
  const page = await open(t);
  await ready(page);
  await page.clock.install();
  await answerWith(page, 429, 'RATE_LIMITED', { 'Retry-After': '18' });
  await send(page, 'again');
  const retry = notice(page).getByRole('button');
  await says(retry, 'Try again in 18 s');
  assert.equal(await retry.isDisabled(), true);
  await page.clock.fastForward(10_000);
  await says(retry, /Try again in [78] s/);
  await page.clock.fastForward(8_000);
  await says(retry, /^Try again$/);
  await page.unroute('**/v1/chat/completions');
  await retry.click();
  await says(question(page), 'again');
});

test('a used-up quota is said, with when it comes back', async (t) => {
  const small = await startServer({ args: ['--demo', '--daily-limit', '1'] });
  t.after(() => small.stop());
  const page = await open(t, { url: (await small.issue()).chat_url });
  await says(page.locator('#quota'), '1 left today');
  assert.equal(await page.locator('#quota.low').count(), 1, 'it speaks up');
  await send(page, 'one');
  await says(page.locator('#quota'), '0 left today');
  await settled(page);
  await send(page, 'two');
  await says(notice(page), /Today’s questions are used up. There will be new ones at \S+/);
  assert.equal(await input(page).inputValue(), 'two');
  assert.equal(await question(page).count(), 1);
});

test('the page works below a path prefix', async (t) => {
  const prefixed = await startServer({ prefix: '/opencat' });
  t.after(() => prefixed.stop());
  const page = await open(t, { url: (await prefixed.issue()).chat_url });
  await ready(page);
  assert.equal(page.url(), `${prefixed.url}/chat`);
  await send(page, 'hello');
  await settled(page);
  assert.notEqual((await lastAnswer(page).locator('.prose').textContent()).trim(), '');
  await page.locator('link[rel=manifest]').waitFor({ state: 'attached' });
  const manifest = await page.locator('link[rel=manifest]').evaluate(({ href }) => href);
  const [icon] = (await (await page.request.get(manifest)).json()).icons;
  assert.equal((await page.request.get(new URL(icon.src, manifest).href)).status(), 200);
  assert.deepEqual(page.trouble, []);
});

test('the page speaks the browser’s language, and its colours follow the system', async (t) => {
  const paper = (page) => page.evaluate(() => getComputedStyle(document.body).backgroundColor);
  const chinese = await open(t, { locale: 'zh-CN', dark: true });
  await says(chinese.locator('#quota'), '今天还剩');
  assert.equal(await chinese.locator('html').getAttribute('lang'), 'zh-CN');
  assert.equal(await input(chinese).getAttribute('placeholder'), '输入消息');
  const english = await open(t, { locale: 'fr-FR' });
  await says(english.locator('#quota'), 'left today');
  assert.equal(await english.locator('html').getAttribute('lang'), 'en');
  assert.notEqual(await paper(chinese), await paper(english));
});

test('nothing sticks out sideways on a phone, in any state, in both languages', async (t) => {
  for (const locale of ['en-US', 'zh-CN']) {
    const page = await open(t, { locale, phone: true });
    await page.setViewportSize({ width: 320, height: 640 });
    await ready(page);
    assert.deepEqual(await stickingOut(page), [], 'empty');
    await send(page, 'https://example.com/' + 'a'.repeat(200));
    await settled(page);
    assert.deepEqual(await stickingOut(page), [], 'answered');
    await answerWith(page, 429, 'RATE_LIMITED', { 'Retry-After': '18' });
    await send(page, 'again');
    await notice(page).waitFor();
    assert.deepEqual(await stickingOut(page), [], 'notice');
    await page.locator('#menu').click();
    await page.locator('#side.open').waitFor();
    assert.deepEqual(await stickingOut(page), [], 'drawer');
    await page.locator('#settings-open').click();
    assert.deepEqual(await stickingOut(page), [], 'settings');
    await page.locator('#sign-out').click();
    assert.deepEqual(await stickingOut(page), [], 'dialog');
    await page.locator('#ask-yes').click();
    await page.locator('#sign-in').waitFor();
    assert.deepEqual(await stickingOut(page), [], 'sign-in');
  }
});
