// SPDX-License-Identifier: MIT
// What belongs to this tab alone: the half-typed message, the conversation it shows, and the end of an answer
// that was being written when the page went. Kept in sessionStorage, which a page that is left still writes.

export function createDraft(storage, key) {
  let kept = read(storage.getItem(key));
  const set = (values) => {
    kept = { ...kept, ...values };
    storage.setItem(key, JSON.stringify(kept));
  };
  return {
    get text() {
      return typeof kept.draft === 'string' ? kept.draft : '';
    },
    set text(draft) {
      set({ draft });
    },
    get tab() {
      return kept.tab ?? null;
    },
    set tab(tab) {
      set({ tab });
    },
    get open() {
      return kept.open ?? null;
    },
    set open(open) {
      set({ open });
    },
    /** The messages of the page's first version, which kept one conversation here; taken out. */
    takeOldMessages() {
      const { messages } = kept;
      if (!Array.isArray(messages)) return [];
      set({ messages: undefined });
      const sound = (message) =>
        /^(user|assistant)$/.test(message?.role) && typeof message.content === 'string';
      return messages.filter(sound);
    },
    keepTail: (messages) =>
      set({ tail: messages.map(({ id, content, reasoning }) => ({ id, content, reasoning })) }),
    takeTail() {
      const tail = Array.isArray(kept.tail) ? kept.tail : [];
      if (kept.tail) set({ tail: undefined });
      return tail;
    },
    clear() {
      kept = {};
      storage.removeItem(key);
    },
  };
}

function read(text) {
  try {
    return JSON.parse(text) ?? {};
  } catch {
    return {};
  }
}
