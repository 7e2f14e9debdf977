// SPDX-License-Identifier: MIT
// What the chat page must not do too early, too often or for nothing.
// Run: OPENCAT=…/opencat node --test costs.test.mjs
import assert from 'node:assert/strict';
import { after, before, test } from 'node:test';
import { openPage } from './browser.mjs';
import { input, lastAnswer, newChat, openTalk, ready, says, send, settled, talkRow } from './steps.mjs';
import { startTalk } from './talk.mjs';

let talk;
before(async () => {
  talk = await startTalk();
});
after(() => talk?.stop());

test('the token leaves the address bar before the styles have come, let alone anything else', async (t) => {
  const { chat_url, token } = await talk.server.issue();
  const page = await openPage(talk.browser, 'about:blank');
  t.after(() => page.context().close());
  await page.addInitScript(() => {
    const ask = window.fetch;
    window.seen = []; // where the page was when it asked for something
    window.fetch = (...call) => {
      window.seen.push(location.href);
      return ask(...call);
    };
  });
  const held = [];
  await page.route('**/assets/*.css', (route) => held.push(route));
  await page.goto(chat_url, { waitUntil: 'commit' });
  await page.waitForURL(`${talk.server.url}/chat`, { waitUntil: 'commit' });
  assert.equal(held.length, 1, 'the styles are still on their way');
  // Not once a frame, as is usual: a page without its styles has no frames.
  await page.waitForFunction(() => window.seen.length > 0, undefined, { polling: 50 });
  const seen = await page.evaluate(() => [location.href, ...window.seen]);
  assert.deepEqual(
    seen.filter((url) => url.includes(token)),
    [],
  );
  for (const route of held) await route.continue();
  await ready(page);
  assert.deepEqual(page.trouble, []);
});

test('colours and formulas are loaded when an answer first has code or a formula', async (t) => {
  const page = await talk.open(t);
  const parts = [];
  // The service worker fetches them, too, to have them offline; that is not the page's own doing.
  page.on('request', (request) => {
    const [, part] = /part-(highlight|math)-/.exec(request.url()) ?? [];
    if (part && !request.serviceWorker()) parts.push(part);
  });
  await talk.exchange(page, 'words', 'Just **words**, and `a little code`.');
  assert.deepEqual(parts, []);
  await talk.exchange(page, 'code', '```js\nlet a = 1;\n```');
  await page.locator('.hl-keyword').waitFor();
  assert.deepEqual(parts, ['highlight']);
  await talk.exchange(page, 'maths', '$x^2$');
  await page.locator('math').waitFor();
  await talk.exchange(page, 'more', '$y^2$ and\n\n```js\nlet b;\n```');
  await page.locator('.hl-keyword').nth(1).waitFor();
  assert.deepEqual(parts, ['highlight', 'math']);
});

test('an answer that comes in many small pieces is drawn once a frame at most', async (t) => {
  const page = await talk.open(t);
  await send(page, 'count');
  const model = await talk.upstream.next();
  model.say('0 ');
  await says(lastAnswer(page), '0');
  await page.evaluate(() => {
    const counts = (window.counts = { frames: 0, drawings: 0, most: 0, now: 0 });
    new MutationObserver(() => {
      counts.drawings += 1;
      counts.now += 1;
      counts.most = Math.max(counts.most, counts.now);
    }).observe(document.querySelector('.answer:last-child .prose'), {
      childList: true,
      characterData: true,
      subtree: true,
    });
    requestAnimationFrame(function frame() {
      counts.frames += 1;
      counts.now = 0;
      requestAnimationFrame(frame);
    });
  });
  for (let n = 1; n <= 600; n += 1) model.say(`${n} `);
  await says(lastAnswer(page), '599 600');
  const counts = await page.evaluate(() => window.counts);
  model.done();
  await settled(page);
  assert.ok(counts.drawings >= 1);
  assert.ok(counts.drawings <= counts.frames + 1, JSON.stringify(counts));
  assert.ok(counts.most <= 1, JSON.stringify(counts));
});

test('of a long conversation, what is off screen is neither laid out nor painted', async (t) => {
  const page = await talk.open(t);
  const messages = Array.from({ length: 400 }, (_, n) => ({
    id: `m${n}`,
    parent: n === 0 ? null : `m${n - 1}`,
    role: n % 2 === 0 ? 'user' : 'assistant',
    content: `message ${n}\n\n${'words '.repeat(60)}`,
  }));
  const conversations = [{ conversation: { title: 'long', head: 'm399' }, messages, files: [] }];
  const text = JSON.stringify({ format: 'opencat-chat', version: 1, conversations });
  await page
    .locator('#import-chooser')
    .setInputFiles({ name: 'x.json', mimeType: 'application/json', buffer: Buffer.from(text) });
  await talkRow(page, 'long').waitFor({ state: 'attached' });
  await openTalk(page, 'long');
  await page.waitForFunction(() => document.querySelectorAll('.thread > article').length === 400);
  const rendered = await page.evaluate(
    () =>
      [...document.querySelectorAll('.thread > article')].filter((article) =>
        article.firstElementChild?.checkVisibility({ contentVisibilityAuto: true }),
      ).length,
  );
  assert.ok(rendered >= 1 && rendered < 40, `${rendered} of 400 are rendered`);
});

test('the browser is asked to keep what is stored once there is something to keep', async (t) => {
  const page = await openPage(talk.browser, 'about:blank');
  t.after(() => page.context().close());
  await page.addInitScript(() => {
    window.asked = 0;
    StorageManager.prototype.persist = async () => {
      window.asked += 1;
      return true;
    };
  });
  await page.goto((await talk.server.issue()).chat_url);
  await ready(page);
  assert.equal(await page.evaluate(() => window.asked), 0);
  await talk.exchange(page, 'hi', 'there');
  assert.ok((await page.evaluate(() => window.asked)) >= 1);
});

test('Escape stops an answer that is being written, and the field keeps the focus and its words', async (t) => {
  const page = await talk.open(t);
  await send(page, 'tell me everything');
  const model = await talk.upstream.next();
  model.say('In the beginning');
  await says(lastAnswer(page), 'In the beginning');
  await input(page).pressSequentially('next');
  await page.keyboard.press('Escape');
  await model.closed;
  await says(lastAnswer(page).locator('.state'), 'You stopped');
  assert.equal(await input(page).inputValue(), 'next');
  assert.equal(await page.evaluate(() => document.activeElement.id), 'input');
  assert.equal(await page.locator('#announcer').getAttribute('aria-live'), 'polite');
  await newChat(page);
});
