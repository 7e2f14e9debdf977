// SPDX-License-Identifier: MIT
// Browser storage that may be forbidden (private windows, policies) or full: then the page's memory
// serves instead, until the tab is closed.

/** `open` returns a Storage, and may throw. What this returns never throws. */
export function safeStorage(open) {
  const memory = new Map();
  let storage = null;
  try {
    storage = open();
  } catch {
    // Forbidden: memory it is.
  }
  const attempt = (action) => {
    try {
      return storage ? action() : null;
    } catch {
      return null;
    }
  };
  return {
    getItem: (key) => memory.get(key) ?? attempt(() => storage.getItem(key)),
    setItem(key, value) {
      // Removed first: if the new value does not fit, an old one must not come back after a reload.
      attempt(() => storage.removeItem(key));
      memory.set(key, value);
      attempt(() => storage.setItem(key, value));
    },
    removeItem(key) {
      memory.delete(key);
      attempt(() => storage.removeItem(key));
    },
  };
}
