// SPDX-License-Identifier: MIT
// The list of conversations: kept, found, named, pinned, deleted, taken out and in, and in step between tabs.
// Run: OPENCAT=…/opencat node --test history.test.mjs
import assert from 'node:assert/strict';
import { readFile } from 'node:fs/promises';
import { after, before, test } from 'node:test';
import {
  input,
  lastAnswer,
  newChat,
  notice,
  openList,
  openSettings,
  openTalk,
  question,
  ready,
  says,
  send,
  settled,
  stored,
  talkRow,
} from './steps.mjs';
import { onPhone } from './browser.mjs';
import { startTalk } from './talk.mjs';

let talk;
before(async () => {
  talk = await startTalk();
});
after(() => talk?.stop());

const titles = (page) => page.locator('#list .title').allTextContents();

/** Has one conversation for each of `all`. */
async function have(page, ...all) {
  for (const text of all) {
    await newChat(page);
    await talk.exchange(page, text, `about ${text}`);
  }
}

/** Opens the dialog of the conversation in the list. */
async function manage(page, title) {
  await openList(page);
  await talkRow(page, title).hover();
  await talkRow(page, title).locator('.more').click();
  await page.locator('#manage').waitFor();
}

async function saved(page, press) {
  const [download] = await Promise.all([page.waitForEvent('download'), press()]);
  return { name: download.suggestedFilename(), text: await readFile(await download.path(), 'utf8') };
}

test('conversations are listed, the latest first, and opened again after a reload', async (t) => {
  const page = await talk.open(t);
  await have(page, 'cats', 'dogs');
  assert.deepEqual(await titles(page), ['dogs', 'cats']);
  await page.reload();
  await ready(page);
  assert.deepEqual(await question(page).locator('> p').allTextContents(), ['dogs'], 'the tab’s own is open');
  await openTalk(page, 'cats');
  await says(page.locator('.prose'), 'about cats');
  assert.equal(await page.title(), 'cats · OpenCat');
  assert.equal(await talkRow(page, 'cats').locator('[aria-current]').count(), 1);
  assert.deepEqual(page.trouble, []);
});

test('a conversation is renamed and pinned', async (t) => {
  const page = await talk.open(t);
  await have(page, 'cats', 'dogs');
  await manage(page, 'cats');
  await page.getByLabel('Name').fill('All about cats');
  await page.getByLabel('Keep at the top').check();
  await page.keyboard.press('Enter');
  await page.locator('#manage').waitFor({ state: 'hidden' });
  assert.deepEqual(await titles(page), ['All about cats', 'dogs']);
  await page.reload();
  await ready(page);
  assert.deepEqual(await titles(page), ['All about cats', 'dogs']);
});

test('a deleted conversation can be brought back', async (t) => {
  const page = await talk.open(t);
  await have(page, 'cats', 'dogs');
  await manage(page, 'dogs');
  await page.getByRole('button', { name: 'Delete' }).click();
  await says(notice(page), '“dogs” is deleted');
  assert.deepEqual(await titles(page), ['cats']);
  assert.equal(await question(page).count(), 0);
  assert.equal(await page.evaluate(() => document.activeElement.id), 'input');
  await page.getByRole('button', { name: 'Bring it back' }).click();
  await says(page.locator('.prose'), 'about dogs');
  assert.deepEqual(await titles(page), ['dogs', 'cats']);
});

test('a conversation that is deleted while its answer is written leaves nothing behind', async (t) => {
  const page = await talk.open(t);
  await send(page, 'cats');
  const model = await talk.upstream.next();
  model.say('They ');
  await says(lastAnswer(page), 'They');
  await manage(page, 'cats');
  await page.getByRole('button', { name: 'Delete' }).click();
  await model.closed;
  await says(notice(page), '“cats” is deleted');
  await page.getByRole('button', { name: 'Bring it back' }).click();
  await says(lastAnswer(page).locator('.state'), 'You stopped');
  assert.deepEqual(await stored(page), { conversations: 1, messages: 2, files: 0 });
});

