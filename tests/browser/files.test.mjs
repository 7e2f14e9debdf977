// SPDX-License-Identifier: MIT
// Files that go with a message, the choice of a model, and what a conversation is asked with.
// Run: OPENCAT=…/opencat node --test files.test.mjs
import assert from 'node:assert/strict';
import { after, before, test } from 'node:test';
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
import { startTalk } from './talk.mjs';

let talk;
before(async () => {
  talk = await startTalk({ models: ['fake-model', 'other-model'] });
});
after(() => talk?.stop());

const pixel = Buffer.from(
  'iVBORw0KGgoAAAANSUhEUgAAAAEAAAABCAYAAAAfFcSJAAAADUlEQVR42mNk+M9QDwADhgGAWjR9awAAAABJRU5ErkJggg==',
  'base64',
);
const png = { name: 'cat.png', mimeType: 'image/png', buffer: pixel };
const note = { name: 'notes.md', mimeType: '', buffer: Buffer.from('# 猫\n') };
const url = `data:image/png;base64,${pixel.toString('base64')}`;
const waiting = (page) => page.locator('#tray li');

/** Lets `files` arrive on the page by a paste or a drop, as the browser would. */
function arrive(page, kind, files) {
  const given = files.map(({ name, mimeType, buffer }) => ({
    name,
    mimeType,
    base64: buffer.toString('base64'),
  }));
  return page.evaluate(
    ([kind, given]) => {
      const transfer = new DataTransfer();
      for (const { name, mimeType, base64 } of given) {
        const bytes = Uint8Array.from(atob(base64), (letter) => letter.charCodeAt(0));
        transfer.items.add(new File([bytes], name, { type: mimeType }));
      }
      const options = { bubbles: true, cancelable: true };
      if (kind === 'paste') {
        const event = new ClipboardEvent('paste', { ...options, clipboardData: transfer });
        return document.getElementById('input').dispatchEvent(event);
      }
      for (const type of ['dragenter', 'dragover', 'drop']) {
        document
          .getElementById('scroller')
          .dispatchEvent(new DragEvent(type, { ...options, dataTransfer: transfer }));
      }
    },
    [kind, given],
  );
}

test('pictures and texts go to the model as content parts, and are there after a reload', async (t) => {
  const page = await talk.open(t);
  const choosing = page.waitForEvent('filechooser');
  await page.getByRole('button', { name: 'Attach pictures or text files' }).click();
  await (await choosing).setFiles([png, note]);
  await waiting(page).nth(1).waitFor();
  const { body } = await talk.exchange(page, 'what is this?', 'a cat');
  const parts = [
    { type: 'image_url', image_url: { url } },
    { type: 'text', text: 'notes.md:\n\n```\n# 猫\n```' },
    { type: 'text', text: 'what is this?' },
  ];
  assert.deepEqual(body.messages, [{ role: 'user', content: parts }]);
  assert.equal(await waiting(page).count(), 0);
  await page.reload();
  await ready(page);
  assert.equal(await question(page).locator('img').getAttribute('src'), url);
  await says(question(page).locator('.file'), 'notes.md');
  const { body: later } = await talk.exchange(page, 'and now?', 'still');
  assert.deepEqual(later.messages[0], { role: 'user', content: parts });
});

test('files are pasted and dropped, and taken out again', async (t) => {
  const page = await talk.open(t);
  await arrive(page, 'paste', [png]);
  await waiting(page).nth(0).waitFor();
  await arrive(page, 'drop', [note]);
  await waiting(page).nth(1).waitFor();
  assert.equal(await page.locator('.dropping').count(), 0);
  await page.getByRole('button', { name: 'Remove cat.png' }).click();
  assert.equal(await waiting(page).count(), 1);
  assert.equal(await page.evaluate(() => document.activeElement.id), 'input');
  await page.locator('#send').click(); // a file alone is a message
  const { body } = await talk.answer(page, 'read');
  assert.equal(body.messages[0].content[0].text, 'notes.md:\n\n```\n# 猫\n```');
});

test('files that wait beside the field outlive a reload, and are gone once they were sent', async (t) => {
  const page = await talk.open(t);
  await page.locator('#chooser').setInputFiles([png, note]);
  await waiting(page).nth(1).waitFor();
  await input(page).fill('half a thought');
  await page.waitForFunction(kept, 2);
  await page.reload();
  await ready(page);
  await says(waiting(page).nth(1), 'notes.md');
  assert.equal(await input(page).inputValue(), 'half a thought');
  const { body } = await talk.exchange(page, 'look', 'seen');
  assert.deepEqual(
    body.messages[0].content.map(({ type }) => type),
    ['image_url', 'text', 'text'],
  );
  await page.waitForFunction(kept, 0);
  await page.reload();
  await ready(page);
  assert.equal(await waiting(page).count(), 0);
});

