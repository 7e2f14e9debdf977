// SPDX-License-Identifier: MIT
// The page around the conversation: languages, colours, keyboard, offline, plain http, Trusted Types, and what
// axe says of each state.
// Run: OPENCAT=…/opencat node --test page.test.mjs
import assert from 'node:assert/strict';
import { readFileSync } from 'node:fs';
import { createRequire } from 'node:module';
import { after, before, test } from 'node:test';
import { chromium } from 'playwright-core';
import { flags, openPage } from './browser.mjs';
import {
  barColor,
  input,
  lastAnswer,
  notice,
  openSettings,
  question,
  ready,
  says,
  send,
  settled,
} from './steps.mjs';
import { startTalk } from './talk.mjs';

let talk;
before(async () => {
  talk = await startTalk({ models: ['fake-model', 'other-model'] });
});
after(() => talk?.stop());

const axeSource = readFileSync(createRequire(import.meta.url).resolve('axe-core/axe.min.js'), 'utf8');
const rules = ['wcag2a', 'wcag2aa', 'wcag21a', 'wcag21aa', 'wcag22aa', 'best-practice'];

/** What axe finds on the page as it is, in one line each. */
async function axe(page) {
  await page.evaluate(async () => {
    const moving = document
      .getAnimations()
      .filter(({ effect }) => effect.getComputedTiming().iterations === 1);
    await Promise.allSettled(moving.map(({ finished }) => finished)); // one that is cancelled is over, too
  });
  await page.evaluate(axeSource); // by the debugger, which no policy of the page's keeps out
  return page.evaluate(async (values) => {
    const { violations } = await window.axe.run(document, { runOnly: { type: 'tag', values } });
    return violations.flatMap(({ id, nodes }) =>
      nodes.map(({ html, failureSummary }) => `${id}: ${html.slice(0, 120)}: ${failureSummary}`),
    );
  }, rules);
}

const rich = [
  '# Title\n\nSome **bold** text with `code`, a [link](https://example.com) and $x^2$.\n\n',
  '```js\n// comment\nconst a = "text" + 1;\nfunction f(x) { return /re/.test(x) && true; }\n```\n\n',
  '| a | b |\n|---|---|\n| 1 | 2 |\n\n- [x] done\n- open\n\n$$\n\\frac{1}{2}\n$$\n\n> quote',
];

for (const [dark, phone, locale] of [
  [false, false, 'en-US'],
  [true, false, 'zh-CN'],
  [false, true, 'zh-CN'],
  [true, true, 'en-US'],
]) {
  const name = [dark ? 'dark' : 'light', phone ? 'phone' : 'desktop', locale].join(', ');
  test(`axe finds nothing in any state (${name})`, async (t) => {
    const page = await talk.open(t, { dark, phone, locale });
    const clean = async (state) => assert.deepEqual(await axe(page), [], state);
    await clean('empty');
    await send(page, 'show me');
    const model = await talk.upstream.next();
    await page.locator('.waiting').waitFor();
    await clean('waiting');
    model.think('Let me see.');
    await page.locator('.reasoning').waitFor();
    await clean('thinking');
    for (const piece of rich) model.say(piece);
    model.done();
    await settled(page);
    await page.locator('.hl-keyword').first().waitFor();
    await page.locator('math').first().waitFor();
    await page.locator('.reasoning summary').click();
    await clean('answered');
    await lastAnswer(page).locator('.again').click();
    await talk.answer(page, 'other');
    await clean('branches');
    await page.locator('.question .edit').click();
    await clean('editing');
    await page.keyboard.press('Escape');
    await send(page, 'no');
    (await talk.upstream.next()).fail(429, { message: 'slow down', code: 'rate_limit_exceeded' });
    await notice(page).waitFor();
    await clean('notice');
    await page.locator('#tune').click();
    await clean('conversation settings');
    await page.keyboard.press('Escape');
    await page.keyboard.press('Control+k');
    await page.keyboard.type('show');
    await page.locator('#list li').first().waitFor();
    await clean('search');
    await page.locator('#settings-open').click();
    await clean('settings');
    await page.locator('#sign-out').click();
    await clean('sign-out');
    await page.locator('#ask-yes').click();
    await page.locator('#sign-in').waitFor();
    await clean('sign-in');
  });
}