test('Ctrl+K searches titles and messages, and opens what was found where it is', async (t) => {
  const page = await talk.open(t);
  await have(page, 'cats', 'dogs');
  await page.keyboard.press('Control+k');
  assert.equal(await page.evaluate(() => document.activeElement.id), 'search');
  await page.keyboard.type('ABOUT cat');
  await says(page.locator('#found'), '1 found');
  assert.deepEqual(await titles(page), ['cats']);
  await says(page.locator('.snippet mark'), 'about');
  await page.keyboard.press('Enter');
  await page.locator('.answer.found').waitFor();
  assert.equal(await page.evaluate(() => document.activeElement.className.split(' ')[0]), 'answer');
  await page.keyboard.press('Control+k');
  await page.keyboard.type('nothing like it');
  await says(page.locator('#list-empty'), 'Nothing has these words');
  await page.keyboard.press('Escape');
  await page.waitForFunction(() => document.querySelectorAll('#list li').length === 2);
  await page.keyboard.press('Escape');
  const back = onPhone ? 'menu' : 'input'; // on a phone the drawer closes
  assert.equal(await page.evaluate(() => document.activeElement.id), back);
});

test('a search shows every message that has the words, the newest first, and opens the one that is pressed', async (t) => {
  const page = await talk.open(t);
  await have(page, 'dogs');
  await newChat(page);
  for (const n of [1, 2, 3, 4, 5]) await talk.exchange(page, `question ${n}`, `cat number ${n}`);
  const hits = () => page.locator('#list .snippet').allTextContents();
  await page.keyboard.press('Control+k');
  await page.keyboard.type('cat number');
  await says(page.locator('#list .rest'), '2 more in this conversation');
  assert.deepEqual(await hits(), ['cat number 5', 'cat number 4', 'cat number 3']);
  await page.locator('#list .rest').press('Enter');
  await page.locator('#list .snippet').nth(4).waitFor();
  assert.equal((await hits()).at(-1), 'cat number 1');
  assert.equal(await page.evaluate(() => document.activeElement.textContent), 'cat number 2');
  await page.keyboard.press('ArrowDown');
  await page.keyboard.press('Enter');
  await says(page.locator('.answer.found'), 'cat number 1');
});

test('one conversation is saved as Markdown; all are saved as JSON and read in again elsewhere', async (t) => {
  const page = await talk.open(t);
  await have(page, 'cats', 'dogs');
  await manage(page, 'cats');
  const markdown = await saved(page, () => page.getByRole('button', { name: 'Save as Markdown' }).click());
  assert.equal(markdown.name, 'cats.md');
  assert.equal(markdown.text, '# cats\n\n## You said\n\ncats\n\n## Answer\n\nabout cats\n');
  const single = await saved(page, () => page.getByRole('button', { name: 'Save as JSON' }).click());
  assert.equal(single.name, 'cats.json');
  const { conversations } = JSON.parse(single.text);
  assert.deepEqual(
    conversations.map(({ messages }) => messages.map(({ content }) => content)),
    [['cats', 'about cats']],
  );
  await page.keyboard.press('Escape');
  await openSettings(page);
  const json = await saved(page, () => page.getByRole('button', { name: 'Export' }).click());
  assert.match(json.name, /^OpenCat \d{4}-\d\d-\d\d\.json$/);

  const other = await talk.open(t);
  await openSettings(other);
  await other
    .locator('#import-chooser')
    .setInputFiles({ name: 'x.json', mimeType: 'application/json', buffer: Buffer.from(json.text) });
  await says(notice(other), '2 conversations were imported');
  assert.deepEqual(await titles(other), ['dogs', 'cats']);
  await openTalk(other, 'cats');
  await says(other.locator('.prose'), 'about cats');
  await openSettings(other);
  await other
    .locator('#import-chooser')
    .setInputFiles({ name: 'y.json', mimeType: 'application/json', buffer: Buffer.from('{"a":1}') });
  await says(notice(other), 'y.json is not a file that this page has exported');
});

