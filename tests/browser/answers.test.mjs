// SPDX-License-Identifier: MIT
// How the chat page shows an answer: Chromium, a real opencat, and a model whose every piece is sent by
// hand, so that what the page shows in between can be looked at.
// Run: OPENCAT=…/opencat node --test answers.test.mjs
import assert from 'node:assert/strict';
import { after, before, test } from 'node:test';
import { openPage, startBrowser } from './browser.mjs';
import { startServer } from '../support/server.mjs';
import {
  input,
  lastAnswer,
  newChat,
  notice,
  openTalk,
  question,
  ready,
  says,
  send,
  settled,
} from './steps.mjs';
import { startUpstream } from '../fakes/upstream.mjs';

let browser;
let server;
let upstream;
before(async () => {
  upstream = await startUpstream();
  server = await startServer({ args: ['--upstream-url', upstream.url, '--upstream-model', 'fake-model'] });
  browser = await startBrowser();
});
after(async () => {
  await browser?.close();
  await server?.stop();
  await upstream?.stop();
});

async function open(t, options) {
  const page = await openPage(browser, (await server.issue()).chat_url, options);
  t.after(() => page.context().close());
  await ready(page);
  return page;
}

/** Sends `text` and answers it with `pieces`; resolves when the page has settled. */
async function exchange(page, text, ...pieces) {
  await send(page, text);
  const model = await upstream.next();
  for (const piece of pieces) model.say(piece);
  model.done();
  await settled(page);
  return model;
}

test('an answer is shown piece by piece, as it arrives', async (t) => {
  const page = await open(t);
  await send(page, 'count');
  const model = await upstream.next();
  await page.locator('.waiting').waitFor();
  for (const shown of ['one', 'one, two', 'one, two, 三 😀']) {
    const before = await lastAnswer(page).locator('.prose').textContent();
    model.say(shown.slice(before.length));
    await page.waitForFunction((text) => document.querySelector('.prose').textContent === text, shown);
    assert.equal(await page.locator('#send.busy').count(), 1);
  }
  model.done();
  await settled(page);
  assert.equal(await lastAnswer(page).locator('.state').count(), 0);
  await says(page.locator('#announcer'), 'one, two, 三 😀');
  await exchange(page, 'and then?', 'four');
  assert.deepEqual(page.trouble, []);
});

test('the model is told the whole conversation', async (t) => {
  const page = await open(t);
  await exchange(page, 'first', 'one');
  const { body } = await exchange(page, 'second', 'two');
  assert.equal(body.stream, true);
  assert.deepEqual(body.messages, [
    { role: 'user', content: 'first' },
    { role: 'assistant', content: 'one' },
    { role: 'user', content: 'second' },
  ]);
});

test('stop keeps what is there, says so, and reaches the model', async (t) => {
  const page = await open(t);
  await send(page, 'tell me everything');
  const model = await upstream.next();
  model.say('In the beginning');
  await says(lastAnswer(page), 'In the beginning');
  await page.getByRole('button', { name: 'Stop answering' }).click();
  await model.closed;
  await says(lastAnswer(page).locator('.state'), 'You stopped');
  assert.equal(await lastAnswer(page).locator('.prose').textContent(), 'In the beginning');
  assert.equal(await notice(page).isVisible(), false);
});

test('Escape before the first word takes the question back into the field', async (t) => {
  const page = await open(t);
  await send(page, 'not yet');
  const model = await upstream.next();
  await input(page).pressSequentially('more');
  await page.keyboard.press('Escape');
  await model.closed;
  await settled(page);
  assert.equal(await input(page).inputValue(), 'not yet\n\nmore');
  assert.equal(await question(page).count(), 0);
});

test('a broken stream is said to be broken, and can be asked again', async (t) => {
  const page = await open(t);
  await send(page, 'go on');
  const model = await upstream.next();
  model.say('half of');
  await says(lastAnswer(page), 'half of');
  model.breakOff();
  await says(lastAnswer(page).locator('.state'), 'not whole');
  assert.equal(await lastAnswer(page).locator('.prose').textContent(), 'half of');
  await lastAnswer(page).getByRole('button', { name: 'Try again' }).click();
  const again = await upstream.next();
  assert.deepEqual(again.body.messages, [{ role: 'user', content: 'go on' }]);
  again.say('all of it');
  again.done();
  await settled(page);
  assert.equal(await page.locator('.answer').count(), 1);
  assert.equal(await lastAnswer(page).locator('.prose').textContent(), 'all of it');
});