test('the language is switched on the spot, and stays chosen', async (t) => {
  const page = await talk.open(t);
  await talk.exchange(page, 'hi', '```js\n1\n```');
  await input(page).fill('half a thought');
  await openSettings(page);
  await page.getByLabel('Language').selectOption('zh');
  await says(page.locator('#settings-title'), '设置');
  await page.keyboard.press('Escape');
  assert.equal(await page.locator('html').getAttribute('lang'), 'zh-CN');
  await page.getByRole('button', { name: '复制代码' }).waitFor();
  await page.getByRole('button', { name: '新对话' }).first().waitFor();
  assert.equal(await input(page).inputValue(), 'half a thought');
  await page.reload();
  await ready(page);
  await says(page.locator('#quota'), '今天还剩');
  assert.deepEqual(page.trouble, []);
});

test('the colours are switched on the spot, against the system’s, and stay chosen, the browser’s bars with them', async (t) => {
  const page = await talk.open(t, { dark: true });
  const paper = async () => {
    const colour = await page.evaluate(() => getComputedStyle(document.body).backgroundColor);
    assert.equal(await barColor(page), colour, 'the browser’s own bars');
    return colour;
  };
  const dark = await paper();
  await openSettings(page);
  await page.getByLabel('Colours').selectOption('light');
  const light = await paper();
  assert.notEqual(light, dark);
  await page.reload();
  await ready(page);
  assert.equal(await paper(), light);
  await openSettings(page);
  await page.getByLabel('Colours').selectOption('dark');
  await page.emulateMedia({ colorScheme: 'light' });
  assert.equal(await paper(), dark);
});

test('what is left is quiet until it runs low; the settings tell all of it', async (t) => {
  const page = await talk.open(t);
  assert.match(await page.locator('#quota').textContent(), /^1000 left today$/);
  assert.equal(await page.locator('#quota.low').count(), 0);
  await openSettings(page);
  assert.match(await page.locator('#quota-all').textContent(), /^1000 left today · 3000 left this month$/);
});

test('an answer’s headers tell what is left before it ends', async (t) => {
  const page = await talk.open(t);
  await send(page, 'hi');
  const model = await talk.upstream.next();
  model.say('first');
  await says(lastAnswer(page), 'first');
  await says(page.locator('#quota'), '999 left today');
  model.done();
});

test('on a phone the list is a drawer that takes the focus and gives it back', async (t) => {
  const page = await talk.open(t, { phone: true });
  await talk.exchange(page, 'cats', 'purr');
  await page.locator('#menu').click();
  assert.equal(await page.evaluate(() => document.activeElement.id), 'side-close');
  assert.equal(await page.locator('#page').evaluate(({ inert }) => inert), true);
  await page.keyboard.press('Escape');
  assert.equal(await page.evaluate(() => document.activeElement.id), 'menu');
  await page.locator('#menu').click();
  await page.locator('#list .open').click();
  await page.locator('#side.open').waitFor({ state: 'detached' });
  await says(page.locator('.prose'), 'purr');
  await page.locator('#new-small').click();
  assert.equal(await question(page).count(), 0);
});

