// SPDX-License-Identifier: MIT
// All conversations of this browser: what the page asks for and changes is in memory; the writer brings it to
// the database and to the page's other tabs, whose changes arrive by the same channel.
import { newId } from './ids.js';
import { createTextIndex } from './search.js';
import { createTree } from './tree.js';
import { createWriter } from './writer.js';

const undoTime = 15_000; // a conversation that was deleted can be brought back for so long
const silence = 12_000; // another tab that writes an answer says so more often than this
const treesKept = 6;
const gatheredAtOnce = 10; // conversations whose texts are read together

/**
 * A conversation is {id, title, named, pinned, created, updated, head, model, system, temperature, removed}:
 * `head` is the last message of the branch that is shown. A message is {id, conversation, parent, role,
 * content} and, as they apply, reasoning, model, files and state: 'writing', 'stopped', 'broken', 'length' (cut
 * by the model's limit) or 'empty'; absent when it is whole. on.list() hears that the list has changed,
 * on.thread(id) that a conversation was changed by another tab, on.cleared() that one has forgotten all, on.trouble() as writer.js says.
 */
export function createHistory({ database, channel, on, now = Date.now, later = setTimeout, rest = idle }) {
  const conversations = new Map();
  const trees = new Map(); // of the conversations looked at last, in that order
  const elsewhere = new Map(); // answers another tab is writing: id → when it last said so
  const here = new Map(); // answers that this tab is writing
  const index = createTextIndex();
  let indexed = null; // a promise once the index is being filled
  let hurried = false;
  let readList;
  const listed = new Promise((resolve) => (readList = resolve));
  const writer = createWriter({
    database,
    post: (change) => channel.postMessage({ change }),
    trouble: on.trouble,
  });

  channel.onmessage = ({ data }) => {
    if (data.cleared) return forgetAll();
    if (data.who) return tellOfMine(data.who);
    if (data.change) takeIn(data.change);
  };

  function tellOfMine(conversation) {
    for (const message of here.values())
      if (message.conversation === conversation) writer.put('messages', message);
    writer.flush();
  }

  function takeIn(change) {
    const touched = new Set();
    for (const record of change.conversations) {
      conversations.set(record.id, record);
      touched.add(record.id);
    }
    for (const message of change.messages) {
      if (message.state === 'writing') elsewhere.set(message.id, now());
      else elsewhere.delete(message.id);
      const tree = trees.get(message.conversation)?.tree;
      if (tree?.get(message.id)) become(tree.get(message.id), message);
      else tree?.put(message);
      index.put(message);
      touched.add(message.conversation);
    }
    for (const file of change.files) trees.get(file.conversation)?.files.set(file.id, file);
    for (const [conversation, id] of change.goneMessages) {
      trees.get(conversation)?.tree.remove(id);
      index.removeMessage({ conversation, id });
      touched.add(conversation);
    }
    for (const id of change.gone) {
      forget(id);
      touched.add(id);
    }
    on.list();
    for (const id of touched) on.thread(id);
  }

  function forget(id) {
    conversations.delete(id);
    trees.delete(id);
    index.removeConversation(id);
  }

  function forgetAll() {
    for (const id of [...conversations.keys()]) forget(id);
    elsewhere.clear();
    writer.drop();
    on.cleared();
  }

  /** The conversation's {tree, files}, from memory or the database. */
  async function open(id) {
    let opened = trees.get(id);
    if (!opened) {
      const [messages, files] = await Promise.all([database.messages(id), database.files(id)]);
      opened = trees.get(id) ?? {
        tree: createTree(messages),
        files: new Map(files.map((file) => [file.id, file])),
      };
      if (messages.some(({ state }) => state === 'writing')) channel.postMessage({ who: id });
    }
    trees.delete(id);
    trees.set(id, opened); // the newest is the last
    for (const old of trees.keys()) {
      if (trees.size <= treesKept) break;
      if (![...here.values()].some(({ conversation }) => conversation === old) && old !== id)
        trees.delete(old);
    }
    return opened;
  }

  function change(id, values) {
    const conversation = conversations.get(id);
    if (!conversation) return;
    Object.assign(conversation, values);
    writer.put('conversations', conversation);
    writer.flush();
    on.list();
  }

  function purge(id) {
    if (!conversations.get(id)?.removed) return;
    forget(id);
    writer.removeConversation(id);
    writer.flush();
  }

  /** Resolves once all is in the index; without `hurry` only while the browser has nothing else to do. */
  function fillIndex({ hurry = true } = {}) {
    hurried ||= hurry;
    indexed ??= listed.then(gatherAll);
    return indexed;
  }

  async function gatherAll() {
    const known = await database.texts();
    known.forEach(index.fill);
    const have = new Set(known.map(({ conversation }) => conversation));
    const missing = [...conversations.keys()].filter((id) => !have.has(id));
    while (missing.length > 0) {
      if (!hurried) await rest();
      (await database.gatherTexts(missing.splice(0, gatheredAtOnce))).forEach(index.fill);
    }
  }

  return {
    /** Reads the list; to be waited for before anything else. */
    async load() {
      try {
        for (const record of await database.conversations()) conversations.set(record.id, record);
      } finally {
        readList();
      }
      for (const { id, removed } of conversations.values()) {
        if (removed) later(purge, Math.max(0, removed + undoTime - now()), id);
      }
      on.list();
    },
    get: (id) => conversations.get(id),
    open,
    /** Those there are: the pinned ones first, then by their last word. */
    list: () =>
      [...conversations.values()]
        .filter(({ removed }) => !removed)
        .sort((a, b) => Number(b.pinned) - Number(a.pinned) || b.updated - a.updated),

    /** A new conversation, which is kept from now on. */
    create(values) {
      const time = now();
      const conversation = { id: newId(time), title: '', named: false, pinned: false, head: null, ...values };
      Object.assign(conversation, { created: values.created ?? time, updated: values.updated ?? time });
      conversations.set(conversation.id, conversation);
      trees.set(conversation.id, { tree: createTree(), files: new Map() });
      writer.put('conversations', conversation);
      on.list();
      return conversation;
    },
    change,

    /** Adds a message to a conversation that is open, or puts it again after it has changed. */
    put(message, files = []) {
      if (!conversations.has(message.conversation)) return; // deleted while it was written
      const opened = trees.get(message.conversation);
      opened?.tree.put(message);
      for (const file of files) {
        opened?.files.set(file.id, file);
        writer.put('files', file);
      }
      if (message.state === 'writing') here.set(message.id, message);
      else here.delete(message.id);
      index.put(message);
      writer.put('messages', message);
    },
    /** Takes a message away that has no children. */
    removeMessage(message) {
      here.delete(message.id);
      trees.get(message.conversation)?.tree.remove(message.id);
      index.removeMessage(message);
      writer.removeMessage(message);
    },

    /** Deletes a conversation; restore() brings it back within the time to undo. */
    remove(id) {
      change(id, { removed: now() });
      later(purge, undoTime, id);
    },
    restore: (id) => change(id, { removed: undefined }),
    /** Deletes at once one that never had anything said in it. */
    discard(id) {
      forget(id);
      writer.removeConversation(id);
      writer.flush();
      on.list();
    },
    undoTime,

    save: writer.flush,
    saveSoon: writer.soon,

    /** Whether the answer is being written, here or in another tab; else its state 'writing' is a lie. */
    isWriting: ({ id }) => here.has(id) || now() - (elsewhere.get(id) ?? -silence) < silence,

    fillIndex,
    /** As search.js's find. */
    async find(query) {
      await fillIndex();
      return index.find(query, this.list());
    },
    snippet: index.snippet,

    /** Everything there is, for an export: [{conversation, messages, files}]. */
    async everything(ids = this.list().map(({ id }) => id)) {
      const parts = ids.map(async (id) => {
        const { tree, files } = await open(id);
        return { conversation: conversations.get(id), messages: tree.all(), files: [...files.values()] };
      });
      return Promise.all(parts);
    },

    /** Takes in what an import has read: the same as everything() gives. */
    async addAll(parts) {
      for (const { conversation, messages, files } of parts) {
        conversations.set(conversation.id, conversation);
        writer.put('conversations', conversation);
        for (const message of messages) {
          writer.put('messages', message);
          if (indexed) index.put(message);
        }
        for (const file of files) writer.put('files', file);
      }
      on.list();
      await writer.flush();
    },

    /** Forgets all, here, in the database and in the other tabs. */
    async clear() {
      await writer.drop();
      for (const id of [...conversations.keys()]) forget(id);
      here.clear();
      await database.clear().catch(() => on.trouble('storage'));
      channel.postMessage({ cleared: true });
      on.list();
    },
  };
}

/** Resolves when the browser has nothing else to do. */
const idle = () => new Promise((resolve) => (globalThis.requestIdleCallback ?? setTimeout)(resolve));

/** Makes `known` the same as `news`, and the same object still: the page holds it. */
function become(known, news) {
  for (const name of Object.keys(known)) if (!(name in news)) delete known[name];
  Object.assign(known, news);
}
