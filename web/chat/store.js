// SPDX-License-Identifier: MIT
// The conversation and the half-typed message, kept for this tab: a reload loses neither.

/**
 * A message is {role: 'user'|'assistant', content} and, on answers, reasoning, model and state:
 * 'stopped', 'broken', 'length' (cut by the model's limit) or 'empty'; absent when it is whole.
 */
export function createStore(storage, key) {
  const kept = read(storage.getItem(key));
  let { messages, draft } = kept;
  const save = () => storage.setItem(key, JSON.stringify({ messages, draft }));

  return {
    get messages() {
      return messages;
    },
    get draft() {
      return draft;
    },
    set draft(text) {
      draft = text;
      save();
    },
    add(...added) {
      messages.push(...added);
      save();
    },
    remove(removed) {
      messages = messages.filter((message) => message !== removed);
      save();
    },
    /** Takes another conversation's messages in; returns those that were there. */
    replace(others) {
      const before = messages;
      messages = others;
      save();
      return before;
    },
    save,
    /** Forgets all of it, on this page and in the storage. */
    clear() {
      messages = [];
      draft = '';
      storage.removeItem(key);
    },
  };
}

/** What a model is sent of a conversation: answers without a word say nothing and are left out. */
export function forModel(messages) {
  return messages.filter(({ content }) => content).map(({ role, content }) => ({ role, content }));
}

function read(text) {
  try {
    const { messages, draft } = JSON.parse(text);
    const sound = ({ role, content }) =>
      (role === 'user' || role === 'assistant') && typeof content === 'string';
    return { messages: messages.filter(sound), draft: typeof draft === 'string' ? draft : '' };
  } catch {
    return { messages: [], draft: '' };
  }
}