test('offline the page opens, and what was said is there to read, with its colours', async (t) => {
  const page = await talk.open(t);
  await talk.exchange(page, 'cats', 'They purr.\n\n```js\nlet a;\n```');
  await page.evaluate(() => navigator.serviceWorker.ready.then(() => {}));
  await page.context().setOffline(true);
  await page.reload();
  await page.locator('html[data-ready]').waitFor();
  await says(page.locator('.prose'), 'They purr.');
  await page.locator('.hl-keyword').waitFor();
  await send(page, 'and lions?');
  await says(notice(page), 'You are offline');
  assert.equal(await input(page).inputValue(), 'and lions?');
  const kept = await page.evaluate(async () => {
    const names = await caches.keys();
    const keys = await Promise.all(names.map(async (name) => (await caches.open(name)).keys()));
    return keys.flat().map(({ url }) => url);
  });
  assert.ok(kept.length >= 6);
  assert.deepEqual(
    kept.filter((url) => /occ_|\/v1\/|\/api\//.test(url)),
    [],
  );
  assert.deepEqual(
    page.trouble.filter((line) => !line.includes('ERR_INTERNET_DISCONNECTED')),
    [],
  );
});

test('the manifest makes the page installable', async (t) => {
  const page = await talk.open(t);
  await page.locator('link[rel=manifest]').waitFor({ state: 'attached' });
  const devtools = await page.context().newCDPSession(page);
  const { errors, data } = await devtools.send('Page.getAppManifest');
  assert.deepEqual(errors, []);
  assert.equal(JSON.parse(data).name, 'OpenCat');
  await page.evaluate(() => navigator.serviceWorker.ready.then(() => {}));
  const { installabilityErrors } = await devtools.send('Page.getInstallabilityErrors');
  // A window without a profile on the disk, as tests have it, installs nothing; nothing else must be in the way.
  assert.deepEqual(
    installabilityErrors.map(({ errorId }) => errorId).filter((id) => id !== 'in-incognito'),
    [],
  );
  assert.deepEqual(page.trouble, []);
});

test('over plain http, where browsers allow less, everything that needs no more works', async (t) => {
  const browser = await chromium.launch({
    executablePath: process.env.CHROMIUM ?? '/usr/bin/chromium',
    args: [...flags, '--host-resolver-rules=MAP opencat.test 127.0.0.1'],
  });
  t.after(() => browser.close());
  const { token } = await talk.server.issue();
  const page = await openPage(browser, `http://opencat.test:${talk.server.port}/chat#token=${token}`);
  await ready(page);
  assert.equal(await page.evaluate(() => isSecureContext), false);
  await talk.exchange(page, 'hi', 'there');
  await page.getByRole('button', { name: 'Copy the answer' }).click();
  await page.getByRole('button', { name: 'Copied' }).waitFor();
  await page.reload();
  await ready(page);
  await says(page.locator('.prose'), 'there');
  // Chromium tells that this header means nothing there.
  assert.deepEqual(
    page.trouble.filter((line) => !line.startsWith('The Cross-Origin-Opener-Policy')),
    [],
  );
});

test('nothing becomes HTML or a script but by the page’s one Trusted Types policy', async (t) => {
  const page = await talk.open(t);
  await talk.exchange(page, 'hi', ...rich);
  await page.locator('.hl-keyword').first().waitFor();
  await page.locator('math').first().waitFor();
  await page.evaluate(() => navigator.serviceWorker.ready.then(() => {}));
  assert.deepEqual(page.trouble, [], 'colours, formulas and the service worker need no exception');
  const refused = await page.evaluate(() => {
    const attempts = {
      html: () => (document.createElement('p').innerHTML = '<b>x</b>'),
      script: () => (document.createElement('script').src = 'x.js'),
      'the same policy again': () => trustedTypes.createPolicy('opencat', { createHTML: (text) => text }),
      'another policy': () => trustedTypes.createPolicy('other', { createHTML: (text) => text }),
    };
    return Object.entries(attempts)
      .filter(([, attempt]) => {
        try {
          attempt();
          return false;
        } catch {
          return true;
        }
      })
      .map(([name]) => name);
  });
  assert.deepEqual(refused, ['html', 'script', 'the same policy again', 'another policy']);
});
