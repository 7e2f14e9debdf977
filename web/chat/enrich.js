// SPDX-License-Identifier: MIT
// What makes an answer rich: code with a language, colours and buttons, and formulas. The libraries are
// loaded when they are first needed; without them code and formulas are there as plain text.
import { el } from '../common/dom.js';
import { copyText } from './clipboard.js';
import { confirmOn, iconButton } from './icons.js';

const longest = 60_000; // characters of code that still get colours

/** `policy` is the Trusted Types policy; load.highlight() and load.math() import the libraries. */
export function createEnricher({ t, policy, load }) {
  const sources = new WeakMap(); // a code block's node → {text, code, lang}
  const formulas = new Map(); // nodes that were made, by their source: a growing text asks again and again
  const libraries = {};

  // One that failed to load (offline, or the server has a newer page) is tried again with the next block.
  const library = (name) =>
    (libraries[name] ??= load[name]().catch(() => {
      libraries[name] = null;
      return null;
    }));

  function code({ text, lang }, closed) {
    const language = (lang ?? '').split(/[\s{]/)[0];
    const node = el('code', { textContent: text });
    const figure = el(
      'figure',
      { className: 'code' },
      caption(node, language),
      el('pre', { tabIndex: 0 }, node),
    );
    const source = { text, node, language, closed: false };
    sources.set(figure, source);
    if (closed) close(source);
    return figure;
  }

  function grow(figure, { text, lang }, closed) {
    const source = sources.get(figure);
    const sameLanguage = (lang ?? '').split(/[\s{]/)[0] === source?.language;
    if (!source || source.closed || !sameLanguage || !text.startsWith(source.text)) return false;
    const more = text.slice(source.text.length);
    if (more && source.node.firstChild) source.node.firstChild.appendData(more);
    else source.node.textContent = text;
    source.text = text;
    if (closed) close(source);
    return true;
  }

  async function close(source) {
    source.closed = true;
    if (!source.language || source.text.length > longest) return;
    const found = await library('highlight');
    // In a moment of quiet: colours must not hold up the words that still stream in.
    if (found) quiet(() => found.highlight(source.node, source.text, source.language.toLowerCase(), policy));
  }

  function caption(node, language) {
    const label = el('span', { className: 'language', textContent: language });
    const copy = iconButton('copy', t('copyCode'), async (self) => {
      const done = await copyText(node.textContent);
      confirmOn(self, t(done ? 'copied' : 'copyFailed'));
    });
    const wrap = iconButton('wrap', t('wrap'), (self) => {
      const on = node.parentNode.classList.toggle('wrapped');
      self.setAttribute('aria-pressed', String(on));
    });
    wrap.setAttribute('aria-pressed', 'false');
    return el('figcaption', {}, label, wrap, copy);
  }

  function math(token) {
    const key = `${token.display}${token.text}`;
    const node = el('span', {
      className: token.display ? 'math display' : 'math',
      textContent: token.raw.trim(),
    });
    if (token.display) node.tabIndex = 0; // a wide one can be scrolled with the keyboard
    const made = formulas.get(key);
    if (made) node.replaceChildren(...made.cloneNode(true).childNodes);
    else if (made === undefined) typeset(node, token, key);
    return node;
  }

  async function typeset(node, { text, display }, key) {
    const found = await library('math');
    if (!found) return;
    try {
      found.formula(node, text, display, policy);
      formulas.set(key, node.cloneNode(true));
    } catch {
      formulas.set(key, null); // no formula after all: it stays as it was written
    }
  }

  return { code, grow, math };
}

const quiet = globalThis.requestIdleCallback
  ? (run) => requestIdleCallback(run, { timeout: 500 })
  : (run) => setTimeout(run);
