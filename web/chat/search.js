// SPDX-License-Identifier: MIT
// Finds words in all conversations. Every text is in memory, in lower case: ten thousand messages are a few
// megabytes, and looking through them takes a few milliseconds.

const before = 14; // characters shown before what was found, for the list is narrow;
const beforeWide = 6; // and fewer of those that are twice as wide
const after = 60;

export function createTextIndex() {
  const conversations = new Map(); // id → Map of message id → {text, lower}

  function textsOf(conversation) {
    const texts = conversations.get(conversation) ?? new Map();
    conversations.set(conversation, texts);
    return texts;
  }

  return {
    put({ conversation, id, content }) {
      // Lower case only when it is searched: an answer that streams in comes by a thousand times.
      textsOf(conversation).set(id, { text: content, lower: null });
    },
    /** Takes in what the database has of a conversation; what is here already is newer. */
    fill({ conversation, ids, texts }) {
      const known = textsOf(conversation);
      ids.forEach((id, at) => known.has(id) || known.set(id, { text: texts[at], lower: null }));
    },
    removeMessage: ({ conversation, id }) => conversations.get(conversation)?.delete(id),
    removeConversation: (id) => conversations.delete(id),
    clear: () => conversations.clear(),

    /**
     * Of `list` ({id, title}) those whose title or one of whose messages has all words of `query`:
     * [{id, hits: the ids of those messages, the newest first}], in the order of the list.
     */
    find(query, list) {
      const words = wordsOf(query);
      if (words.length === 0) return list.map(({ id }) => ({ id, hits: [] }));
      const has = (text) => words.every((word) => text.includes(word));
      const found = [];
      for (const { id, title } of list) {
        const hits = hitsIn(conversations.get(id), has);
        if (hits.length > 0 || has(title.toLowerCase())) found.push({ id, hits });
      }
      return found;
    },

    /** Where a message has the query's first word: {before, hit, after}. */
    snippet: (conversation, id, query) =>
      snippetOf(conversations.get(conversation).get(id), wordsOf(query)[0]),
  };
}

const wordsOf = (query) => query.toLowerCase().split(/\s+/).filter(Boolean);

function hitsIn(texts, has) {
  const hits = [];
  for (const [id, entry] of texts ?? []) {
    entry.lower ??= entry.text.toLowerCase();
    if (has(entry.lower)) hits.push(id);
  }
  return hits.sort().reverse(); // ids sort by the time they were made
}

function snippetOf({ text, lower }, word) {
  // A few letters change their length in lower case; then the snippet is a little beside, and nothing worse.
  const at = lower.indexOf(word);
  const wide = /[\p{Script=Han}\p{Script=Hiragana}\p{Script=Katakana}\p{Script=Hangul}]/u;
  const near = wide.test(text.slice(Math.max(0, at - beforeWide), at)) ? beforeWide : before;
  const from = Math.max(0, at - near);
  const end = at + word.length;
  const flat = (part) => part.replace(/[#*`|>~]+/g, ' ').replace(/\s+/g, ' '); // Markdown's signs say nothing here
  return {
    before: (from > 0 ? '…' : '') + flat(text.slice(from, at)),
    hit: flat(text.slice(at, end)),
    after: flat(text.slice(end, end + after)) + (end + after < text.length ? '…' : ''),
  };
}
