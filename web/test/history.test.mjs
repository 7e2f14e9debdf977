// SPDX-License-Identifier: MIT
// The history on a real implementation of IndexedDB, with two tabs joined by Node's BroadcastChannel.
import 'fake-indexeddb/auto';
import assert from 'node:assert/strict';
import { after, test } from 'node:test';
import { memoryDatabase, openDatabase } from '../chat/database.js';
import { createHistory } from '../chat/history.js';

const open = [];
after(() => open.forEach((close) => close()));
let names = 0;

/** A tab with a history of its own database, or of `name`; `heard` collects what it is told. */
async function tab({ name = `db${(names += 1)}`, database, now } = {}) {
  const db = database ?? (await openDatabase(name));
  const channel = new BroadcastChannel(name);
  const heard = { list: 0, threads: [], trouble: [], cleared: 0, waiting: [] };
  const tell = () => heard.waiting.splice(0).forEach((resolve) => resolve());
  const history = createHistory({
    database: db,
    channel,
    now,
    later: (...call) => setTimeout(...call).unref(), // the time to undo must not keep the test alive
    on: {
      list: () => (heard.list += 1),
      thread: (id) => (heard.threads.push(id), tell()),
      trouble: (kind) => heard.trouble.push(kind),
      cleared: () => ((heard.cleared += 1), tell()),
    },
  });
  open.push(() => (db.close(), channel.close()));
  await history.load();
  /** Resolves when the tab is told of something; a test that waits for what never comes fails. */
  const news = () =>
    new Promise((resolve, reject) => {
      const impatient = setTimeout(() => reject(new Error('no news')), 5000);
      heard.waiting.push(() => (clearTimeout(impatient), resolve()));
    });
  return { name, db, history, heard, news };
}

let count = 0;
/** Says something in a conversation, after `parent`. */
function say(history, conversation, content, more = {}) {
  const role = more.role ?? 'user';
  const parent = more.parent === undefined ? conversation.head : more.parent;
  const message = {
    id: `m${String((count += 1)).padStart(6, '0')}`,
    conversation: conversation.id,
    parent,
    role,
    content,
    ...more,
  };
  message.parent = parent;
  history.put(message);
  history.change(conversation.id, { head: message.id });
  return message;
}

test('what is said is there when the page is opened again', async () => {
  const first = await tab();
  const talk = first.history.create({ title: 'cats' });
  say(first.history, talk, 'why do cats purr?');
  say(first.history, talk, 'because', { role: 'assistant', model: 'm' });
  await first.history.save();
  const second = await tab({ name: first.name });
  assert.deepEqual(
    second.history.list().map(({ title }) => title),
    ['cats'],
  );
  const { tree } = await second.history.open(talk.id);
  assert.deepEqual(
    tree.path(second.history.get(talk.id).head).map(({ content }) => content),
    ['why do cats purr?', 'because'],
  );
});

test('pinned conversations come first, then the latest', async () => {
  const { history } = await tab();
  for (const [title, updated] of [
    ['old', 1],
    ['new', 3],
    ['middle', 2],
  ])
    history.create({ title, updated });
  const oldest = history.list().find(({ title }) => title === 'old');
  history.change(oldest.id, { pinned: true });
  assert.deepEqual(
    history.list().map(({ title }) => title),
    ['old', 'new', 'middle'],
  );
});

test('a deleted conversation can be brought back, and is gone for good after its time', async () => {
  let time = 1000;
  const one = await tab({ now: () => time });
  const [kept, lost] = ['kept', 'lost'].map((title) => one.history.create({ title }));
  for (const talk of [kept, lost]) say(one.history, talk, 'words');
  one.history.remove(kept.id);
  one.history.remove(lost.id);
  assert.deepEqual(one.history.list(), []);
  one.history.restore(kept.id);
  await one.history.save();
  time += one.history.undoTime + 1;
  const two = await tab({ name: one.name, now: () => time });
  const gone = new Promise((resolve) => setImmediate(resolve));
  assert.deepEqual(
    two.history.list().map(({ title }) => title),
    ['kept'],
  );
  while ((await two.db.messages(lost.id)).length > 0) await gone;
  assert.equal((await two.db.messages(kept.id)).length, 1);
  assert.deepEqual(
    (await two.db.conversations()).map(({ title }) => title),
    ['kept'],
  );
});

test('two tabs are in step: new, growing and deleted messages, names, and forgetting all', async () => {
  const one = await tab();
  const two = await tab({ name: one.name });
  const talk = one.history.create({ title: 'a' });
  const question = say(one.history, talk, 'q');
  while (!two.history.get(talk.id)?.head) await two.news();
  const { tree } = await two.history.open(talk.id);
  const answer = {
    ...question,
    id: 'n1',
    parent: question.id,
    role: 'assistant',
    content: 'ha',
    state: 'writing',
  };
  one.history.put(answer);
  one.history.save();
  while (!tree.get('n1')) await two.news();
  assert.equal(two.history.isWriting(answer), true);
  answer.content = 'half';
  delete answer.state;
  one.history.put(answer);
  one.history.save();
  while (tree.get('n1').content !== 'half') await two.news();
  assert.equal(two.history.isWriting(answer), false);
  one.history.removeMessage(answer);
  one.history.save();
  while (tree.get('n1')) await two.news();
  two.history.change(talk.id, { title: 'b' });
  while (one.history.get(talk.id).title !== 'b') await one.news();
  await one.history.clear();
  while (!two.heard.cleared) await two.news();
  assert.deepEqual([one.history.list(), two.history.list()], [[], []]);
});

