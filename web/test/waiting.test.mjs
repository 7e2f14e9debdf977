// SPDX-License-Identifier: MIT
// The files that wait beside the field, on a real implementation of IndexedDB.
import 'fake-indexeddb/auto';
import assert from 'node:assert/strict';
import { test } from 'node:test';
import { memoryDatabase, openDatabase } from '../chat/database.js';
import { createDraft } from '../chat/draft.js';
import { createWaitingFiles } from '../chat/waiting.js';

const file = (name) => ({ kind: 'text', name, size: 3, data: 'abc' });
const day = 24 * 60 * 60 * 1000;

/** The session of one tab. */
function session() {
  const values = new Map();
  return {
    getItem: (key) => values.get(key) ?? null,
    setItem: (key, value) => values.set(key, value),
    removeItem: (key) => values.delete(key),
  };
}

for (const [kind, make] of [
  ['IndexedDB', () => openDatabase(`waiting${Math.random()}`)],
  ['memory', async () => memoryDatabase()],
]) {
  test(`each tab finds the files that waited in it, in their order (${kind})`, async (t) => {
    const database = await make();
    t.after(() => database.close());
    const [one, other] = [session(), session()];
    const open = (storage, options) =>
      createWaitingFiles({ database, draft: createDraft(storage, 'draft'), ...options });
    const first = open(one);
    assert.deepEqual(await first.found(), []);
    await first.keep([file('a'), file('b')]);
    await open(other).keep([file('c')]);
    assert.deepEqual(await open(one).found(), [file('a'), file('b')]);
    assert.deepEqual(await open(other).found(), [file('c')]);
    await open(one).keep([file('b')]);
    assert.deepEqual(await open(one).found(), [file('b')]);
    await open(one).keep([]);
    assert.deepEqual(await open(one).found(), []);
  });
}

test('what waited in a tab that was closed is gone after a week, and what waits in others stays', async (t) => {
  const database = await openDatabase('waiting-old');
  t.after(() => database.close());
  const keep = (storage, at, files) =>
    createWaitingFiles({ database, draft: createDraft(storage, 'draft'), now: () => at }).keep(files);
  const begin = Date.now();
  await keep(session(), begin, [file('old')]);
  await keep(session(), begin + 2 * day, [file('newer')]);
  const conversation = { conversation: 'talk', id: 'f', ...file('sent') };
  await database.save({ files: [conversation] });
  await keep(session(), begin + 8 * day, [file('new')]);
  const names = [];
  for (const place of await database.filePlaces('')) {
    for (const { name } of await database.files(place)) names.push(name);
  }
  assert.deepEqual(names.sort(), ['new', 'newer', 'sent']);
});

test('where there is no room, nothing breaks', async () => {
  const full = () => Promise.reject(new DOMException('full', 'QuotaExceededError'));
  const database = { ...memoryDatabase(), save: full, files: full, filePlaces: full };
  const files = createWaitingFiles({ database, draft: createDraft(session(), 'draft') });
  await files.keep([file('a')]);
  assert.deepEqual(await files.found(), []);
});