test('an upstream that refuses is quoted, and the text comes back', async (t) => {
  const page = await open(t);
  await send(page, 'too spicy');
  (await upstream.next()).fail(400, { message: 'content <b>policy</b>', code: 'content_filter' });
  await says(notice(page), 'did not accept');
  assert.equal(await page.locator('#notice-detail').textContent(), 'content <b>policy</b>');
  assert.equal(await input(page).inputValue(), 'too spicy');
});

test('Enter sends, Shift+Enter breaks the line, and an input method’s Enter does neither', async (t) => {
  const page = await open(t, { locale: 'zh-CN' });
  await input(page).focus();
  const ime = await page.context().newCDPSession(page);
  await ime.send('Input.imeSetComposition', { text: 'ni', selectionStart: 2, selectionEnd: 2 });
  // The key alone, as an input method lets it through: no character follows.
  const enter = { key: 'Enter', code: 'Enter', windowsVirtualKeyCode: 13 };
  await ime.send('Input.dispatchKeyEvent', { type: 'rawKeyDown', ...enter });
  await ime.send('Input.dispatchKeyEvent', { type: 'keyUp', ...enter });
  assert.equal(await question(page).count(), 0);
  await ime.send('Input.insertText', { text: '你好' });
  // Safari's order: composing has ended, and only the key code tells.
  await input(page).dispatchEvent('keydown', { key: 'Enter', keyCode: 229, bubbles: true, cancelable: true });
  assert.equal(await question(page).count(), 0);
  await page.keyboard.press('Shift+Enter');
  await page.keyboard.type('world');
  assert.equal(await input(page).inputValue(), '你好\nworld');
  await page.keyboard.press('Enter');
  const model = await upstream.next();
  assert.equal(model.body.messages[0].content, '你好\nworld');
  model.done();
});

test('reasoning is folded away above the answer', async (t) => {
  const page = await open(t);
  await send(page, 'why?');
  const model = await upstream.next();
  model.think('Let me see.');
  await says(page.locator('.reasoning summary'), 'Thinking…');
  model.say('Because.');
  model.done();
  await says(page.locator('.reasoning summary'), 'How it got there');
  await settled(page);
  assert.equal(await page.getByText('Let me see.').isVisible(), false);
  await page.locator('.reasoning summary').click();
  assert.equal(await page.getByText('Let me see.').isVisible(), true);
  assert.equal(await lastAnswer(page).locator('.prose').textContent(), 'Because.');
});

test('the conversation and a half-streamed answer outlive a reload', async (t) => {
  const page = await open(t);
  await exchange(page, 'first', 'one');
  await send(page, 'second');
  (await upstream.next()).say('half an answer');
  await says(lastAnswer(page), 'half an answer');
  await page.reload();
  await ready(page);
  assert.deepEqual(await page.locator('.prose').allTextContents(), ['one', 'half an answer']);
});

test('a new chat starts empty, and the last one stays in the list', async (t) => {
  const page = await open(t);
  await exchange(page, 'keep me', 'kept');
  await newChat(page);
  assert.equal(await question(page).count(), 0);
  await openTalk(page, 'keep me');
  await says(page.locator('.prose'), 'kept');
});

test('the reader who scrolled up is left there, and a button leads to the end', async (t) => {
  const page = await open(t);
  const top = () => page.evaluate(() => document.getElementById('scroller').scrollTop);
  await send(page, 'long');
  const model = await upstream.next();
  model.say('line\n\n'.repeat(60));
  await page.waitForFunction(() => document.getElementById('scroller').scrollTop > 300);
  await page.locator('#scroller').hover();
  await page.mouse.wheel(0, -10_000);
  await page.locator('#to-end').waitFor();
  await page.waitForFunction(() => document.getElementById('scroller').scrollTop === 0);
  model.say('the end');
  await says(lastAnswer(page), 'the end');
  assert.equal(await top(), 0);
  await page.getByRole('button', { name: 'To the latest' }).click();
  await page.locator('#to-end').waitFor({ state: 'hidden' });
  assert.ok((await top()) > 300);
  model.done();
});