test('an answer whose tab has gone is not being written; one whose tab lives is', async () => {
  const one = await tab();
  const talk = one.history.create({ title: 'a' });
  const answer = say(one.history, talk, 'ha', { role: 'assistant', state: 'writing' });
  await one.history.save();
  const two = await tab({ name: one.name });
  const { tree } = await two.history.open(talk.id);
  while (!two.history.isWriting(answer)) await two.news(); // it asks, and the first answers
  assert.equal(tree.get(answer.id).state, 'writing');
  const alone = await tab({ name: one.name + 'x', database: one.db });
  await alone.history.open(talk.id);
  assert.equal(alone.history.isWriting(answer), false);
});

test('a full disk is said, what is deleted still goes, and all is written once there is room', async () => {
  const database = memoryDatabase();
  let full = true;
  const save = database.save;
  database.save = async (change) => {
    if (full && (change.messages?.length || change.conversations?.length)) {
      throw new DOMException('no room', 'QuotaExceededError');
    }
    return save(change);
  };
  const { history, heard } = await tab({ database });
  const talk = history.create({ title: 'kept in memory' });
  say(history, talk, 'first');
  await history.save();
  assert.deepEqual(heard.trouble, ['full']);
  assert.equal((await history.open(talk.id)).tree.size, 1);
  full = false;
  say(history, talk, 'second');
  await history.save();
  assert.deepEqual(heard.trouble.at(-1), null);
  assert.equal((await database.messages(talk.id)).length, 2);
  assert.equal((await database.conversations()).length, 1);
});

test('a search finds words in titles and in all messages, the newest first, in every language', async () => {
  const one = await tab();
  const cats = one.history.create({ title: 'Cats', updated: 1 });
  const first = say(one.history, cats, 'Why do they purr?');
  const last = say(one.history, cats, 'They PURR, and 猫会打呼噜。', { role: 'assistant' });
  one.history.create({ title: 'Purring engines', updated: 2 });
  await one.history.save();
  const { history } = await tab({ name: one.name }); // one that has to read it first
  const found = await history.find('purr');
  assert.deepEqual(
    found.map(({ id, hits }) => [history.get(id).title, hits]),
    [
      ['Purring engines', []],
      ['Cats', [last.id, first.id]],
    ].sort(
      (a, b) =>
        history.list().findIndex(({ title }) => title === a[0]) -
        history.list().findIndex(({ title }) => title === b[0]),
    ),
  );
  assert.deepEqual(await history.find('打呼噜'), [{ id: cats.id, hits: [last.id] }]);
  assert.equal(history.snippet(cats.id, last.id, '打呼噜').hit, '打呼噜');
  assert.deepEqual(await history.find('they dogs'), []);
  history.removeMessage(last);
  assert.equal((await history.find('打呼噜')).length, 0);
});

test('what was found is shown with a little around it, less where letters are wide', async () => {
  const { history } = await tab();
  const talk = history.create({ title: 'x' });
  const snippet = async (content, query) => {
    const message = say(history, talk, content);
    await history.find(query);
    const found = history.snippet(talk.id, message.id, query);
    history.removeMessage(message);
    return `${found.before}[${found.hit}]${found.after}`;
  };
  assert.equal(await snippet('**short** text', 'text'), ' short [text]');
  assert.equal(await snippet(`${'a'.repeat(40)} needle`, 'NEEDLE'), `…${'a'.repeat(13)} [needle]`);
  assert.equal(
    await snippet(`${'字'.repeat(40)}针${'字'.repeat(80)}`, '针'),
    `…${'字'.repeat(6)}[针]${'字'.repeat(60)}…`,
  );
});

test('a search reads texts that were put together before, but never what has changed since', async () => {
  const one = await tab();
  const cats = one.history.create({ title: 'Cats' });
  const dogs = one.history.create({ title: 'Dogs' });
  const gone = say(one.history, cats, 'They purr.');
  say(one.history, dogs, 'They bark.');
  await one.history.save();
  const found = async (query) => {
    const { history } = await tab({ name: one.name });
    return (await history.find(query)).length;
  };
  assert.deepEqual(await one.db.texts(), []);
  assert.equal(await found('purr'), 1);
  const together = (await one.db.texts()).map(({ texts }) => texts.join());
  assert.deepEqual(together.sort(), ['They bark.', 'They purr.']);
  one.history.removeMessage(gone);
  say(one.history, cats, 'They miaow.');
  await one.history.save();
  assert.deepEqual(
    (await one.db.texts()).map(({ conversation }) => conversation),
    [dogs.id],
  );
  assert.deepEqual([await found('purr'), await found('miaow'), await found('bark')], [0, 1, 1]);
  one.history.discard(dogs.id);
  await one.history.clear();
  assert.deepEqual(await one.db.texts(), []);
});

test('a database of the page’s first version is read, and can be searched', async () => {
  const name = `db${(names += 1)}`;
  await new Promise((resolve, reject) => {
    const opening = indexedDB.open(name, 1);
    opening.onerror = reject;
    opening.onupgradeneeded = () => {
      opening.result.createObjectStore('conversations', { keyPath: 'id' }).put({ id: 'c', title: 'Cats' });
      const messages = opening.result.createObjectStore('messages', { keyPath: ['conversation', 'id'] });
      messages.put({ conversation: 'c', id: 'm', parent: null, role: 'user', content: 'They purr.' });
      opening.result.createObjectStore('files', { keyPath: ['conversation', 'id'] });
    };
    opening.onsuccess = () => (opening.result.close(), resolve());
  });
  const { history } = await tab({ name });
  assert.deepEqual(await history.find('purr'), [{ id: 'c', hits: ['m'] }]);
});
