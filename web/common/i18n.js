// SPDX-License-Identifier: MIT
// Words in the reader's language, for scripts by t('key', {name: value}), for markup by data-t* attributes.

/** 'zh' for any Chinese, else 'en'. */
export function languageOf(tag) {
  return /^zh\b/i.test(tag ?? '') ? 'zh' : 'en';
}

/**
 * `words`: {en: {key: 'text with {name}'}, zh: {…}}. A key without words is a mistake, said at once. use(other)
 * changes the language of what is asked for from then on.
 */
export function createWords(words, first) {
  let language = first;

  function t(key, values = {}) {
    const text = words[language][key];
    if (text === undefined) throw new Error(`no words for "${key}" in ${language}`);
    return text.replace(/\{(\w+)\}/g, (_, name) => values[name]);
  }

  /** Fills in what `root`'s elements ask for: data-t is their text, data-t-NAME the attribute NAME. */
  function fill(root) {
    root.lang = language === 'zh' ? 'zh-CN' : 'en';
    for (const node of root.querySelectorAll('[data-t]')) node.textContent = t(node.dataset.t);
    for (const name of ['aria-label', 'placeholder', 'title']) {
      for (const node of root.querySelectorAll(`[data-t-${name}]`)) {
        node.setAttribute(name, t(node.getAttribute(`data-t-${name}`)));
      }
    }
  }

  /** A moment to come, as short as can be: the time today, else day and time too. */
  function moment(date, now = new Date()) {
    const sameDay = date.toDateString() === now.toDateString();
    const day = sameDay ? {} : { month: 'short', day: 'numeric' };
    const form = { ...day, hour: '2-digit', minute: '2-digit' };
    return new Intl.DateTimeFormat(language === 'zh' ? 'zh-CN' : 'en', form).format(date);
  }

  return {
    t,
    fill,
    moment,
    use(other) {
      language = other;
    },
    get language() {
      return language;
    },
  };
}
