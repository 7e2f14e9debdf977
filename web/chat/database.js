// SPDX-License-Identifier: MIT
// Where conversations are kept: IndexedDB, or the page's memory where a browser forbids it.
import { openDB } from 'idb';

const stores = ['conversations', 'messages', 'files'];
const everyStore = [...stores, 'texts'];

/**
 * Messages and files are kept under [conversation, id]: a conversation's are one range of keys. A change is
 * {conversations, messages, files: records to put; gone: ids of conversations; goneMessages: keys}.
 * The store of texts has what the search wants of a conversation as one record, {conversation, ids, texts}: ten thousand
 * messages are read ten times as fast so. Whatever changes a message deletes that record in the same transaction,
 * so that one that is there is true.
 */
export async function openDatabase(name) {
  const db = await openDB(name, 2, {
    upgrade(database, before) {
      database.createObjectStore('texts', { keyPath: 'conversation' });
      if (before === 1) return;
      database.createObjectStore('conversations', { keyPath: 'id' });
      for (const store of ['messages', 'files']) {
        database.createObjectStore(store, { keyPath: ['conversation', 'id'] });
      }
    },
    // Another tab deletes the database or has a newer page: it must not wait for this one.
    blocking: (_current, _blocked, event) => event.target.close(),
  });
  const range = (id) => IDBKeyRange.bound([id], [id, []]);

  return {
    lasting: true,
    conversations: () => db.getAll('conversations'),
    messages: (id) => db.getAll('messages', range(id)),
    files: (id) => db.getAll('files', range(id)),
    /** What files are kept under that begins with `start`, each once. */
    async filePlaces(start) {
      const keys = await db.getAllKeys('files', IDBKeyRange.bound([start], [`${start}\uffff`]));
      return [...new Set(keys.map(([conversation]) => conversation))];
    },
    /** The texts of the conversations that have not changed since gatherTexts(). */
    texts: () => db.getAll('texts'),
    /** The texts of these conversations, put together; texts() has them from then on. */
    async gatherTexts(ids) {
      const work = db.transaction(['messages', 'texts'], 'readwrite');
      const gather = async (id) => {
        const record = textsOf(id, await work.objectStore('messages').getAll(range(id)));
        work
          .objectStore('texts')
          .put(record)
          .catch(() => {});
        return record;
      };
      const records = await Promise.all(ids.map(gather));
      await work.done.catch(() => {}); // a full disk: they are gathered again next time
      return records;
    },
    async save(change) {
      const work = db.transaction(everyStore, 'readwrite');
      const done = work.done.then(() => null);
      try {
        for (const store of stores) {
          for (const record of change[store] ?? [])
            work
              .objectStore(store)
              .put(record)
              .catch(() => {});
        }
        for (const id of change.gone ?? []) {
          work
            .objectStore('conversations')
            .delete(id)
            .catch(() => {});
          for (const store of ['messages', 'files'])
            work
              .objectStore(store)
              .delete(range(id))
              .catch(() => {});
        }
        for (const key of change.goneMessages ?? []) {
          work
            .objectStore('messages')
            .delete(key)
            .catch(() => {});
        }
        for (const id of changedIn(change)) {
          work
            .objectStore('texts')
            .delete(id)
            .catch(() => {});
        }
        work.commit?.(); // a page that is being left must not take it along
      } catch (error) {
        done.catch(() => {});
        throw error;
      }
      await done;
    },
    async clear() {
      const work = db.transaction(everyStore, 'readwrite');
      await Promise.all([...everyStore.map((store) => work.objectStore(store).clear()), work.done]);
    },
    close: () => db.close(),
  };
}

/** The conversations whose messages a change touches. */
const changedIn = ({ messages = [], gone = [], goneMessages = [] }) =>
  new Set([...messages.map(({ conversation }) => conversation), ...gone, ...goneMessages.map(([id]) => id)]);

const textsOf = (conversation, messages) => ({
  conversation,
  ids: messages.map(({ id }) => id),
  texts: messages.map(({ content }) => content),
});

/** The same in memory: what it keeps ends with the page. */
export function memoryDatabase() {
  const kept = { conversations: new Map(), messages: new Map(), files: new Map() };
  const keyOf = (store, record) =>
    store === 'conversations' ? record.id : `${record.conversation}/${record.id}`;
  const of = (store, id) => [...kept[store].values()].filter(({ conversation }) => conversation === id);
  return {
    lasting: false,
    conversations: async () => [...kept.conversations.values()],
    messages: async (id) => of('messages', id),
    files: async (id) => of('files', id),
    filePlaces: async (start) => [
      ...new Set(
        [...kept.files.values()]
          .map(({ conversation }) => conversation)
          .filter((name) => name.startsWith(start)),
      ),
    ],
    texts: async () => [],
    gatherTexts: async (ids) => ids.map((id) => textsOf(id, of('messages', id))),
    async save(change) {
      for (const store of stores) {
        for (const record of change[store] ?? [])
          kept[store].set(keyOf(store, record), structuredClone(record));
      }
      for (const id of change.gone ?? []) {
        kept.conversations.delete(id);
        for (const store of ['messages', 'files'])
          for (const record of of(store, id)) kept[store].delete(keyOf(store, record));
      }
      for (const key of change.goneMessages ?? []) kept.messages.delete(key.join('/'));
    },
    async clear() {
      for (const store of stores) kept[store].clear();
    },
    close() {},
  };
}
