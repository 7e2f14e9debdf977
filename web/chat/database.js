// SPDX-License-Identifier: MIT
// Where conversations are kept: IndexedDB, or the page's memory where a browser forbids it.
import { openDB } from 'idb';

const stores = ['conversations', 'messages', 'files'];
const batchSize = 200;

/**
 * Messages and files are kept under [conversation, id]: a conversation's are one range of keys. A change is
 * {conversations, messages, files: records to put; gone: ids of conversations; goneMessages: keys}.
 */
export async function openDatabase(name) {
  const db = await openDB(name, 1, {
    upgrade(database) {
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
    /** Calls take(messages) with all there are, some at a time, and waits for it in between. */
    async everyMessage(take) {
      let from = null;
      for (;;) {
        const above = from ? IDBKeyRange.lowerBound(from, true) : null;
        const batch = await db.getAll('messages', above, batchSize);
        await take(batch);
        if (batch.length < batchSize) return;
        from = [batch.at(-1).conversation, batch.at(-1).id];
      }
    },
    async save(change) {
      const work = db.transaction(stores, 'readwrite');
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
        work.commit?.(); // a page that is being left must not take it along
      } catch (error) {
        done.catch(() => {});
        throw error;
      }
      await done;
    },
    async clear() {
      const work = db.transaction(stores, 'readwrite');
      await Promise.all([...stores.map((store) => work.objectStore(store).clear()), work.done]);
    },
    close: () => db.close(),
  };
}

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
    everyMessage: async (take) => take([...kept.messages.values()]),
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