test('two tabs are in step, while an answer streams, too', async (t) => {
  const page = await talk.open(t);
  await have(page, 'cats');
  const other = await page.context().newPage();
  await other.goto(`${talk.server.url}/chat`);
  await ready(other);
  await openTalk(other, 'cats');
  await says(other.locator('.prose'), 'about cats');
  await send(page, 'and lions?');
  const model = await talk.upstream.next();
  model.say('They ');
  await says(question(other), 'and lions?');
  await says(lastAnswer(other), 'They ');
  assert.equal(await lastAnswer(other).locator('.state').count(), 0, 'it is being written, not broken');
  model.say('roar.');
  model.done();
  await settled(page);
  await says(lastAnswer(other), 'They roar.');
  await manage(other, 'cats');
  await other.getByLabel('Name').fill('felines');
  await other.keyboard.press('Enter');
  await openList(page);
  await says(page.locator('#list .title'), 'felines');
  await openSettings(other);
  await other.getByRole('button', { name: 'Sign out' }).click();
  await other.locator('#ask-yes').click();
  await page.locator('#sign-in').waitFor();
  assert.equal(await question(page).count(), 0);
});

test('an answer goes on while another conversation is read', async (t) => {
  const page = await talk.open(t);
  await have(page, 'cats');
  await newChat(page);
  await send(page, 'dogs');
  const model = await talk.upstream.next();
  model.say('They ');
  await says(lastAnswer(page), 'They');
  await openTalk(page, 'cats');
  await says(page.locator('.prose'), 'about cats');
  assert.equal(await page.locator('#send.busy').count(), 0);
  model.say('bark.');
  model.done();
  await model.closed;
  await openTalk(page, 'dogs');
  await says(lastAnswer(page), 'They bark.');
  await settled(page);
});

test('the conversation of the page’s first version is taken over', async (t) => {
  const context = await talk.browser.newContext({ locale: 'en-US' });
  t.after(() => context.close());
  await context.addInitScript(() => {
    const messages = [
      { role: 'user', content: 'old question' },
      { role: 'assistant', content: 'old answer', model: 'm' },
    ];
    sessionStorage.setItem('opencat.chat:/', JSON.stringify({ messages, draft: 'half a thought' }));
  });
  const page = await context.newPage();
  await page.goto((await talk.server.issue()).chat_url);
  await ready(page);
  assert.deepEqual(await page.locator('.prose').allTextContents(), ['old answer']);
  assert.deepEqual(await titles(page), ['old question']);
  assert.equal(await input(page).inputValue(), 'half a thought');
  assert.deepEqual(await stored(page), { conversations: 1, messages: 2, files: 0 });
});

test('a full disk is said, and the conversation goes on', async (t) => {
  const page = await talk.open(t);
  const { size } = await page.evaluate(() =>
    navigator.storage.estimate().then(({ usage }) => ({ size: usage })),
  );
  const devtools = await page.context().newCDPSession(page);
  await devtools.send('Storage.overrideQuotaForOrigin', { origin: talk.server.url, quotaSize: size + 1 });
  await talk.exchange(page, 'a lot', 'x'.repeat(100_000));
  await says(notice(page), 'The browser has no more room');
  await talk.exchange(page, 'and more', 'still here');
  assert.equal(await lastAnswer(page).locator('.prose').textContent(), 'still here');
  await devtools.send('Storage.overrideQuotaForOrigin', { origin: talk.server.url });
  await talk.exchange(page, 'now?', 'room again');
  await page.reload();
  await ready(page);
  assert.equal(await page.locator('.prose').count(), 3, 'what waited was written once there was room');
});

test('where the browser forbids a database, the page works for as long as it is open', async (t) => {
  const { chat_url } = await talk.server.issue();
  const context = await talk.browser.newContext();
  t.after(() => context.close());
  await context.addInitScript(() => {
    IDBFactory.prototype.open = () => {
      throw new DOMException('no', 'SecurityError');
    };
  });
  const page = await context.newPage();
  await page.goto(chat_url);
  await ready(page);
  await have(page, 'cats', 'dogs');
  await openTalk(page, 'cats');
  await says(page.locator('.prose'), 'about cats');
});