/** On the page: whether so many files wait in the database. */
async function kept(count) {
  const result = (request) =>
    new Promise((resolve, reject) => {
      request.onsuccess = () => resolve(request.result);
      request.onerror = () => reject(request.error);
    });
  const [{ name }] = await indexedDB.databases();
  const db = await result(indexedDB.open(name));
  const keys = await result(db.transaction('files').objectStore('files').getAllKeys());
  db.close();
  return keys.filter(([place]) => place.startsWith('waiting:')).length === count;
}

test('a large picture is made smaller before it is sent', async (t) => {
  const page = await talk.open(t);
  const large = await page.evaluate(async () => {
    const canvas = document.createElement('canvas');
    [canvas.width, canvas.height] = [4000, 1000];
    canvas.getContext('2d').fillRect(0, 0, 4000, 500);
    return canvas.toDataURL('image/png').split(',')[1];
  });
  await page.locator('#chooser').setInputFiles({ ...png, buffer: Buffer.from(large, 'base64') });
  await waiting(page).waitFor();
  const { body } = await talk.exchange(page, 'look', 'seen');
  const sent = body.messages[0].content[0].image_url.url;
  assert.match(sent, /^data:image\/jpeg;base64,/);
  const size = await page.evaluate(async (src) => {
    const image = new Image();
    image.src = src;
    await image.decode();
    return [image.naturalWidth, image.naturalHeight];
  }, sent);
  assert.deepEqual(size, [1568, 392]);
});

test('what cannot be sent is said, file by file', async (t) => {
  const page = await talk.open(t);
  const refused = async (file, words) => {
    await page.locator('#chooser').setInputFiles(file);
    await says(notice(page), words);
  };
  await refused(
    { name: 'a.zip', mimeType: 'application/zip', buffer: Buffer.from([80, 75, 0, 1]) },
    'a.zip is neither',
  );
  await refused(
    { name: 'b.txt', mimeType: 'text/plain', buffer: Buffer.alloc(300_000, 97) },
    'b.txt is larger',
  );
  await refused({ ...png, name: 'c.png', buffer: Buffer.from('no picture') }, 'c.png cannot be read');
  await refused(
    { name: 'd.svg', mimeType: 'image/svg+xml', buffer: Buffer.from('<svg/>') },
    'd.svg is neither',
  );
  await refused(
    Array.from({ length: 9 }, (_, at) => ({ ...note, name: `${at}.md` })),
    '8 files are the most',
  );
  assert.equal(await waiting(page).count(), 8);
});

test('a message that gets no answer comes back with its files', async (t) => {
  const page = await talk.open(t);
  await page.locator('#chooser').setInputFiles(png);
  await waiting(page).waitFor();
  await send(page, 'look');
  (await talk.upstream.next()).fail(400, { message: 'no', code: 'x' });
  await says(notice(page), 'did not accept');
  assert.equal(await waiting(page).count(), 1);
  assert.equal(await input(page).inputValue(), 'look');
});

test('the model is chosen from the server’s list, for this conversation and as the next one’s', async (t) => {
  const page = await talk.open(t);
  const choice = page.getByRole('combobox', { name: 'Model' });
  await choice.waitFor();
  assert.deepEqual(await choice.locator('option').allTextContents(), [
    'Automatic',
    'fake-model',
    'other-model',
  ]);
  assert.equal((await talk.exchange(page, 'one', '1')).body.model, 'fake-model', 'the operator’s choice');
  await choice.selectOption('other-model');
  assert.equal((await talk.exchange(page, 'two', '2')).body.model, 'other-model');
  await newChat(page);
  assert.equal(await choice.inputValue(), 'other-model');
  await choice.selectOption('fake-model');
  await openTalk(page, 'one');
  await says(lastAnswer(page), '2');
  assert.equal(await choice.inputValue(), 'other-model', 'each conversation has its own');
  await page.reload();
  await ready(page);
  assert.equal(await choice.inputValue(), 'other-model');
});

test('instructions and temperature are the conversation’s own', async (t) => {
  const page = await talk.open(t);
  const first = await talk.exchange(page, 'one', '1');
  assert.equal('temperature' in first.body, false);
  await newChat(page);
  await page.getByRole('button', { name: 'Conversation settings' }).click();
  await page.getByLabel('Instructions for the model').fill('be brief');
  await page.getByLabel('Set the temperature').check();
  await page.getByRole('slider', { name: 'Temperature' }).fill('0.3');
  await page.getByRole('button', { name: 'Save', exact: true }).click();
  const { body } = await talk.exchange(page, 'two', '2');
  assert.deepEqual(body.messages[0], { role: 'system', content: 'be brief' });
  assert.equal(body.temperature, 0.3);
  await openTalk(page, 'one');
  await says(lastAnswer(page), '1');
  const again = await talk.exchange(page, 'three', '3');
  assert.equal(again.body.messages[0].role, 'user');
  await settled(page);
});
