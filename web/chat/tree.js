// SPDX-License-Identifier: MIT
// A conversation's messages as a tree: asking again or editing makes a sibling, and nothing is overwritten.

/** `messages`: {id, parent (an id, or null), …} in any order. Siblings stand in the order of their ids. */
export function createTree(messages = []) {
  const byId = new Map();
  const children = new Map(); // of a message's id, or null: ids in order

  function put(message) {
    const known = byId.has(message.id);
    byId.set(message.id, message);
    if (known) return;
    const list = children.get(message.parent) ?? [];
    if (!children.has(message.parent)) children.set(message.parent, list);
    list.push(message.id);
    if (list.length > 1 && list.at(-2) > message.id) list.sort();
  }

  function remove(id) {
    const message = byId.get(id);
    if (!message) return;
    byId.delete(id);
    const list = children.get(message.parent);
    list.splice(list.indexOf(id), 1);
  }

  /** The messages from the first to `head`; a loop or a gap, which only a broken import has, ends it. */
  function path(head) {
    const messages = [];
    const seen = new Set();
    for (let id = head; byId.has(id) && !seen.has(id); id = byId.get(id).parent) {
      seen.add(id);
      messages.push(byId.get(id));
    }
    return messages.reverse();
  }

  /** Where the branch that begins with `id` ends, the newest child at each fork. */
  function leaf(id) {
    let end = id;
    for (let next = children.get(end)?.at(-1); next; next = children.get(end)?.at(-1)) end = next;
    return end;
  }

  for (const message of messages) put(message);
  return {
    put,
    remove,
    path,
    leaf,
    get: (id) => byId.get(id),
    get size() {
      return byId.size;
    },
    all: () => [...byId.values()],
    /** The ids that stand where `message` does, itself among them. */
    siblings: ({ parent }) => children.get(parent) ?? [],
    hasChildren: (id) => (children.get(id)?.length ?? 0) > 0,
  };
}