test('Markdown becomes nodes', async (t) => {
  const page = await open(t);
  await exchange(
    page,
    'show',
    '# Title\n\n**注意：**请看 `a < b &amp;`\n\n- [x] done\n- *open*\n\n3. three\n\n',
    '```js\nif (a < b) "&amp;";\n```\n\n| a | b |\n|---|--:|\n| 1 | 2 &lt; 3 |\n\n[site](https://example.com/?a=1&b=2)',
  );
  const html = await lastAnswer(page).locator('.prose').innerHTML();
  for (const part of [
    '<h3 class="depth-1">Title</h3>',
    '<strong>注意：</strong>请看 <code>a &lt; b &amp;amp;</code>',
    '<li class="task"><span class="box" role="img" aria-label="✓">☑</span>',
    '<em>open</em>',
    '<ol start="3">',
    '<span class="language">js</span>',
    '<td class="align-right">2 &lt; 3</td>',
    '<a href="https://example.com/?a=1&amp;b=2" target="_blank" rel="noopener noreferrer"',
  ]) {
    assert.ok(html.includes(part), `${part} is not in ${html}`);
  }
});

test('nothing an answer or a question holds runs or is fetched', async (t) => {
  const attacks = [
    '<script>window.ran = 1</script>',
    '<img src=x onerror="window.ran = 1">',
    '<svg onload="window.ran = 1">',
    '[a](javascript:window.ran=1)',
    '[b](JaVaScRiPt:window.ran=1)',
    '[c](&#106;avascript:window.ran=1)',
    '[d](data:text/html,<script>window.ran=1</script>)',
    '<javascript:window.ran=1>',
    '![e](https://evil.invalid/pixel.png)',
    '![f](//evil.invalid/pixel.png)',
    '![g](javascript:window.ran=1)',
    '![h" onerror="window.ran=1](data:image/png;base64,AAAA)',
    '```"><img src=x onerror=window.ran=1>\ncode\n```',
    '<iframe srcdoc="<script>parent.ran=1</script>"></iframe>',
    '<a href="javascript:window.ran=1">i</a>',
    '>'.repeat(5000) + ' deep',
  ];
  const page = await open(t);
  const fetched = [];
  page.on('request', (request) => fetched.push(request.url()));
  for (const attack of attacks) {
    const cut = Math.floor(attack.length / 2);
    await exchange(page, attack, attack.slice(0, cut), attack.slice(cut));
  }
  for (const link of await page.locator('.thread a').all()) await link.click({ trial: true });
  const found = await page.evaluate(() => ({
    ran: window.ran ?? null,
    elements: document.querySelectorAll('.thread :is(script, iframe, svg:not(.icon > svg), object, embed)')
      .length,
    handlers: [...document.querySelectorAll('.thread *')].filter((node) =>
      [...node.attributes].some(({ name }) => name.startsWith('on')),
    ).length,
    links: [...document.querySelectorAll('.thread a')].map(({ protocol }) => protocol),
    images: [...document.querySelectorAll('.thread img')].map(({ src }) => src),
  }));
  assert.deepEqual(found, {
    ran: null,
    elements: 0,
    handlers: 0,
    links: ['https:'],
    images: ['data:image/png;base64,AAAA'],
  });
  const elsewhere = fetched.filter((url) => !url.startsWith(`${server.url}/`) && !url.startsWith('data:'));
  assert.deepEqual(elsewhere, []);
  assert.deepEqual(page.trouble, []);
});

test('an image of this server, of the page itself or in the answer is shown', async (t) => {
  const page = await open(t);
  const icon = await page.evaluate(async () => {
    const links = [...document.querySelectorAll('link[rel=stylesheet]')];
    const own = links[0].href.replace(/[^/]*$/, '');
    const manifest = await (
      await fetch(own + document.documentElement.dataset.manifest.replace(/.*\//, ''))
    ).json();
    return new URL(manifest.icons[0].src, own).href;
  });
  const blob = await page.evaluate(async (url) => URL.createObjectURL(await (await fetch(url)).blob()), icon);
  assert.match(blob, /^blob:http/);
  const red =
    "data:image/svg+xml,%3Csvg xmlns='http://www.w3.org/2000/svg' width='9' height='9'/%3E".replaceAll(
      ' ',
      '%20',
    );
  const path = new URL(icon).pathname;
  for (const [what, source] of Object.entries({ whole: icon, path, blob, data: red })) {
    await exchange(page, what, `before ![picture ${what}](${source} "its title") after`);
    const image = lastAnswer(page).getByRole('img', { name: `picture ${what}` });
    await image.scrollIntoViewIfNeeded();
    await page.waitForFunction((node) => node.complete, await image.elementHandle());
    const { natural, width } = await image.evaluate((node) => ({
      natural: node.naturalWidth,
      width: node.width,
    }));
    assert.ok(natural > 0 && width > 0, `${what}: ${source} is ${natural}, shown ${width} wide`);
    assert.equal(await image.getAttribute('title'), 'its title');
  }
  assert.deepEqual(page.trouble, []);
});
