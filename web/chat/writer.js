// SPDX-License-Identifier: MIT
// Brings what changes to the database and to the other tabs: gathered, in order, and again after a failure.

/**
 * `database` as in database.js; post(change) tells the other tabs; trouble(kind) hears 'full' or 'storage'
 * once when the database fails, and null when it serves again.
 */
export function createWriter({ database, post, trouble }) {
  let waiting = newChange();
  let timer = 0;
  let running = Promise.resolve();
  let failed = false;

  const note = (store, record) =>
    waiting[store].set(store === 'conversations' ? record.id : `${record.conversation}/${record.id}`, record);

  function flush() {
    clearTimeout(timer);
    timer = 0;
    if (isEmpty(waiting)) return running;
    const change = waiting;
    waiting = newChange();
    const plain = asLists(change);
    post(plain);
    running = running.then(() => save(change, plain));
    return running;
  }

  async function save(change, plain) {
    try {
      await database.save(plain);
      if (failed) trouble(null);
      failed = false;
    } catch (error) {
      const first = !failed;
      failed = true;
      // What frees room must not fail with what needs it.
      const frees = { gone: plain.gone, goneMessages: plain.goneMessages };
      if (plain.gone.length + plain.goneMessages.length > 0) await database.save(frees).catch(() => {});
      keepFor(change);
      if (first) trouble(error?.name === 'QuotaExceededError' ? 'full' : 'storage');
    }
  }

  /** What could not be written goes with the next change, unless that has something newer. */
  function keepFor(change) {
    for (const store of ['conversations', 'messages', 'files']) {
      for (const [key, record] of change[store]) {
        if (!waiting[store].has(key) && !waiting.gone.has(record.conversation ?? record.id)) {
          waiting[store].set(key, record);
        }
      }
    }
  }

  return {
    put: note,
    removeMessage({ conversation, id }) {
      waiting.messages.delete(`${conversation}/${id}`);
      waiting.goneMessages.set(`${conversation}/${id}`, [conversation, id]);
    },
    removeConversation(id) {
      waiting.conversations.delete(id);
      for (const store of ['messages', 'files']) {
        for (const [key, record] of waiting[store])
          if (record.conversation === id) waiting[store].delete(key);
      }
      waiting.gone.add(id);
    },
    flush,
    /** Writes at the latest in so many milliseconds: an answer's pieces need not each be written. */
    soon(milliseconds) {
      timer ||= setTimeout(flush, milliseconds);
    },
    /** Forgets what waits. */
    drop() {
      clearTimeout(timer);
      timer = 0;
      waiting = newChange();
      return running;
    },
  };
}

const newChange = () => ({
  conversations: new Map(),
  messages: new Map(),
  files: new Map(),
  gone: new Set(),
  goneMessages: new Map(),
});

const isEmpty = (change) => Object.values(change).every(({ size }) => size === 0);

const asLists = (change) => ({
  conversations: [...change.conversations.values()],
  messages: [...change.messages.values()],
  files: [...change.files.values()],
  gone: [...change.gone],
  goneMessages: [...change.goneMessages.values()],
});
