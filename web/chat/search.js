// SPDX-License-Identifier: MIT
// Finds words in all conversations. Every text is in memory, in lower case: ten thousand messages are a few
// megabytes, and looking through them takes a few milliseconds.

const before = 14; // characters shown before what was found, for the list is narrow;
const beforeWide = 6; // and fewer of those that are twice as wide
const after = 60;

export function createTextIndex() {
  const conversations = new Map(); // id → Map of message id → {text, lower}

  return {
    put({ conversation, id, content }) {
      const texts = conversations.get(conversation) ?? new Map();
      conversations.set(conversation, texts);
      // Lower case only when it is searched: an answer that streams in comes by a thousand times.
      texts.set(id, { text: content, lower: null });
    },
    removeMessage: ({ conversation, id }) => conversations.get(conversation)?.delete(id),
    removeConversation: (id) => conversations.delete(id),
    clear: () => conversations.clear(),

    /**
     * Of `list` ({id, title}) those whose title or one of whose messages has all words of `query`:
     * [{id, message: its id or null, snippet: {before, hit, after} or null}], in the order of the list.
     */
    find(query, list) {
      const words = query.toLowerCase().split(/\s+/).filter(Boolean);
      if (words.length === 0) return list.map(({ id }) => ({ id, message: null, snippet: null }));
      const has = (text) => words.every((word) => text.includes(word));
      const found = [];
      for (const { id, title } of list) {
        const message = newestWith(conversations.get(id), has);
        if (message)
          found.push({ id, message, snippet: snippetOf(conversations.get(id).get(message), words[0]) });
        else if (has(title.toLowerCase())) found.push({ id, message: null, snippet: null });
      }
      return found;
    },
  };
}

function newestWith(texts, has) {
  let newest = null;
  for (const [id, entry] of texts ?? []) {
    entry.lower ??= entry.text.toLowerCase();
    if (has(entry.lower) && (!newest || id > newest)) newest = id;
  }
  return newest;
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
