// SPDX-License-Identifier: MIT
// Language and theme: after the browser, unless chosen here. Kept for this browser.
import { languageOf } from './i18n.js';

/** `storage` as storage.js's; `prefix` keeps servers under one origin apart. */
export function createPreferences(storage, prefix, browserLanguage) {
  const key = (name) => `opencat.${name}:${prefix}`;
  const one = (name, allowed) => {
    const value = storage.getItem(key(name));
    return allowed.includes(value) ? value : 'auto';
  };
  return {
    get language() {
      return one('language', ['en', 'zh']);
    },
    get theme() {
      return one('theme', ['light', 'dark']);
    },
    get model() {
      return storage.getItem(key('model')) ?? 'auto';
    },
    set(name, value) {
      if (value === 'auto') storage.removeItem(key(name));
      else storage.setItem(key(name), value);
    },
    /** The language to speak: 'en' or 'zh'. */
    get spoken() {
      return this.language === 'auto' ? languageOf(browserLanguage) : this.language;
    },
    /** Has the page, from its root on, and the browser's own bars around it wear the theme. */
    applyTheme(root) {
      const { theme } = this;
      if (theme === 'auto') delete root.dataset.theme;
      else root.dataset.theme = theme;
      for (const meta of root.querySelectorAll('meta[name=theme-color]')) {
        const { scheme } = meta.dataset;
        const chosen = scheme === theme ? 'all' : 'not all';
        meta.media = theme === 'auto' ? `(prefers-color-scheme: ${scheme})` : chosen;
      }
    },
  };
}
